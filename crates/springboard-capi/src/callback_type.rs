//! Types of callbacks, and what becomes of calls from other threads.

use std::{
    ffi::{c_char, c_int},
    time::Duration,
};

use springboard::{
    CallbackType, Path,
    callback::{Busy, CopyIn, Counts, OwnerCallbackType},
    ir::Prototype,
};

use crate::{
    boundary::{Failure, Out, OutHandle, enter},
    constants::*,
    engine,
    handle::{self, CallbackTypeHandle, EngineHandle, Found, MailboxHandle, SignatureHandle},
    mailbox::{self, limit},
    structure::{Growing, Told},
    text::Buffer,
};

/// `sb_callback_counts`.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
#[allow(missing_docs)] // as in the header
pub struct CallbackCounts {
    pub size: usize,
    pub sent: u64,
    pub delivered: u64,
    pub refused: u64,
    pub dropped: u64,
    pub skipped: u64,
    pub late: u64,
}

// SAFETY: numbers, of which the first is the size.
unsafe impl Growing for CallbackCounts {}

/// A type of either sort.
pub(crate) enum Kind {
    Inline(CallbackType),
    Owner(OwnerCallbackType),
}

impl Kind {
    pub(crate) fn get(kind: *const CallbackTypeHandle) -> Result<Kind, Failure> {
        Ok(match handle::find::<_, CallbackType, OwnerCallbackType>(kind)? {
            Found::Shared(inline) => Kind::Inline((*inline).clone()),
            Found::Local(owner) => Kind::Owner((*owner).clone()),
        })
    }

    fn counts(&self) -> Counts {
        match self {
            Kind::Inline(kind) => kind.counts(),
            Kind::Owner(kind) => kind.counts(),
        }
    }

    fn path(&self) -> &Path {
        match self {
            Kind::Inline(kind) => kind.path(),
            Kind::Owner(kind) => kind.path(),
        }
    }
}

/// Makes types out of one without a policy.
fn derive(
    from: *const CallbackTypeHandle,
    to: OutHandle<'_, CallbackTypeHandle>,
    make: impl FnOnce(&CallbackType) -> Result<OwnerCallbackType, Failure>,
) -> c_int {
    handle::opens_local(to, "derived", || make(&*inline(from)?))
}

fn inline(from: *const CallbackTypeHandle) -> Result<std::sync::Arc<CallbackType>, Failure> {
    match handle::find::<_, CallbackType, OwnerCallbackType>(from)? {
        Found::Shared(inline) => Ok(inline),
        Found::Local(_) => Err(Failure::new(SB_ERROR_ARGUMENT, "the type of callbacks has a policy already")),
    }
}

/// Makes a type of callbacks.
#[unsafe(no_mangle)]
pub extern "C" fn sb_callback_type_new(
    engine: *const EngineHandle,
    signature: *const SignatureHandle,
    kind: OutHandle<'_, CallbackTypeHandle>,
) -> c_int {
    handle::opens(kind, "type", || {
        let engine = engine::get(engine)?;
        let prototype = handle::get::<_, Prototype>(signature)?;
        Ok(engine.callback_type(&*prototype)?)
    })
}

fn copy_in(
    from: *const CallbackTypeHandle,
    parameter: usize,
    copy: CopyIn,
    to: OutHandle<'_, CallbackTypeHandle>,
) -> c_int {
    handle::opens(to, "derived", || Ok(inline(from)?.copy_in(parameter, copy)?))
}

/// Has a text copied in.
#[unsafe(no_mangle)]
pub extern "C" fn sb_callback_type_copy_text(
    kind: *const CallbackTypeHandle,
    parameter: usize,
    derived: OutHandle<'_, CallbackTypeHandle>,
) -> c_int {
    copy_in(kind, parameter, CopyIn::Text, derived)
}

/// Has an array copied in whose length another parameter says.
#[unsafe(no_mangle)]
pub extern "C" fn sb_callback_type_copy_counted(
    kind: *const CallbackTypeHandle,
    parameter: usize,
    count_parameter: usize,
    unit: usize,
    derived: OutHandle<'_, CallbackTypeHandle>,
) -> c_int {
    copy_in(kind, parameter, CopyIn::Counted { parameter: count_parameter, unit }, derived)
}

