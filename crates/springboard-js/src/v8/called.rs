//! What functions of one type with the same settings have in common, found once.

use std::{collections::HashMap, ptr, sync::Arc};

use foldhash::fast::RandomState;
use springboard::{
    Engine,
    abi::{FastCall, Guard, Ineligible, Narrow, Options, Passed, Plan, Profile, SlotForm, plan_fast_call},
    ir::Signature,
};

use super::{
    description::{Description, Int64},
    error::{BindError, NoFast},
    settings::{Callbacks, Settings},
};

/// How functions of one type with the same settings are called.
pub(super) struct Called {
    pub(super) call: FastCall,
    /// The arguments, as V8 passes them to fast code.
    pub(super) passed: Vec<Passed>,
    pub(super) result: SlotForm,
    pub(super) description: Description,
    /// The plan of fast code.
    pub(super) plan: Result<Plan, NoFast>,
}

impl Called {
    fn new(engine: &Engine, signature: &Signature, settings: &Settings) -> Result<Called, BindError> {
        let Settings { profile, buffers, guard, callbacks, narrow, options, int64, effects: _, context: _ } =
            settings;
        let count = signature.params().len();
        if let Some(&index) = buffers.iter().find(|index| usize::from(**index) >= count) {
            return Err(BindError::NoSuchParameter { index, count });
        }
        let call = FastCall {
            signature: signature.clone(),
            buffers: buffers.clone(),
            guard: *guard,
            narrow: *narrow,
            options: *options,
        };
        let model = engine.data_model();
        let passed = call.passed(model)?;
        let result = SlotForm::of(signature.result(), model).map_err(Ineligible::from)?;
        let description = Description::of(&call, &passed, result, *int64);
        let refusal = match (profile, engine.target()) {
            (Profile::Node, Some(target)) => profile.verdict(&call, target),
            // Where there is no plan, the engine says why.
            _ => Ok(()),
        };
        let plan = match refusal {
            _ if callbacks.are_possible(signature) => Err(NoFast::CallsBack),
            Ok(()) => engine.plan_with(|target| plan_fast_call(&call, target)).map_err(NoFast::Reason),
            Err(refusal) => Err(NoFast::Refused(refusal)),
        };
        Ok(Called { call, passed, result, description, plan })
    }
}

/// A type, by its address, because functions that are bound at once share their types; and all settings that make a
/// difference to anything except what fills the holes of a stub.
type Key<'a> = (*const Signature, &'a [u16], Profile, Guard, Callbacks, Narrow, Options, Option<Int64>);

/// What is known of the types of many functions.
#[derive(Default)]
pub(super) struct Known<'a> {
    called: HashMap<Key<'a>, Result<Arc<Called>, BindError>, RandomState>,
}

impl<'a> Known<'a> {
    /// How functions of this type are called with these settings.
    ///
    /// # Errors
    /// A buffer's index is not that of a parameter, or the parameter is not a pointer.
    pub(super) fn called(
        &mut self,
        engine: &Engine,
        signature: &'a Signature,
        settings: &'a Settings,
    ) -> Result<Arc<Called>, BindError> {
        let Settings { profile, buffers, guard, callbacks, narrow, options, int64, effects: _, context: _ } =
            settings;
        let key =
            (ptr::from_ref(signature), &**buffers, *profile, *guard, *callbacks, *narrow, *options, *int64);
        let called = || Called::new(engine, signature, settings).map(Arc::new);
        self.called.entry(key).or_insert_with(called).clone()
    }
}
