//! A heap of objects that are never freed: a reference count, a type, a value.

use std::{cell::Cell, ffi::c_void};

use springboard_tests::hosts::address;

use crate::{
    native::{Large, note},
    stub::Word,
};

/// An object: what [`springboard_tests::hosts::objects`] says of it.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct Object {
    pub(crate) count: Cell<u64>,
    ty: *const Type,
    value: u64,
    digits: [u32; 2],
}

/// A type has an address, and no more.
#[repr(C)]
#[derive(PartialEq, Debug)]
pub(crate) struct Type(&'static str);

pub(crate) static INTEGER: Type = Type("integer");
pub(crate) static FLOAT: Type = Type("float");
pub(crate) static POINTER: Type = Type("pointer");
pub(crate) static RECORD: Type = Type("record");
pub(crate) static SINGLETON: Type = Type("singleton");

impl Object {
    pub(crate) fn new(ty: &'static Type, value: u64, digits: [u32; 2]) -> &'static Object {
        Box::leak(Box::new(Object { count: Cell::new(1), ty, value, digits }))
    }

    pub(crate) fn word(&self) -> Word {
        std::ptr::from_ref(self).expose_provenance() as u64
    }

    /// The object at an address.
    pub(crate) fn at(word: Word) -> &'static Object {
        // SAFETY: tests pass what `word` gave, or what a function of this file returned; objects are never freed.
        unsafe { &*std::ptr::with_exposed_provenance(word as usize) }
    }

    fn is(&self, ty: &'static Type) -> bool {
        std::ptr::eq(self.ty, ty)
    }
}

pub(crate) fn integer(value: i64) -> Word {
    let digits = value.unsigned_abs();
    let parts = [(digits & 0x3fff_ffff) as u32, (digits >> 30 & 0x3fff_ffff) as u32];
    let count = parts.iter().filter(|part| **part != 0).count() as i64;
    assert!(digits >> 60 == 0, "tests have no larger integers");
    let count = if parts[1] != 0 { 2 } else { count };
    Object::new(&INTEGER, (count * value.signum()) as u64, parts).word()
}

pub(crate) fn float(value: f64) -> Word {
    Object::new(&FLOAT, value.to_bits(), [0; 2]).word()
}

pub(crate) fn pointer<T>(address: *const T) -> Word {
    Object::new(&POINTER, address.expose_provenance() as u64, [0; 2]).word()
}

/// A record whose memory is somewhere else.
pub(crate) fn record<T: Copy + 'static>(value: T) -> Word {
    let memory: &'static T = Box::leak(Box::new(value));
    Object::new(&RECORD, std::ptr::from_ref(memory).expose_provenance() as u64, [0; 2]).word()
}

/// What an object is.
#[derive(PartialEq, Debug)]
pub(crate) enum Value {
    Integer(i128),
    Float(f64),
    Pointer(u64),
    Other(Word),
}

/// What an object that a function of this file made is.
pub(crate) fn value(word: Word) -> Value {
    let object = Object::at(word);
    if object.is(&INTEGER) {
        let digits = i128::from(object.digits[0]) | i128::from(object.digits[1]) << 30;
        Value::Integer(digits * i128::from((object.value as i64).signum()))
    } else if object.is(&FLOAT) {
        Value::Float(f64::from_bits(object.value))
    } else if object.is(&POINTER) {
        Value::Pointer(object.value)
    } else {
        Value::Other(word)
    }
}

/// The value of a record.
pub(crate) fn record_of<T: Copy>(word: Word) -> T {
    let object = Object::at(word);
    assert!(object.is(&RECORD), "it is a record");
    let memory = std::ptr::with_exposed_provenance::<T>(object.value as usize);
    // SAFETY: a record's memory is as large as any that the tests have, and never freed.
    unsafe { memory.read_unaligned() }
}

/// What the function that allocates is passed.
pub(crate) const TOKEN: Word = 0x70_6b65_6e00;
/// What releasing the lock returns.
const STATE: u64 = 0x5747_4154_4521;

thread_local! {
    /// Whether there is no memory for records.
    pub(crate) static EXHAUSTED: Cell<bool> = const { Cell::new(false) };
}

extern "C" fn signed(value: i64) -> Word {
    // Values of this test's functions have no more than 60 bits, except where all are set.
    if value == i64::MIN {
        Object::new(&FLOAT, (value as f64).to_bits(), [0; 2]).word()
    } else {
        integer(value)
    }
}

extern "C" fn unsigned(value: u64) -> Word {
    integer(value as i64)
}

extern "C" fn new_float(value: f64) -> Word {
    float(value)
}

extern "C" fn new_pointer(address: u64, token: Word) -> Word {
    assert_eq!(token, TOKEN);
    Object::new(&POINTER, address, [0; 2]).word()
}

extern "C" fn release() -> u64 {
    note("release");
    STATE
}

extern "C" fn regain(state: u64) {
    note(if state == STATE { "regain" } else { "regain with another state" });
}

extern "C" fn new_record(token: Word) -> Word {
    note("allocate");
    assert_eq!(token, TOKEN);
    if EXHAUSTED.get() {
        return 0;
    }
    record(Large { words: [-1; 5] })
}

/// The addresses of the host; and its `nil`, yes and no.
pub(crate) struct Heap {
    pub(crate) addresses: [Word; address::COUNT],
    pub(crate) nil: &'static Object,
    pub(crate) yes: &'static Object,
    pub(crate) no: &'static Object,
}

impl Heap {
    pub(crate) fn new() -> Heap {
        let [nil, yes, no] = [0, 1, 2].map(|value| Object::new(&SINGLETON, value, [0; 2]));
        let ty = |ty: &'static Type| std::ptr::from_ref(ty).expose_provenance() as u64;
        let function = |function: *const c_void| function.expose_provenance() as u64;
        let mut addresses = [0; address::COUNT];
        for (number, word) in [
            (address::INTEGER_TYPE, ty(&INTEGER)),
            (address::FLOAT_TYPE, ty(&FLOAT)),
            (address::POINTER_TYPE, ty(&POINTER)),
            (address::RECORD_TYPE, ty(&RECORD)),
            (address::NIL, nil.word()),
            (address::YES, yes.word()),
            (address::NO, no.word()),
            (address::SIGNED, function(signed as *const c_void)),
            (address::UNSIGNED, function(unsigned as *const c_void)),
            (address::FLOAT, function(new_float as *const c_void)),
            (address::POINTER, function(new_pointer as *const c_void)),
            (address::RELEASE, function(release as *const c_void)),
            (address::REGAIN, function(regain as *const c_void)),
            (address::RECORD, function(new_record as *const c_void)),
            (address::TOKEN, TOKEN),
        ] {
            addresses[usize::from(number.0)] = word;
        }
        Heap { addresses, nil, yes, no }
    }
}
