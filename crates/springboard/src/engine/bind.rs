//! One function, bound.

use std::{ffi::c_void, ptr::NonNull};

use springboard_ir::{Prototype, Signature};

use super::{Engine, Stubs};
use crate::{
    cache::Shape,
    code::{Holes, Stamp},
    function::{BindError, Code, Function},
    library::Library,
    reason::Reason,
};

impl Engine {
    /// Binds with a stub of its own, or that of its shape.
    pub(super) fn bind(
        &self,
        prototype: Prototype,
        address: NonNull<c_void>,
        library: Option<Library>,
    ) -> Result<Function, BindError> {
        let code = self.code(&prototype.signature, address);
        self.bind_to(prototype, address, library, code)
    }

    /// Binds with what there is to enter.
    pub(super) fn bind_to(
        &self,
        prototype: Prototype,
        address: NonNull<c_void>,
        library: Option<Library>,
        code: Result<Code, Reason>,
    ) -> Result<Function, BindError> {
        let function = Function::new(prototype, address, library, code, self)?;
        self.shared.counters.bound(function.path()).count();
        Ok(function)
    }

    fn code(&self, signature: &Signature, address: NonNull<c_void>) -> Result<Code, Reason> {
        self.code_of(&*self.shape(&self.plan(signature, self.shared.stubs.entry())?)?, address)
    }

    /// The code for a function of a shape.
    pub(super) fn code_of(&self, shape: &Shape, address: NonNull<c_void>) -> Result<Code, Reason> {
        let memory = self.memory()?;
        match self.shared.stubs {
            Stubs::PerShape => Ok(Code::Shared(shape.stub(memory)?)),
            Stubs::PerFunction => Ok(Code::Own(memory.publish(&[own(shape, address)])?.remove(0))),
        }
    }
}

/// A stub of a function's own.
pub(super) fn own(shape: &Shape, address: NonNull<c_void>) -> Stamp<'_> {
    let holes = Holes { target: address.addr().get() as u64, ..Holes::default() };
    Stamp { template: &shape.template, holes }
}
