//! How much code memory there is.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

/// The numbers of [`Usage`], written under the lock and read without.
#[derive(Default)]
pub(super) struct Meter {
    pub(super) live: AtomicUsize,
    pub(super) code: AtomicUsize,
    pub(super) mapped: AtomicUsize,
    pub(super) stamps: AtomicU64,
}

/// How much code memory there is.
#[derive(Clone, Copy, Default, PartialEq, Eq, Debug)]
pub struct Usage {
    /// Stubs that were published and not freed.
    pub live: usize,
    /// Their bytes, without padding.
    pub code: usize,
    /// Bytes of pages mapped for code, once each.
    pub mapped: usize,
    /// Stubs published so far.
    pub stamps: u64,
}

impl Meter {
    pub(super) fn read(&self) -> Usage {
        let Meter { live, code, mapped, stamps } = self;
        Usage {
            live: live.load(Relaxed),
            code: code.load(Relaxed),
            mapped: mapped.load(Relaxed),
            stamps: stamps.load(Relaxed),
        }
    }
}
