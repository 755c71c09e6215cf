//! Where slots wait between two stubs, so that a call through a stale pointer meets a trap and not another function.

use std::{
    collections::VecDeque,
    time::{Duration, Instant},
};

use super::space::Slot;

/// How many slots freed later keep a slot waiting.
const COUNT: usize = 64;

/// How long it waits at least.
const AGE: Duration = Duration::from_millis(10);

/// Freed slots, in the order in which they were freed.
pub(super) struct Quarantine {
    waiting: VecDeque<Waiting>,
    start: Instant,
}

struct Waiting {
    slot: Slot,
    /// Milliseconds after `start`, modulo 2³².
    since: u32,
}

impl Quarantine {
    pub(super) fn new() -> Quarantine {
        Quarantine { waiting: VecDeque::new(), start: Instant::now() }
    }

    fn now(&self) -> u32 {
        self.start.elapsed().as_millis() as u32
    }

    /// Begins the wait of `slot`.
    pub(super) fn enter(&mut self, slot: Slot) {
        let since = self.now();
        self.waiting.push_back(Waiting { slot, since });
    }

    /// A slot that has waited long enough.
    pub(super) fn leave(&mut self) -> Option<Slot> {
        if self.waiting.len() <= COUNT {
            return None;
        }
        let age = self.now().wrapping_sub(self.waiting.front()?.since);
        // One more, because part of a millisecond counts as one.
        if u128::from(age) > AGE.as_millis() { self.leave_early() } else { None }
    }

    /// The slot that has waited longest, for want of any other memory.
    pub(super) fn leave_early(&mut self) -> Option<Slot> {
        Some(self.waiting.pop_front()?.slot)
    }
}

#[cfg(test)]
mod tests {
    use std::thread::sleep;

    use super::*;

    fn slot(offset: u32) -> Slot {
        Slot { segment: 0, offset }
    }

    #[test]
    fn a_slot_waits_for_others_and_for_time() {
        let mut quarantine = Quarantine::new();
        for offset in 0..COUNT as u32 {
            quarantine.enter(slot(offset));
        }
        sleep(AGE * 2);
        assert_eq!(quarantine.leave(), None, "old, but not enough have followed");
        quarantine.enter(slot(100));
        quarantine.enter(slot(101));
        assert_eq!(quarantine.leave(), Some(slot(0)));
        assert_eq!(quarantine.leave(), Some(slot(1)));
        assert_eq!(quarantine.leave(), None);
        let mut young = Quarantine::new();
        (0..1000).for_each(|offset| young.enter(slot(offset)));
        assert_eq!(young.leave(), None, "enough have followed, but not old");
        assert_eq!(young.leave_early(), Some(slot(0)));
    }
}
