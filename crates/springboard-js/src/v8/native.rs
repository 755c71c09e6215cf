//! Fast functions of the host's own: the Rust function types that V8 can call.

use std::{ffi::c_void, ptr::NonNull, slice};

use super::description::{Description, Int64, Kind};

/// The receiver of a call, `this`: an unchecked handle.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct Receiver(pub *const c_void);

/// Any value of JavaScript: an unchecked handle. Check what it is before using it.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct Value(pub *const c_void);

/// A sequential string of one byte per character. V8 passes its address, which is valid during the call.
#[derive(Debug)]
#[repr(C)]
pub struct OneByteString {
    data: *const u8,
    length: u32,
}

impl OneByteString {
    /// Its characters: Latin-1, not UTF-8.
    pub fn latin1(&self) -> &[u8] {
        if self.length == 0 {
            return &[];
        }
        // SAFETY: V8 made this string: `length` bytes are at `data`, and do not move or change during the call, for which
        // `self` is borrowed.
        unsafe { slice::from_raw_parts(self.data, self.length as usize) }
    }
}

/// V8's options, with which a variant finds its context and reports an error.
///
/// A `v8::FastApiCallbackOptions`, which differs between versions of V8; the host knows which.
#[derive(Clone, Copy, Debug)]
#[repr(transparent)]
pub struct HostOptions(pub NonNull<c_void>);

/// A type that V8 can pass to a fast function.
///
/// # Safety
/// A C function takes it as V8 passes a value of `KIND`.
pub unsafe trait FastArgument {
    /// How V8 passes it.
    const KIND: Kind;
}

/// A type that a fast function can return to V8.
///
/// # Safety
/// A C function returns it as V8 expects a result of `KIND`.
pub unsafe trait FastResult {
    /// What V8 makes of it.
    const KIND: Kind;
}

macro_rules! kinds {
    ($($trait:ident: $($rust:ty => $kind:ident),*;)*) => {$($(
        // SAFETY: of C's types, this is the one that `v8::CTypeInfo` documents for the kind.
        unsafe impl $trait for $rust {
            const KIND: Kind = Kind::$kind;
        }
    )*)*};
}

kinds! {
    FastArgument: bool => Bool, i32 => I32, u32 => U32, i64 => I64, u64 => U64, f32 => F32, f64 => F64,
        Value => Value, *const OneByteString => OneByteString;
    FastResult: () => Void, bool => Bool, i32 => I32, u32 => U32, i64 => I64, u64 => U64, f32 => F32, f64 => F64;
}

/// A Rust function that V8 can call fast: `extern "C" fn(Receiver, …) -> R`, with up to eight arguments of types that
/// are [`FastArgument`]s, and after them a [`HostOptions`] if it wants one.
///
/// # Safety
/// The function is a C function of that description at that address.
pub unsafe trait FastFunction: Copy {
    /// What V8 is told about it, with the default for 64-bit integers.
    fn description(self) -> Description;

    /// The address of the function.
    fn address(self) -> *const c_void;
}

macro_rules! function {
    ($options:literal; $($argument:ident)*; $($last:ident)?) => {
        // SAFETY: each argument and the result are passed as their kinds say, and the options as a pointer, last.
        unsafe impl<R: FastResult, $($argument: FastArgument),*> FastFunction
            for extern "C" fn(Receiver, $($argument,)* $($last)?) -> R
        {
            fn description(self) -> Description {
                let arguments: Box<[Kind]> = Box::new([$($argument::KIND),*]);
                let int64 = Int64::of(&arguments, R::KIND);
                Description { result: R::KIND, arguments, options: $options, int64 }
            }

            fn address(self) -> *const c_void {
                self as *const c_void
            }
        }
    };
}

macro_rules! functions {
    ($($argument:ident)*) => {
        function!(false; $($argument)*;);
        function!(true; $($argument)*; HostOptions);
    };
}

functions!();
functions!(A);
functions!(A B);
functions!(A B C);
functions!(A B C D);
functions!(A B C D E);
functions!(A B C D E F);
functions!(A B C D E F G);
functions!(A B C D E F G H);
