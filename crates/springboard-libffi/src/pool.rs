//! Memory for closures, with the code that is called in place of each.
//!
//! ```text
//! chunk, at a multiple of its size
//! ├ header ┬ data 1 ┬ data 2 ┬ … ┤ ├ code 0 ┬ code 1 ┬ code 2 ┬ … ┤
//!   read and written                 read and executed, never written
//! ```
//!
//! The code of a place ([`machine::code`]) finds its data and jumps to the address that it finds there, at
//! [`DESTINATION`](crate::types::DESTINATION). It is the same for every closure that the place will ever have, so that
//! making one writes no code. It is mapped by `springboard-code`.
//!
//! Free places are linked through their data. No lock is taken: a forked child finds the lists whole.

use std::{
    ffi::c_void,
    mem::size_of,
    ptr::{self, NonNull},
    sync::{
        OnceLock,
        atomic::{
            AtomicPtr, AtomicU32, AtomicU64,
            Ordering::{AcqRel, Acquire, Relaxed, Release},
        },
    },
};

use springboard_code::CodeBeside;

use crate::{
    machine::{self, MACHINE},
    types::DESTINATION,
};

/// Alignment of a chunk, and size of one with many places, in bytes.
const CHUNK: usize = 64 << 10;

/// Bytes of data in a chunk with many places.
const DATA: usize = 48 << 10;

/// Bytes of code per place.
const CODE: usize = MACHINE.place;

/// Sizes of data for which chunks have many places: powers of two, from a closure's own.
const SMALLEST: usize = 64;
const CLASSES: usize = 7;

/// The most chunks with many places.
const CHUNKS: usize = 1 << 14;

/// At the beginning of a chunk.
struct Header {
    /// Which free list its places belong to. [`ALONE`] where it has one place.
    class: usize,
    /// The number of the chunk.
    number: u32,
    /// Bytes of the mapping, where the chunk has one place.
    bytes: usize,
}

const ALONE: usize = usize::MAX;

/// The free places of a class: a place and a count of changes, so that a list that has become what it was is not
/// taken for one that did not change. A place is the number of its chunk, and its own in there, which is never 0.
struct FreeList(AtomicU64);

static FREE: [FreeList; CLASSES] = [const { FreeList(AtomicU64::new(0)) }; CLASSES];

/// Where the chunks are, by their number.
static BASES: [AtomicPtr<u8>; CHUNKS] = [const { AtomicPtr::new(ptr::null_mut()) }; CHUNKS];

static NEXT: AtomicU32 = AtomicU32::new(0);

/// A place for one closure.
pub(crate) struct Place {
    pub(crate) data: *mut c_void,
    pub(crate) code: *mut c_void,
}

/// A place for a closure of `size` bytes, of which the first word is the address of its code. `None` where there is no
/// memory.
pub(crate) fn take(size: usize) -> Option<Place> {
    let class = size.max(SMALLEST).checked_next_power_of_two()?.trailing_zeros() as usize
        - SMALLEST.trailing_zeros() as usize;
    let place = match FREE.get(class) {
        None => alone(size)?,
        Some(list) => loop {
            if let Some(place) = list.pop(class) {
                break place;
            }
            grow(class)?;
        },
    };
    // SAFETY: the place is nobody else's now.
    unsafe { place.data.cast::<*mut c_void>().write(place.code) };
    Some(place)
}

/// Whether a closure in this memory is called by code of a place, which needs not be written.
///
/// # Safety
/// The memory is readable.
pub(crate) unsafe fn is_place(data: *const c_void, code: *const c_void) -> bool {
    // SAFETY: the caller vouches for the memory.
    unsafe { data.cast::<*const c_void>().read_unaligned() == code }
}

