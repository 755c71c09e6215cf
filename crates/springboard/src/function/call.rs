//! A call with checked values.

use std::{ffi::c_void, fmt, mem::MaybeUninit};

use springboard_code::CodePointer;
use springboard_ir::{Layout, Signature};

use super::ty::{FunctionType, ResultKind, ResultWord};
use crate::{
    thread::{CallbackError, NativeScope, take_pending},
    value::{ArgumentError, Bytes, Value},
    word::Word,
};

/// Slots up to which a call allocates nothing for them: 32 parameters and the addresses of result and last error.
const INLINE_SLOTS: usize = 34;

/// Why a call with checked values was not made, or has no result.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum CallError {
    /// There are more or fewer arguments than parameters.
    Arity {
        /// The number of parameters, variadic arguments included.
        parameters: usize,
        /// The number of arguments.
        arguments: usize,
    },
    /// An argument does not fit its parameter.
    Argument {
        /// The argument, counted from 0.
        index: usize,
        /// What does not fit.
        error: ArgumentError,
    },
    /// The function delivers no last error.
    NoLastError,
    /// The function was called, and a callback that it called failed: its handler panicked or raised an error.
    Callback(CallbackError),
}

impl fmt::Display for CallError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            CallError::Arity { parameters, arguments } => {
                write!(f, "the function takes {parameters} arguments and is given {arguments}")
            }
            CallError::Argument { index, error } => write!(f, "argument {}: {error}", index + 1),
            CallError::NoLastError => f.write_str("the function was bound without a last error to deliver"),
            CallError::Callback(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for CallError {}

/// What is called, and how it is entered.
#[derive(Clone, Copy)]
pub(super) struct Called<'f> {
    pub(super) ty: &'f FunctionType,
    pub(super) signature: &'f Signature,
    /// What [`ResultWord::erased`] gave for the type's result.
    pub(super) entry: CodePointer,
    pub(super) target: *const c_void,
}

/// Calls a function with `arguments`, once they are found to fit. What it delivers as last error goes to `last_error`.
///
/// # Safety
/// `called` is entered as its type says, and the function is sound to call with these arguments; see
/// [`Function::call`](super::Function::call).
#[inline]
pub(super) unsafe fn call(
    called: Called<'_>,
    arguments: &[Value],
    last_error: &mut i32,
) -> Result<Value, CallError> {
    let count = called.ty.checks.len() + 2;
    let mut inline = [const { MaybeUninit::uninit() }; INLINE_SLOTS];
    match inline.get_mut(..count) {
        // SAFETY: there are as many slots as parameters and two more; the caller answers for the call.
        Some(slots) => unsafe { call_with(called, arguments, last_error, slots) },
        // SAFETY: the vector has `count` slots, as many as parameters and two more; the caller answers for the call.
        None => unsafe { call_with(called, arguments, last_error, &mut vec![MaybeUninit::uninit(); count]) },
    }
}

/// # Safety
/// As [`call`]. There are two more slots than the function has parameters.
#[inline]
unsafe fn call_with(
    called: Called<'_>,
    arguments: &[Value],
    last_error: &mut i32,
    slots: &mut [MaybeUninit<u64>],
) -> Result<Value, CallError> {
    let Called { ty, signature, entry, target } = called;
    let parameters = ty.checks.len();
    if arguments.len() != parameters {
        return Err(CallError::Arity { parameters, arguments: arguments.len() });
    }
    for (index, ((slot, value), check)) in slots.iter_mut().zip(arguments).zip(&ty.checks).enumerate() {
        match check.slot(value) {
            Some(word) => slot.write(word),
            None => return Err(refused(ty, signature, index, value)),
        };
    }
    slots[ty.slots()].write((&raw mut *last_error).into_slot());
    // SAFETY: the slots are canonical, one per parameter, and the one for the last error after them; those that are
    // addresses are of bytes in `arguments`, which outlive the call. The caller answers for the rest.
    let enter = |result: ResultWord, slots: &[MaybeUninit<u64>]| unsafe {
        let native = NativeScope::enter();
        let word = result.enter(entry, target, slots.as_ptr().cast());
        drop(native);
        word
    };
    let result = match ty.result {
        ResultKind::Word(result) => result.value(enter(result, slots)),
        ResultKind::Memory(layout) => in_memory(layout, |to| {
            slots[parameters].write(to.into_slot());
            enter(ResultWord::Void, slots);
        }),
        ResultKind::Signed128 | ResultKind::Unsigned128 => {
            let mut integer = Aligned([0u8; 16]);
            slots[parameters].write((&raw mut integer).into_slot());
            enter(ResultWord::Void, slots);
            match ty.result {
                ResultKind::Signed128 => Value::Signed(i128::from_ne_bytes(integer.0)),
                _ => Value::Unsigned(u128::from_ne_bytes(integer.0)),
            }
        }
    };
    match take_pending() {
        None => Ok(result),
        Some(error) => Err(CallError::Callback(error)),
    }
}

#[cold]
fn refused(ty: &FunctionType, signature: &Signature, index: usize, value: &Value) -> CallError {
    let error = ty.checks[index].refused(value, &signature.params()[index].ty);
    CallError::Argument { index, error }
}

impl ResultWord {
    /// The value of a canonical slot.
    #[inline(always)]
    fn value(self, slot: u64) -> Value {
        match self {
            ResultWord::Void => Value::Void,
            ResultWord::Bool => Value::Bool(bool::from_slot(slot)),
            ResultWord::Pointer => Value::Pointer(Word::from_slot(slot)),
            ResultWord::Signed { .. } => Value::Signed((slot as i64).into()),
            ResultWord::Unsigned { .. } => Value::Unsigned(slot.into()),
            ResultWord::F32 => Value::F32(f32::from_slot(slot)),
            ResultWord::F64 => Value::F64(f64::from_slot(slot)),
        }
    }
}

/// Bytes as aligned as any C scalar or vector wants.
#[repr(align(64))]
struct Aligned<const N: usize>([u8; N]);

/// The bytes that `write` leaves at the address that it is given: zero at first, aligned as their type says.
#[inline(always)]
fn in_memory(layout: Layout, write: impl FnOnce(*mut u8)) -> Value {
    let (size, align) = (layout.size as usize, layout.align as usize);
    if size <= Bytes::INLINE && align <= align_of::<Aligned<0>>() {
        let mut memory = Aligned([0u8; Bytes::INLINE]);
        write((&raw mut memory).cast());
        return Value::Bytes(Bytes::inline(memory.0, size as u8));
    }
    let mut memory = vec![0u8; size + align];
    let start = memory.as_ptr().align_offset(align);
    write(memory.as_mut_ptr().wrapping_add(start));
    Value::Bytes(memory[start..][..size].into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_for_results_is_aligned_and_of_its_size() {
        for (size, align) in [(0, 1), (1, 1), (24, 8), (32, 32), (64, 64), (64, 128), (65, 1), (4096, 4096)] {
            let value = in_memory(Layout { size, align }, |to| {
                assert_eq!(to.addr() % align as usize, 0, "align {align}");
                // SAFETY: there is room for as many bytes.
                unsafe { to.write_bytes(7, size as usize) };
            });
            assert_eq!(value, Value::Bytes(vec![7; size as usize].into()));
        }
    }
}
