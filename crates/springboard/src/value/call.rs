//! A call with checked values.

use std::fmt;

use springboard_abi::SlotForm;
use springboard_code::CodePointer;
use springboard_ir::{FloatFormat, Layout, Scalar, Type};

use super::{Value, argument::ArgumentError};
use crate::{
    function::Function,
    slots::Slots,
    thread::{CallbackError, NativeScope, take_pending},
    word::{SlotResult, Word},
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

/// Calls `function` with `arguments`, once they are found to fit. What it delivers as last error goes to `last_error`.
///
/// # Safety
/// As [`Function::call`].
pub(crate) unsafe fn call(
    function: &Function,
    arguments: &[Value],
    last_error: &mut i32,
) -> Result<Value, CallError> {
    // SAFETY: the caller's promise.
    unsafe { call_callee(Callee { function, address: None }, arguments, last_error) }
}

/// As [`call`], of the function of the same type at `address`.
///
/// # Safety
/// As [`Function::call`], of the function at the address; `function` is one whose stub is handed its target.
pub(crate) unsafe fn call_at(
    function: &Function,
    address: CodePointer,
    arguments: &[Value],
) -> Result<Value, CallError> {
    // SAFETY: the caller's promise.
    unsafe { call_callee(Callee { function, address: Some(address) }, arguments, &mut 0) }
}

/// What is called: a function, or one of its type at another address.
#[derive(Clone, Copy)]
struct Callee<'f> {
    function: &'f Function,
    address: Option<CodePointer>,
}

impl Callee<'_> {
    /// # Safety
    /// As [`Slots::call`]; the function returns an `R`.
    unsafe fn enter<R: SlotResult>(self, slots: &[u64]) -> R {
        match self.address {
            // SAFETY: the caller's promise.
            None => unsafe { Slots::<R>::new(self.function).call(slots) },
            // SAFETY: the caller's promise.
            Some(address) => unsafe { self.function.way::<R>().enter(address, slots.as_ptr()) },
        }
    }
}

/// # Safety
/// As [`call`] and [`call_at`].
unsafe fn call_callee(
    callee: Callee<'_>,
    arguments: &[Value],
    last_error: &mut i32,
) -> Result<Value, CallError> {
    let function = callee.function;
    let params = function.params();
    if arguments.len() != params.len() {
        return Err(CallError::Arity { parameters: params.len(), arguments: arguments.len() });
    }
    let mut inline = [0; INLINE_SLOTS];
    let mut allocated;
    let count = params.len() + 2;
    let slots: &mut [u64] = if count <= INLINE_SLOTS {
        &mut inline[..count]
    } else {
        allocated = vec![0; count];
        &mut allocated
    };
    let types = function.signature().params();
    for (index, ((slot, value), (form, param))) in
        slots.iter_mut().zip(arguments).zip(params.iter().zip(types)).enumerate()
    {
        *slot = value
            .slot(*form, &param.ty, function.data_model())
            .map_err(|error| CallError::Argument { index, error })?;
    }
    let in_memory = usize::from(function.returns_in_memory());
    slots[params.len() + in_memory] = (&raw mut *last_error).into_slot();
    let native = NativeScope::enter();
    let result = match function.result() {
        SlotForm::None => {
            // SAFETY: the slots are canonical and as many as there are parameters; `Value::slot` took addresses
            // in `arguments`, which outlive the call. The rest is the caller's promise.
            unsafe { callee.enter::<()>(slots) };
            Value::Void
        }
        // SAFETY: as above.
        SlotForm::Word(scalar) => unsafe { word(callee, scalar, slots) },
        SlotForm::Address(layout) => {
            let mut memory = ResultMemory::new(layout);
            slots[params.len()] = memory.address();
            // SAFETY: as above; the last slot is the address of memory of the result's size and alignment.
            unsafe { callee.enter::<()>(slots) };
            memory.value(function.signature().result(), function)
        }
    };
    drop(native);
    match take_pending() {
        None => Ok(result),
        Some(error) => Err(CallError::Callback(error)),
    }
}

