//! What a thread tells and is told: errors of callbacks, stays in native code, reports.

use std::{
    cell::RefCell,
    ffi::{CString, c_char, c_int, c_void},
};

use springboard::callback::{NativeScope, Report, set_reporter, take_pending};

use crate::{
    boundary::{Failure, enter, null},
    constants::*,
    mailbox::Context,
};

/// A function of C that is told of something.
pub type Tell = extern "C" fn(*mut c_void, *const c_char);

thread_local! {
    static STAYS: RefCell<Vec<NativeScope>> = const { RefCell::new(Vec::new()) };
}

/// Takes the error of a callback that is pending on this thread, and fails with it.
#[unsafe(no_mangle)]
pub extern "C" fn sb_take_pending() -> c_int {
    enter(|| take_pending().map_or(Ok(()), |error| Err(error.into())))
}

/// The thread is about to enter native code.
#[unsafe(no_mangle)]
pub extern "C" fn sb_native_enter() -> c_int {
    enter(|| {
        STAYS
            .try_with(|stays| stays.borrow_mut().push(NativeScope::enter()))
            .map_err(|_| Failure::new(SB_ERROR_THREAD, "the thread is ending"))
    })
}

/// The thread is back.
#[unsafe(no_mangle)]
pub extern "C" fn sb_native_leave() -> c_int {
    enter(|| {
        let left = STAYS.try_with(|stays| stays.borrow_mut().pop());
        match left {
            Ok(Some(_)) => Ok(()),
            _ => Err(Failure::new(SB_ERROR_ARGUMENT, "sb_native_leave without sb_native_enter")),
        }
    })
}

/// Sets what is told of what happens on threads that are not the host's.
#[unsafe(no_mangle)]
pub extern "C" fn sb_set_reporter(tell: Option<Tell>, context: *mut c_void) -> c_int {
    enter(|| {
        let tell = tell.ok_or_else(|| null("tell"))?;
        let context = Context(context);
        set_reporter(move |report: &Report| {
            let text = CString::new(report.to_string().replace('\0', "\u{fffd}")).unwrap_or_default();
            tell(context.get(), text.as_ptr());
        });
        Ok(())
    })
}
