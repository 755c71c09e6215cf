//! What every exported function runs in, and what it makes of its arguments.

use std::{
    any::Any,
    cell::RefCell,
    ffi::{CString, c_int},
    fmt::Display,
    mem::MaybeUninit,
    panic::{AssertUnwindSafe, catch_unwind},
};

use crate::constants::*;

/// Why a function of the interface failed: its code, the sentence, and in a C text the place.
pub(crate) struct Failure {
    pub(crate) code: i64,
    pub(crate) message: String,
    pub(crate) place: Option<Place>,
    /// The property `code` of what JavaScript is to throw.
    pub(crate) thrown: Option<CString>,
}

/// A place in a C text: the offset in bytes, and line and column from 1.
#[derive(Clone, Copy, Default)]
pub(crate) struct Place {
    pub(crate) offset: usize,
    pub(crate) line: usize,
    pub(crate) column: usize,
}

impl Failure {
    pub(crate) fn new(code: i64, message: impl Display) -> Failure {
        Failure { code, message: message.to_string(), place: None, thrown: None }
    }
}

/// The last failure of a thread, as C asks for it.
pub(crate) struct Last {
    pub(crate) code: c_int,
    pub(crate) message: CString,
    pub(crate) place: Option<Place>,
    pub(crate) thrown: Option<CString>,
}

thread_local! {
    pub(crate) static LAST: RefCell<Last> =
        RefCell::new(Last { code: SB_OK as c_int, message: CString::default(), place: None, thrown: None });
}

/// Keeps a failure for the thread. On a thread whose thread-locals are gone there is nowhere to keep it.
fn keep(failure: Failure) {
    let Failure { code, message, place, thrown } = failure;
    let message = CString::new(message.replace('\0', "\u{fffd}")).unwrap_or_default();
    let _ = LAST.try_with(|last| {
        // What is replaced is dropped with the borrow's end: C may have its address only until now.
        *last.borrow_mut() = Last { code: code as c_int, message, place, thrown };
    });
}

/// Runs the body of an exported function. What it fails with is kept for the thread, and its code returned.
pub(crate) fn enter(body: impl FnOnce() -> Result<(), Failure>) -> c_int {
    let failure = match catch_unwind(AssertUnwindSafe(body)) {
        Ok(Ok(())) => return SB_OK as c_int,
        Ok(Err(failure)) => failure,
        Err(payload) => Failure::new(SB_ERROR_INTERNAL, panic_message(&*payload)),
    };
    let code = failure.code as c_int;
    // Freeing the message of a previous failure cannot panic.
    keep(failure);
    code
}

fn panic_message(payload: &(dyn Any + Send)) -> String {
    let text = payload.downcast_ref::<&str>().copied();
    let text = text.or_else(|| payload.downcast_ref::<String>().map(String::as_str));
    format!("a bug of springboard: {}", text.unwrap_or("a panic without a message"))
}

/// A parameter through which something is returned. C passes an address that is null or of writable memory of the
/// type.
pub(crate) type Out<'a, T> = Option<&'a mut MaybeUninit<T>>;

/// A parameter through which a handle is returned.
pub(crate) type OutHandle<'a, K> = Out<'a, *mut K>;

/// The place for a result, which the function cannot do without.
pub(crate) fn out<'a, T>(out: Out<'a, T>, name: &str) -> Result<&'a mut MaybeUninit<T>, Failure> {
    out.ok_or_else(|| null(name))
}

/// Runs the body of a function that returns a value through the parameter `to`.
pub(crate) fn give<T>(to: Out<'_, T>, name: &str, body: impl FnOnce() -> Result<T, Failure>) -> c_int {
    enter(|| {
        out(to, name)?.write(body()?);
        Ok(())
    })
}

/// The same, where C finds `until` if the function fails.
pub(crate) fn give_or<T>(
    to: Out<'_, T>,
    name: &str,
    until: T,
    body: impl FnOnce() -> Result<T, Failure>,
) -> c_int {
    enter(|| {
        let to = out(to, name)?;
        to.write(until);
        to.write(body()?);
        Ok(())
    })
}

/// A parameter that must not be null is.
pub(crate) fn null(name: &str) -> Failure {
    Failure::new(SB_ERROR_NULL, format_args!("parameter {name} is null"))
}

/// What a constant stands for, of those that a parameter can be. The header counts them from 0, in the order of `known`.
pub(crate) fn pick<T, const N: usize>(name: &str, constant: c_int, known: [T; N]) -> Result<T, Failure> {
    let index = usize::try_from(constant).unwrap_or(usize::MAX);
    known.into_iter().nth(index).ok_or_else(|| no_constant(name, constant))
}

/// A parameter's value is not one of the header's constants for it.
pub(crate) fn no_constant(name: &str, value: impl Display) -> Failure {
    Failure::new(SB_ERROR_ARGUMENT, format_args!("parameter {name} cannot be {value}"))
}

#[cfg(test)]
mod tests {
    use std::ffi::CStr;

    use super::*;
    use crate::error::{sb_error_code, sb_error_message};

    #[test]
    fn a_panic_is_a_code() {
        let code = enter(|| panic!("number {}", 5));
        assert_eq!((i64::from(code), i64::from(sb_error_code())), (SB_ERROR_INTERNAL, SB_ERROR_INTERNAL));
        // SAFETY: the message is good until the next failure on this thread.
        let message = unsafe { CStr::from_ptr(sb_error_message()) };
        assert_eq!(message.to_str(), Ok("a bug of springboard: number 5"));
    }
}
