//! What is wrong with a plan.

use core::fmt;

use springboard_ir::LayoutError;

use super::spot::{Source, Spot};
use crate::{
    place::Place,
    plan::{
        Column, Entry, Fill, Guard, Output, Parameter,
        boxed::{Returned, Wanted},
    },
    target::Convention,
};

/// The rule that a plan breaks, and where. Moves, copies, arguments and slots are numbered from 0 here, and
/// arguments from 1 in the text.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // `expected` and `found`, `step` for the number of a move, `size` and `end` in bytes
pub enum Violation {
    /// The plan is for functions of another convention.
    #[error("the plan calls by {found}, and the target is {expected}")]
    Convention { expected: Convention, found: Convention },
    /// The plan's stub is called by another convention.
    #[error("the plan is entered by {found}, and the target's caller uses {expected}")]
    Caller { expected: Convention, found: Convention },
    /// Native code passes something elsewhere than the host's function, with its one parameter more, looks for it; or
    /// on the stack, or in several places.
    #[error("argument {} is not where the host's function looks for it", .param + 1)]
    NotPassedOn { param: u16 },
    /// The stub does more than pass arguments on.
    #[error("the stub does more than pass arguments on")]
    MoreThanPassedOn,
    /// A general register does not hold what native code left in it, or the context.
    #[error("{spot} does not hold what it held, or the context")]
    NotKept { spot: Spot },
    /// The checker does not know the entry yet.
    #[error("no rules to check the entry {0} by")]
    UnknownEntry(Entry),
    /// The plan is of another entry than the one whose rules are asked for.
    #[error("the plan is of the entry {0}")]
    OtherEntry(Entry),
    /// V8 passes something else than what the stub takes it for.
    #[error("parameter {index} of the stub is {found:?}, and V8 passes {expected:?}")]
    Parameter { index: usize, expected: Option<Parameter>, found: Option<Parameter> },
    /// The stub checks more or less than it is to.
    #[error("the guard is {found:?}, and {expected:?} is asked for")]
    Guard { expected: Guard, found: Guard },
    /// An integer result is to be extended to the 32 bits that V8 looks at, or is not to be.
    #[error("the extension that the result wants, for the 32 bits that V8 looks at, is {expected:?}")]
    ResultExtension { expected: Option<(u8, Fill)> },
    /// A stub that may return a zero of its own returns that of a `double`, and the result is a `float`.
    #[error("a refused call returns the zero of a double, and the result is a float")]
    ZeroOfAnotherType,
    /// A host's functions are of another type, or of one whose parameters are not all in registers, or which has none
    /// for some of the arguments.
    #[error("no function of the host's {parameters} parameters is called so")]
    Callable { parameters: u8 },
    /// The ways to unbox an argument are others than the host's, or give no value of its type.
    #[error("argument {} is not unboxed as the host says, to a value of its type", .param + 1)]
    Unboxing { param: u16 },
    /// The slot of an unboxed argument holds more or less than its type.
    #[error("argument {} is unboxed as {found}, and is {expected}", .param + 1)]
    Unboxed { param: u16, expected: Wanted, found: Wanted },
    /// Something else is called around the native function.
    #[error("something else is called around the native function")]
    Around,
    /// The native function returns something else than what is boxed.
    #[error("what is boxed is {found:?}, and {expected:?} is returned")]
    Returned { expected: Returned, found: Returned },
    /// The result is boxed in another way than the host's, or in one that it has no use for.
    #[error("the result is not boxed as the host says, or has another type")]
    Boxing,
    /// A type of the signature has no layout, so there is no plan for it.
    #[error("{0}")]
    NoLayout(#[from] LayoutError),
    /// The result comes back on the x87 stack, which no plan can express.
    #[error("the result is on the x87 stack, which no plan can express")]
    X87Result,
    /// The stack area is not aligned as its strictest argument wants, or more.
    #[error("the stack area is aligned to {}, and the arguments want {}", .found.unwrap_or(16), .expected.unwrap_or(16))]
    StackAlignment { expected: Option<u32>, found: Option<u32> },
    /// The arguments need more stack than a plan may use.
    #[error("the arguments need {bytes} bytes of stack, and {} is the limit", crate::Ineligible::MAX_STACK)]
    StackLimit { bytes: u64 },
    /// The stack area does not end where the last argument does.
    #[error("the stack area has {found} bytes, and the arguments need {expected}")]
    StackBytes { expected: u64, found: u32 },
    /// The number of vector registers is not what a variadic callee is told, or is told to another one.
    #[error("the callee is told a number of vector registers of {}, and the least that is right is {}", OrNothing(*.found), OrNothing(*.least))]
    VectorCount { least: Option<u8>, found: Option<u8> },
    /// A move is not after the one before it.
    #[error("move {step} is not after the one before it")]
    Order { step: usize },
    /// A move of a number of bytes that its place cannot take.
    #[error("move {step} of {bytes} bytes is impossible there")]
    Width { step: usize, bytes: u8 },
    /// A move to a register that the convention does not pass arguments in, beyond a register, or beyond the stack
    /// area.
    #[error("move {step} ends in {place:?}, which is no place for an argument")]
    NoSuchPlace { step: usize, place: Place },
    /// A move from a slot that does not exist or holds no argument.
    #[error("move {step} reads slot {slot}, which holds no argument")]
    NoSuchSlot { step: usize, slot: u16 },
    /// A move of an address, where the value at that address is the argument.
    #[error("move {step} passes slot {slot} itself, which holds the argument's address")]
    AddressAsValue { step: usize, slot: u16 },
    /// A move from memory, and the slot does not hold an address.
    #[error("move {step} reads at the address in slot {slot}, which holds a value")]
    ValueAsAddress { step: usize, slot: u16 },
    /// A move reads beyond its slot, or beyond the argument.
    #[error("move {step} reads up to byte {end} of the {size} that slot {slot} gives")]
    OverRead { step: usize, slot: u16, end: u64, size: u64 },
    /// A move of the address of a copy that is not made.
    #[error("move {step} passes the address of copy {index}, which is not made")]
    NoSuchCopy { step: usize, index: u16 },
    /// Two moves end in one byte.
    #[error("moves {first} and {second} both end in {spot}")]
    Overlap { spot: Spot, first: usize, second: usize },
    /// A sign is to fill the rest of a word that has no rest, has other moves in it, or is not an integer's.
    #[error("move {step} fills with its sign, and there is nothing to fill with it")]
    SignFill { step: usize },
    /// A byte that has to hold something holds something else, or nothing.
    #[error("{spot} is to hold {expected}, and holds {}", OrNothing(*.found))]
    Content { spot: Spot, expected: Source, found: Option<Source> },
    /// A byte holds something that does not belong there.
    #[error("{spot} holds {found}, which does not belong there")]
    Stray { spot: Spot, found: Source },
    /// A copy of an argument that is not passed by reference; in an upcall memory for a slot that needs none.
    #[error("copy {index} is of slot {slot}, which needs none")]
    CopyUnwanted { index: usize, slot: u16 },
    /// The copies are not in the order of the arguments, or two are of one.
    #[error("copy {index} is not of a later argument than the one before it")]
    CopyOrder { index: usize },
    /// A copy is larger or smaller than its argument.
    #[error("copy {index} has {found} bytes, and the argument {expected}")]
    CopySize { index: usize, expected: u64, found: u32 },
    /// A copy is not aligned as the convention wants it.
    #[error("copy {index} is aligned to {found}, and {least} or a larger power of two is right")]
    CopyAlign { index: usize, least: u32, found: u32 },
    /// An argument that is passed by reference is not copied; in an upcall a slot has no memory.
    #[error("slot {param} needs a copy, and has none")]
    CopyMissing { param: u16 },
    /// The result is in place, and the plan stores it.
    #[error("the result is in place, and is stored")]
    ResultNotInPlace,
    /// An integer or pointer is not stored as one whole word, made of its own bytes.
    #[error("the result is not stored as a whole word, widened from its own width")]
    ResultNotWidened,
    /// The result is stored by way of another slot than the one after the arguments.
    #[error("the result goes to the address in slot {found}, and slot {expected} has it")]
    ResultSlot { expected: u16, found: u16 },
    /// A plan of the columns entry does not have one column per parameter.
    #[error("the plan does not have one column per parameter")]
    NoColumns,
    /// The elements of a column are not what the parameter is made of.
    #[error("column {index} has elements of {:?}, and the parameter wants {expected:?}", (.found.bytes, .found.fill))]
    Column { index: usize, expected: Option<(u8, Fill)>, found: Column },
    /// A column of results gets something else than the result, as the convention returns it, or its next member.
    #[error("column {index} of results gets {found:?}, and {expected:?} is next")]
    ColumnResult { index: usize, expected: Option<Output>, found: Option<Output> },
    /// The last error goes by way of another slot than the one after all others.
    #[error("the last error goes to the address in slot {found}, and slot {expected} has it")]
    LastErrorSlot { expected: u16, found: u16 },
    /// A store of the result is not after the one before it.
    #[error("result store {step} does not begin after the one before it")]
    ResultOrder { step: usize },
    /// A store of a number of bytes that its register does not have.
    #[error("result store {step} of {bytes} bytes is impossible")]
    ResultWidth { step: usize, bytes: u8 },
    /// A store from a place that is no result register, or beyond one.
    #[error("result store {step} is from {place:?}, which holds no result")]
    ResultPlace { step: usize, place: Place },
    /// A store beyond the result.
    #[error("result store {step} ends at byte {end} of a result of {size}")]
    ResultOverrun { step: usize, end: u64, size: u64 },
    /// A byte of the result is stored from somewhere else than where the callee leaves it, or not at all.
    #[error("byte {offset} of the result is in {}, and is stored from {}", OrNothing(*.expected), OrNothing(*.found))]
    ResultContent { offset: u32, expected: Option<Spot>, found: Option<Spot> },
}

/// What is there, where something may be.
struct OrNothing<T>(Option<T>);

impl<T: fmt::Display> fmt::Display for OrNothing<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Some(some) => some.fmt(f),
            None => f.write_str("nothing"),
        }
    }
}
