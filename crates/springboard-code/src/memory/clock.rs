//! The clock of the quarantine.

use std::time::{Duration, Instant};

/// Tells how much time has passed since it was made.
pub(super) struct Clock {
    start: Instant,
    /// What tests add, so that nothing depends on how fast they are.
    #[cfg(feature = "testing")]
    passed: Option<Duration>,
}

impl Default for Clock {
    fn default() -> Clock {
        Clock {
            start: Instant::now(),
            #[cfg(feature = "testing")]
            passed: None,
        }
    }
}

impl Clock {
    pub(super) fn now(&self) -> Duration {
        #[cfg(feature = "testing")]
        if let Some(passed) = self.passed {
            return passed;
        }
        self.start.elapsed()
    }

    /// Lets so much time pass at once, and no other from now on.
    #[cfg(feature = "testing")]
    pub(super) fn pass(&mut self, time: Duration) {
        self.passed = Some(self.now() + time);
    }
}