/// Takes back what [`take`] gave. Until the place is taken again it is called as before, as libffi's are: programs lean
/// on that. With `SPRINGBOARD_FFI_FREED=abort` such a call ends the process.
///
/// # Safety
/// That it is, and nobody uses it.
pub(crate) unsafe fn give(data: NonNull<c_void>) {
    let base = data.as_ptr().map_addr(|address| address & !(CHUNK - 1)).cast::<u8>();
    // SAFETY: every place is in the first `CHUNK` bytes of a chunk, which begins with its header.
    let &Header { class, number, bytes } = unsafe { &*base.cast::<Header>() };
    if class == ALONE {
        if let Some(base) = NonNull::new(base) {
            // SAFETY: `alone` kept the chunk, of so many bytes; it has no other place, and the caller gives that back.
            drop(unsafe { CodeBeside::kept(base, bytes) });
        }
        return;
    }
    static STRICT: OnceLock<bool> = OnceLock::new();
    if *STRICT.get_or_init(|| std::env::var_os("SPRINGBOARD_FFI_FREED").is_some_and(|value| value == "abort"))
    {
        let destination = (freed_closure as *const c_void).addr();
        // SAFETY: the place is the caller's no more, and nobody else's yet.
        unsafe { data.as_ptr().byte_add(DESTINATION).cast::<usize>().write(destination) };
    }
    let index = (data.addr().get() - base.addr()) / stride(class);
    FREE[class].push(base, number, index, index, class);
}

/// What the code of a freed place jumps to.
extern "C" fn freed_closure() -> ! {
    let message = "springboard-libffi: a closure was called after ffi_closure_free\n";
    // SAFETY: the bytes are the message's; ends the process.
    unsafe {
        libc::write(2, message.as_ptr().cast(), message.len());
        libc::abort()
    }
}

fn stride(class: usize) -> usize {
    SMALLEST << class
}

fn code_of(base: *mut u8, index: usize) -> *mut c_void {
    base.wrapping_add(DATA + index * CODE).cast()
}

impl FreeList {
    /// The link of a place, in its first word.
    ///
    /// # Safety
    /// The place is in a chunk of this class.
    unsafe fn link(base: *mut u8, index: usize, class: usize) -> &'static AtomicU64 {
        // SAFETY: chunks with many places are never unmapped, and data is aligned to its size.
        unsafe { &*base.add(index * stride(class)).cast::<AtomicU64>() }
    }

    fn pop(&self, class: usize) -> Option<Place> {
        let mut head = self.0.load(Acquire);
        loop {
            let place = head as u32;
            if place == 0 {
                return None;
            }
            let (chunk, index) = ((place >> 10) as usize, (place & 0x3ff) as usize);
            let base = BASES[chunk].load(Acquire);
            // SAFETY: a place in a list is in a chunk that is there. Where another thread was faster this reads what
            // that one's closure has there, and finds the head changed.
            let next = unsafe { FreeList::link(base, index, class) }.load(Relaxed) as u32;
            let fresh = (head >> 32).wrapping_add(1) << 32 | u64::from(next);
            match self.0.compare_exchange_weak(head, fresh, AcqRel, Acquire) {
                Ok(_) => {
                    let data = base.wrapping_add(index * stride(class)).cast();
                    return Some(Place { data, code: code_of(base, index) });
                }
                Err(other) => head = other,
            }
        }
    }

    /// Adds the places from `first` to `last`, which are linked to each other already.
    fn push(&self, base: *mut u8, chunk: u32, first: usize, last: usize, class: usize) {
        let mut head = self.0.load(Relaxed);
        loop {
            // SAFETY: the places are the caller's.
            unsafe { FreeList::link(base, last, class) }.store(head & 0xffff_ffff, Relaxed);
            let fresh = (head >> 32).wrapping_add(1) << 32 | u64::from(chunk << 10 | first as u32);
            match self.0.compare_exchange_weak(head, fresh, Release, Relaxed) {
                Ok(_) => return,
                Err(other) => head = other,
            }
        }
    }
}

