//! A call interface: what libffi knows of one function, and where its arguments are.

use std::{ffi::c_void, mem::MaybeUninit, ptr};

use libffi::{
    low::CodePtr,
    middle::{Cif, Type as FfiType, ffi_abi_FFI_DEFAULT_ABI},
    raw::ffi_call,
};
use springboard_abi::{Assignment, Ineligible, Passing, Returning, SlotForm, Target, assign};
use springboard_code::CodePointer;
use springboard_ir::{DataModel, FloatFormat, Layout, Param, Scalar, Signature, Type};

use super::types::{Refusal, Unsupported, UnsupportedType, Writer};
use crate::{declaration::Position, last_error::LastError, system, word::Word};

/// Arguments up to which a call allocates nothing.
const INLINE_ARGUMENTS: usize = 32;

/// Addresses that are written together.
const BLOCK: usize = 4;

/// A signature in libffi's terms, and where its values are in slots.
pub(crate) struct Interface {
    pub(super) cif: Cif,
    /// The arguments that are passed at all, in order.
    pub(super) arguments: Box<[Argument]>,
    gathering: Gathering,
    copies: Copies,
    pub(super) result: SlotForm,
    /// The number of parameters, which is the index of the slot for the result.
    pub(super) params: usize,
}

// SAFETY: `cif` points at type descriptions that it owns and nobody else knows, built and laid out before the value
// is shared. libffi only reads them for a call or a closure, on every target.
unsafe impl Send for Interface {}
// SAFETY: nothing is written after `new`, by us or by libffi, so shared references only read.
unsafe impl Sync for Interface {}

/// How a call gathers the addresses of its arguments.
#[derive(Clone, Copy)]
enum Gathering {
    /// Each is that of its slot, in order. There are up to [`INLINE_ARGUMENTS`], in so many blocks.
    Slots { blocks: usize },
    /// One by one. There are up to [`INLINE_ARGUMENTS`], and none is copied.
    Each,
    /// In memory that is allocated.
    Allocating,
}

impl Gathering {
    fn of(arguments: &[Argument], copies: Copies) -> Gathering {
        let in_slot = |(wanted, argument): (usize, &Argument)| matches!(*argument, Argument::Slot { index, at: 0, .. } if usize::from(index) == wanted);
        if copies.bytes != 0 || arguments.len() > INLINE_ARGUMENTS {
            Gathering::Allocating
        } else if arguments.iter().enumerate().all(in_slot) {
            Gathering::Slots { blocks: arguments.len().div_ceil(BLOCK) }
        } else {
            Gathering::Each
        }
    }
}

/// Where libffi finds an argument.
#[derive(Clone, Copy)]
pub(super) enum Argument {
    /// In its slot, from byte `at`.
    Slot { index: u16, at: u8, scalar: Scalar },
    /// At the address that its slot holds.
    Memory { index: u16 },
    /// It is the address of a copy of what lies at the address that its slot holds: where a convention passes a type
    /// by reference, libffi is told of a pointer. (Left to itself, on aarch64 it forgets the room for such pointers
    /// on the stack, and aligns them as what they point to.)
    Copy { index: u16, copy: Copied },
}

/// Where a call keeps the copy of an argument.
#[derive(Clone, Copy)]
pub(super) struct Copied {
    /// Offset of the copy's address in the memory for copies; the copy itself follows.
    address: usize,
    /// Offset of the copy.
    start: usize,
    /// Size of the copy in bytes.
    bytes: usize,
}

/// Memory in which a call keeps copies of arguments.
#[derive(Clone, Copy)]
pub(super) struct Copies {
    bytes: usize,
    align: usize,
}

impl Copies {
    /// Makes room for a copy and its address.
    fn reserve(&mut self, copy: Layout) -> Copied {
        let address = self.bytes.next_multiple_of(size_of::<usize>());
        let start = (address + size_of::<usize>()).next_multiple_of(copy.align as usize);
        let bytes = copy.size as usize;
        *self = Copies { bytes: start + bytes, align: self.align.max(copy.align as usize) };
        Copied { address, start, bytes }
    }
}

