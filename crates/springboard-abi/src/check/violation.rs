//! What is wrong with a plan.

use core::fmt;

use springboard_ir::LayoutError;

use crate::{
    convention::RegisterFile,
    place::Place,
    plan::{
        Column, Entry, Fill, Guard, Parameter, ResultMove,
        boxed::{Returned, Wanted},
    },
    target::Convention,
};

/// What a byte of a register or of the stack holds, as a symbol. Arguments are numbered from 0.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Source {
    /// A byte of an argument's memory image.
    Value {
        /// The argument.
        param: u16,
        /// The byte, counted from its lowest address.
        byte: u32,
    },
    /// Eight copies of the sign bit of a byte of an argument.
    Sign {
        /// The argument.
        param: u16,
        /// The byte that has the sign.
        byte: u32,
    },
    /// Zero.
    Zero,
    /// A byte of the address of the copy of an argument that is passed by reference.
    CopyAddress {
        /// The argument.
        param: u16,
        /// The byte, in memory order.
        byte: u8,
    },
    /// A byte of the address at which the result belongs.
    ResultAddress {
        /// The byte, in memory order.
        byte: u8,
    },
    /// A byte beside the 32 bits in which V8 passes an argument: whatever V8 left there.
    Undefined {
        /// The argument.
        param: u16,
    },
}

impl fmt::Display for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Source::Value { param, byte } => write!(f, "byte {byte} of argument {}", param + 1),
            Source::Sign { param, byte } => write!(f, "the sign of byte {byte} of argument {}", param + 1),
            Source::Zero => f.write_str("zero"),
            Source::CopyAddress { param, byte } => {
                write!(f, "byte {byte} of the address of a copy of argument {}", param + 1)
            }
            Source::ResultAddress { byte } => write!(f, "byte {byte} of the address of the result"),
            Source::Undefined { param } => write!(f, "what V8 left beside argument {}", param + 1),
        }
    }
}

/// One byte of a register or of the stack, by the names of the ABI document; or in an upcall of what the host gets.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Spot {
    /// A byte of a register, counted as memory is when the whole register is stored.
    Register {
        /// The register's name.
        name: &'static str,
        /// The byte in it.
        byte: u8,
    },
    /// A byte of the argument area.
    Stack {
        /// Its offset, in bytes.
        offset: u32,
    },
    /// A byte of a slot, in memory order.
    Slot {
        /// The slot.
        index: u16,
        /// The byte in it.
        byte: u8,
    },
    /// A byte of the memory whose address is in a slot.
    Area {
        /// The slot.
        slot: u16,
        /// The byte in the memory.
        byte: u32,
    },
}

impl Spot {
    pub(super) fn of_argument(place: Place, convention: Convention) -> Spot {
        let RegisterFile { gpr_args, vec_args, result_pointer, .. } = convention.registers();
        let gpr = |reg: u8| gpr_args.get(usize::from(reg)).copied().or(*result_pointer);
        Spot::of(place, gpr, |reg| vec_args.get(usize::from(reg)).copied())
    }

    pub(super) fn of_result(place: Place, convention: Convention) -> Spot {
        let RegisterFile { gpr_results, vec_results, .. } = convention.registers();
        let gpr = |reg: u8| gpr_results.get(usize::from(reg)).copied();
        Spot::of(place, gpr, |reg| vec_results.get(usize::from(reg)).copied())
    }

    fn of(
        place: Place,
        gpr: impl Fn(u8) -> Option<&'static str>,
        vec: impl Fn(u8) -> Option<&'static str>,
    ) -> Spot {
        match place {
            Place::Gpr { reg, at } => {
                Spot::Register { name: gpr(reg).unwrap_or("no general register"), byte: at }
            }
            Place::Vec { reg, at } => {
                Spot::Register { name: vec(reg).unwrap_or("no vector register"), byte: at }
            }
            Place::Stack { offset } => Spot::Stack { offset },
        }
    }
}

impl fmt::Display for Spot {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Spot::Register { name, byte } => write!(f, "byte {byte} of {name}"),
            Spot::Stack { offset } => write!(f, "byte {offset} of the stack area"),
            Spot::Slot { index, byte } => write!(f, "byte {byte} of slot {index}"),
            Spot::Area { slot, byte } => write!(f, "byte {byte} of the memory at slot {slot}"),
        }
    }
}

