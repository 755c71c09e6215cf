//! Where in the address space code lies best.

use std::sync::atomic::{AtomicUsize, Ordering};

/// What code should lie near to. How far a branch goes costs as much as a cycle or two (docs/benchmarks.md).
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum Site {
    /// The code that calls stubs. Where the rest of a stub's time is one way to the native function and back, this is
    /// as good as any.
    #[default]
    Program,
    /// The C library, and with it most others: for stubs that call native code several times.
    Libraries,
}

/// Distance from the code at the site at which code memory begins, downwards. More than programs are long, so that
/// the place is free, and far less than 4 GB.
const BELOW: usize = 64 << 20;

/// Size of the range in which places are asked for, in bytes. Those at its start are asked for again in the end.
const REACH: usize = 1 << 30;

/// The largest page that a supported CPU can be set to, in bytes; and what the places of Windows' mappings are multiples
/// of.
const LARGEST_PAGE: usize = 64 << 10;

impl Site {
    /// The address of some code there.
    fn landmark(self) -> usize {
        match self {
            Site::Program => Site::landmark as *const () as usize,
            Site::Libraries => libc::strlen as *const () as usize,
        }
    }

    /// Bytes of address space at the site that have been asked for so far.
    fn taken(self) -> &'static AtomicUsize {
        static TAKEN: [AtomicUsize; 2] = [const { AtomicUsize::new(0) }; 2];
        &TAKEN[self as usize]
    }

    /// The address at which `bytes` of code would lie best. Another at each call.
    pub(crate) fn place(self, bytes: usize) -> usize {
        let bytes = bytes.next_multiple_of(LARGEST_PAGE);
        let taken = self.taken().fetch_add(bytes, Ordering::Relaxed) % REACH;
        // Null, which a program at low addresses may come to, asks for nothing.
        let place = self.landmark().saturating_sub(BELOW + taken + bytes);
        place / LARGEST_PAGE * LARGEST_PAGE
    }
}
