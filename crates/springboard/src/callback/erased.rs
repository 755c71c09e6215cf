//! Handlers whose type is erased: what a cell holds of one.

use std::{
    ffi::c_void,
    panic::{AssertUnwindSafe, catch_unwind},
};

use super::report;
use crate::thread::CallbackError;

/// A handler.
#[derive(Clone, Copy)]
pub(super) struct Erased {
    pub(super) data: *const c_void,
    /// Static, or part of what `release` frees.
    pub(super) functions: *const Functions,
}

/// What can be done with a handler whose type is not known.
#[derive(Clone, Copy)]
pub(super) struct Functions {
    /// Runs it: its data, and the slots of a call.
    pub(super) run: unsafe fn(*const c_void, *mut u64),
    /// Frees it, once no call is inside and none will come.
    pub(super) release: unsafe fn(Erased),
}

impl Erased {
    /// Frees the handler.
    ///
    /// # Safety
    /// Nobody uses it any more, and the running thread may free it.
    pub(super) unsafe fn release(self) {
        // SAFETY: the functions live until they have released the handler, which the caller gives up.
        unsafe { ((*self.functions).release)(self) }
    }
}

/// A handler that nobody calls any more, on its way to the thread that frees it.
pub(super) struct Garbage(Erased);

// SAFETY: `Garbage::new` promises that the threads to which it is sent may release the handler; nothing else can be done
// with it.
unsafe impl Send for Garbage {}

impl Garbage {
    /// # Safety
    /// Nobody uses the handler any more, and each thread to which the result is handed may free it.
    pub(super) unsafe fn new(handler: Erased) -> Garbage {
        Garbage(handler)
    }

    pub(super) fn release(self) {
        // SAFETY: by the contract of `new`; `self` is gone, so it happens once.
        let released = catch_unwind(AssertUnwindSafe(|| unsafe { self.0.release() }));
        if let Err(payload) = released {
            report::fail(CallbackError::panic(payload));
        }
    }
}
