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

/// A function whose result, a pointer, belongs to the caller and is freed by another function.
#[derive(Clone, Debug)]
pub struct Freed {
    function: Function,
    free: Function,
}

/// Why a function cannot free what another returns.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum FreeError {
    /// What is to be freed is no pointer.
    Result {
        /// What the function returns.
        ty: Type,
    },
    /// The function that frees does not take exactly one pointer.
    Parameters {
        /// Its name, if it has one.
        name: Option<String>,
    },
}

impl fmt::Display for FreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            FreeError::Result { ty } => write!(f, "the function returns {ty}, which nobody frees"),
            FreeError::Parameters { name: Some(name) } => write!(f, "{name} does not take one pointer"),
            FreeError::Parameters { name: None } => {
                f.write_str("the function that frees does not take one pointer")
            }
        }
    }
}

impl std::error::Error for FreeError {}

impl Freed {
    /// `function`, such that `free` is called with what it returns when nobody needs that any more.
    ///
    /// # Errors
    /// A result that is not a pointer; a function to free it that does not take exactly one pointer.
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
        // SAFETY: the caller's promise.
        let result = unsafe { self.function.call(arguments) }?;
        let Value::Pointer(address) = result else { unreachable!("the result was found to be a pointer") };
        Ok(NonNull::new(address).map(|address| Owned { address, free: self.free.clone() }))
    }
}

/// A pointer that belongs to the host, until it is dropped and freed.
pub struct Owned {
    address: NonNull<c_void>,
    free: Function,
}

impl Owned {
    /// The address, borrowed.
    pub fn address(&self) -> NonNull<c_void> {
        self.address
    }

    /// Gives the pointer away: nobody frees it then.
    pub fn into_raw(self) -> NonNull<c_void> {
        let mut this = ManuallyDrop::new(self);
        // SAFETY: the function is dropped once, here: nobody drops the rest.
        unsafe { ptr::drop_in_place(&raw mut this.free) };
        this.address
    }

    /// A look at an object of type `ty` there.
    ///
    /// # Errors
    /// A type without a layout.
    ///
    /// # Safety
    /// An object of that type must be there.
    pub unsafe fn view(&self, ty: &Type) -> Result<View<'_>, MemoryError> {
        // SAFETY: the caller's promise; the object lives for as long as `self`.
        unsafe { View::at(self.address, ty, self.free.data_model()) }
    }

    /// The same, for writing.
    ///
    /// # Errors
    /// As [`Owned::view`].
    ///
    /// # Safety
    /// As [`Owned::view`], and it can be written.
    pub unsafe fn view_mut(&mut self, ty: &Type) -> Result<ViewMut<'_>, MemoryError> {
        // SAFETY: as above.
        unsafe { ViewMut::at(self.address, ty, self.free.data_model()) }
    }

    /// A copy of the C string there, of at most `limit` bytes with its NUL.
    ///
    /// # Errors
    /// As [`text_at`].
    ///
    /// # Safety
    /// As [`text_at`].
    pub unsafe fn text(&self, limit: usize) -> Result<String, TextError> {
        // SAFETY: the caller's promise.
        unsafe { text_at(self.address.as_ptr(), limit) }
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // SAFETY: `Freed::call` was promised that this is sound; the pointer is freed here alone.
        let freed = unsafe { self.free.call(&[self.address.as_ptr().into()]) };
        // A callback that failed meanwhile has nobody to be told to.
        debug_assert!(!matches!(freed, Err(CallError::Arity { .. } | CallError::Argument { .. })));
    }
}

impl fmt::Debug for Owned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Owned").field("address", &self.address).field("free", &self.free).finish()
    }
}

/// The address, borrowed.
impl From<&Owned> for Value {
    fn from(owned: &Owned) -> Value {
        owned.address.as_ptr().into()
    }
}
