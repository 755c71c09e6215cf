//! A call with checked values.

use std::{hint, mem::MaybeUninit, sync::Arc};

use springboard_ir::Layout;

use super::{
    entered::Entered,
    ty::{FunctionType, ResultKind, ResultMemory, ResultWord},
};
use crate::{
    thread::{self, CallbackError, NativeScope, take_pending},
    value::{ArgumentError, Bytes, Value},
    word::Word,
};

/// Parameters up to which a call allocates nothing for their slots.
const INLINE_PARAMETERS: usize = 32;

/// Those slots, and the addresses of result and last error.
type InlineSlots = [MaybeUninit<u64>; INLINE_PARAMETERS + 2];

/// Why a call with checked values was not made, or has no result.
// Each has no more than one thing to drop, which is counted: every caller drops a result, and what does that is made part of the
// caller only where it is short. The call of it costs as much as half a call of native code.
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
        /// What does not fit.
        error: Arc<ArgumentError>,
    },
    /// The function delivers no last error.
    #[error("the function was bound without a last error to deliver")]
    NoLastError,
    /// The function was called, and a callback that it called failed: its handler panicked or raised an error.
    #[error(transparent)]
    Callback(Arc<CallbackError>),
}

/// Calls a function with as many arguments as it has parameters, once they are found to fit, on a thread that
/// [enters unnoticed](thread::enters_unnoticed). What it delivers as last error goes to the last parameter.
///
/// To be called with the type that [gave](FunctionType::checked_call) it, and with what [`ResultWord::erased`] gave for the
/// type's result; the function is sound to call with these arguments: see [`Function::call`](super::Function::call).
pub(super) type CheckedCall =
    unsafe fn(&FunctionType, &Entered, &[Value], &mut i32) -> Result<Value, CallError>;

impl FunctionType {
    /// Calls a function of the type, by what the type [gave](FunctionType::checked_call) for that.
    ///
    /// # Safety
    /// As [`CheckedCall`].
    // Part of whoever calls: what is wanted for the way that is seldom gone stays there, and is not kept in registers which every
    // call saves.
    #[inline(always)]
    pub(super) unsafe fn call(
        &self,
        checked_call: CheckedCall,
        entered: &Entered,
        arguments: &[Value],
        last_error: &mut i32,
    ) -> Result<Value, CallError> {
        // SAFETY: the contract is this function's own, and what else is wanted was just compared.
        unsafe {
            if arguments.len() == self.checks.len() && thread::enters_unnoticed() {
                checked_call(self, entered, arguments, last_error)
            } else {
                call_otherwise(self, entered, arguments, last_error)
            }
        }
    }

    /// What calls functions of the type. There is one function for each kind of result, so that no call asks for it, and one
    /// for no parameters, which saves no registers for a loop over them.
    pub(super) fn checked_call(&self) -> CheckedCall {
        use ResultKind::{Apart, Memory, Word};
        use ResultMemory::{Signed128, Unsigned128, Words2, Words4, Words8};
        use ResultWord::{Bool, F32, F64, Pointer, Signed, Unsigned, Void};
        macro_rules! one_of {
            ($parameters:pat => $($kind:pat),*) => {
                match self.result {
                    $($kind => |ty, entered, arguments, last_error| {
                        let result = ty.result;
                        // SAFETY: called with the type that gave it; the caller answers for
                        // the call.
                        unsafe {
                            hint::assert_unchecked(matches!(result, $kind));
                            hint::assert_unchecked(matches!(ty.checks.len(), $parameters));
                            call(ty, result, entered, arguments, last_error)
                        }
                    },)*
                }
            };
            ($parameters:pat) => {
                one_of!(
                    $parameters =>
                    Word(Void),
                    Word(Bool),
                    Word(Pointer),
                    Word(Signed { .. }),
                    Word(Unsigned { .. }),
                    Word(F32),
                    Word(F64),
                    Memory(Words2(_)),
                    Memory(Words4(_)),
                    Memory(Words8(_)),
                    Memory(Signed128 | Unsigned128),
                    Apart(_)
                )
            };
        }
        match self.checks.len() {
            0 => one_of!(0),
            1..=INLINE_PARAMETERS => one_of!(1..=INLINE_PARAMETERS),
            _ => call_otherwise,
        }
    }
}

