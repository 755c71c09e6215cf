//! `errno` of each thread, as C functions that Python calls see it: kept between calls, because the interpreter's own
//! work changes the C library's.

use std::cell::Cell;

thread_local! {
    static SAVED: Cell<i32> = const { Cell::new(0) };
}

/// What the last call on this thread left.
pub(crate) fn saved() -> i32 {
    SAVED.get()
}

/// What the next call on this thread finds.
pub(crate) fn set_saved(value: i32) {
    SAVED.set(value);
}

/// Before C code of the program runs on this thread.
#[inline]
pub(crate) fn enter() {
    // SAFETY: the address is the running thread's own.
    unsafe { *libc::__errno_location() = SAVED.get() }
}

/// After it has run.
#[inline]
pub(crate) fn leave() {
    // SAFETY: the address is the running thread's own.
    SAVED.set(unsafe { *libc::__errno_location() });
}
