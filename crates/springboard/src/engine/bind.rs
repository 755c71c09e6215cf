//! One function, bound.

use std::{ffi::c_void, ptr::NonNull, sync::Arc};

use springboard_abi::{Entry, Plan};
use springboard_ir::Prototype;

use super::{Compile, Engine, Stubs, in_bulk};
use crate::{
    cache::Shape,
    code::{Holes, Stamp, Stub},
    function::{BindError, Binding, Code, Facts, Function},
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
        let plan = self.plan(&prototype.signature, self.entry());
        let facts = Facts::of(&prototype.signature, self)?;
        let binding = self.binding(plan.map(Arc::new), address);
        let function = Function::new(prototype, address, library, binding, &facts)?;
        self.begin([&function]);
        Ok(function)
    }

    /// What there is to enter for a function of this plan.
    pub(super) fn binding(&self, plan: Result<Arc<Plan>, Reason>, address: NonNull<c_void>) -> Binding {
        let plan = match plan {
            Ok(plan) => plan,
            Err(reason) => return Binding::Now(Err(reason)),
        };
        // What is there need not be waited for.
        let is_there =
            plan.entry == Entry::Slots && (self.shared.cache.has(&plan) || self.thunk(&plan).is_some());
        match When::of(self.shared.compile) {
            Some(when) if !is_there => Binding::Later(plan, when),
            _ => Binding::Now(self.code(&plan, address)),
        }
    }

    /// Begins to compile, on another thread, what is to be compiled there.
    pub(super) fn begin<'a>(&self, functions: impl IntoIterator<Item = &'a Function>) {
        if self.shared.compile == Compile::Background {
            let tiered = functions.into_iter().filter_map(Function::tiered);
            self.compile_soon(tiered.map(Arc::downgrade).collect());
        }
    }

    /// The code for the function at `address`, compiled now if nobody has asked for its plan before.
    pub(crate) fn code(&self, plan: &Plan, address: NonNull<c_void>) -> Result<Code, Reason> {
        self.code_of(&*self.shape(plan)?, address)
    }

    /// The stub of a plan of the slots entry, whatever the engine makes otherwise.
    pub(crate) fn shared_code(&self, plan: &Plan) -> Result<Code, Reason> {
        let shape = self.shape(plan)?;
        match shape.thunk() {
            Some(thunk) => Ok(Code::Packed(thunk)),
            None => Ok(Code::Shared(Arc::clone(shape.stub(self.memory()?)?))),
        }
    }

    /// The code for a function of a shape.
    pub(super) fn code_of(&self, shape: &Shape, address: NonNull<c_void>) -> Result<Code, Reason> {
        if let Some(thunk) = shape.thunk() {
            return Ok(Code::Packed(thunk));
        }
        let memory = self.memory()?;
        match self.shared.stubs {
            Stubs::PerShape => Ok(Code::Shared(Arc::clone(shape.stub(memory)?))),
            Stubs::PerFunction => Ok(Code::Own(memory.publish(&[own(shape, address)])?.remove(0))),
        }
    }
}

impl Engine {
    /// Binds the functions at addresses, which must stay callable, with all that needs writing written in one go.
    pub(crate) fn functions_at(
        &self,
        functions: impl IntoIterator<Item = (Prototype, NonNull<c_void>)>,
    ) -> Vec<Result<Function, BindError>> {
        in_bulk::bind_at(self, functions)
    }

    /// Stubs of these plans, each with the index of its own and holes, all of them written in one go. What nobody has
    /// asked for before is compiled now.
    pub(crate) fn stubs_of_their_own(
        &self,
        plans: Vec<Plan>,
        each: Vec<(usize, Holes)>,
    ) -> Vec<Result<Stub, Reason>> {
        in_bulk::stubs(self, plans, each)
    }
}

/// A stub of a function's own.
pub(super) fn own(shape: &Shape, address: NonNull<c_void>) -> Stamp<'_> {
    let holes = Holes { target: address.addr().get() as u64, ..Holes::default() };
    Stamp { name: shape.name(), template: shape.template(), holes }
}
