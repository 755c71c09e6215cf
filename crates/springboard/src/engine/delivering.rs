//! Functions whose calls deliver a last error.

use std::{ffi::c_void, ptr::NonNull, sync::Arc};

use springboard_abi::{Entry, plan_with_last_error};
use springboard_ir::Signature;

use super::{Engine, bind::own};
use crate::{
    function::{BindError, Binding, Code, Facts, Function},
    last_error::LastError,
    reason::Reason,
};

impl Engine {
    /// The same function once more, such that each call delivers the last error with its result:
    /// [`Function::call_with_last_error`], or the slot behind all others. Compiled now, whatever the engine does
    /// otherwise.
    ///
    /// # Errors
    /// As [`Engine::function`], but for symbols.
    pub fn with_last_error(&self, function: &Function, last_error: LastError) -> Result<Function, BindError> {
        let (prototype, address) = (function.prototype().clone(), function.address());
        let code = self.code_delivering(&prototype.signature, address, last_error);
        let library = function.library().cloned();
        let facts = Facts::of(&prototype.signature, self)?;
        Function::new(prototype, address, library, Binding::Delivering(code, last_error), &facts)
    }

    fn code_delivering(
        &self,
        signature: &Signature,
        address: NonNull<c_void>,
        last_error: LastError,
    ) -> Result<Code, Reason> {
        let entry = match last_error {
            LastError::Errno => self.entry(),
            // What is asked for the error is in the stub, so that no two functions can share one.
            LastError::Function(_) => Entry::Bound,
        };
        let source = last_error.source();
        let plan = self.planned(|target| plan_with_last_error(signature, target, entry, source))?;
        let shape = self.shape(&plan)?;
        let memory = self.memory()?;
        if entry == Entry::Slots {
            return Ok(Code::Shared(Arc::clone(shape.stub(memory)?)));
        }
        let mut stamp = own(&shape, address);
        stamp.holes.helper = last_error.helper();
        Ok(Code::Own(memory.publish(&[stamp])?.remove(0)))
    }
}
