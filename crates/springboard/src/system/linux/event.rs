//! What poll loops wait for: a file descriptor (eventfd(2)).

use std::{
    io,
    os::fd::{AsFd, BorrowedFd, OwnedFd},
};

use rustix::event::{EventfdFlags, eventfd};

/// A file descriptor for `poll(2)` and its like.
pub type BorrowedEvent<'a> = BorrowedFd<'a>;

/// Signalled or not, by any thread.
pub(crate) struct Event(OwnedFd);

impl Event {
    /// One that is not signalled. No program that is started inherits it.
    pub(crate) fn new() -> io::Result<Event> {
        Ok(Event(eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?))
    }

    /// Lets those who wait for it go on.
    pub(crate) fn signal(&self) {
        // A counter at its limit is readable as it is.
        let _ = rustix::io::write(&self.0, &1u64.to_ne_bytes());
    }

    /// Lets them wait again.
    pub(crate) fn clear(&self) {
        let _ = rustix::io::read(&self.0, &mut [0; 8]);
    }

    pub(crate) fn borrow(&self) -> BorrowedEvent<'_> {
        self.0.as_fd()
    }
}
