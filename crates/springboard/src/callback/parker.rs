//! How a thread waits, whatever for: until somebody says that there is something to look at.

use std::{
    ptr,
    time::{Duration, Instant},
};

use springboard_code::fork;

use super::sync::{Condvar, Mutex, lock};

/// A thread's place to wait. What it waits for lies elsewhere; it looks there again whenever it is woken.
#[derive(Debug)]
pub(super) struct Parker {
    woken: Mutex<bool>,
    wake: Condvar,
}

impl Parker {
    pub(super) fn new() -> Parker {
        Parker { woken: Mutex::new(false), wake: Condvar::new() }
    }

    /// Ends the wait of the thread, or its next one.
    pub(super) fn wake(&self) {
        // A child that is forked meanwhile would find it locked for ever.
        let _hold = fork::hold();
        *lock(&self.woken) = true;
        self.wake.notify_one();
    }

    /// Waits to be woken, for as long as `limit` says.
    pub(super) fn wait(&self, limit: Option<Duration>) {
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let mut woken = lock(&self.woken);
        while !*woken {
            let Some(deadline) = deadline else {
                woken = self.wake.wait(woken).unwrap_or_else(|poison| poison.into_inner());
                continue;
            };
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                break;
            }
            woken = self.wake.wait_timeout(woken, left).unwrap_or_else(|poison| poison.into_inner()).0;
        }
        *woken = false;
    }
}

/// Equal where the same thread waits there.
impl PartialEq for Parker {
    fn eq(&self, other: &Parker) -> bool {
        ptr::eq(self, other)
    }
}