impl Interface {
    /// Describes `signature`. Without a `target`, whose conventions say how types are passed, only what libffi
    /// expresses as it stands is supported.
    ///
    /// # Errors
    /// The first type that libffi cannot express, or a convention that it does not know.
    pub(crate) fn new(
        signature: &Signature,
        model: &DataModel,
        target: Option<&Target>,
    ) -> Result<Interface, Unsupported> {
        let refused = Unsupported::Refused(Refusal::Convention);
        let (target, abi) = match (signature.convention(), target) {
            (None, target) => (target.copied(), ffi_abi_FFI_DEFAULT_ABI),
            // It aborts where such a function leaves its result on the x87 stack, as Clang's do.
            (Some(named), Some(target)) if assign(signature, target) != Err(Ineligible::X87Result) => {
                let target = target.calling_as(signature).map_err(|_| refused.clone())?;
                (Some(target), system::fallback::abi(named).ok_or(refused)?)
            }
            (Some(_), _) => return Err(refused),
        };
        let target = target.as_ref();
        let writer = Writer { model, target };
        let mut types = Vec::with_capacity(signature.params().len());
        let mut arguments = Vec::with_capacity(signature.params().len());
        let mut copies = Copies { bytes: 0, align: align_of::<usize>() };
        let mut fixed = signature.fixed();
        for (index, param) in signature.params().iter().enumerate() {
            let position = Position::Parameter(index);
            if let Some(copy) = target.and_then(|target| copied(&param.ty, target)) {
                types.push(FfiType::pointer());
                arguments.push(Argument::Copy { index: index as u16, copy: copies.reserve(copy) });
                continue;
            }
            let Some(ty) = writer.ty(&param.ty).map_err(|what| what.at(position, &param.ty))? else {
                // Not passed at all, so libffi need not know.
                fixed = fixed.map(|fixed| if index < fixed { fixed - 1 } else { fixed });
                continue;
            };
            types.push(ty);
            let index = index as u16;
            arguments.push(match SlotForm::of(&param.ty, model) {
                Ok(SlotForm::Word(scalar)) => {
                    let at = if model.big_endian { 8 - scalar.bytes(model) } else { 0 };
                    Argument::Slot { index, at, scalar }
                }
                _ => Argument::Memory { index },
            });
        }
        let result =
            writer.ty(signature.result()).map_err(|what| what.at(Position::Result, signature.result()))?;
        if result.is_none() && target.is_some_and(|target| is_in_memory(signature.result(), target)) {
            // s390x passes an address for a result without bytes, and libffi none.
            return Err(UnsupportedType::Aggregate.at(Position::Result, signature.result()));
        }
        let form = match (&result, SlotForm::of(signature.result(), model)) {
            (Some(_), Ok(form)) => form,
            (Some(_), Err(_)) | (None, _) => SlotForm::None,
        };
        let result = result.unwrap_or_else(FfiType::void);
        let cif = match fixed {
            None => Cif::try_new_with_abi(types, result, abi),
            Some(fixed) => Cif::try_new_variadic_with_abi(types, fixed, result, abi),
        };
        Ok(Interface {
            cif: cif.map_err(|error| Unsupported::Refused(error.into()))?,
            gathering: Gathering::of(&arguments, copies),
            arguments: arguments.into(),
            copies,
            result: form,
            params: signature.params().len(),
        })
    }
}

/// Size and alignment of the copy whose address is passed in place of a value of type `ty`, where one is.
fn copied(ty: &Type, target: &Target) -> Option<Layout> {
    let alone = Signature::new(Type::Void, vec![Param { name: None, ty: ty.clone() }]).ok()?;
    match *assign(&alone, target).ok()?.params {
        [Passing::Reference { copy, .. }] => Some(copy),
        _ => None,
    }
}

/// Whether a result of type `ty` is written to memory of the caller's.
fn is_in_memory(ty: &Type, target: &Target) -> bool {
    let signature = Signature::new(ty.clone(), Vec::new());
    let assignment = signature.ok().and_then(|signature| assign(&signature, target).ok());
    matches!(assignment, Some(Assignment { result: Returning::Memory { .. }, .. }))
}

