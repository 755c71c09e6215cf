//! What is going on, for whoever waits: a line to standard error every few seconds.

use std::{
    cell::Cell,
    time::{Duration, Instant},
};

const EVERY: Duration = Duration::from_secs(5);

/// A step that may take long.
pub(crate) struct Progress {
    what: &'static str,
    started: Instant,
    last: Cell<Instant>,
}

impl Progress {
    pub(crate) fn new(what: &'static str) -> Progress {
        let now = Instant::now();
        Progress { what, started: now, last: Cell::new(now) }
    }

    /// Says how far it is, if some time has passed since it last did.
    pub(crate) fn show(&self, far: impl FnOnce() -> String) {
        let now = Instant::now();
        if now - self.last.get() >= EVERY {
            self.last.set(now);
            eprintln!("  {}: {} after {} s", self.what, far(), (now - self.started).as_secs());
        }
    }
}
