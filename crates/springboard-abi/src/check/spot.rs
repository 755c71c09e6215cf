//! Bytes of registers and of the stack, and what they hold.

use core::fmt;

use crate::{convention::RegisterFile, place::Place, target::Convention};

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
