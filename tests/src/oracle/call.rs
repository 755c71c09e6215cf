//! Calls of the runtime's functions, whatever they return.

use std::ffi::c_void;

use springboard::Function;
use springboard::Word as _;
use springboard_abi::SlotForm;
use springboard_ir::{FloatFormat, Scalar};

/// Calls `function`, whose result has the form `result`, and gives back the canonical slot of the result, or 0 where
/// that went to memory.
///
/// # Safety
/// As for [`springboard::Slots::call_pointer`].
pub(crate) unsafe fn through_runtime(function: &Function, result: SlotForm, slots: *const u64) -> u64 {
    macro_rules! call {
        ($result:ty) => {{
            let ready = function.slots::<$result>().expect("the result has this form");
            // SAFETY: the slots are those of a sound call: the caller vouches for that.
            unsafe { ready.call_pointer(slots) }
        }};
    }
    let SlotForm::Word(scalar) = result else {
        call!(());
        return 0;
    };
    match scalar {
        Scalar::Bool => call!(bool).into_slot(),
        Scalar::Int { bytes: 1, signed: true } => call!(i8).into_slot(),
        Scalar::Int { bytes: 1, signed: false } => call!(u8).into_slot(),
        Scalar::Int { bytes: 2, signed: true } => call!(i16).into_slot(),
        Scalar::Int { bytes: 2, signed: false } => call!(u16).into_slot(),
        Scalar::Int { bytes: 4, signed: true } => call!(i32).into_slot(),
        Scalar::Int { bytes: 4, signed: false } => call!(u32).into_slot(),
        Scalar::Int { bytes: 8, signed: true } => call!(i64).into_slot(),
        Scalar::Int { bytes: 8, signed: false } => call!(u64).into_slot(),
        Scalar::Pointer => call!(*mut c_void).into_slot(),
        Scalar::Float(FloatFormat::F32) => call!(f32).into_slot(),
        Scalar::Float(FloatFormat::F64) => call!(f64).into_slot(),
        other => unreachable!("{other:?} is no word"),
    }
}
