//! `long double` results come back as others do: there is no x87 stack.

use std::ffi::c_void;

use crate::types::{ClosureFunction, Code, Stub};

/// How many numbers a result has on an x87 stack: no result has any.
#[derive(Clone, Copy)]
pub(crate) enum Numbers {}

impl Numbers {
    pub(crate) fn of(_: &springboard::ir::Type) -> Option<Numbers> {
        None
    }

    /// # Safety
    /// Nobody calls it.
    pub(crate) unsafe fn call(self, _: Stub, _: Code, _: *mut c_void, _: *mut *mut c_void) {
        match self {}
    }

    pub(crate) fn returning(self) -> ClosureFunction {
        match self {}
    }
}
