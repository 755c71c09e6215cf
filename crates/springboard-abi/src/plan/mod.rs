//! The plan: a value that says which bytes a stub moves from where to where.

use alloc::boxed::Box;

use springboard_ir::Scalar;

mod columns;
mod display;
mod kind;
mod slot_form;
mod symbol;

pub use columns::{Column, Columns, Step};
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
    /// The form in which the stub's caller hands over arguments.
    pub entry: Entry,
    /// What is moved to or from argument registers and stack words, ordered by place; no two overlap.
    pub moves: Box<[Move]>,
    /// Memory on the stub's own stack. In a downcall, copies of arguments which are passed by reference. In an
    /// upcall, areas whose addresses the stub writes into slots: of aggregates that arrive in registers or on the
    /// stack, and of the result.
    pub temporaries: Box<[Temporary]>,
    /// Bytes of arguments on the stack, a multiple of 8.
    pub stack_bytes: u32,
    /// What happens to the result.
    pub result: ResultPlan,
    /// For a variadic callee that is told (`%al` of System V AMD64): how many vector registers hold arguments.
    pub vector_count: Option<u8>,
    /// The stub's own parameters: behind the receiver, where the entry is `V8`; the general registers in front of the
    /// context's, where it is `Direct`; the address of the slots, where it is `Relay`. Whether the slot of each argument holds its bytes or their address, where it is
    /// `Closure` or `GoClosure`. None elsewhere.
    pub parameters: Box<[Parameter]>,
    /// What is checked before anything else.
    pub guard: Guard,
    /// What the stub reads as soon as the native function has returned, before anything else can run.
    pub last_error: Option<LastError>,
    /// Where arguments come from and results go, where the entry is `Columns`.
    pub columns: Option<Columns>,
}

impl Plan {
    /// The plan of the [`Entry::Bound`] stubs of the same shape: all is alike, but that the target is in the stub.
    ///
    /// # Panics
    /// Where this plan's entry is not [`Entry::Slots`].
    #[must_use]
    pub fn bound(self) -> Plan {
        assert_eq!(self.entry, Entry::Slots, "stubs of the {} entry are handed no target", self.entry);
        Plan { entry: Entry::Bound, ..self }
    }
}

/// An `int` that is delivered beside a result, because whatever the host does next may overwrite it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct LastError {
    /// Where the `int` is read.
    pub source: ErrorSource,
    /// The slot that holds the address to which it is written: the one behind all others.
    pub slot: u16,
}

/// Where a last error is read.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum ErrorSource {
    /// At the address that the host's helper, `int *(*)(void)`, returns: `errno`, as C libraries implement it. The
    /// stub asks for the address and writes zero there before the call, so that what is read after it is the call's.
    Location,
    /// It is what the host's helper, `int (*)(void)`, returns after the call.
    Function,
}

/// A parameter of a stub that V8 calls, or what a closure's stub makes of an argument.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Parameter {
    /// 32 bits in a general register; the rest of it is undefined.
    Int32,
    /// 64 bits in a general register.
    Int64,
    /// An [`Int32`](Parameter::Int32) that must be in the range of a narrower integer. Where it is not, the stub
    /// calls the host and returns zero.
    Narrow {
        /// Size of the narrower integer, in bytes.
        bytes: u8,
        /// Whether it has a sign.
        fill: Fill,
    },
    /// `float`.
    Float,
    /// `double`.
    Double,
    /// A JavaScript value that the host unwraps to a pointer. Where it cannot, the stub returns zero.
    Buffer,
    /// The pointer to V8's options, behind all others, which helpers of the host get.
    Options,
    /// Of a closure: the argument's bytes are in its slot.
    InSlot,
    /// Of a closure: the argument's slot holds the address of its bytes.
    InMemory,
}

/// What a stub checks before anything else.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Guard {
    /// Nothing.
    None,
    /// Whether the library has been closed: a byte that is not zero. Then the stub calls the host and returns zero.
    Closed,
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

/// What happens to a result.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum ResultPlan {
    /// Nothing: there is none, or it stays in the register where the callee left it, or the callee has written it
    /// to the address that it was passed.
    InPlace,
    /// Nothing either, and it is a `float`: where the stub returns a zero of its own, that is a `float` too. Only where
    /// that matters, because the convention fills a `float`'s register by the width of the value.
    FloatInPlace,
    /// Bytes of result registers belong to the memory whose address a slot holds: a downcall stores them there, an
    /// upcall loads them.
    Memory {
        /// The slot.
        slot: u16,
        /// The bytes, ordered by offset.
        moves: Box<[ResultMove]>,
    },
    /// An upcall's result register is loaded from its slot. The place is numbered as results are.
    Word(Move),
    /// A downcall's integer result is extended from its own bytes, because its caller looks at 32 bits.
    Extended {
        /// Size of the result, in bytes: 1 or 2.
        bytes: u8,
        /// By what it is extended.
        fill: Fill,
    },
    /// A downcall's integer result is extended from its own bytes to a whole word, which is stored to the memory
    /// whose address a slot holds.
    Widened {
        /// The slot.
        slot: u16,
        /// Size of the result, in bytes: 1, 2, 4 or 8.
        bytes: u8,
        /// By what it is extended; zero where it is a whole word.
        fill: Fill,
    },
    /// An upcall returns, in the first general result register, the address that it was passed for the result and
    /// that its slot holds.
    Address {
        /// The slot.
        slot: u16,
    },
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
