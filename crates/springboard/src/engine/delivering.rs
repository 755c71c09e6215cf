//! Functions whose calls deliver a last error.

use springboard_abi::plan_with_last_error;
use springboard_ir::Signature;

use super::{Callee, Engine};
use crate::{
    bind_error::BindError,
    function::{Binding, Code, Facts, Function},
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
        let library = function.library().cloned();
        let facts = Facts::of(&prototype.signature, self)?;
        let code = self.code_delivering(&prototype.signature, facts.callee(address), last_error);
        Function::new(prototype, address, library, Binding::Delivering(code, last_error), &facts)
    }

    fn code_delivering(
        &self,
        signature: &Signature,
        callee: Callee,
        last_error: LastError,
    ) -> Result<Code, Reason> {
        let plan = self.plan_with(|target| plan_with_last_error(signature, target, last_error.source()))?;
        if last_error == LastError::Errno {
            return self.code(&self.function_plan_of(plan), callee);
        }
        // What is asked for the error is in the stub, so that no two functions can share one.
        let shape = self.shape(&plan.bound())?;
        let own = self.own(&shape, callee)?;
        let mut stamp = own.stamp();
        stamp.holes.helper = last_error.helper();
        let stub = self.memory_for(&shape)?.publish(&[stamp])?.remove(0);
        Ok(own.code(stub))
    }
}