/// The rule that a plan breaks, and where. Moves, copies, arguments and slots are numbered from 0 here, and
/// arguments from 1 in the text.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
#[allow(missing_docs)] // `expected` and `found`, `step` for the number of a move, `size` and `end` in bytes
pub enum Violation {
    /// The plan is for functions of another convention.
    Convention { expected: Convention, found: Convention },
    /// The plan's stub is called by another convention.
    Caller { expected: Convention, found: Convention },
    /// Native code passes something elsewhere than the host's function, with its one parameter more, looks for it; or
    /// on the stack, or in several places.
    NotPassedOn { param: u16 },
    /// The stub does more than pass arguments on.
    MoreThanPassedOn,
    /// A general register does not hold what native code left in it, or the context.
    NotKept { spot: Spot },
    /// The checker does not know the entry yet.
    UnknownEntry(Entry),
    /// The plan is of another entry than the one whose rules are asked for.
    OtherEntry(Entry),
    /// V8 passes something else than what the stub takes it for.
    Parameter { index: usize, expected: Option<Parameter>, found: Option<Parameter> },
    /// The stub checks more or less than it is to.
    Guard { expected: Guard, found: Guard },
    /// An integer result is to be extended to the 32 bits that V8 looks at, or is not to be.
    ResultExtension { expected: Option<(u8, Fill)> },
    /// A stub that may return a zero of its own returns that of a `double`, and the result is a `float`.
    ZeroOfAnotherType,
    /// A host's functions are of another type, or of one whose parameters are not all in registers, or which has none
    /// for some of the arguments.
    Callable { parameters: u8 },
    /// The ways to unbox an argument are others than the host's, or give no value of its type.
    Unboxing { param: u16 },
    /// The slot of an unboxed argument holds more or less than its type.
    Unboxed { param: u16, expected: Wanted, found: Wanted },
    /// Something else is called around the native function.
    Around,
    /// The native function returns something else than what is boxed.
    Returned { expected: Returned, found: Returned },
    /// The result is boxed in another way than the host's, or in one that it has no use for.
    Boxing,
    /// A type of the signature has no layout, so there is no plan for it.
    NoLayout(LayoutError),
    /// The result comes back on the x87 stack, which no plan can express.
    X87Result,
    /// The stack area is not aligned as its strictest argument wants, or more.
    StackAlignment { expected: Option<u32>, found: Option<u32> },
    /// The arguments need more stack than a plan may use.
    StackLimit { bytes: u64 },
    /// The stack area does not end where the last argument does.
    StackBytes { expected: u64, found: u32 },
    /// The number of vector registers is not what a variadic callee is told, or is told to another one.
    VectorCount { least: Option<u8>, found: Option<u8> },
    /// A move is not after the one before it.
    Order { step: usize },
    /// A move of a number of bytes that its place cannot take.
    Width { step: usize, bytes: u8 },
    /// A move to a register that the convention does not pass arguments in, beyond a register, or beyond the stack
    /// area.
    NoSuchPlace { step: usize, place: Place },
    /// A move from a slot that does not exist or holds no argument.
    NoSuchSlot { step: usize, slot: u16 },
    /// A move of an address, where the value at that address is the argument.
    AddressAsValue { step: usize, slot: u16 },
    /// A move from memory, and the slot does not hold an address.
    ValueAsAddress { step: usize, slot: u16 },
    /// A move reads beyond its slot, or beyond the argument.
    OverRead { step: usize, slot: u16, end: u64, size: u64 },
    /// A move of the address of a copy that is not made.
    NoSuchCopy { step: usize, index: u16 },
    /// Two moves end in one byte.
    Overlap { spot: Spot, first: usize, second: usize },
    /// A sign is to fill the rest of a word that has no rest, has other moves in it, or is not an integer's.
    SignFill { step: usize },
    /// A byte that has to hold something holds something else, or nothing.
    Content { spot: Spot, expected: Source, found: Option<Source> },
    /// A byte holds something that does not belong there.
    Stray { spot: Spot, found: Source },
    /// A copy of an argument that is not passed by reference; in an upcall memory for a slot that needs none.
    CopyUnwanted { index: usize, slot: u16 },
    /// The copies are not in the order of the arguments, or two are of one.
    CopyOrder { index: usize },
    /// A copy is larger or smaller than its argument.
    CopySize { index: usize, expected: u64, found: u32 },
    /// A copy is not aligned as the convention wants it.
    CopyAlign { index: usize, least: u32, found: u32 },
    /// An argument that is passed by reference is not copied; in an upcall a slot has no memory.
    CopyMissing { param: u16 },
    /// The result is in place, and the plan stores it.
    ResultNotInPlace,
    /// An integer or pointer is not stored as one whole word, made of its own bytes.
    ResultNotWidened,
    /// The result is stored by way of another slot than the one after the arguments.
    ResultSlot { expected: u16, found: u16 },
    /// A plan of the columns entry does not have one column per parameter.
    NoColumns,
    /// The elements of a column are not what the parameter is made of.
    Column { index: usize, expected: Option<(u8, Fill)>, found: Column },
    /// The result of a row is not stored as the convention returns it.
    ColumnResult { expected: Option<ResultMove>, found: Option<ResultMove> },
    /// The last error goes by way of another slot than the one after all others.
    LastErrorSlot { expected: u16, found: u16 },
    /// A store of the result is not after the one before it.
    ResultOrder { step: usize },
    /// A store of a number of bytes that its register does not have.
    ResultWidth { step: usize, bytes: u8 },
    /// A store from a place that is no result register, or beyond one.
    ResultPlace { step: usize, place: Place },
    /// A store beyond the result.
    ResultOverrun { step: usize, end: u64, size: u64 },
    /// A byte of the result is stored from somewhere else than where the callee leaves it, or not at all.
    ResultContent { offset: u32, expected: Option<Spot>, found: Option<Spot> },
}

