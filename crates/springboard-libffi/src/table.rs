//! The table of shapes: from a key to a number, and from a number to what there is to jump to.
//!
//! It takes no lock, so that a forked child finds it whole, and nothing leaves it: a cif that somebody kept is good for
//! as long as the process lives. A cif carries the number of its shape and a hash of the shape's key as a *tag*; one
//! whose tag is no shape's was prepared by libffi itself.

use std::{
    ffi::c_void,
    ptr::{self, NonNull},
    sync::atomic::{
        AtomicPtr, AtomicU32, AtomicU64,
        Ordering::{AcqRel, Acquire, Relaxed, Release},
    },
};

use crate::{shape::Shape, trace, types::Cif};

/// The most shapes. Cifs of further ones are libffi's.
const SHAPES: usize = 1 << 16;

/// Twice as many places as shapes, so that a search ends soon.
const PLACES: usize = SHAPES * 2;

/// The lowest bits of the flags of a cif with a tag. libffi's own have a kind of result below 256 there, and two flags.
const MARK: u32 = 0xfff;

/// What a number stands for. Zero where there is nothing yet.
#[repr(C, align(32))]
pub(crate) struct Entry {
    tag: AtomicU64,
    /// The stub of the shape's calls, once compiled. Stays null while calls are counted.
    pub(crate) stub: AtomicPtr<c_void>,
    /// The stub of the shape's closures, once compiled.
    pub(crate) closure: AtomicPtr<c_void>,
    shape: AtomicPtr<Shape>,
}

impl Entry {
    /// The stub for calls of `shape`, which is this entry's. Kept here, unless calls are counted or it is not all that
    /// there is to a call.
    pub(crate) fn call_stub(&self, shape: &Shape) -> Option<NonNull<c_void>> {
        let stub = shape.call_stub()?;
        if !trace::enabled() && shape.numbers.is_none() {
            self.stub.store(stub.as_ptr(), Release);
        }
        Some(stub)
    }

    /// The stub for closures of `shape`, which is this entry's. Kept here.
    pub(crate) fn closure_stub(&self, shape: &Shape) -> Option<NonNull<c_void>> {
        let stub = shape.closure_stub()?;
        self.closure.store(stub.as_ptr(), Release);
        Some(stub)
    }
}

static ENTRIES: [Entry; SHAPES] = [const {
    Entry {
        tag: AtomicU64::new(0),
        stub: AtomicPtr::new(ptr::null_mut()),
        closure: AtomicPtr::new(ptr::null_mut()),
        shape: AtomicPtr::new(ptr::null_mut()),
    }
}; SHAPES];

/// The upper half of a hash and the number of a shape plus one; zero where nothing is.
static PLACE: [AtomicU64; PLACES] = [const { AtomicU64::new(0) }; PLACES];

/// The next number.
static NEXT: AtomicU32 = AtomicU32::new(0);

/// The tag of a cif: `bytes` and `flags` as they lie one after another.
#[inline(always)]
pub(crate) fn tag(cif: &Cif) -> u64 {
    u64::from(cif.bytes) | u64::from(cif.flags) << 32
}

/// The entry of a cif. `None` for one that libffi itself prepared.
#[inline(always)]
pub(crate) fn entry(cif: &Cif) -> Option<&'static Entry> {
    let tag = tag(cif);
    let entry = &ENTRIES[(tag >> 44) as usize % SHAPES];
    (entry.tag.load(Relaxed) == tag).then_some(entry)
}

/// The shape of a cif. `None` for one that libffi itself prepared.
pub(crate) fn shape(cif: &Cif) -> Option<(&'static Entry, &'static Shape)> {
    let entry = entry(cif)?;
    // SAFETY: null, or a shape that was leaked.
    Some((entry, unsafe { entry.shape.load(Acquire).as_ref() }?))
}

/// What the table says of a key.
pub(crate) enum Found {
    /// Cifs of this shape have this tag, in `bytes` and `flags`.
    Native(u32, u32),
    /// There is no plan: libffi's.
    Libffi(&'static Shape),
}

/// Looks up a key, and enters it where it is new. `None` where the table is full.
#[inline(always)]
pub(crate) fn find(words: &[u64]) -> Option<Found> {
    let hash = hash(words);
    let mut place = hash as usize % PLACES;
    loop {
        let known = PLACE[place].load(Acquire);
        if known == 0 {
            return enter(words, hash, place);
        }
        if known >> 32 == hash >> 32 {
            let number = (known as u32 - 1) as usize;
            // SAFETY: a shape is leaked, and in its entry before its number is in a place.
            let shape = unsafe { &*ENTRIES[number].shape.load(Relaxed) };
            // No call of `memcmp`: most keys are one word.
            if shape.key.len() == words.len() && shape.key.iter().eq(words) {
                return Some(found(shape, number, hash));
            }
        }
        place = (place + 1) % PLACES;
    }
}

#[inline(always)]
fn found(shape: &'static Shape, number: usize, hash: u64) -> Found {
    if shape.reason.is_some() {
        return Found::Libffi(shape);
    }
    Found::Native((hash >> 32) as u32, (number as u32) << 12 | MARK)
}

#[cold]
#[inline(never)]
fn enter(words: &[u64], hash: u64, mut place: usize) -> Option<Found> {
    let number = NEXT.fetch_add(1, Relaxed) as usize;
    if number >= SHAPES {
        NEXT.store(SHAPES as u32, Relaxed);
        return None;
    }
    let shape: &'static Shape = Box::leak(Box::new(Shape::new(words)));
    let entry = &ENTRIES[number];
    entry.shape.store(ptr::from_ref(shape).cast_mut(), Relaxed);
    let Found::Native(bytes, flags) = found(shape, number, hash) else {
        publish(words, hash, &mut place, number);
        return Some(Found::Libffi(shape));
    };
    entry.tag.store(u64::from(bytes) | u64::from(flags) << 32, Release);
    publish(words, hash, &mut place, number);
    // Where another thread was faster, there are two numbers for one shape, and both are good.
    Some(Found::Native(bytes, flags))
}

/// Puts a number into the first place that is free.
fn publish(words: &[u64], hash: u64, place: &mut usize, number: usize) {
    let fresh = hash >> 32 << 32 | (number as u64 + 1);
    while let Err(known) = PLACE[*place].compare_exchange(0, fresh, AcqRel, Acquire) {
        let other = &ENTRIES[(known as u32 - 1) as usize];
        // SAFETY: a number is in `PLACE` only once its entry has a shape, which is never freed.
        let same = known >> 32 == hash >> 32 && unsafe { *(*other.shape.load(Relaxed)).key == *words };
        if same {
            return;
        }
        *place = (*place + 1) % PLACES;
    }
}

/// Mixes each word with all before it. Both halves are used: the lower for the place, the upper to recognise it.
#[inline(always)]
fn hash(words: &[u64]) -> u64 {
    let mut hash = 0x9e37_79b9_7f4a_7c15u64;
    for word in words {
        let product = u128::from(hash ^ word) * 0xd6e8_feb8_6659_fd93_u128;
        hash = product as u64 ^ (product >> 64) as u64 ^ hash.rotate_left(23);
    }
    hash
}
