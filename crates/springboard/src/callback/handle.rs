//! The handle of a callback.

use std::{ffi::c_void, fmt, ptr::NonNull};

use super::{
    gate::{AfterClose, Generation},
    pool::Cell,
};
use crate::{address, value::Value};

/// A C function that native code can call, and that a handler of the host answers.
///
/// The handle keeps it open: dropping it closes it. Calls that were accepted before that are delivered; the handler
/// is freed when the last of them has left. Its address stays callable for ever: a call that comes too late gets
/// zero, or ends the process ([`AfterClose`]), until after a time the address becomes another callback's.
pub struct Callback {
    cell: &'static Cell,
    generation: Generation,
}

impl Callback {
    pub(super) fn new(cell: &'static Cell, generation: Generation) -> Callback {
        Callback { cell, generation }
    }

    /// The cell, and the callback's own time in it.
    pub(super) fn identity(&self) -> (&'static Cell, Generation) {
        (self.cell, self.generation)
    }

    /// The address to give to native code.
    pub fn address(&self) -> NonNull<c_void> {
        address::of(self.cell.entry())
    }

    /// The address as a pointer, for native code that takes one.
    pub fn as_ptr(&self) -> *mut c_void {
        self.address().as_ptr()
    }

    /// Closes the callback: later calls get zero. Calls that were accepted are delivered. May be called on any
    /// thread, and from inside the callback's own handler. Does nothing where it is closed already.
    pub fn close(&self) {
        self.close_and(AfterClose::Zero);
    }

    /// Closes the callback, and says what later calls end with.
    pub fn close_and(&self, after: AfterClose) {
        self.cell.close(self.generation, after);
    }

    /// Whether the callback is closed.
    pub fn is_closed(&self) -> bool {
        self.cell.gate.is_closed(self.generation)
    }

    /// The number of calls that were accepted and have not left, posted ones that wait included; 0 once closed and
    /// empty.
    pub fn in_flight(&self) -> u64 {
        self.cell.gate.in_flight()
    }
}

impl Drop for Callback {
    fn drop(&mut self) {
        self.close();
    }
}

/// The address, as the argument of a call. It is borrowed: the callback must live for as long as native code calls it.
impl From<&Callback> for Value {
    fn from(callback: &Callback) -> Value {
        Value::Pointer(callback.as_ptr())
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback")
            .field("address", &self.address())
            .field("closed", &self.is_closed())
            .finish_non_exhaustive()
    }
}
