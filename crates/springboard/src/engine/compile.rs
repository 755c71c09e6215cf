//! Plans to shapes.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use springboard_abi::{Entry, Plan};
use springboard_code::{CodeMemory, CodePointer, fork};
use springboard_emit::{Compiler, EmitError, Protection, Template};
use springboard_ir::Signature;
#[cfg(feature = "verify")]
use springboard_readback::{Code, read_back};
use target_lexicon::Triple;

use super::{
    Engine, Pack, Verify,
    shape::{Compiled, Shape},
};
use crate::{pack, reason::Reason};

/// What the bytes of a stub depend on beside its plan, and whether they are published at all.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) struct Making {
    pub(super) protection: Protection,
    #[cfg_attr(not(feature = "verify"), allow(dead_code, reason = "it is off"))]
    pub(super) verify: Verify,
}

/// Compilers that nobody is using.
pub(super) struct Compilers {
    idle: Mutex<Vec<Compiler>>,
    pub(super) making: Making,
}

impl Compilers {
    pub(super) fn new(making: Making) -> Compilers {
        Compilers { idle: Mutex::default(), making }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<Compiler>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn emit(&self, plan: &Plan) -> Result<Template, EmitError> {
        let spare = self.idle().pop();
        let mut compiler = match spare {
            Some(compiler) => compiler,
            None => Compiler::protected(&Triple::host(), self.making.protection)?,
        };
        let template = compiler.emit(plan);
        self.idle().push(compiler);
        template
    }
}

impl Engine {
    pub(super) fn memory(&self) -> Result<&CodeMemory, Reason> {
        self.core.memory.get()
    }

    /// The thunk for a plan, if it was compiled with the program.
    pub(super) fn thunk(&self, plan: &Plan) -> Option<CodePointer> {
        match self.core.pack {
            Pack::On => pack::find(plan, self.target()?),
            Pack::Off => None,
        }
    }

    /// The plan for a signature, where the engine has or can make code of it.
    pub(crate) fn plan(&self, signature: &Signature, entry: Entry) -> Result<Plan, Reason> {
        self.plan_with(|target| springboard_abi::plan(signature, target, entry))
    }

    /// The machine code for a plan, compiled now.
    pub(crate) fn template(&self, plan: &Plan) -> Result<Template, Reason> {
        // A child that is forked meanwhile would find the compilers locked for ever.
        let _hold = fork::hold();
        let template = self.core.compilers.emit(plan).map_err(|error| Reason::Emit(Arc::new(error)))?;
        #[cfg(feature = "verify")]
        if self.core.compilers.making.verify == Verify::On {
            let code = Code {
                bytes: &template.code,
                holes: &template.holes,
                row: template.row,
                protection: self.core.compilers.making.protection,
            };
            read_back(plan, &code).map_err(|refusal| Reason::Refused(Arc::new(refusal)))?;
        }
        self.core.counters.compiles.count();
        Ok(template)
    }

    /// The shape of a plan, compiled now if nobody has asked for it before.
    pub(super) fn shape(&self, plan: &Plan) -> Result<Arc<Shape>, Reason> {
        let cache = &self.core.cache;
        if let Some(known) = cache.get(plan, Result::clone) {
            return known;
        }
        // A child that is forked while another thread compiles would wait for that thread for ever.
        let _hold = fork::hold();
        cache.get_or_make(plan, || {
            Ok(Arc::new(match self.thunk(plan) {
                Some(thunk) => Shape::Thunk(thunk),
                None => Shape::Compiled(self.compiled(plan)?),
            }))
        })
    }

    /// A plan, compiled now.
    pub(super) fn compiled(&self, plan: &Plan) -> Result<Compiled, Reason> {
        self.memory()?;
        let parameters = if self.core.names { plan.symbol_parameters() } else { String::new() };
        Ok(Compiled::new(self.template(plan)?, plan, parameters))
    }
}
