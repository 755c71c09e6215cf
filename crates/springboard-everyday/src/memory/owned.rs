//! Results that another function frees.

use std::{
    ffi::c_void,
    fmt,
    mem::ManuallyDrop,
    ptr::{self, NonNull},
};

use springboard::{CallError, Function, Value};
use springboard_ir::{Scalar, Type};

use super::{
    error::MemoryError,
    text::{TextError, text_at},
    view::View,
    view_mut::ViewMut,
};

/// A function whose result, a pointer, belongs to the caller, and the function that frees it. A handle, as [`Function`]
/// is.
#[derive(Clone, Debug)]
pub struct Freed {
    function: Function,
    free: Function,
}

/// Why one function cannot free what another returns.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum FreeError {
    /// The result is not a pointer.
    #[error("the function returns {ty}, which cannot be freed")]
    Result {
        /// What the function returns.
        ty: Type,
    },
    /// The function that is to free it does not take exactly one pointer.
    #[error("{} does not take one pointer", .name.as_deref().unwrap_or("the function that frees"))]
    Parameters {
        /// Its name, if it has one.
        name: Option<String>,
    },
}

impl Freed {
    /// `function`, whose results are passed to `free` once nobody needs them any more.
    ///
    /// # Errors
    /// A result that is not a pointer; a `free` that does not take exactly one pointer.
    pub fn new(function: &Function, free: &Function) -> Result<Freed, FreeError> {
        let is_pointer = |ty: &Type| ty.scalar(function.data_model()) == Some(Scalar::Pointer);
        let result = function.signature().result();
        if !is_pointer(result) {
            return Err(FreeError::Result { ty: result.clone() });
        }
        match free.signature().params() {
            [param] if is_pointer(&param.ty) => Ok(Freed { function: function.clone(), free: free.clone() }),
            _ => Err(FreeError::Parameters { name: free.prototype().name.clone() }),
        }
    }

    /// Calls the function. `None` where it returns null.
    ///
    /// # Errors
    /// As [`Function::call`].
    ///
    /// # Safety
    /// As [`Function::call`]; and the function that frees must be sound to call with the result, once, on whatever
    /// thread drops it.
    pub unsafe fn call(&self, arguments: &[Value]) -> Result<Option<Owned>, CallError> {
        // SAFETY: the caller keeps what `Function::call` asks for.
        let result = unsafe { self.function.call(arguments) }?;
        let Value::Pointer(address) = result else { unreachable!("`Freed::new` found a pointer") };
        Ok(NonNull::new(address).map(|address| Owned { address, free: self.free.clone() }))
    }
}

/// A pointer that belongs to the host. Dropping it has it freed.
pub struct Owned {
    address: NonNull<c_void>,
    free: Function,
}

impl Owned {
    /// The address. It stays the owner's.
    pub fn address(&self) -> NonNull<c_void> {
        self.address
    }

    /// Gives the pointer away: it is no longer freed.
    pub fn into_raw(self) -> NonNull<c_void> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: nothing drops or uses the function after this: the rest of `this` is not dropped.
        unsafe { ptr::drop_in_place(&raw mut this.free) };
        this.address
    }

    /// A look at the object of type `ty` there.
    ///
    /// # Errors
    /// A type without a layout.
    ///
    /// # Safety
    /// There must be an object of that type, as [`View::at`] asks for.
    pub unsafe fn view(&self, ty: &Type) -> Result<View<'_>, MemoryError> {
        // SAFETY: the caller says that the object is there; it is not freed before `self` is dropped.
        unsafe { View::at(self.address, ty, self.free.data_model()) }
    }

    /// As [`Owned::view`], for writing.
    ///
    /// # Errors
    /// As [`Owned::view`].
    ///
    /// # Safety
    /// As [`Owned::view`]; and the object can be written.
    pub unsafe fn view_mut(&mut self, ty: &Type) -> Result<ViewMut<'_>, MemoryError> {
        // SAFETY: the caller says that the object is there and can be written; it is not freed before `self` is dropped.
        unsafe { ViewMut::at(self.address, ty, self.free.data_model()) }
    }

    /// A copy of the C string there, of at most `limit` bytes, its NUL included.
    ///
    /// # Errors
    /// As [`text_at`].
    ///
    /// # Safety
    /// As [`text_at`].
    pub unsafe fn text(&self, limit: usize) -> Result<String, TextError> {
        // SAFETY: the caller keeps what `text_at` asks for.
        unsafe { text_at(self.address.as_ptr(), limit) }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: whoever called `Freed::call` said that this is sound on any thread; it happens here alone.
        let freed = unsafe { self.free.call(&[self.address.as_ptr().into()]) };
        // There is nobody to be told of a callback that failed meanwhile.
        debug_assert!(!matches!(freed, Err(CallError::Arity { .. } | CallError::Argument { .. })));
    }
}

impl fmt::Debug for Owned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owned").field("address", &self.address).field("free", &self.free).finish()
    }
}

/// The address, for a pointer parameter.
impl From<&Owned> for Value {
    fn from(owned: &Owned) -> Value {
        owned.address.as_ptr().into()
    }
}
