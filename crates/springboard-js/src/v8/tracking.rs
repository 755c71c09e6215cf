//! Counting calls, so that a test can tell which way they went.
//!
//! A function holds a [`Tracker`] a key, in a `static`, and counts where it knows the outcome. Without the feature
//! `v8-tracking` there are no trackers, and [`track!`](crate::v8_track) is nothing.

use std::sync::{
    Mutex, PoisonError,
    atomic::{AtomicBool, AtomicU64, Ordering},
};

/// A counter of calls with a key: `namespace.function`, or `namespace.function.outcome`. Always a `static`.
#[derive(Debug)]
pub struct Tracker {
    key: &'static str,
    count: AtomicU64,
    listed: AtomicBool,
}

/// Every tracker that has counted.
static TRACKERS: Mutex<Vec<&'static Tracker>> = Mutex::new(Vec::new());

impl Tracker {
    /// A tracker that has counted nothing.
    ///
    /// # Panics
    /// Where the key is no `namespace.function` or `namespace.function.outcome`: in a `static`, when it is compiled.
    pub const fn new(key: &'static str) -> Tracker {
        assert!(is_key(key), "a tracking key is namespace.function or namespace.function.outcome");
        Tracker { key, count: AtomicU64::new(0), listed: AtomicBool::new(false) }
    }

    /// Counts a call. The first one takes a lock, and no other.
    pub fn count(&'static self) {
        self.count.fetch_add(1, Ordering::Relaxed);
        if !self.listed.load(Ordering::Relaxed) && !self.listed.swap(true, Ordering::Relaxed) {
            TRACKERS.lock().unwrap_or_else(PoisonError::into_inner).push(self);
        }
    }
}

/// Whether a text is two or three parts with dots between them, none of which is empty.
const fn is_key(key: &str) -> bool {
    let bytes = key.as_bytes();
    let (mut index, mut parts, mut length) = (0, 1, 0);
    while index < bytes.len() {
        if bytes[index] == b'.' {
            if length == 0 {
                return false;
            }
            (parts, length) = (parts + 1, 0);
        } else {
            length += 1;
        }
        index += 1;
    }
    length > 0 && (parts == 2 || parts == 3)
}

/// How often trackers of this key have counted.
pub fn calls(key: &str) -> u64 {
    let trackers = TRACKERS.lock().unwrap_or_else(PoisonError::into_inner);
    let of_key = trackers.iter().filter(|tracker| tracker.key == key);
    of_key.map(|tracker| tracker.count.load(Ordering::Relaxed)).sum()
}