/// Adds a chunk with many places.
#[cold]
fn grow(class: usize) -> Option<()> {
    let number = NEXT.fetch_add(1, Relaxed);
    if number as usize >= CHUNKS {
        NEXT.store(CHUNKS as u32, Relaxed);
        return None;
    }
    let stride = stride(class);
    // As many places as there is code for, of which the first is the header's.
    let places = (DATA / stride).min((CHUNK - DATA) / CODE);
    let base = map(DATA, places, stride)?.keep().as_ptr();
    // SAFETY: the mapping begins with memory that is nobody else's.
    unsafe { base.cast::<Header>().write(Header { class, number, bytes: CHUNK }) };
    for index in 1..places {
        let next = if index + 1 < places { number << 10 | (index as u32 + 1) } else { 0 };
        // SAFETY: place `index` lies in the mapping, which no other thread knows before it is stored in `BASES`.
        unsafe { FreeList::link(base, index, class) }.store(next.into(), Relaxed);
    }
    BASES[number as usize].store(base, Release);
    FREE[class].push(base, number, 1, places - 1, class);
    Some(())
}

/// A chunk with one place, for data that is large.
#[cold]
fn alone(size: usize) -> Option<Place> {
    let data = size.checked_add(size_of::<Header>() + 64)?.checked_next_multiple_of(CHUNK)?;
    let chunk = map(data, 2, 64)?;
    let bytes = chunk.bytes();
    let base = chunk.keep().as_ptr();
    // SAFETY: the mapping begins with memory that is nobody else's.
    unsafe { base.cast::<Header>().write(Header { class: ALONE, number: 0, bytes }) };
    Some(Place { data: base.wrapping_add(64).cast(), code: base.wrapping_add(data + CODE).cast() })
}

/// Maps a chunk: `data` bytes to be written, and after them code for `places` places of `stride` bytes.
fn map(data: usize, places: usize, stride: usize) -> Option<CodeBeside> {
    let mut code = Vec::with_capacity(CHUNK - DATA);
    for index in 0..places {
        let distance = (index * stride) as isize - (data + index * CODE) as isize;
        code.extend(machine::code(distance)?);
    }
    code.resize(CHUNK - DATA, MACHINE.trap);
    CodeBeside::new(CHUNK, data, &code).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_are_apart_and_come_back() {
        for size in [1, 56, 64, 65, 500, 4096, 5000, 70_000, 200_000] {
            let places: Vec<Place> = (0..1000).map(|_| take(size).expect("memory")).collect();
            let mut starts: Vec<usize> = places.iter().map(|place| place.data.addr()).collect();
            starts.sort_unstable();
            assert!(starts.windows(2).all(|two| two[1] - two[0] >= size), "{size}");
            for Place { data, code } in &places {
                // SAFETY: the place is ours.
                unsafe { data.write_bytes(0xa5, size.max(DESTINATION + 8)) };
                // SAFETY: code is readable.
                let code = unsafe { std::slice::from_raw_parts(code.cast::<u8>(), CODE) };
                let distance = data.addr() as isize - code.as_ptr().addr() as isize;
                assert_eq!(Some(code), machine::code(distance).as_ref().map(|code| &code[..]), "{size}");
            }
            // SAFETY: nobody uses them.
            places.into_iter().for_each(|place| unsafe { give(NonNull::new(place.data).unwrap()) });
        }
    }

    #[test]
    fn threads_never_share_a_place() {
        std::thread::scope(|scope| {
            for number in 1u64..=4 {
                scope.spawn(move || {
                    for _ in 0..2000 {
                        let mine: Vec<Place> = (0..4).map(|_| take(56).expect("memory")).collect();
                        for place in &mine {
                            // SAFETY: the place is ours.
                            unsafe { place.data.cast::<u64>().add(1).write_volatile(number) };
                        }
                        std::thread::yield_now();
                        for place in mine {
                            // SAFETY: the place was taken by this thread and not yet given back.
                            assert_eq!(unsafe { place.data.cast::<u64>().add(1).read_volatile() }, number);
                            // SAFETY: nobody uses it.
                            unsafe { give(NonNull::new(place.data).unwrap()) };
                        }
                    }
                });
            }
        });
    }
}
