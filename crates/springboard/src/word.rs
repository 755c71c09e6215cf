//! Rust types that stand for C scalars, and the one place that says what a slot holds of them.

use std::{ffi::c_void, mem, ptr};

use springboard_ir::{FloatFormat, Scalar};

/// A Rust type that has the size, alignment and calling convention of a C scalar on this machine.
///
/// Integers stand for every C integer of their width and sign (`i32` for `int`, `int32_t`, an enumeration …), raw
/// pointers and `Option` of an `unsafe extern "C" fn` for any pointer, `bool` for `_Bool`, `f32` and `f64` for
/// `float` and `double`.
pub trait CType: Copy + sealed::CType {
    /// The scalar of the C type on this machine.
    const SCALAR: Scalar;
}

/// A [`CType`] that fits a slot.
pub trait Word: CType {
    /// The canonical slot of a value: always a whole word. Integers are extended by their own sign, `bool` is 0 or
    /// 1, floating point numbers are their bits in the low bytes with zeros above.
    fn into_slot(self) -> u64;

    /// The value of a canonical slot. Bits above the width of the type are ignored.
    fn from_slot(slot: u64) -> Self;

    /// The whole register in which native code passes a value: nothing above a value's width is to be trusted.
    #[doc(hidden)]
    type Register: Word;
}

/// The canonical slot of a value whose own bytes are the lowest of `word`, whatever lies above them.
pub(crate) const fn canonical(scalar: Scalar, word: u64) -> u64 {
    match scalar {
        Scalar::Bool => (word as u8 != 0) as u64,
        Scalar::Int { bytes, signed } => {
            let unused = 64 - bytes as u32 * 8;
            if signed { ((word << unused) as i64 >> unused) as u64 } else { word << unused >> unused }
        }
        Scalar::Float(FloatFormat::F32) => word as u32 as u64,
        Scalar::Float(_) | Scalar::Pointer | Scalar::Vector { .. } => word,
    }
}

/// What the slots entry of a function can return: a [`Word`]; or `()` for a function that returns `void`, or whose
/// result is written to memory.
pub trait SlotResult: Copy + sealed::SlotResult {
    /// What the C type comes down to. `None` for `()`.
    #[doc(hidden)]
    const RESULT: Option<Scalar>;

    /// The value of a canonical slot.
    fn from_result(slot: u64) -> Self;

    /// The canonical slot of a value. Zero for `()`.
    fn into_result(self) -> u64;
}

impl<T: Word> SlotResult for T {
    const RESULT: Option<Scalar> = Some(T::SCALAR);

    fn from_result(slot: u64) -> T {
        T::from_slot(slot)
    }

    fn into_result(self) -> u64 {
        self.into_slot()
    }
}

impl SlotResult for () {
    const RESULT: Option<Scalar> = None;

    fn from_result(_: u64) {}

    fn into_result(self) -> u64 {
        0
    }
}

mod sealed {
    use super::Word;

    pub trait CType {}
    pub trait SlotResult {}

    impl<T: Word> SlotResult for T {}
    impl SlotResult for () {}
}

macro_rules! types {
    ($([$($param:ident)*] $rust:ty, $scalar:expr;)*) => {$(
        impl<$($param),*> sealed::CType for $rust {}

        impl<$($param),*> CType for $rust {
            const SCALAR: Scalar = $scalar;
        }
    )*};
}

types! {
    [] i128, Scalar::Int { bytes: 16, signed: true };
    [] u128, Scalar::Int { bytes: 16, signed: false };
}

/// Words: the type's parameters, the type, its scalar and register; the slot of a value, and the value of a slot.
macro_rules! words {
    (@ [$($param:ident)*] $rust:ty, $register:ty, |$value:ident| $into:expr, |$slot:ident| $from:expr) => {
        impl<$($param),*> Word for $rust {
            type Register = $register;

            #[inline(always)]
            fn into_slot(self) -> u64 {
                let $value = self;
                $into
            }

            #[inline(always)]
            fn from_slot($slot: u64) -> $rust {
                $from
            }
        }
    };
    ($($params:tt $rust:ty, $scalar:expr, $register:ty, |$value:ident| $into:expr, |$slot:ident| $from:expr;)*) => {$(
        types! { $params $rust, $scalar; }

        words! { @ $params $rust, $register, |$value| $into, |$slot| $from }
    )*};
}

