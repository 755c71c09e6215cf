//! Mailboxes: where calls from other threads wait.

use std::{
    ffi::{c_int, c_void},
    rc::Rc,
    time::Duration,
};

use springboard::{
    CallbackError, Mailbox,
    callback::{Abandoned, DrainError, Full},
};

use crate::{
    boundary::{Failure, Out, OutHandle, enter, give_or, no_constant, null, pick},
    constants::*,
    handle::{self, MailboxHandle},
    system,
};

/// A function of C that gets its context.
pub type Tell = extern "C" fn(*mut c_void);

/// A context of C's, which the header asks to be usable on every thread.
#[derive(Clone, Copy)]
pub(crate) struct Context(pub(crate) *mut c_void);

// SAFETY: the header asks C for contexts that may be used on every thread.
unsafe impl Send for Context {}
// SAFETY: the header asks C for contexts that may be used on every thread.
unsafe impl Sync for Context {}

impl Context {
    pub(crate) fn get(self) -> *mut c_void {
        self.0
    }
}

/// Makes a mailbox without a bound.
#[unsafe(no_mangle)]
pub extern "C" fn sb_mailbox_unbounded(mailbox: OutHandle<'_, MailboxHandle>) -> c_int {
    handle::opens_local(mailbox, "mailbox", || Ok(Mailbox::unbounded()?))
}

/// Makes a mailbox with a bound.
#[unsafe(no_mangle)]
pub extern "C" fn sb_mailbox_bounded(
    capacity: usize,
    full: c_int,
    mailbox: OutHandle<'_, MailboxHandle>,
) -> c_int {
    handle::opens_local(mailbox, "mailbox", || {
        let full = pick("full", full, [Full::Block, Full::Refuse, Full::DropOldest])?;
        Ok(Mailbox::bounded(capacity, full)?)
    })
}

/// The mailbox of a handle, if this process made it.
pub(crate) fn get(mailbox: *const MailboxHandle) -> Result<Rc<Mailbox>, Failure> {
    let mailbox: Rc<Mailbox> = handle::get_local(mailbox)?;
    if mailbox.is_inherited() {
        return Err(Failure::new(SB_ERROR_FORKED, CallbackError::Forked));
    }
    Ok(mailbox)
}

/// A file descriptor, or an event's handle, for poll loops.
#[unsafe(no_mangle)]
pub extern "C" fn sb_mailbox_fd(mailbox: *const MailboxHandle, fd: Out<'_, c_int>) -> c_int {
    give_or(fd, "fd", -1, || {
        let mailbox = get(mailbox)?;
        let event = mailbox.event().map_err(|error| Failure::new(SB_ERROR_SYSTEM, error))?;
        Ok(system::number(event))
    })
}

/// Sets what is called when a record comes into the empty mailbox.
#[unsafe(no_mangle)]
pub extern "C" fn sb_mailbox_set_waker(
    mailbox: *const MailboxHandle,
    wake: Option<Tell>,
    context: *mut c_void,
) -> c_int {
    enter(|| {
        let wake = wake.ok_or_else(|| null("wake"))?;
        let context = Context(context);
        get(mailbox)?.set_waker(move || wake(context.get()));
        Ok(())
    })
}

/// Runs handlers.
#[unsafe(no_mangle)]
pub extern "C" fn sb_mailbox_drain(
    mailbox: *const MailboxHandle,
    max: usize,
    delivered: Out<'_, usize>,
) -> c_int {
    enter(|| {
        let mailbox = get(mailbox)?;
        let (count, result) = match mailbox.drain(max) {
            Ok(count) => (count, Ok(())),
            Err(DrainError { delivered, error }) => (delivered, Err(error.into())),
        };
        delivered.map(|delivered| delivered.write(count));
        result
    })
}

/// Waits for a record.
#[unsafe(no_mangle)]
pub extern "C" fn sb_mailbox_wait(
    mailbox: *const MailboxHandle,
    limit_ns: i64,
    ready: Out<'_, c_int>,
) -> c_int {
    enter(|| {
        let some = get(mailbox)?.wait(limit("limit_ns", limit_ns)?);
        ready.map(|ready| ready.write(some.into()));
        Ok(())
    })
}

/// Closes a mailbox.
#[unsafe(no_mangle)]
pub extern "C" fn sb_mailbox_close(
    mailbox: *const MailboxHandle,
    posted: Out<'_, usize>,
    waiting: Out<'_, usize>,
) -> c_int {
    enter(|| {
        let closed = handle::take_local::<_, Mailbox>(mailbox)?.close();
        let abandoned: Abandoned = closed.err().unwrap_or_default();
        posted.map(|to| to.write(abandoned.posted));
        waiting.map(|to| to.write(abandoned.waiting));
        Ok(())
    })
}

/// A duration that C gives in nanoseconds. `None` for `SB_FOREVER`.
pub(crate) fn limit(name: &str, nanoseconds: i64) -> Result<Option<Duration>, Failure> {
    match nanoseconds {
        SB_FOREVER => Ok(None),
        0.. => Ok(Some(Duration::from_nanos(nanoseconds as u64))),
        _ => Err(no_constant(name, nanoseconds)),
    }
}
