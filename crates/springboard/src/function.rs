//! Functions, bound to their C types.
//!
//! * `ty` is a function type, prepared; `way` is how a function of it is entered, `entered` what that comes down to;
//!   `bind` puts both together.
//! * `call`, `slots`, `typed` and `indirect` are the ways to call.

use std::{
    ffi::c_void,
    fmt, mem,
    ptr::NonNull,
    sync::{Arc, Weak},
};

use springboard_code::CodePointer;
use springboard_ir::{DataModel, Prototype, Signature};

mod bind;
mod call;
mod entered;
mod indirect;
mod slots;
#[cfg(test)]
mod tests;
mod ty;
mod typed;
mod way;

use self::{
    bind::Found,
    call::CheckedCall,
    entered::Entered,
    ty::FunctionType,
    way::{Binding, Entering, Way},
};
pub use self::{
    call::CallError,
    entered::SlotsPointer,
    indirect::{Indirect, IndirectSlots},
    slots::{ResultMismatch, Slots, UntypedSlots},
    typed::Typed,
};
use crate::{
    address,
    engine::{Code, Engine},
    last_error::LastError,
    library::Library,
    reason::{Path, Reason},
    value::Value,
    word::SlotResult,
};
pub use crate::{
    declaration::Position,
    typed::{CResult, FunctionPointer, TypeMismatch, Variadic},
};

/// A native function, bound to its C type.
///
/// A handle: clones share everything, and any thread may use them. It keeps its library loaded and its stub in
/// memory; the [`Engine`] may be gone.
#[derive(Clone)]
pub struct Function {
    bound: Arc<Bound>,
}

struct Bound {
    prototype: Prototype,
    ty: Arc<FunctionType>,
    address: CodePointer,
    binding: Binding,
    checked_call: CheckedCall,
    /// What a checked call enters. Where the code is still to come it stays what looks for it.
    entered: Entered,
    /// What calls deliver beside the result.
    last_error: Option<LastError>,
    /// Keeps the code at `address` loaded. `None` for a function bound by address.
    library: Option<Library>,
}

impl Bound {
    /// How many slots a call reads.
    fn slots(&self) -> usize {
        self.ty.slots() + usize::from(self.last_error.is_some())
    }

    /// # Safety
    /// As [`Function::call`].
    #[inline(always)]
    unsafe fn call(&self, arguments: &[Value], last_error: &mut i32) -> Result<Value, CallError> {
        // SAFETY: the entry is the function's, for its type; the caller answers for the function and its arguments.
        unsafe { self.ty.call(self.checked_call, &self.entered, arguments, last_error) }
    }
}

impl Function {
    fn new(
        engine: &Engine,
        found: Found,
        ty: &Arc<FunctionType>,
        binding: Binding,
        last_error: Option<LastError>,
        library: Option<&Library>,
    ) -> Function {
        engine.counters().bound(binding.path()).count();
        let Found { prototype, address } = found;
        let (ty, address, library) = (Arc::clone(ty), address::code(address), library.cloned());
        let bound = Arc::new_cyclic(|bound: &Weak<Bound>| {
            let bound = bound.as_ptr();
            let entered = ty.result.word().erased(Entering { binding: &binding, address, bound, last_error });
            let checked_call = ty.checked_call();
            Bound { prototype, ty, address, binding, checked_call, entered, last_error, library }
        });
        Function { bound }
    }

    /// The prototype that the function was bound with.
    pub fn prototype(&self) -> &Prototype {
        &self.bound.prototype
    }

    /// The type that the function was bound with. Functions that were bound at once and have equal types share one.
    pub fn signature(&self) -> &Signature {
        &self.bound.ty.signature
    }

    /// By which path a call would go now. It changes once where the engine does not compile when it binds
    /// ([`Compile`](crate::Compile)).
    pub fn path(&self) -> &Path {
        self.bound.binding.path()
    }

    /// The library that the function is in, and keeps loaded. `None` where it was bound by address.
    pub fn library(&self) -> Option<&Library> {
        self.bound.library.as_ref()
    }

    /// The address of the native function.
    pub fn address(&self) -> NonNull<c_void> {
        address::of(self.bound.address)
    }

    /// Calls with values that are checked against the signature: their number, their kinds, their ranges and sizes.
    ///
    /// Allocates only where there are more than 32 parameters, or the result is a structure of more than 64 bytes.
    ///
    /// # Errors
    /// What does not fit, with the argument's index, the value and the limit. Nothing was called then. Or what a
    /// callback ended with that the function called, on this thread: see [`CallbackError`](crate::CallbackError).
    ///
    /// # Safety
    /// The function must be sound to call with these arguments, on this thread, and really have the type that it
    /// was declared with. No exception or panic may leave it.
    #[inline]
    pub unsafe fn call(&self, arguments: &[Value]) -> Result<Value, CallError> {
        // SAFETY: the caller answers for the function and its arguments.
        unsafe { self.bound.call(arguments, &mut 0) }
    }

