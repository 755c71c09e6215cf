//! A race on purpose.

use std::{cell::UnsafeCell, sync::Barrier, thread};

struct Raced(UnsafeCell<u64>);

// SAFETY: it is not safe. That is what sanitizers are to say.
unsafe impl Sync for Raced {}

/// Has two threads write one number at once.
pub(crate) fn run() {
    let (raced, together) = (Raced(UnsafeCell::new(0)), Barrier::new(2));
    let write = |value: u64| {
        let (raced, together) = (&raced, &together);
        move || {
            together.wait();
            // So often that the other thread is at it too.
            // SAFETY: the pointer is good. The race is undefined by the letter, and on every machine that this runs on
            // one of the two values is there in the end.
            (0..4_000_000).for_each(|_| unsafe { raced.0.get().write_volatile(value) });
        }
    };
    thread::scope(|scope| {
        scope.spawn(write(1));
        scope.spawn(write(2));
    });
}
