//! One function, bound.

use std::{ffi::c_void, ptr::NonNull, sync::Arc};

use springboard_abi::{Entry, Plan};
use springboard_ir::Prototype;

use super::{Callee, Compile, Engine};
use crate::{
    bind_error::BindError,
    function::{Binding, Facts, Function},
    library::Library,
    reason::Reason,
    tier::When,
};

impl Engine {
    /// Binds with a stub of its own, or that of its shape.
    pub(super) fn bind(
        &self,
        prototype: Prototype,
        address: NonNull<c_void>,
        library: Option<Library>,
    ) -> Result<Function, BindError> {
        let plan = self.function_plan(&prototype.signature);
        let facts = Facts::of(&prototype.signature, self)?;
        let binding = self.binding(plan.map(Arc::new), facts.callee(address));
        let function = Function::new(prototype, address, library, binding, &facts)?;
        self.begin([&function]);
        Ok(function)
    }

    /// What there is to enter for a function of this plan.
    pub(super) fn binding(&self, plan: Result<Arc<Plan>, Reason>, callee: Callee) -> Binding {
        let plan = match plan {
            Ok(plan) => plan,
            Err(reason) => return Binding::Now(Err(reason)),
        };
        // What is there need not be waited for.
        let is_there = plan.entry() == Entry::Slots
            && !self.has_own_stubs()
            && (self.shared.cache.has(&plan) || self.thunk(&plan).is_some());
        match When::of(self.shared.compile) {
            Some(when) if !is_there => Binding::Later(plan, when),
            _ => Binding::Now(self.code(&plan, callee)),
        }
    }

    /// Begins to compile, on another thread, what is to be compiled there.
    pub(super) fn begin<'a>(&self, functions: impl IntoIterator<Item = &'a Function>) {
        if self.shared.compile == Compile::Background {
            let tiered = functions.into_iter().filter_map(Function::tiered);
            self.compile_soon(tiered.map(Arc::downgrade).collect());
        }
    }
}
