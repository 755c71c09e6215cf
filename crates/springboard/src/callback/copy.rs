//! Copies of what a call borrows, for handlers that run after the caller has gone on.

use std::ffi::c_void;

use springboard_abi::SlotForm;
use springboard_ir::{Layout, Scalar, Signature};

use crate::word::Word;

/// Memory that a parameter points to, which is copied before the caller of a posted callback goes on. The handler
/// finds the address of the copy, which is aligned to 64 bytes and freed when the handler returns. A null pointer
/// stays null.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum CopyIn {
    /// Bytes up to a zero byte, which is copied too: `const char *`.
    Text,
    /// As many elements as another parameter says, each of so many bytes. A negative number counts as none.
    Counted {
        /// The parameter that holds the number of elements, counted from 0.
        parameter: usize,
        /// Bytes per element.
        unit: usize,
    },
    /// So many bytes.
    Fixed(usize),
}

/// Why something cannot be copied in.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum CopyError {
    /// There are fewer parameters.
    #[error("there are only {parameters}")]
    Parameter {
        /// Their number.
        parameters: usize,
    },
    /// The parameter is not a pointer.
    #[error("only what a pointer points to can be copied in")]
    NoPointer,
    /// The parameter that gives the number of elements does not exist, or is not an integer of at most 8 bytes.
    #[error("parameter {} is no integer that could say how many elements there are", .parameter + 1)]
    NoLength {
        /// That parameter, counted from 0.
        parameter: usize,
    },
    /// It is declared already.
    #[error("it is copied in already")]
    Twice,
}

/// Something that a record owns instead of the caller.
#[derive(Clone, Copy)]
pub(super) struct Capture {
    slot: u16,
    what: What,
}

#[derive(Clone, Copy)]
enum What {
    /// The bytes of a parameter itself, which lie on the caller's stack.
    Value(u32),
    Text,
    Counted {
        slot: u16,
        signed: bool,
        unit: usize,
    },
    Fixed(usize),
}

impl Capture {
    /// The parameters whose slots are addresses of the caller's stack.
    pub(super) fn values(params: &[SlotForm]) -> impl Iterator<Item = Capture> {
        params.iter().enumerate().filter_map(|(index, form)| match form {
            SlotForm::Address(Layout { size, .. }) => {
                // Sizes beyond are not values of any call.
                Some(Capture { slot: index as u16, what: What::Value(*size as u32) })
            }
            SlotForm::None | SlotForm::Word(_) => None,
        })
    }

    /// A copy that the host asks for.
    pub(super) fn declared(
        signature: &Signature,
        params: &[SlotForm],
        before: &[Capture],
        parameter: usize,
        copy: CopyIn,
    ) -> Result<Capture, CopyError> {
        let none = CopyError::Parameter { parameters: signature.params().len() };
        if *params.get(parameter).ok_or(none)? != SlotForm::Word(Scalar::Pointer) {
            return Err(CopyError::NoPointer);
        }
        if before.iter().any(|copy| usize::from(copy.slot) == parameter) {
            return Err(CopyError::Twice);
        }
        let what = match copy {
            CopyIn::Text => What::Text,
            CopyIn::Fixed(bytes) => What::Fixed(bytes),
            CopyIn::Counted { parameter, unit } => match params.get(parameter) {
                Some(SlotForm::Word(Scalar::Int { signed, .. })) => {
                    What::Counted { slot: parameter as u16, signed: *signed, unit }
                }
                _ => return Err(CopyError::NoLength { parameter }),
            },
        };
        Ok(Capture { slot: parameter as u16, what })
    }
}

/// As much as copies are aligned to, in bytes.
const ALIGN: usize = 64;

/// A piece of memory of that alignment.
#[derive(Clone, Copy, PartialEq)]
#[repr(C, align(64))]
pub(super) struct Block([u8; ALIGN]);

/// The copies of one call, one after another.
pub(super) type Copies = Vec<Block>;

/// Zeroed memory.
pub(super) fn zeroed(bytes: usize) -> Copies {
    vec![Block([0; ALIGN]); bytes.div_ceil(ALIGN)]
}

/// Makes `copies` of what `slots` refer to, and makes the slots refer to them. `None` where there is no memory.
///
/// # Safety
/// The slots are those of a call whose caller has not gone on, and what they point to is as large as declared.
pub(super) unsafe fn copy(captures: &[Capture], slots: &mut [u64]) -> Option<Copies> {
    let mut memory = Copies::new();
    for copy in captures {
        let slot = slots[usize::from(copy.slot)];
        let start: *const u8 = Word::from_slot(slot);
        let bytes = match copy.what {
            _ if slot == 0 => continue,
            What::Value(bytes) => bytes as usize,
            What::Fixed(bytes) => bytes,
            // SAFETY: a parameter that is declared as text points to one, with its zero byte.
            What::Text => unsafe { libc::strlen(start.cast()) },
            What::Counted { slot, signed, unit } => {
                let count = slots[usize::from(slot)];
                let count = if signed && (count as i64) < 0 { 0 } else { count };
                usize::try_from(count).ok()?.checked_mul(unit)?
            }
        };
        let offset = memory.len() * ALIGN;
        // One byte more, for the end of a text: what is there may have changed since it was measured.
        let blocks = bytes.checked_add(1)?.div_ceil(ALIGN);
        memory.try_reserve(blocks).ok()?;
        memory.resize(memory.len() + blocks, Block([0; ALIGN]));
        // SAFETY: the caller's pointer leads to as many bytes as were declared; `resize` made as many after `offset`.
        unsafe { memory.as_mut_ptr().cast::<u8>().add(offset).copy_from_nonoverlapping(start, bytes) };
        // Addresses are known once nothing more is appended.
        slots[usize::from(copy.slot)] = offset as u64 + 1;
    }
    let base = memory.as_ptr().cast::<c_void>();
    for copy in captures {
        let slot = &mut slots[usize::from(copy.slot)];
        if *slot != 0 {
            *slot = base.wrapping_byte_add(*slot as usize - 1).into_slot();
        }
    }
    Some(memory)
}
