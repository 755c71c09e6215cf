//! The terms of a type of callbacks: what each of its cells refers to.

use std::{fmt, sync::Arc};

use springboard_ir::Signature;

use super::Cell;
use crate::{
    callback::{copy::Capture, counters::Counters, gate::NOBODY, owner::Owner},
    thread,
};

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

    /// The policy that answers a call on the thread with this key. `None` where the handler runs there.
    pub(crate) fn elsewhere(&self, thread: u64) -> Option<&dyn Policy> {
        let answers = |policy: &&dyn Policy| policy.owner().key != thread || policy.own() == Own::Queue;
        self.policy.as_deref().filter(answers)
    }

    /// The key of the thread that is to be the gate's home: the running one, unless its calls are as any other's.
    pub(crate) fn home(&self) -> u64 {
        match &self.policy {
            Some(policy) if policy.own() == Own::Queue => NOBODY,
            _ => thread::host_key(),
        }
    }
}

/// What a callback does with calls from other threads than its owner.
pub(crate) trait Policy: fmt::Debug + Send + Sync {
    fn owner(&self) -> &Arc<Owner>;

    fn own(&self) -> Own {
        Own::Run
    }

    /// Answers a call on another thread than the owner, or one of the owner's own that queues. The result's slot holds zero
    /// already.
    ///
    /// # Safety
    /// The call was let in to the cell, whose policy this is, and stays inside until this returns; `slots` are the
    /// call's.
    unsafe fn elsewhere(&self, cell: &'static Cell, slots: *mut u64) -> Count;
}

/// What becomes of the owner's own calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Own {
    /// The handler runs at once.
    Run,
    /// They queue behind those of other threads.
    Queue,
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
