//! Calls through a call interface: where libffi finds the arguments and the result of one.

use std::{ffi::c_void, mem::MaybeUninit, ptr};

use libffi::low::CodePtr;
use springboard_abi::SlotForm;
use springboard_code::CodePointer;
use springboard_ir::{FloatFormat, Scalar};

use super::interface::{Argument, BLOCK, Gathering, INLINE_ARGUMENTS, Interface};
use crate::{
    last_error::LastError,
    system,
    word::{SlotResult, Word},
};

impl Interface {
    /// Calls the function at `address`, and returns its result, where that is a word.
    ///
    /// # Safety
    /// `slots` points to the slots of a call of the function, which has the type that was described, and returns an `R`; that
    /// may be null where a call has none. Where `last_error` is given, there is a slot for it. The rest as
    /// [`Slots::call`](crate::Slots::call).
    #[inline(never)]
    pub(crate) unsafe fn call<R: SlotResult>(
        &self,
        address: CodePointer,
        last_error: Option<LastError>,
        slots: *const u64,
    ) -> R {
        if let Gathering::Allocating = self.gathering {
            // SAFETY: the contract is this function's own.
            return unsafe { self.call_allocating(address, last_error, slots) };
        }
        let mut values = [const { MaybeUninit::uninit() }; INLINE_ARGUMENTS];
        // SAFETY: there is room for all arguments, and no argument is copied; the caller answers for the rest.
        unsafe { self.call_with(address, last_error, slots, &mut values, ptr::null_mut()) }
    }

    /// As [`Interface::call`], where that many blocks of slots are the arguments: with no look at each.
    ///
    /// # Safety
    /// As [`Interface::call`].
    #[inline(always)]
    pub(crate) unsafe fn call_slots<R: SlotResult, const BLOCKS: usize>(
        &self,
        address: CodePointer,
        slots: *const u64,
    ) -> R {
        let Gathering::Slots { indirect, .. } = self.gathering else {
            unreachable!("only arguments in slots are in blocks")
        };
        let mut values = [[const { MaybeUninit::<*mut c_void>::uninit() }; BLOCK]; BLOCKS];
        let values = values.as_flattened_mut();
        // Whole blocks. Addresses after the last slot are not used.
        for (index, value) in values.iter_mut().enumerate() {
            value.write(slots.wrapping_add(index).cast_mut().cast());
        }
        let mut indirect = indirect;
        while let Some(value) = values.get_mut(indirect.trailing_zeros() as usize) {
            // SAFETY: the slot is the caller's, and holds the address of an argument.
            value.write(Word::from_slot(unsafe { *slots.add(indirect.trailing_zeros() as usize) }));
            indirect &= indirect - 1;
        }
        let values = if values.is_empty() { ptr::null_mut() } else { values.as_mut_ptr().cast() };
        // SAFETY: every argument's address is written; the caller answers for the rest.
        unsafe { self.enter(address, None, slots, values) }
    }

    /// As [`Interface::call`], with memory for any number of arguments and for copies.
    ///
    /// # Safety
    /// As [`Interface::call`].
    #[cold]
    #[inline(never)]
    unsafe fn call_allocating<R: SlotResult>(
        &self,
        address: CodePointer,
        last_error: Option<LastError>,
        slots: *const u64,
    ) -> R {
        let mut values = vec![MaybeUninit::uninit(); self.arguments.len()];
        let mut copies = vec![0u8; self.copies.bytes + self.copies.align];
        let copies = copies.as_mut_ptr();
        let copies = copies.wrapping_add(copies.align_offset(self.copies.align));
        // SAFETY: there is room for all arguments and copies; the caller answers for the rest.
        unsafe { self.call_with(address, last_error, slots, &mut values, copies) }
    }

