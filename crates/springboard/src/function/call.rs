//! A call with checked values.

use std::mem::MaybeUninit;

use springboard_ir::{Layout, Signature};

use super::{
    entered::Entered,
    ty::{FunctionType, ResultKind, ResultMemory, ResultWord},
};
use crate::{
    thread::{CallbackError, NativeScope, take_pending},
    value::{ArgumentError, Bytes, Check, Value},
    word::Word,
};

/// Slots up to which a call allocates nothing for them: 32 parameters and the addresses of result and last error.
const INLINE_SLOTS: usize = 34;

/// Why a call with checked values was not made, or has no result.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// There are more or fewer arguments than parameters.
    #[error("the function takes {parameters} arguments and is given {arguments}")]
    Arity {
        /// The number of parameters, variadic arguments included.
        parameters: usize,
        /// The number of arguments.
        arguments: usize,
    },
    /// An argument does not fit its parameter.
    #[error("argument {}: {error}", .index + 1)]
    Argument {
        /// The argument, counted from 0.
        index: usize,
        /// What does not fit. In a box, for the result of every call has room for it.
        error: Box<ArgumentError>,
    },
    /// The function delivers no last error.
    #[error("the function was bound without a last error to deliver")]
    NoLastError,
    /// The function was called, and a callback that it called failed: its handler panicked or raised an error.
    #[error(transparent)]
    Callback(CallbackError),
}

/// What is called, and how it is entered.
#[derive(Clone, Copy)]
pub(super) struct Called<'f> {
    pub(super) ty: &'f FunctionType,
    /// What [`ResultWord::erased`] gave for the type's result.
    pub(super) entered: Entered,
}

/// Calls a function with `arguments`, once they are found to fit. What it delivers as last error goes to `last_error`.
///
/// # Safety
/// `called` is entered as its type says, and the function is sound to call with these arguments; see
/// [`Function::call`](super::Function::call).
#[inline(always)]
pub(super) unsafe fn call(
    Called { ty, entered }: Called<'_>,
    arguments: &[Value],
    last_error: &mut i32,
) -> Result<Value, CallError> {
    let mut slots = [const { MaybeUninit::uninit() }; INLINE_SLOTS];
    if ty.checks.len() <= slots.len() - 2 {
        // SAFETY: there are as many slots as parameters and two more; the caller answers for the call.
        unsafe { call_with(ty, entered, arguments, last_error, &mut slots) }
    } else {
        // SAFETY: the caller answers for the call.
        unsafe { call_with_many(ty, entered, arguments, last_error) }
    }
}

/// As [`call`], with any number of parameters.
///
/// # Safety
/// As [`call`].
#[cold]
#[inline(never)]
unsafe fn call_with_many(
    ty: &FunctionType,
    entered: Entered,
    arguments: &[Value],
    last_error: &mut i32,
) -> Result<Value, CallError> {
    let mut slots = vec![MaybeUninit::uninit(); ty.checks.len() + 2];
    // SAFETY: there are as many slots as parameters and two more; the caller answers for the call.
    unsafe { call_with(ty, entered, arguments, last_error, &mut slots) }
}

/// # Safety
/// As [`call`]. There are at least two more slots than the function has parameters.
#[inline(always)]
unsafe fn call_with(
    ty: &FunctionType,
    entered: Entered,
    arguments: &[Value],
    last_error: &mut i32,
    slots: &mut [MaybeUninit<u64>],
) -> Result<Value, CallError> {
    let parameters = ty.checks.len();
    if arguments.len() != parameters {
        return Err(CallError::Arity { parameters, arguments: arguments.len() });
    }
    for (index, ((slot, value), check)) in slots.iter_mut().zip(arguments).zip(&ty.checks).enumerate() {
        match check.slot(value) {
            Some(word) => slot.write(word),
            None => return Err(refused(check, &ty.signature, index, value)),
        };
    }
    let after = &mut slots[parameters..];
    after[0].write((&raw mut *last_error).into_slot());
    let native = NativeScope::enter();
    // SAFETY: the slots are canonical, one per parameter, then one for a result in memory, where there is one, and one
    // for the last error; those that are addresses are of bytes in `arguments` and of memory that outlives the call. The
    // caller answers for the rest.
    unsafe {
        match ty.result {
            ResultKind::Word(word) => word.enter(
                entered,
                slots.as_ptr().cast(),
                #[inline(always)]
                |slot| {
                    ended(native)?;
                    Ok(word.value(slot))
                },
            ),
            ResultKind::Memory(memory) => {
                after[1] = after[0];
                let mut place = Place([0; _]);
                after[0].write((&raw mut place).into_slot());
                ResultWord::Void.enter(entered, slots.as_ptr().cast(), drop);
                ended(native)?;
                Ok(memory.value(place.words()))
            }
            ResultKind::Apart(layout) => {
                after[1] = after[0];
                let bytes = call_apart(layout, entered, slots, parameters);
                ended(native)?;
                Ok(Value::Bytes(bytes))
            }
        }
    }
}

