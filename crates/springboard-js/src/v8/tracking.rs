//! Counting calls, so that a test can tell which way they went.
//!
//! [`v8_track!`](crate::v8_track) puts a [`Tracker`] where a function knows the outcome of a call. Without the feature
//! `v8-tracking` there are no trackers, and the macro does nothing.

use std::{
    panic::Location,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
};

/// A counter of calls with a key: `namespace.function`, or `namespace.function.outcome`. Always a `static`.
#[derive(Debug)]
pub struct Tracker {
    key: &'static str,
    file: &'static str,
    line: u32,
    count: AtomicU64,
    listed: AtomicBool,
}

/// Every tracker that has counted.
static TRACKERS: Mutex<Vec<&'static Tracker>> = Mutex::new(Vec::new());

impl Tracker {
    /// A tracker that has counted nothing.
    ///
    /// # Panics
    /// If the key has another form than `namespace.function` or `namespace.function.outcome`: in a `static`, when it is
    /// compiled.
    #[track_caller]
    pub const fn new(key: &'static str) -> Tracker {
        let place = Location::caller();
        Tracker::at(key, place.file(), place.line())
    }

    /// A tracker in the source of another language.
    ///
    /// # Panics
    /// As [`Tracker::new`].
    pub const fn at(key: &'static str, file: &'static str, line: u32) -> Tracker {
        assert!(is_key(key), "a tracking key is namespace.function or namespace.function.outcome");
        Tracker { key, file, line, count: AtomicU64::new(0), listed: AtomicBool::new(false) }
    }

    /// Whether a text has the form of a key.
    pub const fn is_key(key: &str) -> bool {
        is_key(key)
    }

    /// Counts a call. Takes a lock only the first time.
    ///
    /// # Panics
    /// If another tracker has counted under the same key: no test could tell them apart.
    pub fn count(&'static self) {
        if let Err(taken) = self.try_count() {
            panic!("{taken}");
        }
    }

    /// The same for code that cannot panic.
    ///
    /// # Errors
    /// Another tracker has counted under the same key.
    pub fn try_count(&'static self) -> Result<(), KeyTaken> {
        self.count.fetch_add(1, Ordering::Relaxed);
        if !self.listed.load(Ordering::Relaxed) {
            let mut trackers = TRACKERS.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(other) =
                trackers.iter().find(|other| other.key == self.key && !std::ptr::eq(**other, self))
            {
                return Err(KeyTaken { key: self.key, places: [other, self].map(|it| (it.file, it.line)) });
            }
            if !self.listed.swap(true, Ordering::Relaxed) {
                trackers.push(self);
            }
        }
        Ok(())
    }
}

/// A tracking key stands in two places.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "the tracking key {key} stands in two places, {}:{} and {}:{}",
    .places[0].0, .places[0].1, .places[1].0, .places[1].1
)]
pub struct KeyTaken {
    /// The key.
    pub key: &'static str,
    /// The files and lines.
    pub places: [(&'static str, u32); 2],
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

/// How often calls were counted under this key.
pub fn calls(key: &str) -> u64 {
    let trackers = TRACKERS.lock().unwrap_or_else(PoisonError::into_inner);
    let tracker = trackers.iter().find(|tracker| tracker.key == key);
    tracker.map_or(0, |tracker| tracker.count.load(Ordering::Relaxed))
}
