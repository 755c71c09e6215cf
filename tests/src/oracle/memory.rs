//! Memory that ends where nothing may be touched.
//!
//! ```text
//!   ┌──────────┬──────────┬──────────┬──────────┐
//!   │ pages    │ no access│ pages    │ no access│ …      one pair a place
//!   └──────────┴──────────┴──────────┴──────────┘
//!      … value^ ends here, or a few bytes before; all around it is a pattern
//! ```

use std::{ptr, slice};

use super::system::{Access, Pages, page_size};

/// Bytes of each place: the largest value that one can hold.
const PLACE: usize = 16384;

/// Bytes before a value that are watched.
const MARGIN: usize = 64;

/// What lies around values.
const PATTERN: u8 = 0xc5;

/// Places for values, one after the other, each followed by memory that faults.
pub(crate) struct Memory {
    pages: Pages,
    places: usize,
    /// Bytes from one place to the next.
    stride: usize,
    /// Bytes of a place that may be touched: whole pages.
    usable: usize,
}

/// A value in a [`Memory`].
#[derive(Clone, Copy)]
pub(crate) struct Spot {
    place: usize,
    /// Offset of the value's first byte in its place.
    start: usize,
    bytes: usize,
}

impl Memory {
    /// Memory of `places` places.
    ///
    /// # Panics
    /// Where the system gives none.
    pub(crate) fn new(places: usize) -> Memory {
        let page = page_size();
        let usable = PLACE.next_multiple_of(page);
        let stride = usable + page;
        let pages = Pages::new(places * stride);
        for place in 0..places {
            pages.allow(place * stride..place * stride + usable, Access::Write);
        }
        Memory { pages, places, stride, usable }
    }

    fn place(&self, place: usize) -> *mut u8 {
        assert!(place < self.places);
        // SAFETY: within the mapping.
        unsafe { self.pages.start().add(place * self.stride) }
    }

    /// The last bytes of a place that may be touched.
    fn usable(&self, place: usize) -> *mut [u8] {
        // SAFETY: within the mapping.
        ptr::slice_from_raw_parts_mut(unsafe { self.place(place).add(self.usable - PLACE) }, PLACE)
    }

    /// Puts a value at the end of a place, `before_end` bytes before the memory that faults.
    pub(crate) fn put(&mut self, place: usize, value: &[u8], before_end: usize) -> Spot {
        let start = PLACE - before_end - value.len();
        let spot = Spot { place, start, bytes: value.len() };
        // SAFETY: the place is ours, and nobody else refers to it while `self` is borrowed mutably.
        let usable = unsafe { &mut *self.usable(place) };
        usable[start - MARGIN..].fill(PATTERN);
        usable[start..start + value.len()].copy_from_slice(value);
        spot
    }

    /// The address of a value.
    pub(crate) fn address(&self, spot: Spot) -> *mut u8 {
        self.bytes(spot).as_ptr().cast_mut()
    }

    /// The bytes of a value as they are now.
    pub(crate) fn bytes(&self, spot: Spot) -> &[u8] {
        // SAFETY: the place is ours; what native code did to it is done.
        unsafe { slice::from_raw_parts(self.usable(spot.place).cast::<u8>().add(spot.start), spot.bytes) }
    }

    /// The first byte around a value that is no longer as it was, relative to the value's first byte.
    pub(crate) fn damage(&self, spot: Spot) -> Option<isize> {
        // SAFETY: the place is ours; what native code did to it is done.
        let usable = unsafe { &*self.usable(spot.place) };
        let around = (spot.start - MARGIN..spot.start).chain(spot.start + spot.bytes..PLACE);
        let damaged = around.into_iter().find(|index| usable[*index] != PATTERN)?;
        Some(damaged as isize - spot.start as isize)
    }
}
