//! What poll loops wait for: the end of a pipe.

use std::{
    io::{self, PipeReader, PipeWriter, Read as _, Write as _},
    os::fd::{AsFd, AsRawFd, BorrowedFd},
};

/// A file descriptor for `poll(2)` and its like.
pub type BorrowedEvent<'a> = BorrowedFd<'a>;

/// Signalled or not, by any thread.
pub(crate) struct Event {
    read: PipeReader,
    write: PipeWriter,
}

impl Event {
    /// One that is not signalled. No program that is started inherits it.
    pub(crate) fn new() -> io::Result<Event> {
        let (read, write) = io::pipe()?;
        for end in [read.as_fd(), write.as_fd()] {
            // SAFETY: the descriptor is open, and the call follows no pointer.
            if unsafe { libc::fcntl(end.as_raw_fd(), libc::F_SETFL, libc::O_NONBLOCK) } == -1 {
                return Err(io::Error::last_os_error());
            }
        }
        Ok(Event { read, write })
    }

    /// Lets those who wait for it go on.
    pub(crate) fn signal(&self) {
        // A full pipe is readable as it is.
        let _ = (&self.write).write(&[1]);
    }

    /// Lets them wait again.
    pub(crate) fn clear(&self) {
        let mut bytes = [0; 64];
        while (&self.read).read(&mut bytes).is_ok_and(|read| read == bytes.len()) {}
    }

    pub(crate) fn borrow(&self) -> BorrowedEvent<'_> {
        self.read.as_fd()
    }
}
