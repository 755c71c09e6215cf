//! The plan: a value that says which bytes a stub moves from where to where.

use alloc::boxed::Box;

use springboard_ir::Signature;

use crate::{
    avalue, callback,
    columns::{Columns, Step, plan_columns},
    convention::Convention,
    direct,
    ineligible::Ineligible,
    relay::plan_relay,
    slots,
    target::Target,
    v8,
};

/// By which convention of springboard a stub is entered.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum Entry {
    /// `extern "C" fn(target, slots) -> R`: a downcall with its arguments in an array of 8-byte slots, one an
    /// argument in order. [`SlotForm`](crate::SlotForm) says what a slot holds. A result that is a
    /// [`SlotForm::Word`](crate::SlotForm::Word) stays in the register in which the callee left it, with the bits
    /// above its width undefined; any other is written to the address in the slot behind the last argument.
    Slots,
    /// `extern "C" fn(slots) -> R`: the same, with the target's address in the stub. For hosts that keep one pointer
    /// a function; one stub a function, where `Slots` has one a plan.
    Bound,
    /// `extern "C" fn(slots) -> R`: the same with the least code, for signatures whose moves take much of it. The stub
    /// holds the target's address and that of the `Slots` stub of its shape, to which it passes both on. One plan
    /// serves all signatures. `Operand::Slot` names the stub's own parameter, and behind it the target.
    Relay,
    /// The native function type itself: native code calls the stub, which writes the arguments into an array of
    /// slots and calls `extern "C" fn(context, slots)` of the host. Behind the last argument's slot there is one for
    /// the result: the host writes a [`SlotForm::Word`](crate::SlotForm::Word) into it, or the bytes of any other
    /// result to the address that it finds there.
    Callback,
    /// The C function that V8's fast API calls: receiver, one argument a parameter, options where they are needed.
    /// `Operand::Slot` names a parameter behind the receiver. The target is in the stub.
    V8,
    /// `extern "C" fn(target, void *result, void **avalue)`, libffi's form: one pointer an argument, to the bytes of
    /// its own C type. An integer result or pointer is written to `result` as a whole 8-byte word, extended from its
    /// own width (libffi's `ffi_arg`); any other with exactly its bytes, and `void` not at all. `Operand::Memory`
    /// names an entry of `avalue`; the slot behind the last argument's names `result` itself.
    Avalue,
    /// The native function type itself, for libffi's closures: native code calls the stub, which calls
    /// `fun(cif, result, avalue, user_data)` as the closure says. `avalue` holds one pointer an argument, to bytes of
    /// its own C type; `result` points to a word, or to the memory of a result that is no
    /// [`SlotForm::Word`](crate::SlotForm::Word). The closure is the context: 32 bytes that are nobody's here, then
    /// `cif`, `fun` and `user_data`. On x86_64 its address comes in `r10`, elsewhere it is in the stub.
    Closure,
    /// The same for libffi's Go closures: 8 bytes that are nobody's here, then `cif` and `fun`; the closure's own
    /// address is the user data.
    GoClosure,
    /// The native function type itself, as for `Callback`; but the stub passes the arguments on where they are, to a
    /// function of the host that has one parameter more, behind all others: the context. The context's first word is
    /// that function's address. `Operand::Slot` names a general argument register as native code left it; the one
    /// behind the last of them is the context.
    Direct,
    /// `extern "C" fn(target, frame) -> rows`: one call a row, with arguments from arrays and the result into one, of the
    /// C types' own elements. The frame is words of 8 bytes: how many rows; the address of a word that ends the loop
    /// behind the row after which its highest bit is set; the address of the first element of each column; that of the
    /// first result. How many rows were done is returned.
    Columns,
}

/// Between which forms a stub translates.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Direction {
    /// The stub's caller has the arguments in a form of the host's, and the stub calls by a convention of native code.
    Downcall,
    /// The other way round.
    Upcall,
}

impl Entry {
    /// Between which forms stubs of this entry translate. `Direct` translates nothing, and calls as a downcall does.
    pub const fn direction(self) -> Direction {
        match self {
            Entry::Slots
            | Entry::Bound
            | Entry::Relay
            | Entry::V8
            | Entry::Avalue
            | Entry::Direct
            | Entry::Columns => Direction::Downcall,
            Entry::Callback | Entry::Closure | Entry::GoClosure => Direction::Upcall,
        }
    }
}

impl Entry {
    /// Every entry, in the order of the documentation.
    pub const ALL: [Entry; 10] = [
        Entry::Slots,
        Entry::Bound,
        Entry::Relay,
        Entry::Callback,
        Entry::V8,
        Entry::Avalue,
        Entry::Closure,
        Entry::GoClosure,
        Entry::Direct,
        Entry::Columns,
    ];
}

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

/// A place that a calling convention knows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Place {
    /// A general register, by its index in the [`RegisterFile`](crate::RegisterFile); and the byte in it at which
    /// the value begins, counted as memory is when the whole register is stored.
    #[allow(missing_docs)]
    Gpr { reg: u8, at: u8 },
    /// A floating point or vector register, likewise.
    #[allow(missing_docs)]
    Vec { reg: u8, at: u8 },
    /// The argument area: `offset` bytes behind its first byte, which the callee finds at the lowest address at
    /// which its convention puts a stack argument (above shadow space or register save area).
    #[allow(missing_docs)]
    Stack { offset: u32 },
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

/// Plans one call of `signature` on `target`, entered by `entry`.
///
/// # Errors
/// The rule by which there is no plan. This is an answer and not a failure: such calls go through libffi.
pub fn plan(signature: &Signature, target: &Target, entry: Entry) -> Result<Plan, Ineligible> {
    match entry {
        Entry::Slots | Entry::Bound => slots::plan(signature, target, entry, None),
        Entry::Relay => slots::plan(signature, target, Entry::Slots, None).map(|_| plan_relay(target)),
        Entry::Columns => plan_columns(signature, target, &alloc::vec![Step::Row; signature.params().len()]),
        Entry::Callback | Entry::Closure | Entry::GoClosure => callback::plan(signature, target, entry),
        Entry::Direct => direct::plan(signature, target),
        Entry::Avalue => avalue::plan(signature, target),
        Entry::V8 => v8::plan_fast_call(&v8::FastCall::new(signature.clone()), target),
    }
}

/// As [`plan`], with the last error delivered as well: [`Plan::last_error`].
///
/// # Errors
/// As [`plan`].
///
/// # Panics
/// Where the entry is neither [`Entry::Slots`] nor [`Entry::Bound`]: no other has a slot for it.
pub fn plan_with_last_error(
    signature: &Signature,
    target: &Target,
    entry: Entry,
    source: ErrorSource,
) -> Result<Plan, Ineligible> {
    assert!(matches!(entry, Entry::Slots | Entry::Bound), "the {entry} entry delivers no last error");
    slots::plan(signature, target, entry, Some(source))
}