/// Has so many bytes copied in.
#[unsafe(no_mangle)]
pub extern "C" fn sb_callback_type_copy_fixed(
    kind: *const CallbackTypeHandle,
    parameter: usize,
    bytes: usize,
    derived: OutHandle<'_, CallbackTypeHandle>,
) -> c_int {
    copy_in(kind, parameter, CopyIn::Fixed(bytes), derived)
}

/// All threads' calls are posted, those of the owner included.
#[unsafe(no_mangle)]
pub extern "C" fn sb_callback_type_queue(
    kind: *const CallbackTypeHandle,
    mailbox: *const MailboxHandle,
    derived: OutHandle<'_, CallbackTypeHandle>,
) -> c_int {
    derive(kind, derived, |kind| Ok(kind.queue(&*mailbox::get(mailbox)?)?))
}

/// Other threads' calls are rejected.
#[unsafe(no_mangle)]
pub extern "C" fn sb_callback_type_reject(
    kind: *const CallbackTypeHandle,
    derived: OutHandle<'_, CallbackTypeHandle>,
) -> c_int {
    derive(kind, derived, |kind| Ok(kind.reject()?))
}

/// Other threads' calls are posted.
#[unsafe(no_mangle)]
pub extern "C" fn sb_callback_type_post(
    kind: *const CallbackTypeHandle,
    mailbox: *const MailboxHandle,
    derived: OutHandle<'_, CallbackTypeHandle>,
) -> c_int {
    derive(kind, derived, |kind| Ok(kind.post(&*mailbox::get(mailbox)?)?))
}

/// Other threads wait for their answers.
#[unsafe(no_mangle)]
pub extern "C" fn sb_callback_type_block(
    kind: *const CallbackTypeHandle,
    mailbox: *const MailboxHandle,
    busy_ns: i64,
    derived: OutHandle<'_, CallbackTypeHandle>,
) -> c_int {
    derive(kind, derived, |kind| Ok(kind.block(&*mailbox::get(mailbox)?, busy(busy_ns)?)))
}

/// Other threads wait for their answers for so long.
#[unsafe(no_mangle)]
pub extern "C" fn sb_callback_type_block_timeout(
    kind: *const CallbackTypeHandle,
    mailbox: *const MailboxHandle,
    limit_ns: u64,
    value: u64,
    busy_ns: i64,
    derived: OutHandle<'_, CallbackTypeHandle>,
) -> c_int {
    derive(kind, derived, |kind| {
        let mailbox = mailbox::get(mailbox)?;
        let limit = Duration::from_nanos(limit_ns);
        Ok(kind.block_timeout_slot(&mailbox, limit, value, busy(busy_ns)?))
    })
}

fn busy(nanoseconds: i64) -> Result<Busy, Failure> {
    Ok(limit("busy_ns", nanoseconds)?.map_or(Busy::Wait, Busy::RefuseAfter))
}

/// What became of the calls.
#[unsafe(no_mangle)]
pub extern "C" fn sb_callback_type_counts(
    kind: *const CallbackTypeHandle,
    counts: Told<'_, CallbackCounts>,
) -> c_int {
    enter(|| {
        let now = Kind::get(kind)?.counts();
        let value = CallbackCounts {
            size: 0,
            sent: now.sent,
            delivered: now.delivered,
            refused: now.refused,
            dropped: now.dropped,
            skipped: now.skipped,
            late: now.late,
        };
        counts.write(value, "counts")
    })
}

/// By which path native code gets in, and why.
#[unsafe(no_mangle)]
pub extern "C" fn sb_callback_type_path(
    kind: *const CallbackTypeHandle,
    path: Out<'_, c_int>,
    buffer: *mut c_char,
    size: usize,
    length: Out<'_, usize>,
) -> c_int {
    enter(|| engine::tell(Kind::get(kind)?.path(), path, Buffer { start: buffer, size, length }))
}