    /// # Safety
    /// As [`Interface::call`]. There are as many `values` as arguments, or more; `copies` is aligned memory as large as
    /// the copies, where there are any.
    #[inline(always)]
    unsafe fn call_with<R: SlotResult>(
        &self,
        address: CodePointer,
        last_error: Option<LastError>,
        slots: *const u64,
        values: &mut [MaybeUninit<*mut c_void>],
        copies: *mut u8,
    ) -> R {
        for (value, argument) in values.iter_mut().zip(&self.arguments) {
            // SAFETY: an argument's slot is among those of the call, which the caller gives.
            let slot = |index: u16| unsafe { slots.add(index.into()) };
            value.write(match *argument {
                Argument::Slot { index, at, .. } => {
                    slot(index).wrapping_byte_add(at.into()).cast_mut().cast()
                }
                // SAFETY: the slot is the caller's, and initialised.
                Argument::Memory { index } => Word::from_slot(unsafe { *slot(index) }),
                // SAFETY: there is room for every copy and its address; the slot holds the address of a value of the
                // parameter's type.
                Argument::Copy { index, copy } => unsafe {
                    let original: *const u8 = Word::from_slot(*slot(index));
                    let start = copies.add(copy.start);
                    start.copy_from_nonoverlapping(original, copy.bytes);
                    let address = copies.add(copy.address).cast::<*mut u8>();
                    address.write(start);
                    address.cast()
                },
            });
        }
        // SAFETY: every argument's address is written; the caller answers for the rest.
        unsafe { self.enter(address, last_error, slots, values.as_mut_ptr().cast()) }
    }

    /// # Safety
    /// As [`Interface::call`]. The first of `values` are the addresses of the arguments.
    #[inline(always)]
    unsafe fn enter<R: SlotResult>(
        &self,
        address: CodePointer,
        last_error: Option<LastError>,
        slots: *const u64,
        values: *mut *mut c_void,
    ) -> R {
        let mut word = 0u64;
        let result = match self.result {
            _ if R::RESULT.is_some() => (&raw mut word).cast(),
            SlotForm::None | SlotForm::Word(_) => ptr::null_mut(),
            // Aggregates are stored to the byte, unlike integers, which libffi widens or not as it likes.
            // SAFETY: the slot after the arguments holds the address for the result, as the caller promises.
            SlotForm::Address(_) => Word::from_slot(unsafe { *slots.add(self.params) }),
        };
        // SAFETY: every address is that of a value of its type, or of the address of a copy where a convention passes those;
        // libffi reads there only. The memory for the result is as large as libffi's documentation asks for. The caller
        // answers for the function.
        let call = || unsafe {
            let function = *CodePtr::from_fun(address).as_fun();
            system::fallback::call(self.cif.as_raw_ptr(), function, result, values);
        };
        match last_error {
            None => call(),
            Some(last_error) => {
                let at = self.params + usize::from(matches!(self.result, SlotForm::Address(_)));
                // SAFETY: the slot after all others holds the address of an `int`, as the caller promises; whoever
                // made the last error promised that it can be asked for.
                unsafe { last_error.around(Word::from_slot(*slots.add(at)), call) };
            }
        }
        R::from_result(returned(self.result, word))
    }
}

/// The slot of a result as libffi leaves it: an integer in the low bytes, `float` in the first.
#[inline]
fn returned(form: SlotForm, word: u64) -> u64 {
    let in_first =
        cfg!(target_endian = "big") && matches!(form, SlotForm::Word(Scalar::Float(FloatFormat::F32)));
    if in_first { word >> 32 } else { word }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// On some machines libffi widens integers, on others it stores their bytes alone.
    #[test]
    fn results_are_read_whatever_lies_above_them() {
        let int = |bytes, signed| SlotForm::Word(Scalar::Int { bytes, signed });
        for above in [0, 0x5555_5555_5555_5500, 0xffff_ffff_ffff_ff00u64] {
            assert_eq!(i8::from_result(returned(int(1, true), above | 0x80)), i8::MIN);
            assert_eq!(u8::from_result(returned(int(1, false), above | 0x80)), 0x80);
            assert!(bool::from_result(returned(SlotForm::Word(Scalar::Bool), above | 1)));
            assert!(!bool::from_result(returned(SlotForm::Word(Scalar::Bool), above)));
        }
        assert_eq!(u32::from_result(returned(int(4, false), 0xffff_ffff_8000_0000)), 1 << 31);
        assert_eq!(i64::from_result(returned(int(8, true), 1 << 63)), i64::MIN);
        let mut float = [0xff; 8];
        float[..4].copy_from_slice(&1.5f32.to_ne_bytes());
        let float = u64::from_ne_bytes(float);
        assert_eq!(f32::from_result(returned(SlotForm::Word(Scalar::Float(FloatFormat::F32)), float)), 1.5);
    }
}