impl From<LayoutError> for Violation {
    fn from(error: LayoutError) -> Violation {
        Violation::NoLayout(error)
    }
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

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::Convention { expected, found } => {
                write!(f, "the plan calls by {found}, and the target is {expected}")
            }
            Violation::Caller { expected, found } => {
                write!(f, "the plan is entered by {found}, and the target's caller uses {expected}")
            }
            Violation::NotPassedOn { param } => {
                write!(f, "argument {} is not where the host's function looks for it", param + 1)
            }
            Violation::MoreThanPassedOn => f.write_str("the stub does more than pass arguments on"),
            Violation::NotKept { spot } => write!(f, "{spot} does not hold what it held, or the context"),
            Violation::UnknownEntry(entry) => write!(f, "no rules to check the entry {entry} by"),
            Violation::OtherEntry(entry) => write!(f, "the plan is of the entry {entry}"),
            Violation::Parameter { index, expected, found } => {
                write!(f, "parameter {index} of the stub is {found:?}, and V8 passes {expected:?}")
            }
            Violation::Guard { expected, found } => {
                write!(f, "the guard is {found:?}, and {expected:?} is asked for")
            }
            Violation::ResultExtension { expected: Some((bytes, fill)) } => {
                write!(f, "the result of {bytes} bytes is not extended by {fill:?}, and V8 looks at 32 bits")
            }
            Violation::ResultExtension { expected: None } => {
                f.write_str("the result is extended, and needs no extension")
            }
            Violation::ZeroOfAnotherType => {
                f.write_str("a refused call returns the zero of a double, and the result is a float")
            }
            Violation::Callable { parameters } => {
                write!(f, "no function of the host's {parameters} parameters is called so")
            }
            Violation::Unboxing { param } => {
                write!(f, "argument {} is not unboxed as the host says, to a value of its type", param + 1)
            }
            Violation::Unboxed { param, expected, found } => {
                write!(f, "argument {} is unboxed as {found}, and is {expected}", param + 1)
            }
            Violation::Around => f.write_str("something else is called around the native function"),
            Violation::Returned { expected, found } => {
                write!(f, "what is boxed is {found:?}, and {expected:?} is returned")
            }
            Violation::Boxing => f.write_str("the result is not boxed as the host says, or has another type"),
            Violation::NoLayout(error) => error.fmt(f),
            Violation::X87Result => f.write_str("the result is on the x87 stack, which no plan can express"),
            Violation::StackAlignment { expected, found } => {
                let above = |align: &Option<u32>| align.unwrap_or(16);
                write!(
                    f,
                    "the stack area is aligned to {}, and the arguments want {}",
                    above(found),
                    above(expected)
                )
            }
            Violation::StackLimit { bytes } => {
                let limit = crate::Ineligible::MAX_STACK;
                write!(f, "the arguments need {bytes} bytes of stack, and {limit} is the limit")
            }
            Violation::StackBytes { expected, found } => {
                write!(f, "the stack area has {found} bytes, and the arguments need {expected}")
            }
            Violation::VectorCount { least, found } => {
                write!(f, "the callee is told {} vector registers, ", OrNothing(*found))?;
                match least {
                    Some(least) => write!(f, "and {least} to 8 is right"),
                    None => f.write_str("and it is to be told nothing"),
                }
            }
            Violation::Order { step } => write!(f, "move {step} is not after the one before it"),
            Violation::Width { step, bytes } => write!(f, "move {step} of {bytes} bytes is impossible there"),
            Violation::NoSuchPlace { step, place } => {
                write!(f, "move {step} ends in {place:?}, which is no place for an argument")
            }
            Violation::NoSuchSlot { step, slot } => {
                write!(f, "move {step} reads slot {slot}, which holds no argument")
            }
            Violation::AddressAsValue { step, slot } => {
                write!(f, "move {step} passes slot {slot} itself, which holds the argument's address")
            }
            Violation::ValueAsAddress { step, slot } => {
                write!(f, "move {step} reads at the address in slot {slot}, which holds a value")
            }
            Violation::OverRead { step, slot, end, size } => {
                write!(f, "move {step} reads up to byte {end} of the {size} that slot {slot} gives")
            }
            Violation::NoSuchCopy { step, index } => {
                write!(f, "move {step} passes the address of copy {index}, which is not made")
            }
            Violation::Overlap { spot, first, second } => {
                write!(f, "moves {first} and {second} both end in {spot}")
            }
            Violation::SignFill { step } => {
                write!(f, "move {step} fills with its sign, and there is nothing to fill with it")
            }
            Violation::Content { spot, expected, found } => {
                write!(f, "{spot} is to hold {expected}, and holds {}", OrNothing(*found))
            }
            Violation::Stray { spot, found } => {
                write!(f, "{spot} holds {found}, which does not belong there")
            }
            Violation::CopyUnwanted { index, slot } => {
                write!(f, "copy {index} is of slot {slot}, which needs none")
            }
            Violation::CopyOrder { index } => {
                write!(f, "copy {index} is not of a later argument than the one before it")
            }
            Violation::CopySize { index, expected, found } => {
                write!(f, "copy {index} has {found} bytes, and the argument {expected}")
            }
            Violation::CopyAlign { index, least, found } => {
                write!(f, "copy {index} is aligned to {found}, and {least} or a larger power of two is right")
            }
            Violation::CopyMissing { param } => {
                write!(f, "slot {param} needs a copy, and has none")
            }
            Violation::ResultNotWidened => {
                f.write_str("the result is not stored as a whole word, widened from its own width")
            }
            Violation::ResultNotInPlace => f.write_str("the result is in place, and is stored"),
            Violation::ResultSlot { expected, found } => {
                write!(f, "the result goes to the address in slot {found}, and slot {expected} has it")
            }
            Violation::NoColumns => f.write_str("the plan does not have one column per parameter"),
            Violation::Column { index, expected, found } => {
                let found = (found.bytes, found.fill);
                write!(f, "column {index} has elements of {found:?}, and the parameter wants {expected:?}")
            }
            Violation::ColumnResult { expected, found } => {
                write!(f, "a row's result is stored by {found:?}, and comes back as {expected:?}")
            }
            Violation::LastErrorSlot { expected, found } => {
                write!(f, "the last error goes to the address in slot {found}, and slot {expected} has it")
            }
            Violation::ResultOrder { step } => {
                write!(f, "result store {step} does not begin after the one before it")
            }
            Violation::ResultWidth { step, bytes } => {
                write!(f, "result store {step} of {bytes} bytes is impossible")
            }
            Violation::ResultPlace { step, place } => {
                write!(f, "result store {step} is from {place:?}, which holds no result")
            }
            Violation::ResultOverrun { step, end, size } => {
                write!(f, "result store {step} ends at byte {end} of a result of {size}")
            }
            Violation::ResultContent { offset, expected, found } => {
                let (expected, found) = (OrNothing(*expected), OrNothing(*found));
                write!(f, "byte {offset} of the result is in {expected}, and is stored from {found}")
            }
        }
    }
}

impl core::error::Error for Violation {}
