//! Every system call of code memory goes through [`perform`], so that tests can make any one of them fail.

use rustix::io;

use crate::error::{CodeError, Step};

/// Makes the system call of `step`, unless a test has it fail.
pub(crate) fn perform<T>(step: Step, call: impl FnOnce() -> io::Result<T>) -> Result<T, CodeError> {
    #[cfg(any(test, feature = "testing"))]
    faults::next(step)?;
    call().map_err(|errno| step.failed(errno))
}

/// Makes one system call fail, by its number.
#[cfg(any(test, feature = "testing"))]
pub mod faults {
    use std::cell::Cell;

    use rustix::io::Errno;

    use crate::error::{CodeError, Step};

    thread_local! {
        /// How many calls this thread makes before one fails.
        static COUNTDOWN: Cell<Option<u64>> = const { Cell::new(None) };
    }

    /// Runs `work` while the `nth` system call of code memory on this thread, counted from 0, fails for want of memory.
    /// Returns what it returns, and whether it made so many calls.
    pub fn with<T>(nth: u64, work: impl FnOnce() -> T) -> (T, Fault) {
        COUNTDOWN.set(Some(nth));
        let result = work();
        let fault = if COUNTDOWN.take().is_some() { Fault::NotReached } else { Fault::Injected };
        (result, fault)
    }

    /// Whether the call that was to fail was reached.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum Fault {
        /// It was, and failed.
        Injected,
        /// The work made fewer calls.
        NotReached,
    }

    pub(crate) fn next(step: Step) -> Result<(), CodeError> {
        match COUNTDOWN.get() {
            None => Ok(()),
            Some(0) => {
                COUNTDOWN.set(None);
                Err(step.failed(Errno::NOMEM))
            }
            Some(more) => {
                COUNTDOWN.set(Some(more - 1));
                Ok(())
            }
        }
    }
}
