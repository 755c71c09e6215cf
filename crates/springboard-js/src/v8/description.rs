//! What V8 is told about a fast function, as data.

use springboard::abi::{FastCall, Options, SlotForm};
use springboard::ir::{DataModel, FloatFormat, LayoutError, Scalar, Type};

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

/// What V8 is told about a fast function: what a `v8::CFunctionInfo` is made of.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Description {
    /// The result.
    pub result: Kind,
    /// The arguments behind the receiver, which is always there, first, as a [`Kind::Value`].
    pub arguments: Box<[Kind]>,
    /// Whether a pointer to V8's options follows them.
    pub options: bool,
    /// What 64-bit integers are.
    pub int64: Int64,
}

impl Description {
    /// The description of a stub for `call`. 64-bit integers are bigints where there are any, as Node.js has it,
    /// unless `int64` says what they are.
    ///
    /// # Errors
    /// A type has no layout.
    pub(super) fn of(
        call: &FastCall,
        model: &DataModel,
        int64: Option<Int64>,
    ) -> Result<Description, LayoutError> {
        let params = call.signature.params().iter().zip(0..);
        let mut arguments = params
            .map(|(param, index)| match Kind::of(&param.ty, model)? {
                Kind::Pointer if call.buffers.contains(&index) => Ok(Kind::Value),
                kind => Ok(kind),
            })
            .collect::<Result<Vec<_>, LayoutError>>()?;
        let in_memory = matches!(SlotForm::of(call.signature.result(), model)?, SlotForm::Address(_));
        let result = if in_memory { Kind::Void } else { Kind::of(call.signature.result(), model)? };
        if in_memory {
            // Where it goes.
            arguments.push(Kind::Pointer);
        }
        let options = call.options == Options::Always || arguments.contains(&Kind::Value);
        let int64 = int64.unwrap_or_else(|| Int64::for_kinds(arguments.iter().chain([&result])));
        Ok(Description { result, arguments: arguments.into(), options, int64 })
    }
}

impl Int64 {
    /// Bigints where there is a 64-bit integer or a pointer, as Node.js has it.
    pub(super) fn for_kinds<'a>(mut kinds: impl Iterator<Item = &'a Kind>) -> Int64 {
        let wide = kinds.any(|kind| matches!(kind, Kind::I64 | Kind::U64 | Kind::Pointer));
        if wide { Int64::BigInt } else { Int64::Number }
    }
}

impl Kind {
    /// How V8 passes a C type: what is no scalar by its address.
    fn of(ty: &Type, model: &DataModel) -> Result<Kind, LayoutError> {
        Ok(match SlotForm::of(ty, model)? {
            SlotForm::None => Kind::Void,
            SlotForm::Address(_) => Kind::Pointer,
            SlotForm::Word(scalar) => match scalar {
                Scalar::Bool => Kind::Bool,
                Scalar::Int { bytes: 8, signed: true } => Kind::I64,
                Scalar::Int { bytes: 8, signed: false } => Kind::U64,
                Scalar::Int { signed: true, .. } => Kind::I32,
                Scalar::Int { signed: false, .. } => Kind::U32,
                Scalar::Float(FloatFormat::F32) => Kind::F32,
                Scalar::Float(_) => Kind::F64,
                Scalar::Pointer | Scalar::Vector { .. } => Kind::Pointer,
            },
        })
    }
}