impl Interface {
    /// Calls the function at `address`, and returns its result, where that is a word: what
    /// [`SlotResult::from_result`](crate::SlotResult) makes a value of. Its bits above the width of the type are as libffi
    /// leaves them.
    ///
    /// # Safety
    /// `slots` points to the slots of a call of the function, which has the type that was described; that may be null
    /// where a call has none. Where `last_error` is given, there is a slot for it. The rest as
    /// [`Slots::call`](crate::Slots::call).
    pub(crate) unsafe fn call(
        &self,
        address: CodePointer,
        last_error: Option<LastError>,
        slots: *const u64,
    ) -> u64 {
        let (Gathering::Slots { blocks }, None) = (self.gathering, last_error) else {
            // SAFETY: the contract is this function's own.
            return unsafe { self.call_by_arguments(address, last_error, slots) };
        };
        let mut values = [const { MaybeUninit::uninit() }; INLINE_ARGUMENTS];
        // Whole blocks, without a look at any argument. Addresses after the last slot are not used.
        for (number, block) in values.chunks_exact_mut(BLOCK).take(blocks).enumerate() {
            for (index, value) in block.iter_mut().enumerate() {
                value.write(slots.wrapping_add(number * BLOCK + index).cast_mut().cast());
            }
        }
        // SAFETY: the slots are the arguments; the caller answers for the rest.
        unsafe { self.enter(address, None, slots, &mut values) }
    }

    /// As [`Interface::call`], with a look at each argument.
    ///
    /// # Safety
    /// As [`Interface::call`].
    #[inline(never)]
    unsafe fn call_by_arguments(
        &self,
        address: CodePointer,
        last_error: Option<LastError>,
        slots: *const u64,
    ) -> u64 {
        if let Gathering::Allocating = self.gathering {
            // SAFETY: the contract is this function's own.
            return unsafe { self.call_allocating(address, last_error, slots) };
        }
        let mut values = [const { MaybeUninit::uninit() }; INLINE_ARGUMENTS];
        // SAFETY: there is room for all arguments, and no argument is copied; the caller answers for the rest.
        unsafe { self.call_with(address, last_error, slots, &mut values, ptr::null_mut()) }
    }

    /// As [`Interface::call`], with memory for any number of arguments and for copies.
    ///
    /// # Safety
    /// As [`Interface::call`].
    #[cold]
    #[inline(never)]
    unsafe fn call_allocating(
        &self,
        address: CodePointer,
        last_error: Option<LastError>,
        slots: *const u64,
    ) -> u64 {
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
    unsafe fn call_with(
        &self,
        address: CodePointer,
        last_error: Option<LastError>,
        slots: *const u64,
        values: &mut [MaybeUninit<*mut c_void>],
        copies: *mut u8,
    ) -> u64 {
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
        unsafe { self.enter(address, last_error, slots, values) }
    }

    /// # Safety
    /// As [`Interface::call`]. The first `values` are the addresses of the arguments.
    #[inline(always)]
    unsafe fn enter(
        &self,
        address: CodePointer,
        last_error: Option<LastError>,
        slots: *const u64,
        values: &mut [MaybeUninit<*mut c_void>],
    ) -> u64 {
        let mut word = 0u64;
        let result = match self.result {
            // Where there is no result, libffi leaves the word as it is.
            SlotForm::None | SlotForm::Word(_) => (&raw mut word).cast(),
            // Aggregates are stored to the byte, unlike integers, which libffi widens or not as it likes.
            // SAFETY: the slot after the arguments holds the address for the result, as the caller promises.
            SlotForm::Address(_) => Word::from_slot(unsafe { *slots.add(self.params) }),
        };
        // SAFETY: every address is that of a value of its type; libffi reads there only. The memory for the result
        // is as large as libffi's documentation asks for. The caller answers for the function.
        let mut call = || unsafe {
            ffi_call(
                self.cif.as_raw_ptr(),
                Some(*CodePtr::from_fun(address).as_fun()),
                result,
                values.as_mut_ptr().cast(),
            );
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
        returned(self.result, word)
    }
}

/// The slot of a result as libffi leaves it: an integer in the low bytes, `float` in the first.
fn returned(form: SlotForm, word: u64) -> u64 {
    let in_first =
        cfg!(target_endian = "big") && matches!(form, SlotForm::Word(Scalar::Float(FloatFormat::F32)));
    if in_first { word >> 32 } else { word }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::word::SlotResult;

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