/// Calls a function whose result is a word.
///
/// # Safety
/// As [`Slots::call`]; `scalar` is what the function returns.
unsafe fn word(function: Callee<'_>, scalar: Scalar, slots: &[u64]) -> Value {
    unsafe fn returning<R: SlotResult>(function: Callee<'_>, slots: &[u64]) -> R {
        // SAFETY: the caller's promise.
        unsafe { function.enter::<R>(slots) }
    }
    // SAFETY: the caller's promise; each row asks for the type of its scalar.
    unsafe {
        match scalar {
            Scalar::Bool => returning::<bool>(function, slots).into(),
            Scalar::Int { bytes: 1, signed: true } => returning::<i8>(function, slots).into(),
            Scalar::Int { bytes: 2, signed: true } => returning::<i16>(function, slots).into(),
            Scalar::Int { bytes: 4, signed: true } => returning::<i32>(function, slots).into(),
            Scalar::Int { bytes: 8, signed: true } => returning::<i64>(function, slots).into(),
            Scalar::Int { bytes: 1, signed: false } => returning::<u8>(function, slots).into(),
            Scalar::Int { bytes: 2, signed: false } => returning::<u16>(function, slots).into(),
            Scalar::Int { bytes: 4, signed: false } => returning::<u32>(function, slots).into(),
            Scalar::Int { bytes: 8, signed: false } => returning::<u64>(function, slots).into(),
            Scalar::Pointer => returning::<*mut ()>(function, slots).into(),
            Scalar::Float(FloatFormat::F32) => returning::<f32>(function, slots).into(),
            Scalar::Float(FloatFormat::F64) => returning::<f64>(function, slots).into(),
            Scalar::Int { .. } | Scalar::Float(_) | Scalar::Vector { .. } => {
                unreachable!("{scalar:?} is returned through memory")
            }
        }
    }
}

/// Memory for a result, zeroed, aligned as its type says.
struct ResultMemory {
    words: Vec<u128>,
    /// Where the result begins, in bytes.
    start: usize,
    size: usize,
}

impl ResultMemory {
    fn new(layout: Layout) -> ResultMemory {
        let (size, align) = (layout.size as usize, layout.align as usize);
        // What an allocation of words is not aligned to is made up for by its length.
        let words = vec![0u128; (size + align).div_ceil(size_of::<u128>())];
        let start = words.as_ptr().addr().next_multiple_of(align) - words.as_ptr().addr();
        ResultMemory { words, start, size }
    }

    fn address(&mut self) -> u64 {
        self.words.as_mut_ptr().wrapping_byte_add(self.start).into_slot()
    }

    fn bytes(&self) -> &[u8] {
        // SAFETY: the range lies in `words`, all of whose bytes are initialised; the callee that wrote to it has
        // returned.
        unsafe { std::slice::from_raw_parts(self.words.as_ptr().cast::<u8>().add(self.start), self.size) }
    }

    fn value(&self, ty: &Type, function: &Function) -> Value {
        let bytes = self.bytes();
        let whole = || bytes.try_into().expect("an integer in memory has 16 bytes");
        match ty.scalar(function.data_model()) {
            Some(Scalar::Int { signed: true, .. }) => i128::from_ne_bytes(whole()).into(),
            Some(Scalar::Int { signed: false, .. }) => u128::from_ne_bytes(whole()).into(),
            _ => bytes.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn result_memory_is_aligned_and_of_its_size() {
        for (size, align) in [(0, 1), (1, 1), (24, 8), (32, 32), (4096, 4096)] {
            let mut memory = ResultMemory::new(Layout { size, align });
            assert_eq!(memory.address() % u64::from(align), 0, "align {align}");
            assert_eq!(memory.bytes().len() as u64, size);
            let end = memory.start + memory.size;
            assert!(end <= memory.words.len() * 16, "{size} bytes end at {end}");
        }
    }
}
