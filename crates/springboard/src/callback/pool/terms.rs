//! What callbacks of one type share, as far as their calls need it.

use std::{fmt, sync::Arc};

use springboard_ir::Signature;

use super::Cell;
use crate::callback::{copy::Capture, counters::Counters, owner::Owner};

/// What callbacks of one type share.
pub(crate) struct Terms {
    pub(crate) signature: Signature,
    /// `None` where the handler runs on whatever thread calls.
    pub(crate) policy: Option<Box<dyn Policy>>,
    /// What a record owns instead of its caller.
    pub(crate) captures: Arc<[Capture]>,
    pub(crate) counters: Counters,
    pub(crate) unwinding: Unwinding,
}

impl Terms {
    /// The thread on which alone handlers run and are freed. `None` where it may be any.
    pub(crate) fn owner(&self) -> Option<&Arc<Owner>> {
        self.policy.as_ref().map(|policy| policy.owner())
    }
}

/// What a callback does with calls from other threads than its owner.
pub(crate) trait Policy: fmt::Debug + Send + Sync {
    fn owner(&self) -> &Arc<Owner>;

    /// Answers a call on another thread than the owner. The result's slot holds zero already.
    ///
    /// # Safety
    /// The call was let in to the cell, whose policy this is, and stays inside until this returns; `slots` are the
    /// call's.
    unsafe fn elsewhere(&self, cell: &'static Cell, slots: *mut u64) -> Count;
}

/// Who takes a call off the gate's count.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Count {
    Kept,
    GivenAway,
}

/// What becomes of a panic, or of another language's exception, that leaves a handler on the thread of its caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unwinding {
    /// A panic is stopped and surfaces later; nothing else may leave.
    Stops,
    /// It goes on into the native caller.
    Passes,
}
