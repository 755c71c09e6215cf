//! An independent reading of machine code: what a stub reads, writes and calls, in symbols.
//!
//! It runs code in registers and stack words that hold symbols, and knows nothing of how the code came about. What is of
//! one CPU alone is in a [`Cpu`]: its registers, and a decoder that says in [`Step`]s what instructions do. Two stubs are
//! the same if they read the same memory, store the same values at the same addresses, call the same functions with the
//! same arguments and the same words on the stack, branch on the same conditions to code that is the same, and return or
//! jump with the same registers. Code with a branch backwards, or with an instruction that is not listed, is not run.

mod machine;
mod step;
#[cfg(test)]
mod tests;
mod values;

use springboard_abi::{Direction, Entry, Place, Plan};

pub(super) use self::step::{FLAGS, Register, Step, VECTOR, ZERO};
use self::{machine::read, step::program, values::Values};
use super::Code;

/// What the reader knows of a CPU and its convention. Sets of registers are bits by their numbers.
pub(super) struct Cpu {
    /// Adds the steps of the instruction at an offset, and says where the next one is, from there. `None` where it is
    /// unknown. Branches lead to offsets.
    pub(super) decode: fn(&Code, usize, &mut Vec<Step>) -> Option<usize>,
    pub(super) stack: Register,
    /// The frame pointer, where stubs have one.
    pub(super) frame: Option<Register>,
    /// Where a call leaves the return address.
    pub(super) link: Register,
    /// Bytes above the stack pointer that belong to whoever is called.
    pub(super) saves: i64,
    /// Registers that belong to the caller, beside the stack pointer.
    pub(super) preserved: u64,
    /// Registers that results are in.
    pub(super) results: u64,
    /// Registers through which a stub may end in a jump.
    pub(super) jumps: u64,
    /// The argument registers, by their indices in a plan.
    pub(super) gprs: &'static [Register],
    pub(super) vecs: &'static [Register],
}

/// Whether `after` does what `before` does, for stubs whose calls pass arguments in the `live` registers.
pub(super) fn is_same(cpu: &Cpu, before: &Code, after: &Code, live: Live) -> bool {
    let mut values = Values::default();
    let before = read(cpu, &mut values, before, live);
    before.is_some() && before == read(cpu, &mut values, after, live)
}

/// Whether `after` is `before` with literals elsewhere: the same instructions in the same order.
pub(super) fn moves_literals_only(cpu: &Cpu, before: &Code, after: &Code) -> bool {
    let before = program(cpu, before);
    before.is_some() && before == program(cpu, after)
}

/// The registers in which a stub passes arguments, as bits.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Live {
    /// To the native function.
    native: u64,
    /// To functions of the host.
    host: u64,
}

impl Live {
    pub(super) fn of(cpu: &Cpu, plan: &Plan) -> Live {
        // The host's functions get up to four arguments.
        let host = bits(&cpu.gprs[..4]);
        if plan.entry().direction() == Direction::Upcall {
            return Live { native: host, host };
        }
        if plan.entry() == Entry::Boxed {
            let all = bits(cpu.gprs) | bits(cpu.vecs);
            return Live { native: all, host: all };
        }
        let registers = plan.moves.iter().filter_map(|step| match step.place {
            Place::Gpr { reg, .. } => cpu.gprs.get(usize::from(reg)),
            Place::Vec { reg, .. } => cpu.vecs.get(usize::from(reg)),
            Place::Stack { .. } => None,
        });
        let native = registers.fold(0, |live, register| live | 1 << register);
        // What a relay calls is the stub of its shape.
        Live { native, host: if plan.entry() == Entry::Relay { native } else { host } }
    }
}

/// A set of registers.
pub(super) const fn bits(registers: &[Register]) -> u64 {
    let (mut set, mut index) = (0, 0);
    while index < registers.len() {
        set |= 1 << registers[index];
        index += 1;
    }
    set
}
