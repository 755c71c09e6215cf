//! A call interface: what libffi knows of one function, and where its arguments are.

use libffi::middle::{Cif, Type as FfiType, ffi_abi_FFI_DEFAULT_ABI};
use springboard_abi::{Assignment, Ineligible, Passing, Returning, SlotForm, Target, assign};
use springboard_ir::{DataModel, Layout, Param, Scalar, Signature, Type};

use super::types::{Refusal, Unsupported, UnsupportedType, Writer};
use crate::{declaration::Position, system};

/// Arguments up to which a call allocates nothing.
pub(super) const INLINE_ARGUMENTS: usize = 32;

/// Addresses that are written together.
pub(super) const BLOCK: usize = 4;

/// A signature in libffi's terms, and where its values are in slots.
pub(crate) struct Interface {
    pub(super) cif: Cif,
    /// The arguments that are passed at all, in order.
    pub(super) arguments: Box<[Argument]>,
    pub(super) gathering: Gathering,
    pub(super) copies: Copies,
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
pub(super) enum Gathering {
    /// Each is that of its slot, in order, or at the address in it where `indirect` has its bit. They are in so many blocks.
    Slots { blocks: usize, indirect: u32 },
    /// One by one. There are up to [`INLINE_ARGUMENTS`], and none is copied.
    Each,
    /// In memory that is allocated.
    Allocating,
}

impl Gathering {
    fn of(arguments: &[Argument], copies: Copies) -> Gathering {
        if copies.bytes != 0 || arguments.len() > INLINE_ARGUMENTS {
            return Gathering::Allocating;
        }
        let mut indirect = 0;
        for (wanted, argument) in arguments.iter().enumerate() {
            match *argument {
                Argument::Slot { index, at: 0, .. } if usize::from(index) == wanted => {}
                Argument::Memory { index } if usize::from(index) == wanted => indirect |= 1 << wanted,
                _ => return Gathering::Each,
            }
        }
        Gathering::Slots { blocks: arguments.len().div_ceil(BLOCK), indirect }
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
    pub(super) address: usize,
    /// Offset of the copy.
    pub(super) start: usize,
    /// Size of the copy in bytes.
    pub(super) bytes: usize,
}

/// Memory in which a call keeps copies of arguments.
#[derive(Clone, Copy)]
pub(super) struct Copies {
    pub(super) bytes: usize,
    pub(super) align: usize,
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

impl Interface {
    /// In how many blocks of slots the arguments are, where they are in their slots.
    pub(crate) fn blocks_of_slots(&self) -> Option<usize> {
        match self.gathering {
            Gathering::Slots { blocks, .. } => Some(blocks),
            Gathering::Each | Gathering::Allocating => None,
        }
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