macro_rules! integers {
    ($($rust:ty)*) => {
        words! {$(
            [] $rust, Scalar::Int { bytes: size_of::<$rust>() as u8, signed: <$rust>::MIN != 0 }, u64,
                |value| value as u64, |slot| slot as $rust;
        )*}
    };
}

integers! { i8 i16 i32 i64 isize u8 u16 u32 u64 usize }

words! {
    [] bool, Scalar::Bool, u64, |value| value.into(), |slot| slot as u8 != 0;
    [] f32, Scalar::Float(FloatFormat::F32), f32, |value| value.to_bits().into(), |slot| f32::from_bits(slot as u32);
    [] f64, Scalar::Float(FloatFormat::F64), f64, |value| value.to_bits(), |slot| f64::from_bits(slot);
    [T] *const T, Scalar::Pointer, u64, |value| value.expose_provenance() as u64,
        |slot| ptr::with_exposed_provenance(slot as usize);
    [T] *mut T, Scalar::Pointer, u64, |value| value.expose_provenance() as u64,
        |slot| ptr::with_exposed_provenance_mut(slot as usize);
}

/// C function pointers, null included.
macro_rules! function_pointers {
    ($(($($param:ident)*))*) => {
        words! {$(
            [R $($param)*] Option<unsafe extern "C" fn($($param),*) -> R>, Scalar::Pointer, u64,
                |value| value.map_or(0, |function| (function as *const c_void).into_slot()),
                // SAFETY: a function pointer has the size and form of a data pointer on every target, and `None` is
                // the null pointer. Whoever calls it answers for what it points to.
                |slot| unsafe { mem::transmute::<*const c_void, Self>(Word::from_slot(slot)) };
        )*}
    };
}

function_pointers! { () (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) }

#[cfg(test)]
mod tests {
    use super::*;

    fn round_trips<T: Word + PartialEq + std::fmt::Debug>(value: T, slot: u64) {
        assert_eq!(value.into_slot(), slot, "{value:?}");
        assert_eq!(T::from_slot(slot), value);
    }

    #[test]
    fn slots_are_canonical() {
        round_trips(-1i8, u64::MAX);
        round_trips(0x80u8, 0x80);
        round_trips(i16::MIN, 0xffff_ffff_ffff_8000);
        round_trips(u16::MAX, 0xffff);
        round_trips(-2i32, 0xffff_ffff_ffff_fffe);
        round_trips(u32::MAX, 0xffff_ffff);
        round_trips(i64::MIN, 1 << 63);
        round_trips(usize::MAX, u64::MAX);
        round_trips(true, 1);
        round_trips(1.5f32, 0x3fc0_0000);
        round_trips(-0.0f64, 1 << 63);
        round_trips(std::ptr::null::<u8>(), 0);
    }

    #[test]
    fn bits_above_the_width_are_ignored() {
        assert_eq!(i8::from_slot(0x17f), 127);
        assert!(!bool::from_slot(0xff00));
        assert_eq!(f32::from_slot(0xffff_ffff_3fc0_0000), 1.5);
    }

    #[test]
    fn function_pointers_cross() {
        unsafe extern "C" fn seven(_: i32) -> i32 {
            7
        }
        let slot = Some(seven as unsafe extern "C" fn(i32) -> i32).into_slot();
        let back = Option::<unsafe extern "C" fn(i32) -> i32>::from_slot(slot).unwrap();
        // SAFETY: it is the function above.
        assert_eq!(unsafe { back(0) }, 7);
        assert_eq!(None::<unsafe extern "C" fn()>.into_slot(), 0);
    }
}