/// As [`CheckedCall`], for a type with this result and no more than [`INLINE_PARAMETERS`].
///
/// # Safety
/// As [`CheckedCall`].
#[inline(always)]
unsafe fn call(
    ty: &FunctionType,
    result: ResultKind,
    entered: &Entered,
    arguments: &[Value],
    last_error: &mut i32,
) -> Result<Value, CallError> {
    let mut slots: InlineSlots = [const { MaybeUninit::uninit() }; _];
    // SAFETY: the caller has compared them.
    unsafe { hint::assert_unchecked(arguments.len() == ty.checks.len()) };
    'otherwise: {
        for ((slot, value), check) in slots.iter_mut().zip(arguments).zip(&ty.checks) {
            let Some(word) = check.slot(value) else { break 'otherwise };
            slot.write(word);
        }
        // SAFETY: there are as many slots as parameters and two more, and those of the parameters are written; the caller
        // answers for the call.
        return unsafe { enter(ty, result, entered, &mut slots, last_error, None) };
    }
    // SAFETY: the contract is this function's own.
    unsafe { call_otherwise(ty, entered, arguments, last_error) }
}

/// As [`CheckedCall`], for many parameters, for what is seldom passed, and on threads that others look at; and says what does
/// not fit.
///
/// # Safety
/// As [`CheckedCall`].
#[cold]
#[inline(never)]
unsafe fn call_otherwise(
    ty: &FunctionType,
    entered: &Entered,
    arguments: &[Value],
    last_error: &mut i32,
) -> Result<Value, CallError> {
    let parameters = ty.checks.len();
    if arguments.len() != parameters {
        return Err(CallError::Arity { parameters, arguments: arguments.len() });
    }
    let (mut inline, mut many): (InlineSlots, Vec<_>) = ([const { MaybeUninit::uninit() }; _], Vec::new());
    let slots = match parameters {
        0..=INLINE_PARAMETERS => &mut inline[..],
        _ => {
            many.resize(parameters + 2, MaybeUninit::uninit());
            &mut many
        }
    };
    for (index, ((slot, value), check)) in slots.iter_mut().zip(arguments).zip(&ty.checks).enumerate() {
        let Some(word) = check.any_slot(value) else {
            let error = check.refused(value, &ty.signature.params()[index].ty);
            return Err(CallError::Argument { index, error: Arc::new(error) });
        };
        slot.write(word);
    }
    // SAFETY: there are as many slots as parameters and two more, and those of the parameters are written; the caller
    // answers for the call.
    unsafe { enter(ty, ty.result, entered, slots, last_error, Some(NativeScope::enter())) }
}

/// # Safety
/// As [`CheckedCall`], for the type's own `result`. The first slots are those of the arguments; there are two more.
#[inline(always)]
unsafe fn enter(
    ty: &FunctionType,
    result: ResultKind,
    entered: &Entered,
    slots: &mut [MaybeUninit<u64>],
    last_error: &mut i32,
    native: Option<NativeScope>,
) -> Result<Value, CallError> {
    let parameters = ty.checks.len();
    let [first, second, ..] = &mut slots[parameters..] else { unreachable!("there are two more slots") };
    first.write((&raw mut *last_error).into_slot());
    // SAFETY: the slots are canonical, one per parameter, then one for a result in memory, where there is one, and one
    // for the last error; those that are addresses are of bytes in `arguments` and of memory that outlives the call. The
    // caller answers for the rest.
    unsafe {
        match result {
            ResultKind::Word(word) => word.enter(
                *entered,
                slots.as_ptr().cast(),
                #[inline(always)]
                |slot| {
                    ended(native)?;
                    Ok(word.value(slot))
                },
            ),
            ResultKind::Apart(layout) => {
                *second = *first;
                let bytes = call_apart(layout, entered, slots, parameters);
                ended(native)?;
                Ok(Value::Bytes(bytes))
            }
            ResultKind::Memory(memory) => {
                *second = *first;
                match memory {
                    ResultMemory::Words2(length) => {
                        let words = call_in_place::<2>(entered, slots, parameters, native)?;
                        Ok(Value::Bytes(Bytes::from_words(words, length)))
                    }
                    ResultMemory::Words4(length) => {
                        let words = call_in_place::<4>(entered, slots, parameters, native)?;
                        Ok(Value::Bytes(Bytes::from_words(words, length)))
                    }
                    ResultMemory::Words8(length) => {
                        let words = call_in_place::<8>(entered, slots, parameters, native)?;
                        Ok(Value::Bytes(Bytes::from_words(words, length)))
                    }
                    ResultMemory::Signed128 => {
                        Ok(Value::Signed(wide(call_in_place(entered, slots, parameters, native)?) as i128))
                    }
                    ResultMemory::Unsigned128 => {
                        Ok(Value::Unsigned(wide(call_in_place(entered, slots, parameters, native)?)))
                    }
                }
            }
        }
    }
}

