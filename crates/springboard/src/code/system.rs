//! Every system call of code memory goes through [`perform`], so that tests can make any one of them fail.

use rustix::io;

use super::error::{CodeError, Step};

/// Makes the system call of `step`, unless a test has it fail.
pub(super) fn perform<T>(step: Step, call: impl FnOnce() -> io::Result<T>) -> Result<T, CodeError> {
    #[cfg(test)]
    faults::next(step)?;
    call().map_err(|errno| step.failed(errno))
}

/// System calls that fail by number.
#[cfg(test)]
pub(crate) mod faults {
    use std::cell::Cell;

    use rustix::io::Errno;

    use super::{CodeError, Step};

    thread_local! {
        /// Calls that this thread has still to make until one fails; the number of calls made since it was set.
        static COUNTDOWN: Cell<Option<u64>> = const { Cell::new(None) };
    }

    /// Runs `work` with the `nth` system call of code memory on this thread failing, counted from 0, as if memory
    /// were short. Says whether there were so many.
    pub(crate) fn with<T>(nth: u64, work: impl FnOnce() -> T) -> (T, Fault) {
        COUNTDOWN.set(Some(nth));
        let result = work();
        let fault = if COUNTDOWN.take().is_some() { Fault::NotReached } else { Fault::Injected };
        (result, fault)
    }

    /// Whether the call that was to fail was made.
    #[derive(Clone, Copy, PartialEq, Eq, Debug)]
    pub(crate) enum Fault {
        Injected,
        NotReached,
    }

    pub(super) fn next(step: Step) -> Result<(), CodeError> {
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
