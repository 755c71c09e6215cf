//! Made-up hosts: how they describe themselves to the `boxed` entry.

use springboard_abi::{
    Fill,
    boxed::{
        Arguments, Around, Boxing, Callable, Check, Count, DigitSign, Host, HostAddress, Kind, Memory,
        Payload, Returns, Unbox,
    },
};

/// The numbers of the addresses that both hosts refer to.
#[allow(missing_docs)] // each is what its name says
pub mod address {
    use super::HostAddress;

    pub const INTEGER_TYPE: HostAddress = HostAddress(0);
    pub const FLOAT_TYPE: HostAddress = HostAddress(1);
    pub const POINTER_TYPE: HostAddress = HostAddress(2);
    pub const RECORD_TYPE: HostAddress = HostAddress(3);
    pub const NIL: HostAddress = HostAddress(4);
    pub const YES: HostAddress = HostAddress(5);
    pub const NO: HostAddress = HostAddress(6);
    pub const SIGNED: HostAddress = HostAddress(7);
    pub const UNSIGNED: HostAddress = HostAddress(8);
    pub const FLOAT: HostAddress = HostAddress(9);
    pub const POINTER: HostAddress = HostAddress(10);
    pub const RELEASE: HostAddress = HostAddress(11);
    pub const REGAIN: HostAddress = HostAddress(12);
    pub const RECORD: HostAddress = HostAddress(13);
    pub const TO_INTEGER: HostAddress = HostAddress(14);
    pub const TO_FLOAT: HostAddress = HostAddress(15);
    pub const OCCURRED: HostAddress = HostAddress(16);
    pub const TOKEN: HostAddress = HostAddress(17);
    /// How many there are.
    pub const COUNT: usize = 18;
}

use address::{
    FLOAT, FLOAT_TYPE, INTEGER_TYPE, NIL, NO, OCCURRED, POINTER, POINTER_TYPE, RECORD, RECORD_TYPE, REGAIN,
    RELEASE, SIGNED, TO_FLOAT, TO_INTEGER, TOKEN, UNSIGNED, YES,
};

/// Offset of the reference count in an object of the first host.
pub const OBJECT_COUNT: i32 = 0;
/// Offset of the type's address in an object of the first host.
pub const OBJECT_TYPE: i32 = 8;
/// Offset of the value in an object of the first host, or of the number of an integer's digits.
pub const OBJECT_VALUE: i32 = 16;
/// Offset of an integer's first digit.
pub const OBJECT_DIGIT: i32 = 24;

/// A host whose every value is an object with a reference count and a type. Its functions are
/// `object *(object *self, object *const *arguments, long count)`.
pub fn objects() -> Host {
    let of = |equals| vec![Check::Word { offset: OBJECT_TYPE, equals }];
    let integer = Unbox::Object {
        checks: of(INTEGER_TYPE),
        payload: Payload::Digit { offset: OBJECT_DIGIT, sign: DigitSign::Size { offset: OBJECT_VALUE } },
    };
    let float =
        Unbox::Object { checks: of(FLOAT_TYPE), payload: Payload::Float { offset: OBJECT_VALUE, bytes: 8 } };
    let address = |equals| Unbox::Object {
        checks: of(equals),
        payload: Payload::Integer { offset: OBJECT_VALUE, bytes: 8, fill: Fill::Zero },
    };
    let constant = |object, value| Unbox::Constant { object, value };
    let call = |function| Boxing::Call { function, with: None };
    let count = Some(Count { offset: OBJECT_COUNT, bytes: 8 });
    Host {
        callable: Callable {
            parameters: 3,
            arguments: Arguments::Array { array: 1, count: 2, count_mask: u64::MAX },
            zero: None,
        },
        around: None,
        nothing: Boxing::Constant { object: NIL, count },
        boolean: Kind {
            unbox: vec![constant(YES, 1), constant(NO, 0)],
            boxing: Boxing::Either { nonzero: YES, zero: NO, count },
        },
        signed: Kind { unbox: vec![integer.clone()], boxing: call(SIGNED) },
        unsigned: Kind { unbox: vec![integer.clone()], boxing: call(UNSIGNED) },
        pointer: Kind {
            unbox: vec![address(POINTER_TYPE), constant(NIL, 0)],
            boxing: Boxing::Call { function: POINTER, with: Some(TOKEN) },
        },
        float: Kind { unbox: vec![float, integer], boxing: call(FLOAT) },
        aggregate: Kind {
            unbox: vec![address(RECORD_TYPE)],
            boxing: Boxing::Memory {
                allocate: RECORD,
                with: Some(TOKEN),
                memory: Memory::Behind { offset: OBJECT_VALUE },
            },
        },
    }
}

