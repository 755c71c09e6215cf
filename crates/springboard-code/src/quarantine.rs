//! Where slots wait between two stubs, so that a call through a stale pointer meets a trap and not another function.

use std::{collections::VecDeque, time::Duration};

use crate::space::Slot;

/// How long it waits at least.
const AGE: Duration = Duration::from_millis(10);

/// Freed slots, in the order in which they were freed.
pub(crate) struct Quarantine {
    waiting: VecDeque<Waiting>,
    /// How many slots freed later keep a slot waiting.
    count: usize,
}

struct Waiting {
    slot: Slot,
    /// Milliseconds of the caller's clock, modulo 2³².
    since: u32,
}

fn milliseconds(now: Duration) -> u32 {
    now.as_millis() as u32
}

impl Quarantine {
    /// Empty. A slot waits until `count` more have come after it.
    pub(crate) fn new(count: usize) -> Quarantine {
        Quarantine { waiting: VecDeque::new(), count }
    }

    /// Begins the wait of `slot`. `now` is the time since some moment, the same for all calls.
    pub(crate) fn enter(&mut self, slot: Slot, now: Duration) {
        self.waiting.push_back(Waiting { slot, since: milliseconds(now) });
    }

    /// A slot that has waited long enough.
    pub(crate) fn leave(&mut self, now: Duration) -> Option<Slot> {
        if self.waiting.len() <= self.count {
            return None;
        }
        let age = milliseconds(now).wrapping_sub(self.waiting.front()?.since);
        // One more, because part of a millisecond counts as one.
        if u128::from(age) > AGE.as_millis() { self.leave_early() } else { None }
    }

    /// The slot that has waited longest, for want of any other memory.
    pub(crate) fn leave_early(&mut self) -> Option<Slot> {
        Some(self.waiting.pop_front()?.slot)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn slot(offset: u32) -> Slot {
        Slot { segment: 0, offset }
    }

    #[test]
    fn a_slot_waits_for_others_and_for_time() {
        let mut quarantine = Quarantine::new(64);
        let (start, later) = (Duration::from_secs(1), Duration::from_secs(1) + AGE * 2);
        for offset in 0..64 {
            quarantine.enter(slot(offset), start);
        }
        assert_eq!(quarantine.leave(later), None, "old, but not enough have followed");
        quarantine.enter(slot(100), later);
        quarantine.enter(slot(101), later);
        assert_eq!(quarantine.leave(start + AGE), None, "enough have followed, but not old");
        assert_eq!(quarantine.leave(later), Some(slot(0)));
        assert_eq!(quarantine.leave(later), Some(slot(1)));
        assert_eq!(quarantine.leave(later), None);
        assert_eq!(quarantine.leave_early(), Some(slot(2)));
    }

    #[test]
    fn the_clock_may_wrap() {
        let mut quarantine = Quarantine::new(0);
        let wrap = Duration::from_millis(1 << 32);
        quarantine.enter(slot(0), wrap - Duration::from_millis(1));
        assert_eq!(quarantine.leave(wrap), None);
        assert_eq!(quarantine.leave(wrap + AGE), Some(slot(0)));
    }
}
