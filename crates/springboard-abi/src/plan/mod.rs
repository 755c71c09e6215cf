//! The plan: a value that says which bytes a stub moves from where to where.

use alloc::boxed::Box;

use springboard_ir::Scalar;

pub(crate) mod boxed;
mod columns;
mod display;
mod downcall_result;
mod form;
mod kind;
mod slot_form;
mod symbol;

pub use columns::{Column, Columns, Errors, Output, OutputPlace, Rows, Step};
pub use downcall_result::DowncallResult;
pub use form::{
    BoxedForm, ClosureForm, ErrorSource, FastForm, Form, Guard, LastError, Parameter, SlotContent, SlotsForm,
    UpcallResult,
};
pub use kind::{Direction, Entry};
pub use slot_form::SlotForm;
pub use symbol::symbol;

use crate::{place::Place, target::Convention};

/// Where every byte of every argument and result of a call comes from and goes to.
///
/// A plan has neither names nor types. It is the key of the template cache: signatures that need the same moves
/// have equal plans and share one template.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Plan {
    /// The convention of the native function.
    pub convention: Convention,
    /// The convention by which the stub is called.
    pub caller: Convention,
    /// The form in which the stub's caller hands over arguments and takes the result.
    pub form: Form,
    /// What is moved to or from argument registers and stack words, ordered by place; no two overlap.
    pub moves: Box<[Move]>,
    /// Memory on the stub's own stack. In a downcall, copies of arguments which are passed by reference. In an
    /// upcall, areas whose addresses the stub writes into slots: of aggregates that arrive in registers or on the
    /// stack, and of the result.
    pub temporaries: Box<[Temporary]>,
    /// Bytes of arguments on the stack, a multiple of 8.
    pub stack_bytes: u32,
    /// What a downcall aligns that area to, in bytes, where an argument wants more than the convention gives every call.
    /// An upcall finds it aligned.
    pub stack_align: Option<u32>,
    /// For a variadic callee that is told (`%al` of System V AMD64): how many vector registers hold arguments.
    pub vector_count: Option<u8>,
}

impl Plan {
    /// By which entry the stub is entered.
    pub const fn entry(&self) -> Entry {
        self.form.entry()
    }

    /// The plan of the [`Entry::Bound`] stub that does what an [`Entry::Slots`] stub of this plan does: all is alike,
    /// except that the target is in the stub. A plan of any other entry stays what it is.
    #[must_use]
    pub fn bound(self) -> Plan {
        let form = match self.form {
            Form::Slots(slots) => Form::Bound(slots),
            form => form,
        };
        Plan { form, ..self }
    }
}

/// A few bytes that the host has in one form and the convention wants in another: an operand and a place. A downcall
/// moves them from the operand to the place, an upcall from the place to the operand.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Move {
    /// Where the convention has the bytes.
    pub place: Place,
    /// Where the host has them.
    pub operand: Operand,
    /// How many: 1, 2, 4, 8 or 16.
    pub bytes: u8,
    /// What the rest of a general register or stack word holds, where nothing else is moved into it. In an upcall,
    /// what the rest of the slot gets: a slot is always written whole.
    pub fill: Fill,
}

/// What a narrow value's register holds beside it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[allow(missing_docs)]
pub enum Fill {
    Zero,
    Sign,
}

impl Fill {
    /// By what a value of this type is extended to a wider integer.
    pub(crate) const fn of(scalar: Scalar) -> Fill {
        if let Scalar::Int { signed: true, .. } = scalar { Fill::Sign } else { Fill::Zero }
    }

    /// The same to a word of 8 bytes. A full word has no rest to fill; saying so either way must not make two plans.
    pub(crate) const fn to_word(scalar: Scalar) -> Fill {
        if let Scalar::Int { bytes: 8.., .. } = scalar { Fill::Zero } else { Fill::of(scalar) }
    }
}

/// Where the host has a value.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Operand {
    /// Bytes of a slot itself, from byte `at`, in memory order.
    #[allow(missing_docs)]
    Slot { index: u16, at: u8 },
    /// Bytes at `offset` from the address that a slot holds.
    #[allow(missing_docs)]
    Memory { slot: u16, offset: u32 },
    /// The address of a [`Temporary`].
    #[allow(missing_docs)]
    Temporary { index: u16 },
}

/// Memory on a stub's own stack. In a downcall it holds a copy, because the callee owns what it is passed by
/// reference.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Temporary {
    /// In a downcall, the slot that holds the address of the original; in an upcall, the slot that gets the address
    /// of this.
    pub slot: u16,
    /// Size in bytes.
    pub bytes: u32,
    /// Alignment in bytes.
    pub align: u32,
}

/// Bytes of a result register, and their offset in memory.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct ResultMove {
    /// Offset in the result's memory.
    pub offset: u32,
    /// The result register and the first byte in it; never the stack.
    pub place: Place,
    /// How many bytes: 1, 2, 4, 8 or 16.
    pub bytes: u8,
}
