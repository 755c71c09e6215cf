//! What V8 is told about a fast function, as data.

use std::ffi::c_void;

use springboard::{
    abi::{FastCall, Narrow, Passed, SlotForm},
    ir::{FloatFormat, Scalar},
};

/// How V8 passes a value. The kinds are those of `v8::CTypeInfo::Type`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Kind {
    /// No result.
    Void,
    /// A boolean: 0 or 1 in 32 bits.
    Bool,
    /// A number as 32 bits with a sign.
    I32,
    /// A number as 32 bits without a sign.
    U32,
    /// A number or bigint, by the description's [`Int64`], as 64 bits with a sign.
    I64,
    /// A number or bigint as 64 bits without a sign.
    U64,
    /// A number as `float`.
    F32,
    /// A number as `double`.
    F64,
    /// An address, in 64 bits. V8 knows it as a `kUint64`, as Node.js has it, or as a `kPointer`; the host says which.
    Pointer,
    /// Any value: a handle that nobody has looked into.
    Value,
    /// A sequential string of one byte a character: the address of an [`OneByteString`](super::OneByteString).
    OneByteString,
}

/// What 64-bit integers are in JavaScript, in one whole signature.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[repr(u8)]
pub enum Int64 {
    /// Numbers, which tell integers apart up to 2^53.
    Number,
    /// Bigints.
    BigInt,
}

/// Whether a function changes anything that JavaScript can see: `v8::SideEffectType`. A debugger evaluates expressions
/// that may only call functions without effects.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum Effects {
    /// It may.
    #[default]
    Possible,
    /// It does not.
    None,
}

/// What V8 is told about a fast function: what a `v8::CFunctionInfo` is made of.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Description {
    /// The result.
    pub result: Kind,
    /// The arguments after the receiver, which always comes first, as a [`Kind::Value`].
    pub arguments: Box<[Kind]>,
    /// Whether a pointer to V8's options follows them.
    pub options: bool,
    /// What 64-bit integers are.
    pub int64: Int64,
}

/// Code that V8 may call, and what it is told about it.
#[derive(Clone, Copy, Debug)]
pub struct FastCode<'a> {
    /// The address of the code.
    pub address: *const c_void,
    /// What a host makes type information of, of which V8 keeps the address.
    pub description: &'a Description,
}

impl Description {
    /// The description of a stub of `call` that gets these arguments. `int64` says what 64-bit integers are, where the host does.
    pub(super) fn of(
        call: &FastCall,
        passed: &[Passed],
        result: SlotForm,
        int64: Option<Int64>,
    ) -> Description {
        let arguments: Box<[Kind]> =
            passed.iter().map(|passed| Kind::of_argument(*passed, call.narrow)).collect();
        let result = match result {
            SlotForm::Word(scalar) => Kind::of_scalar(scalar),
            SlotForm::None | SlotForm::Address(_) => Kind::Void,
        };
        let int64 = int64.unwrap_or_else(|| Int64::of(&arguments, result));
        Description { result, arguments, options: call.takes_options(), int64 }
    }
}

impl Int64 {
    /// Bigints where there is a 64-bit integer or a pointer, as Node.js has it.
    pub fn of(arguments: &[Kind], result: Kind) -> Int64 {
        let is_wide = |kind: &Kind| matches!(kind, Kind::I64 | Kind::U64 | Kind::Pointer);
        if arguments.iter().any(is_wide) || is_wide(&result) { Int64::BigInt } else { Int64::Number }
    }
}

impl Kind {
    fn of_argument(passed: Passed, narrow: Narrow) -> Kind {
        match passed {
            Passed::Scalar(Scalar::Int { bytes: 1..=4, .. }) if narrow == Narrow::Exact => Kind::F64,
            Passed::Scalar(scalar) => Kind::of_scalar(scalar),
            Passed::Buffer => Kind::Value,
            Passed::Address(_) => Kind::Pointer,
        }
    }

    pub(super) fn of_scalar(scalar: Scalar) -> Kind {
        match scalar {
            Scalar::Bool => Kind::Bool,
            Scalar::Int { bytes: 8, signed: true } => Kind::I64,
            Scalar::Int { bytes: 8, signed: false } => Kind::U64,
            Scalar::Int { signed: true, .. } => Kind::I32,
            Scalar::Int { signed: false, .. } => Kind::U32,
            Scalar::Float(FloatFormat::F32) => Kind::F32,
            Scalar::Float(_) => Kind::F64,
            Scalar::Pointer | Scalar::Vector { .. } => Kind::Pointer,
        }
    }
}
