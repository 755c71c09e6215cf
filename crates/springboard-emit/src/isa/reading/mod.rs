//! An independent reading of machine code: what a stub reads, writes and calls, in symbols.
//!
//! It runs code in registers and stack words that hold symbols, and knows nothing of how the code came about. What is of
//! one CPU alone is in a [`Cpu`]: its registers, and a decoder that says in [`Step`]s what instructions do. Two stubs are
//! the same if they read the same memory, store the same values at the same addresses, call the same functions with the
//! same arguments and the same words on the stack, branch on the same conditions to code that is the same, and return or
//! jump with the same registers. Code with a branch backwards, or with an instruction that is not listed, is not run.
//!
//! Of a call it also wants what no comparison shows: that the stack is aligned, and that the frame is the one that the
//! unwind row describes (`unwind.rs`).

mod effect;
mod machine;
mod renaming;
mod stack;
mod step;
#[cfg(test)]
mod tests;
mod values;

use springboard_abi::{Direction, Entry, Place, Plan};

pub(super) use self::renaming::renames_only;
pub(super) use self::step::{FLAGS, Program, Register, Step, Steps, TEMPORARY, VECTOR, ZERO, program};
use self::{effect::Effect, machine::read, values::Values};
use super::Code;

/// What the reader knows of a CPU and its convention. Sets of registers are bits by their numbers.
pub(super) struct Cpu {
    /// The steps of code. `None` where not all of it is known.
    pub(super) program: fn(&Code) -> Option<Program>,
    pub(super) stack: Register,
    /// The frame pointer, where stubs have one.
    pub(super) frame: Option<Register>,
    /// Where a call leaves the return address. `None` for the word at the stack pointer.
    pub(super) link: Option<Register>,
    /// Bytes above the stack pointer that belong to whoever is called.
    pub(super) saves: i64,
    /// What the stack is aligned to at a call, in bytes.
    pub(super) aligned: i64,
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

/// What code does, for other code to be compared with: of a stub whose calls pass arguments in the `live` registers.
pub(super) struct Known {
    cpu: &'static Cpu,
    live: Live,
    values: Values,
    /// `None` where not all of it is known.
    effect: Option<Effect>,
}

impl Known {
    pub(super) fn of(cpu: &'static Cpu, code: &Code, live: Live) -> Known {
        let mut values = Values::new();
        let effect = read(cpu, &mut values, code, live);
        Known { cpu, live, values, effect }
    }

    /// Whether `other` does the same.
    pub(super) fn is_done_by(&mut self, other: &Code) -> bool {
        self.effect.is_some() && self.effect == read(self.cpu, &mut self.values, other, self.live)
    }
}

/// Whether `after` does what `before` does.
#[cfg(test)]
pub(super) fn is_same(cpu: &'static Cpu, before: &Code, after: &Code, live: Live) -> bool {
    Known::of(cpu, before, live).is_done_by(after)
}

/// Whether `after` is `before` with literals elsewhere: the same instructions in the same order.
pub(super) fn moves_literals_only(cpu: &Cpu, before: &Code, after: &Code) -> bool {
    let before = (cpu.program)(before);
    before.is_some() && before == (cpu.program)(after)
}

/// In what a stub passes arguments: registers as bits, and bytes of the stack area.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Live {
    /// To the native function.
    pub(super) native: u64,
    pub(super) stack_bytes: u32,
    /// To functions of the host.
    pub(super) host: u64,
}

impl Live {
    pub(super) fn of(cpu: &Cpu, plan: &Plan) -> Live {
        // The host's functions get up to four arguments.
        let host = bits(&cpu.gprs[..4]);
        let stack_bytes = plan.stack_bytes;
        if plan.entry().direction() == Direction::Upcall {
            return Live { native: host, host, stack_bytes: 0 };
        }
        if plan.entry() == Entry::Boxed {
            let all = bits(cpu.gprs) | bits(cpu.vecs);
            return Live { native: all, host: all, stack_bytes };
        }
        let registers = plan.moves.iter().filter_map(|step| match step.place {
            Place::Gpr { reg, .. } => cpu.gprs.get(usize::from(reg)),
            Place::Vec { reg, .. } => cpu.vecs.get(usize::from(reg)),
            Place::Stack { .. } => None,
        });
        let native = registers.fold(0, |live, register| live | 1 << register);
        // What a relay calls is the stub of its shape.
        Live { native, stack_bytes, host: if plan.entry() == Entry::Relay { native } else { host } }
    }
}

/// The registers of a set, from the lowest number on.
fn registers(mut set: u64) -> impl Iterator<Item = Register> {
    std::iter::from_fn(move || {
        let register = (set != 0).then(|| set.trailing_zeros() as Register);
        set &= set.wrapping_sub(1);
        register
    })
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
