//! What becomes of calls, counted.

use crate::stats::Counter;

/// What became of the calls that did not simply run where they came from, of all callbacks of one type.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
#[non_exhaustive]
pub struct Counts {
    /// Calls posted to a mailbox, or that waited for its owner.
    pub sent: u64,
    /// Of these, calls whose handler has run.
    pub delivered: u64,
    /// Calls that got zero because of the policy: rejected, refused by a full mailbox or a busy owner, out of time,
    /// or given up because the owner is gone.
    pub refused: u64,
    /// Posted calls that were dropped before they were delivered: the oldest of a full mailbox, or with their owner.
    pub dropped: u64,
    /// Calls that got zero because an error was pending on their thread.
    pub skipped: u64,
    /// Delivered calls whose caller had gone on before the result was there.
    pub late: u64,
}

/// The same as they are counted.
#[derive(Default)]
pub(super) struct Counters {
    pub(super) sent: Counter,
    pub(super) delivered: Counter,
    pub(super) refused: Counter,
    pub(super) dropped: Counter,
    pub(super) skipped: Counter,
    pub(super) late: Counter,
}

impl Counters {
    pub(super) fn read(&self) -> Counts {
        Counts {
            sent: self.sent.get(),
            delivered: self.delivered.get(),
            refused: self.refused.get(),
            dropped: self.dropped.get(),
            skipped: self.skipped.get(),
            late: self.late.get(),
        }
    }
}
