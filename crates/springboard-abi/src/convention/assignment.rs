//! Which bytes of which value a convention puts where, before any entry is thought of.
//!
//! An [`Assignment`] is what an ABI document talks about: parameters and results on one side, registers and stack
//! on the other. A [`Plan`](crate::Plan) turns it into moves from and to the form in which an entry has the
//! values.

use alloc::vec::Vec;

use springboard_ir::Layout;

use crate::{ineligible::Ineligible, place::Place};

/// Where a convention puts the values of one signature.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Assignment {
    /// One entry per parameter.
    pub params: Vec<Passing>,
    /// The result.
    pub result: Returning,
    /// Bytes of arguments on the stack, a multiple of 8. Neither shadow space nor the register save area counts.
    pub stack_bytes: u32,
    /// What an argument wants the stack area to be aligned to, in bytes, where that is more than the convention gives it.
    pub stack_align: Option<u32>,
    /// For a variadic callee that is told: the number of vector registers with arguments.
    pub vector_count: Option<u8>,
}

/// How one parameter is passed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Passing {
    /// Not at all: it has no bytes.
    Nothing,
    /// Its bytes, in these places.
    Direct(Vec<Piece>),
    /// The address of a copy that the caller makes.
    Reference {
        /// Where the address goes.
        to: Place,
        /// Size and alignment of the copy.
        copy: Layout,
    },
}

/// How the result comes back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Returning {
    /// `void`, or a type without bytes.
    Nothing,
    /// In these registers, numbered as results are.
    Direct(Vec<Piece>),
    /// In memory of the caller's, whose address is passed here.
    Memory {
        /// Where the address goes, numbered as arguments are.
        pointer: Place,
    },
}

/// A run of bytes of one value, and the place it lies in.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Piece {
    /// Offset of the first byte in the value.
    pub offset: u32,
    /// The number of bytes; at most the size of the register, any number on the stack.
    pub bytes: u32,
    /// Where they lie. In a general register narrower values lie at its low end.
    pub place: Place,
}

/// Registers and stack, as arguments take them: each class of registers counts for itself.
#[derive(Default)]
pub(crate) struct Taken {
    pub(crate) gpr: u8,
    pub(crate) fpr: u8,
    pub(crate) stack: StackArea,
}

impl Taken {
    /// Before the first argument: the address of a result in memory takes the first general register.
    pub(crate) fn by(result: &Returning) -> Taken {
        Taken { gpr: matches!(result, Returning::Memory { .. }).into(), ..Taken::default() }
    }

    /// The next general register, with a value at byte `at` of it.
    pub(crate) fn next_gpr(&mut self, at: u8) -> Place {
        self.gpr += 1;
        Place::Gpr { reg: self.gpr - 1, at }
    }

    pub(crate) fn next_fpr(&mut self) -> Place {
        self.fpr += 1;
        Place::Vec { reg: self.fpr - 1, at: 0 }
    }

    /// What all arguments have taken.
    pub(crate) fn assignment(self, params: Vec<Passing>, result: Returning) -> Assignment {
        let stack_bytes = self.stack.bytes();
        Assignment { params, result, stack_bytes, stack_align: None, vector_count: None }
    }
}

/// The argument area on the stack, as it fills.
#[derive(Default)]
pub(crate) struct StackArea {
    next: u32,
    /// The strictest alignment that was asked for.
    align: u32,
}

impl StackArea {
    /// Takes `bytes` at the next multiple of `align`.
    pub(crate) fn take(&mut self, bytes: u64, align: u32) -> Result<Place, Ineligible> {
        self.align = self.align.max(align);
        let offset = self.next.next_multiple_of(align);
        let end = u64::from(offset) + bytes;
        // Anything beyond is refused for stubs; stopping here keeps the arithmetic in range.
        self.next = u32::try_from(end)
            .ok()
            .filter(|end| *end <= u32::MAX / 2)
            .ok_or(Ineligible::StackArguments { bytes: end })?;
        Ok(Place::Stack { offset })
    }

    /// The size of the area, a multiple of 8.
    pub(crate) fn bytes(&self) -> u32 {
        self.next.next_multiple_of(8)
    }

    /// The alignment of the area, where it is more than `given`, which the stack has at a call.
    pub(crate) fn align_above(&self, given: u32) -> Option<u32> {
        Some(self.align).filter(|align| *align > given)
    }
}
