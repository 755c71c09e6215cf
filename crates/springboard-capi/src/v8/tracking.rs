//! Counting calls by key.

use std::{
    collections::HashMap,
    ffi::c_int,
    sync::{Mutex, PoisonError},
};

use springboard_js::v8::{Tracker, calls};

use crate::{
    boundary::{Failure, Out, enter, give, no_constant},
    constants::*,
    text::Text,
};

/// The trackers of places in C, by file and line. They are never freed, as C's own statics would not be.
type Known = HashMap<(String, u32, String), &'static Tracker>;

static TRACKERS: Mutex<Option<Known>> = Mutex::new(None);

/// Counts a call.
#[unsafe(no_mangle)]
pub extern "C" fn sb_v8_track(key: Text<'_>, file: Text<'_>, line: c_int) -> c_int {
    enter(|| {
        let (key, file) = (key.get("key")?, file.get("file")?);
        let number = u32::try_from(line).map_err(|_| no_constant("line", line))?;
        let mut trackers = TRACKERS.lock().unwrap_or_else(PoisonError::into_inner);
        let known = trackers.get_or_insert_default();
        let place = (file.to_owned(), number, key.to_owned());
        let tracker = match known.get(&place) {
            Some(tracker) => *tracker,
            None => {
                let leaked = |text: &str| -> &'static str { Box::leak(text.into()) };
                if !Tracker::is_key(key) {
                    return Err(no_constant("key", key));
                }
                let tracker: &'static Tracker =
                    Box::leak(Box::new(Tracker::at(leaked(key), leaked(file), number)));
                known.insert(place, tracker);
                tracker
            }
        };
        drop(trackers);
        tracker.try_count().map_err(|taken| Failure::new(SB_ERROR_ARGUMENT, taken))
    })
}

/// How often calls were counted.
#[unsafe(no_mangle)]
pub extern "C" fn sb_v8_tracked(key: Text<'_>, count: Out<'_, u64>) -> c_int {
    give(count, "count", || Ok(calls(key.get("key")?)))
}
