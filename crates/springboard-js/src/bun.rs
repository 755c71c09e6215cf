//! The types of `bun:ffi`, for hosts that offer that interface: their names, aliases and numeric tags, the C type of each,
//! and what JavaScript gets for a slot of each.
//!
//! The C types do not say that: `i64_fast` and `i64` are both `int64_t`. A [`Declared`] signature keeps both its C
//! signature and its types, by which it decodes the slots of a call: on the thread that owns JavaScript's heap, from raw
//! words that any thread may have written.

mod decode;

use std::fmt;

use springboard::{
    Callback, CallbackType, Engine, Mailbox,
    callback::{CreateError, OwnerCallbackType, RawHandler},
    ir::{ParseError, Prototype, Signature},
};

pub use self::decode::{MAX_SAFE_INTEGER, i64_fast, u64_fast};
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

/// A signature of `bun:ffi`: what C sees of it, and the types of which JavaScript's values are made.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Declared {
    used: Use,
    signature: Signature,
    arguments: Box<[&'static BunType]>,
    returns: &'static BunType,
}

impl Declared {
    /// A function or callback by the names of its types.
    ///
    /// # Errors
    /// An unknown name, a type in a place where it cannot stand, a result of a threadsafe callback, or more parameters than a
    /// signature may have.
    pub fn new(used: Use, arguments: &[&str], returns: &str) -> Result<Declared, BunError> {
        let place = if used == Use::Function { Argument } else { CallbackArgument };
        let found = |name: &str, place| {
            let ty =
                BunType::named(name).ok_or_else(|| BunError::Unknown { name: name.to_owned(), place })?;
            let c = ty.c.filter(|_| ty.places.contains(&place));
            c.map(|c| (ty, c)).ok_or(BunError::Misplaced { name: ty.name, place })
        };
        let (returns, result) = found(returns, Returned)?;
        if used == Use::ThreadsafeCallback && result != "void" {
            return Err(BunError::ThreadsafeResult(returns.name.to_owned()));
        }
        let found = arguments.iter().map(|name| found(name, place)).collect::<Result<Vec<_>, _>>()?;
        let (arguments, c): (Vec<_>, Vec<_>) = found.into_iter().unzip();
        let params = if c.is_empty() { "void".to_owned() } else { c.join(", ") };
        let prototype = Prototype::parse(&format!("{result} f({params})")).map_err(BunError::Signature)?;
        Ok(Declared { used, signature: prototype.signature, arguments: arguments.into(), returns })
    }

    /// What it is for.
    pub fn used(&self) -> Use {
        self.used
    }

    /// The C type.
    pub fn signature(&self) -> &Signature {
        &self.signature
    }

    /// The types of the arguments.
    pub fn arguments(&self) -> &[&'static BunType] {
        &self.arguments
    }

    /// The type of the result.
    pub fn returns(&self) -> &'static BunType {
        self.returns
    }

    /// What JavaScript gets for the arguments of a call.
    ///
    /// # Safety
    /// `slots` are those of a call of this signature: one canonical slot for each argument. Each `cstring` is null, or the
    /// address of bytes that end with a zero byte.
    pub unsafe fn decode(&self, slots: *const u64) -> Vec<Any<'static>> {
        let each = self.arguments.iter().enumerate();
        // SAFETY: the caller gives a slot for each argument, and texts where a `cstring` points to.
        each.map(|(index, ty)| unsafe { ty.decode(*slots.add(index)) }).collect()
    }

    /// The type of callbacks of this signature.
    ///
    /// # Errors
    /// As [`Engine::callback_type`].
    pub fn callback_type(&self, engine: &Engine) -> Result<CallbackType, CreateError> {
        engine.callback_type(self.signature.clone())
    }

    /// A `JSCallback` with `threadsafe: true`: calls of other threads wait in the mailbox as raw slots with their types, and
    /// the handler gets values on the thread that drains. Nothing of JavaScript's is touched elsewhere.
    ///
    /// `choose` makes a type with a policy of a type without: [`CallbackType::post`], [`CallbackType::queue`], or one with
    /// [`CallbackType::copy_in`] before it, which keeps the text of a `cstring` until the handler has it.
    ///
    /// # Errors
    /// As [`Engine::callback_type`] and [`OwnerCallbackType::raw`], and those of `choose`.
    ///
    /// # Safety
    /// What a `cstring` points to is text when the handler runs: it lives as long, or is copied in.
    pub unsafe fn threadsafe(
        &self,
        engine: &Engine,
        mailbox: &Mailbox,
        choose: impl FnOnce(&CallbackType, &Mailbox) -> Result<OwnerCallbackType, CreateError>,
        handler: impl Fn(&[Any<'static>]) + 'static,
    ) -> Result<Callback, CreateError> {
        let policy = choose(&self.callback_type(engine)?, mailbox)?;
        let context = Box::into_raw(Box::new(Handler { declared: self.clone(), handler }));
        // SAFETY: the handler is for calls of this signature, whose result is void or a word; `release` frees it once, on
        // this thread. The caller answers for texts.
        let made = unsafe { policy.raw(raw_handler(context)) };
        made.inspect_err(|_| {
            // SAFETY: it was made above, and no callback has it.
            drop(unsafe { Box::from_raw(context) });
        })
    }
}

/// A handler of decoded values.
struct Handler<F> {
    declared: Declared,
    handler: F,
}

fn raw_handler<F: Fn(&[Any<'static>]) + 'static>(context: *const Handler<F>) -> RawHandler {
    /// # Safety
    /// The context is a handler, and the slots are those of a call of its signature.
    unsafe fn call<F: Fn(&[Any<'static>])>(context: *const std::ffi::c_void, slots: *mut u64) {
        // SAFETY: a callback calls with the context of its handler, which is not released yet, and the slots of a call.
        let (handler, values) = unsafe {
            let handler = &*context.cast::<Handler<F>>();
            (handler, handler.declared.decode(slots))
        };
        (handler.handler)(&values);
    }
    /// # Safety
    /// The context is a handler that came out of a box, and nobody uses it any more.
    unsafe fn release<F>(context: *const std::ffi::c_void) {
        // SAFETY: the context came out of a box in `threadsafe`, and is released once, after the last call.
        drop(unsafe { Box::from_raw(context.cast_mut().cast::<Handler<F>>()) });
    }
    RawHandler { context: context.cast(), call: call::<F>, release: Some(release::<F>) }
}

/// Why there is no signature.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)]
pub enum BunError {
    /// No type has the name.
    #[error("unknown type {name} for {place}")]
    Unknown { name: String, place: Place },
    /// The type cannot stand there.
    #[error("{name} cannot be {place}")]
    Misplaced { name: &'static str, place: Place },
    /// A threadsafe callback returns something.
    #[error("a threadsafe callback must return void, and this one returns {0}")]
    ThreadsafeResult(String),
    /// There are more parameters than a signature may have.
    #[error(transparent)]
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
