//! Every system call of code memory goes through [`perform`], so that tests can make any one of them fail.

use std::io;

use crate::error::{CodeError, Step};

#[cfg(feature = "testing")]
thread_local! {
    /// Says of a system call whether it is to fail for want of memory.
    pub(crate) static FAILS: std::cell::Cell<fn(Step) -> bool> = const { std::cell::Cell::new(|_| false) };
}

/// Makes the system call of `step`, unless a test has it fail.
pub(crate) fn perform<T, E: Into<io::Error>>(
    step: Step,
    call: impl FnOnce() -> Result<T, E>,
) -> Result<T, CodeError> {
    #[cfg(feature = "testing")]
    if FAILS.get()(step) {
        return Err(step.failed(io::Error::from_raw_os_error(libc::ENOMEM)));
    }
    call().map_err(|error| step.failed(error))
}
