//! From declarations to functions: many at once, with the code of all of them written in one go.

use std::{ffi::c_void, ptr::NonNull, sync::Arc};

use springboard_abi::{
    FastCall, Guard, Narrow, NodeRefusal, Plan, Profile, Refusal, SlotForm, Target, plan_fast_call,
};
use springboard_ir::{DataModel, Prototype, Scalar, Signature};

use super::{
    description::Description,
    error::{BindError, Helper},
    function::{Function, NoFast},
    library::{Host, Settings, Shared},
};
use crate::{code::Holes, declaration::Declaration, function::Position, library::Library as Native};

/// A declaration in which nothing is wrong as far as can be told without planning, and its symbol.
struct Found {
    prototype: Prototype,
    address: NonNull<c_void>,
}

/// A function that is whole but for its code.
struct Planned {
    call: FastCall,
    description: Description,
    fast: Result<(Plan, Holes), NoFast>,
    slow: crate::Function,
}

/// See [`Library::functions`](super::Library::functions). `native` is what `library` has not closed yet.
pub(super) fn bind<'s, D: Declaration>(
    library: &Arc<Shared>,
    native: Option<&Native>,
    wanted: impl IntoIterator<Item = (D, &'s Settings)>,
) -> Vec<Result<Function, BindError>> {
    let (declarations, settings): (Vec<D>, Vec<&Settings>) = wanted.into_iter().unzip();
    let found = declarations.into_iter().zip(&settings);
    let found = found.map(|(declaration, settings)| find(library, native, declaration, settings));
    let found: Vec<_> = found.collect();
    let there = found.iter().flatten().map(|found| (found.prototype.clone(), found.address));
    // Binding the slow halves also finds what is wrong with the types.
    let mut slow = library.engine.functions_at(there).into_iter();
    let planned = found.into_iter().zip(&settings).map(|(found, settings)| {
        let slow = found.map(|found| (found, slow.next().expect("one for each that was found")));
        let (Found { prototype, address }, slow) = slow?;
        plan(library, prototype.signature, address, slow?, settings)
    });
    let planned: Vec<Result<Planned, BindError>> = planned.collect();
    let with_code = planned.iter().flatten().filter_map(|planned| planned.fast.as_ref().ok());
    let mut stubs = library.engine.stubs_of_their_own(with_code).into_iter();
    let whole = planned.into_iter().map(|planned| {
        let Planned { call, description, fast, slow } = planned?;
        let stub = |_| stubs.next().expect("one for each that has a plan").map_err(NoFast::from);
        let fast = fast.and_then(stub);
        // A function whose stub does not look at the flag has to stay callable after the library was closed.
        let kept = if call.guard == Guard::None { native.cloned() } else { None };
        Ok(Function::new(call, description, fast, slow, Arc::clone(library), kept))
    });
    whole.collect()
}

/// The prototype and the symbol of a declaration, with all that its settings need.
fn find(
    library: &Shared,
    native: Option<&Native>,
    declaration: impl Declaration,
    settings: &Settings,
) -> Result<Found, BindError> {
    let prototype = declaration.into_prototype()?;
    if let Some(helper) = missing(&library.host, settings) {
        return Err(BindError::MissingHelper { helper });
    }
    let native = native.ok_or(BindError::Closed)?;
    let name = prototype.name.as_deref().ok_or(crate::BindError::Unnamed)?;
    let address = native.symbol(name).map_err(crate::BindError::from)?;
    check_buffers(&prototype.signature, &settings.buffers, library.engine.data_model())?;
    Ok(Found { prototype, address })
}

/// The first helper that is needed and was not given.
fn missing(host: &Host, settings: &Settings) -> Option<Helper> {
    let needed = [
        (settings.guard == Guard::Closed && host.closed.is_none(), Helper::Closed),
        (settings.narrow == Narrow::Check && host.range.is_none(), Helper::Range),
        (!settings.buffers.is_empty() && host.buffer.is_none(), Helper::Buffer),
    ];
    needed.into_iter().find(|(missing, _)| *missing).map(|(_, helper)| helper)
}

/// Whether every buffer is a parameter that is a pointer.
fn check_buffers(signature: &Signature, buffers: &[u16], model: &DataModel) -> Result<(), BindError> {
    for &index in buffers {
        let count = signature.params().len();
        let param = signature.params().get(usize::from(index));
        let param = param.ok_or(BindError::NoSuchParameter { index, count })?;
        if SlotForm::of(&param.ty, model) != Ok(SlotForm::Word(Scalar::Pointer)) {
            return Err(BindError::NotAPointer { index });
        }
    }
    Ok(())
}

fn plan(
    library: &Shared,
    signature: Signature,
    address: NonNull<c_void>,
    slow: crate::Function,
    settings: &Settings,
) -> Result<Planned, BindError> {
    let Settings { profile, buffers, guard, narrow, options, int64, context } = settings;
    let Shared { engine, host, .. } = library;
    let call =
        FastCall { signature, buffers: buffers.clone(), guard: *guard, narrow: *narrow, options: *options };
    let description = Description::of(&call, engine.data_model(), *int64)
        .map_err(|error| crate::BindError::Layout { position: Position::Result, error })?;
    let holes = Holes {
        target: address.addr().get() as u64,
        context: context.expose_provenance() as u64,
        helper: host.buffer.map_or(0, |helper| helper as *const () as u64),
        guard: library.guard(),
        range: host.range.map_or(0, |helper| helper as *const () as u64),
    };
    let fast = match refusal(*profile, &call, engine.target())? {
        Some(refusal) => Err(NoFast::Refused(refusal)),
        None => {
            let plan = engine.planned(|target| plan_fast_call(&call, target));
            plan.map(|plan| (plan, holes)).map_err(NoFast::from)
        }
    };
    Ok(Planned { call, description, fast, slow })
}

/// What the profile has against the function.
pub(super) fn refusal(
    profile: Profile,
    call: &FastCall,
    target: Option<&Target>,
) -> Result<Option<Refusal>, BindError> {
    // Where no convention is known or there is no plan, the engine has a reason of its own.
    let (Profile::Node, Some(target)) = (profile, target) else { return Ok(None) };
    match profile.verdict(call, target) {
        Ok(()) => Ok(None),
        Err(Refusal::Node(NodeRefusal::Platform(convention))) => {
            Err(BindError::NoRules { profile, convention })
        }
        Err(refusal) => Ok(Some(refusal)),
    }
}
