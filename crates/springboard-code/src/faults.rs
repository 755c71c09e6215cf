//! Every system call of code memory goes through [`perform`], so that tests can make any one of them fail.

use std::io;

use crate::error::{CodeError, Step};

/// Makes the system call of `step`, unless a test has it fail.
pub(crate) fn perform<T, E: Into<io::Error>>(
    step: Step,
    call: impl FnOnce() -> Result<T, E>,
) -> Result<T, CodeError> {
    #[cfg(any(test, feature = "testing"))]
    failing::next(step)?;
    call().map_err(|error| step.failed(error))
}

/// Makes system calls of code memory fail on this thread.
#[cfg(any(test, feature = "testing"))]
pub mod failing {
    use std::{cell::Cell, io};

    use crate::error::{CodeError, Step};

    /// Which calls fail, counted from 0.
    #[derive(Clone, Copy, Debug)]
    pub enum Failing {
        /// This one alone.
        Nth(u64),
        /// This one and all after it.
        From(u64),
        /// All of this step.
        Every(Step),
    }

    /// Whether a call that was to fail was made.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub enum Fault {
        /// It was, and failed.
        Injected,
        /// The work made no such call.
        NotReached,
    }

    thread_local! {
        static FAILING: Cell<Option<Failing>> = const { Cell::new(None) };
        static FAULT: Cell<Fault> = const { Cell::new(Fault::NotReached) };
    }

    /// Runs `work` while calls fail as if memory were short. Returns what it returns, and whether one failed.
    pub fn with<T>(failing: Failing, work: impl FnOnce() -> T) -> (T, Fault) {
        FAULT.set(Fault::NotReached);
        FAILING.set(Some(failing));
        let result = work();
        FAILING.set(None);
        (result, FAULT.get())
    }

    pub(crate) fn next(step: Step) -> Result<(), CodeError> {
        let fails = match FAILING.get() {
            None => false,
            Some(Failing::Every(every)) => every == step,
            Some(Failing::From(0)) => true,
            Some(Failing::Nth(0)) => {
                FAILING.set(None);
                true
            }
            Some(Failing::From(more)) => {
                FAILING.set(Some(Failing::From(more - 1)));
                false
            }
            Some(Failing::Nth(more)) => {
                FAILING.set(Some(Failing::Nth(more - 1)));
                false
            }
        };
        if !fails {
            return Ok(());
        }
        FAULT.set(Fault::Injected);
        Err(step.failed(io::Error::from_raw_os_error(libc::ENOMEM)))
    }
}
