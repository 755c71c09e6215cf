//! The types of `bun:ffi` as data, for hosts that offer that interface: their names, aliases and numeric tags, the C type
//! of each, and which 64-bit integers become numbers.

use std::fmt;

use springboard::ir::{ParseError, Prototype, Signature};

use crate::v8::Any;

/// A type of `bun:ffi`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct BunType {
    /// The number by which programs may name it. It never changes.
    pub tag: u8,
    /// The name.
    pub name: &'static str,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// The C type. `None` where only the JavaScript engine knows it.
    pub c: Option<&'static str>,
    /// Where it may stand.
    pub places: &'static [Place],
}

/// A place in a signature of `bun:ffi`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Place {
    /// An argument of a native function.
    Argument,
    /// An argument of a callback.
    CallbackArgument,
    /// A result.
    Result,
}

use Place::{Argument, CallbackArgument, Result as Returned};

const ANYWHERE: &[Place] = &[Argument, CallbackArgument, Returned];
const ARGUMENTS: &[Place] = &[Argument, CallbackArgument];

/// Every type, by its tag. Names are matched exactly, upper and lower case included.
pub const TYPES: [BunType; 22] = [
    row(0, "char", &[], Some("signed char"), ANYWHERE),
    row(1, "i8", &["int8_t"], Some("int8_t"), ANYWHERE),
    row(2, "u8", &["uint8_t"], Some("uint8_t"), ANYWHERE),
    row(3, "i16", &["int16_t"], Some("int16_t"), ANYWHERE),
    row(4, "u16", &["uint16_t"], Some("uint16_t"), ANYWHERE),
    row(5, "i32", &["int32_t", "int", "c_int"], Some("int32_t"), ANYWHERE),
    row(6, "u32", &["uint32_t", "c_uint"], Some("uint32_t"), ANYWHERE),
    row(7, "i64", &["int64_t", "isize"], Some("int64_t"), ANYWHERE),
    row(8, "u64", &["uint64_t", "usize", "size_t"], Some("uint64_t"), ANYWHERE),
    row(9, "f64", &["double"], Some("double"), ANYWHERE),
    row(10, "f32", &["float"], Some("float"), ANYWHERE),
    row(11, "bool", &[], Some("_Bool"), ANYWHERE),
    row(12, "ptr", &["pointer", "void*", "char*"], Some("void *"), ANYWHERE),
    row(13, "void", &[], Some("void"), &[Returned]),
    row(14, "cstring", &[], Some("char *"), ANYWHERE),
    row(15, "i64_fast", &[], Some("int64_t"), ANYWHERE),
    row(16, "u64_fast", &[], Some("uint64_t"), ANYWHERE),
    row(17, "function", &["fn", "callback"], Some("void *"), ANYWHERE),
    row(18, "napi_env", &[], None, &[]),
    row(19, "napi_value", &[], None, &[]),
    row(20, "buffer", &[], Some("void *"), ARGUMENTS),
    row(21, "buffer_length", &["buffer_bytelength"], Some("uint64_t"), &[Argument]),
];

const fn row(
    tag: u8,
    name: &'static str,
    aliases: &'static [&'static str],
    c: Option<&'static str>,
    places: &'static [Place],
) -> BunType {
    BunType { tag, name, aliases, c, places }
}

impl BunType {
    /// The type of this name or alias.
    pub fn named(name: &str) -> Option<&'static BunType> {
        TYPES.iter().find(|ty| ty.name == name || ty.aliases.contains(&name))
    }

    /// The type of this tag.
    pub fn tagged(tag: u8) -> Option<&'static BunType> {
        TYPES.get(usize::from(tag))
    }
}

/// What a signature is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Use {
    /// A native function.
    Function,
    /// A callback that one thread calls.
    Callback,
    /// A callback that any thread may call: [`CallbackType::post`](springboard::CallbackType::post).
    ThreadsafeCallback,
}

/// The C signature of a function or callback of `bun:ffi`.
///
/// # Errors
/// An unknown name, a type in a place where it cannot stand, or more parameters than a signature may have.
pub fn signature(used: Use, arguments: &[&str], returns: &str) -> Result<Signature, BunError> {
    let place = if used == Use::Function { Argument } else { CallbackArgument };
    let c = |name: &str, place| {
        let ty = BunType::named(name).ok_or_else(|| BunError::Unknown { name: name.to_owned(), place })?;
        let c = ty.c.filter(|_| ty.places.contains(&place));
        c.ok_or(BunError::Misplaced { name: ty.name, place })
    };
    let result = c(returns, Returned)?;
    if used == Use::ThreadsafeCallback && result != "void" {
        return Err(BunError::ThreadsafeResult(returns.to_owned()));
    }
    let params = arguments.iter().map(|name| c(name, place)).collect::<Result<Vec<_>, _>>()?;
    let params = if params.is_empty() { "void".to_owned() } else { params.join(", ") };
    let prototype = Prototype::parse(&format!("{result} f({params})")).map_err(BunError::Signature)?;
    Ok(prototype.signature)
}

/// Why there is no signature.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum BunError {
    /// No type has the name.
    #[allow(missing_docs)]
    Unknown { name: String, place: Place },
    /// The type cannot stand there.
    #[allow(missing_docs)]
    Misplaced { name: &'static str, place: Place },
    /// A threadsafe callback returns something.
    ThreadsafeResult(String),
    /// There are more parameters than a signature may have.
    Signature(ParseError),
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Argument => "an argument",
            CallbackArgument => "an argument of a callback",
            Returned => "a result",
        })
    }
}

impl fmt::Display for BunError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            BunError::Unknown { name, place } => write!(f, "unknown type {name} for {place}"),
            BunError::Misplaced { name, place } => write!(f, "{name} cannot be {place}"),
            BunError::ThreadsafeResult(name) => {
                write!(f, "a threadsafe callback must return void, and this one returns {name}")
            }
            BunError::Signature(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for BunError {}

/// `Number.MAX_SAFE_INTEGER`, 2^53 - 1: up to it a number differs from every other integer's.
pub const MAX_SAFE_INTEGER: i64 = (1 << 53) - 1;

/// What an `i64_fast` becomes: a number from -(2^53 - 1) to 2^53 - 1, a bigint beyond.
pub fn i64_fast(value: i64) -> Any<'static> {
    if value.unsigned_abs() <= MAX_SAFE_INTEGER.unsigned_abs() {
        Any::Number(value as f64)
    } else {
        Any::BigInt(value.into())
    }
}

/// What a `u64_fast` becomes: a number up to 2^53 - 1, a bigint beyond.
pub fn u64_fast(value: u64) -> Any<'static> {
    match i64::try_from(value) {
        Ok(value) => i64_fast(value),
        Err(_) => Any::BigInt(value.into()),
    }
}