/// The same, as a host that has a lock: it is released around native functions.
pub fn objects_with_lock() -> Host {
    Host { around: Some(Around { before: RELEASE, after: REGAIN }), ..objects() }
}

/// The bits of [`words`] in an object's flags that say its type.
pub const KIND: u64 = 0x1f;
/// Floating point numbers.
pub const KIND_FLOAT: u64 = 4;
/// What no object is: the address of one has these bits clear.
pub const NO_OBJECT: u64 = 7;

/// A host whose values are words: small integers have their lowest bit set, objects are addresses and begin with flags.
/// What is no small integer is asked for. Its functions are `word (int count, const word *arguments, word self)`.
pub fn words() -> Host {
    let small = Unbox::Tagged { mask: 1, tag: 1, shift: 1, fill: Fill::Sign };
    let asked = |function, returns| Unbox::Call { function, with: None, returns };
    let error = Some(u64::MAX);
    let integer = asked(TO_INTEGER, Returns::Word { fill: Fill::Sign, error, occurred: Some(OCCURRED) });
    let float = Unbox::Object {
        checks: vec![
            Check::Bits { mask: NO_OBJECT, equal: 0 },
            Check::Flags { offset: 0, mask: KIND, equal: KIND_FLOAT },
        ],
        payload: Payload::Float { offset: 8, bytes: 8 },
    };
    let any_float = asked(TO_FLOAT, Returns::Double { error: Some((-1.0f64).to_bits()), occurred: None });
    let tagged = |otherwise| Boxing::Tagged { shift: 1, tag: 1, otherwise };
    let bytes = Unbox::Object {
        checks: vec![Check::Bits { mask: NO_OBJECT, equal: 0 }],
        payload: Payload::Address { offset: 8 },
    };
    Host {
        callable: Callable {
            parameters: 3,
            arguments: Arguments::Array { array: 1, count: 0, count_mask: u32::MAX as u64 },
            zero: None,
        },
        around: None,
        nothing: Boxing::Constant { object: NIL, count: None },
        boolean: Kind {
            unbox: vec![Unbox::Constant { object: NO, value: 0 }, Unbox::Constant { object: YES, value: 1 }],
            boxing: Boxing::Either { nonzero: YES, zero: NO, count: None },
        },
        signed: Kind { unbox: vec![small.clone(), integer.clone()], boxing: tagged(SIGNED) },
        unsigned: Kind { unbox: vec![small.clone(), integer], boxing: tagged(UNSIGNED) },
        pointer: Kind { unbox: vec![bytes.clone()], boxing: tagged(POINTER) },
        float: Kind {
            unbox: vec![float, small, any_float],
            boxing: Boxing::Call { function: FLOAT, with: None },
        },
        aggregate: Kind {
            unbox: vec![bytes],
            boxing: Boxing::Memory { allocate: RECORD, with: None, memory: Memory::Inline { offset: 8 } },
        },
    }
}

/// A host whose every value is a word that is a double, or none: the bits of a double, less 2^48 at the top.
pub fn doubles() -> Host {
    let bias = 1 << 48;
    let from = bias;
    let unbox = vec![Unbox::Double { from, through: u64::MAX, bias }];
    let none = || Kind { unbox: Vec::new(), boxing: Boxing::Constant { object: NIL, count: None } };
    Host {
        callable: Callable { parameters: 3, arguments: Arguments::Parameters { first: 1 }, zero: None },
        around: None,
        nothing: none().boxing,
        boolean: none(),
        signed: none(),
        unsigned: none(),
        pointer: none(),
        float: Kind { unbox, boxing: Boxing::Double { bias } },
        aggregate: none(),
    }
}

/// The hosts by name.
pub fn named(name: &str) -> Option<Host> {
    match name {
        "objects" => Some(objects()),
        "objects-with-lock" => Some(objects_with_lock()),
        "words" => Some(words()),
        "doubles" => Some(doubles()),
        _ => None,
    }
}