/// Calls where the result goes to so many words, which are zero before.
///
/// # Safety
/// As [`CheckedCall`], of functions with results that need no more memory than that. All slots are written except that of the
/// result, which has this index.
#[inline(always)]
unsafe fn call_in_place<const N: usize>(
    entered: &Entered,
    slots: &mut [MaybeUninit<u64>],
    index: usize,
    native: Option<NativeScope>,
) -> Result<[u64; N], CallError> {
    let mut place = Place([0; N]);
    slots[index].write((&raw mut place).into_slot());
    // SAFETY: all slots are written now; the caller answers for the call.
    unsafe { ResultWord::Void.enter(*entered, slots.as_ptr().cast(), drop) };
    ended(native)?;
    Ok(place.words())
}

/// Calls where the result does not lie in its value.
///
/// # Safety
/// As [`CheckedCall`]. All slots are written except that of the result, which has this index.
#[cold]
#[inline(never)]
unsafe fn call_apart(
    layout: Layout,
    entered: &Entered,
    slots: &mut [MaybeUninit<u64>],
    index: usize,
) -> Bytes {
    apart(layout, |to| {
        slots[index].write(to.into_slot());
        // SAFETY: all slots are written now; the caller answers for the call.
        unsafe { ResultWord::Void.enter(*entered, slots.as_ptr().cast(), drop) };
    })
}

/// The native function has returned. Nothing is made of its result before this, and then where it stays: a value that
/// is copied right after it was written in parts costs as much as the call.
#[inline(always)]
fn ended(native: Option<NativeScope>) -> Result<(), CallError> {
    drop(native);
    if thread::is_pending() { failed() } else { Ok(()) }
}

/// A callback has failed meanwhile.
#[cold]
#[inline(never)]
fn failed() -> Result<(), CallError> {
    take_pending().map_or(Ok(()), |error| Err(CallError::Callback(error.into())))
}

/// Memory for a result that [`Bytes::holds`].
#[repr(align(16))]
struct Place<const N: usize>([u64; N]);

const _: () = assert!(align_of::<Place<1>>() == Bytes::RESULT_ALIGN as usize);

impl<const N: usize> Place<N> {
    /// Word by word, as most results are written: a wider load of what has just been written in parts waits until the
    /// stores are done.
    #[inline(always)]
    fn words(&self) -> [u64; N] {
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

/// The integer of two words, as they lie in memory.
#[inline(always)]
fn wide([first, second]: [u64; 2]) -> u128 {
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
        fn bytes<const N: usize>(size: u8) {
            let mut place = Place([0; N]);
            let start = (&raw mut place).cast::<u8>();
            assert_eq!(start.addr() % Bytes::RESULT_ALIGN as usize, 0);
            // SAFETY: there is room for as many bytes.
            (0..size).for_each(|at| unsafe { start.add(at.into()).write(at) });
            assert_eq!(Bytes::from_words(place.words(), size), (0..size).collect());
        }
        for size in 0..=Bytes::INLINE as u8 {
            match ResultMemory::of(Layout { size: size.into(), align: 1 }) {
                Some(ResultMemory::Words2(length)) => bytes::<2>(length),
                Some(ResultMemory::Words4(length)) => bytes::<4>(length),
                Some(ResultMemory::Words8(length)) => bytes::<8>(length),
                _ => panic!("a structure of {size} bytes lies in its value"),
            }
        }
        let words = |integer: u128| {
            let mut place = Place([0; 2]);
            // SAFETY: there is room for 16 bytes.
            unsafe { (&raw mut place).cast::<u128>().write(integer) };
            place.words()
        };
        for integer in [1, 1 << 64, -2i128 as u128] {
            assert_eq!(wide(words(integer)), integer);
        }
    }
}