/// Calls where the result does not lie in its value.
///
/// # Safety
/// As [`call`]. All slots are written except that of the result, which has this index.
#[cold]
#[inline(never)]
unsafe fn call_apart(
    layout: Layout,
    entered: Entered,
    slots: &mut [MaybeUninit<u64>],
    index: usize,
) -> Bytes {
    apart(layout, |to| {
        slots[index].write(to.into_slot());
        // SAFETY: all slots are written now; the caller answers for the call.
        unsafe { ResultWord::Void.enter(entered, slots.as_ptr().cast(), drop) };
    })
}

/// The native function has returned. Nothing is made of its result before this, and then where it stays: a value that
/// is copied right after it was written in parts costs as much as the call.
#[inline(always)]
fn ended(native: NativeScope) -> Result<(), CallError> {
    drop(native);
    match take_pending() {
        None => Ok(()),
        Some(error) => Err(CallError::Callback(error)),
    }
}

#[cold]
#[inline(never)]
fn refused(check: &Check, signature: &Signature, index: usize, value: &Value) -> CallError {
    let error = check.refused(value, &signature.params()[index].ty);
    CallError::Argument { index, error: Box::new(error) }
}

/// Memory for a result that [`Bytes::holds`].
#[repr(align(16))]
struct Place([u64; Bytes::WORDS]);

const _: () = assert!(align_of::<Place>() == Bytes::RESULT_ALIGN as usize);

impl Place {
    /// Word by word, as most results are written: a wider load of what has just been written in parts waits until the
    /// stores are done.
    #[inline(always)]
    fn words(&self) -> [u64; Bytes::WORDS] {
        // SAFETY: each word is one of the array's, and initialised. Volatile, for the compiler makes wider loads of plain
        // ones.
        std::array::from_fn(|index| unsafe { (&raw const self.0[index]).read_volatile() })
    }
}

/// The bytes that `write` leaves at the address that it is given: zero at first, aligned as their type says.
fn apart(layout: Layout, write: impl FnOnce(*mut u8)) -> Bytes {
    /// As aligned as any structure can be whose bytes take no allocation.
    #[repr(align(64))]
    struct Aligned([u8; Bytes::INLINE]);

    let (size, align) = (layout.size as usize, layout.align as usize);
    if size <= Bytes::INLINE && align <= align_of::<Aligned>() {
        let mut memory = Aligned([0; Bytes::INLINE]);
        write((&raw mut memory).cast());
        return memory.0[..size].into();
    }
    let mut memory = vec![0u8; size + align];
    let start = memory.as_ptr().align_offset(align);
    write(memory.as_mut_ptr().wrapping_add(start));
    memory[start..][..size].into()
}

impl ResultMemory {
    /// The value of a result that was written to these words.
    #[inline(always)]
    fn value(self, words: [u64; Bytes::WORDS]) -> Value {
        let integer = || (words[0], words[1]);
        match self {
            ResultMemory::Bytes(length) => Value::Bytes(Bytes::from_words(words, length)),
            ResultMemory::Signed128 => Value::Signed(wide(integer()) as i128),
            ResultMemory::Unsigned128 => Value::Unsigned(wide(integer())),
        }
    }
}

/// The integer of two words, as they lie in memory.
#[inline(always)]
fn wide((first, second): (u64, u64)) -> u128 {
    let (low, high) = if cfg!(target_endian = "big") { (second, first) } else { (first, second) };
    u128::from(high) << 64 | u128::from(low)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn memory_for_results_is_aligned_and_of_its_size() {
        for (size, align) in [(0, 32), (32, 32), (64, 64), (64, 128), (65, 1), (96, 32), (4096, 4096)] {
            let layout = Layout { size, align };
            assert!(!Bytes::holds(layout));
            let bytes = apart(layout, |to| {
                assert_eq!(to.addr() % align as usize, 0, "align {align}");
                // SAFETY: there is room for as many bytes.
                unsafe { to.write_bytes(7, size as usize) };
            });
            assert_eq!(*bytes, vec![7; size as usize]);
        }
    }

    #[test]
    fn results_in_memory_are_what_was_written() {
        for (size, align) in [(0, 1), (5, 1), (16, 8), (63, 16), (64, 16)] {
            let layout = Layout { size, align };
            assert!(Bytes::holds(layout));
            let mut place = Place([0; _]);
            let start = (&raw mut place).cast::<u8>();
            assert_eq!(start.addr() % align as usize, 0);
            // SAFETY: there is room for as many bytes.
            (0..size as usize).for_each(|at| unsafe { start.add(at).write(at as u8) });
            let expected = Value::Bytes((0..size as u8).collect());
            assert_eq!(ResultMemory::Bytes(size as usize).value(place.words()), expected);
        }
        let words = |integer: u128| {
            let mut place = Place([0; _]);
            // SAFETY: there is room for 64 bytes.
            unsafe { (&raw mut place).cast::<u128>().write(integer) };
            place.words()
        };
        assert_eq!(ResultMemory::Signed128.value(words(-2i128 as u128)), Value::Signed(-2));
        assert_eq!(ResultMemory::Unsigned128.value(words(1 << 64)), Value::Unsigned(1 << 64));
    }
}