    /// As [`Function::call`], with the last error beside the result.
    ///
    /// # Errors
    /// As [`Function::call`]; and [`CallError::NoLastError`] where the function delivers none, because it was not made
    /// by [`Engine::with_last_error`].
    ///
    /// # Safety
    /// As [`Function::call`].
    pub unsafe fn call_with_last_error(&self, arguments: &[Value]) -> Result<(Value, i32), CallError> {
        if self.bound.last_error.is_none() {
            return Err(CallError::NoLastError);
        }
        let mut last_error = 0;
        // SAFETY: the caller answers for the function and its arguments.
        let result = unsafe { self.bound.call(arguments, &mut last_error) }?;
        Ok((result, last_error))
    }

    /// What calls deliver beside the result.
    pub fn last_error(&self) -> Option<LastError> {
        self.bound.last_error
    }

    /// Readies the function for calls with raw slots that return an `R`.
    ///
    /// # Errors
    /// Where the signature returns something else. A result that is not a word (an aggregate, `long double` …) goes to
    /// memory and needs `()`, as `void` does.
    pub fn slots<R: SlotResult>(&self) -> Result<Slots<R>, ResultMismatch> {
        Slots::new(self)
    }

    /// Readies the function for calls with raw slots, whatever it returns: each call returns the result's slot.
    pub fn untyped_slots(&self) -> UntypedSlots {
        UntypedSlots::new(self)
    }

    /// The function as one code pointer, which is called with the address of its slots alone, for hosts that keep one
    /// word per function. The slots are those of [`Function::slots`].
    ///
    /// It must not be called once the function and all its clones are gone: its code is freed then.
    ///
    /// # Errors
    /// Where the signature returns no `R`, or the function has no code of its own: its engine was not built with
    /// [`Stubs::PerFunction`](crate::Stubs::PerFunction), or it is called through libffi. A stub that is still to come
    /// is made now.
    pub fn bound_pointer<R: SlotResult>(&self) -> Result<BoundPointer<R>, PointerError> {
        if !self.bound.ty.returns::<R>() {
            return Err(PointerError::Result(ResultMismatch::new::<R>(self.signature())));
        }
        let code = self.bound_code()?;
        // SAFETY: a stub of the bound entry has this type, for the `R` that its signature was just found to return.
        Ok(unsafe { mem::transmute::<*const c_void, BoundPointer<R>>(code) })
    }

    /// The same as an address, for hosts that know the type of the result when they run. The code returns that C type in
    /// its register, and nothing where [`Function::slots`] wants `()`.
    ///
    /// # Errors
    /// As [`Function::bound_pointer`], except [`PointerError::Result`].
    pub fn bound_code(&self) -> Result<*const c_void, PointerError> {
        match self.bound.resolve() {
            Way::Code(code @ Code::Own { .. }) => Ok(code.first() as *const c_void),
            Way::Code(Code::Shared(_) | Code::Packed(_)) => Err(PointerError::Shared),
            Way::Libffi(_, Path::Libffi(reason)) => Err(PointerError::Libffi(reason.clone())),
            Way::Libffi(..) => Err(PointerError::Shared),
        }
    }

    /// The function as a Rust function pointer, once the signature has been found to be that of `F`.
    ///
    /// # Errors
    /// Where the number of parameters, one of their types, or the result differ, and where calls deliver a last error,
    /// which the function alone cannot do.
    pub fn typed<F: FunctionPointer>(&self) -> Result<Typed<F>, TypeMismatch> {
        Typed::new(self)
    }

    /// What C types are where the function runs.
    pub fn data_model(&self) -> &DataModel {
        &self.bound.ty.model
    }
}

/// Code that calls one function: entered with the address of its slots, as [`Slots`] describes them.
pub type BoundPointer<R> = unsafe extern "C" fn(*const u64) -> R;

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function")
            .field("prototype", self.prototype())
            .field("path", self.path())
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}

/// Why a function has no code pointer of its own.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PointerError {
    /// The signature returns something else.
    #[error(transparent)]
    Result(ResultMismatch),
    /// The engine makes one stub per shape, or takes it from the pack.
    #[error("the engine makes one stub per shape, and none per function")]
    Shared,
    /// The function is called through libffi, for this reason.
    #[error("the function is called through libffi: {0}")]
    Libffi(Reason),
}
