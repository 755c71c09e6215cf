//! What poll loops wait for: the handle of an event.

use std::{
    io,
    os::windows::io::{AsHandle, AsRawHandle, BorrowedHandle, FromRawHandle, OwnedHandle},
    ptr,
};

use windows_sys::Win32::System::Threading::{CreateEventW, ResetEvent, SetEvent};

/// A handle for `WaitForMultipleObjects` and its like.
pub type BorrowedEvent<'a> = BorrowedHandle<'a>;

/// Signalled or not, by any thread.
pub(crate) struct Event(OwnedHandle);

impl Event {
    /// One that is not signalled, and stays signalled until it is cleared. No program that is started inherits it.
    pub(crate) fn new() -> io::Result<Event> {
        const BY_HAND: i32 = 1;
        const NOT_SIGNALLED: i32 = 0;
        // SAFETY: without a name and attributes the call reads nothing.
        let handle = unsafe { CreateEventW(ptr::null(), BY_HAND, NOT_SIGNALLED, ptr::null()) };
        if handle.is_null() {
            return Err(io::Error::last_os_error());
        }
        // SAFETY: the handle was made just now, and nobody else has it.
        Ok(Event(unsafe { OwnedHandle::from_raw_handle(handle) }))
    }

    /// Lets those who wait for it go on.
    pub(crate) fn signal(&self) {
        // SAFETY: the handle is open for as long as `self` lives. It fails for no event.
        unsafe { SetEvent(self.0.as_raw_handle()) };
    }

    /// Lets them wait again.
    pub(crate) fn clear(&self) {
        // SAFETY: the handle is open for as long as `self` lives.
        unsafe { ResetEvent(self.0.as_raw_handle()) };
    }

    pub(crate) fn borrow(&self) -> BorrowedEvent<'_> {
        self.0.as_handle()
    }
}
