//! The moves before a stub's call, in the order in which they need no detours.
//!
//! Cranelift's register allocator takes an argument out of the way before it loads another into its register, and breaks
//! cycles that are there only because of where it begins. Moves whose sources are all there at first need neither: each
//! register is written once nobody has to read it any more, and words of the stack area are written before all registers.
//! Writes that nobody reads are dropped.

use iced_x86::{Code as Op, FlowControl, Instruction, MemoryOperand, OpKind, Register};

use super::{
    super::reading::{Live, VECTOR},
    assembly::{Item, replaced},
    reading::ARGUMENTS,
};

/// Where the target is while the arguments are written. No argument is ever there.
const TARGET: Register = Register::R10;
/// Through what words go to the stack area.
const WORD: Register = Register::R11;

/// The instructions with the moves before the last call or jump through a register in order, where there are fewer of
/// them so.
pub(super) fn ordered(items: &[Item], live: Live) -> Option<Vec<Item>> {
    let last = items.iter().rposition(|item| {
        let flow = item.instruction.flow_control();
        matches!(flow, FlowControl::IndirectCall | FlowControl::IndirectBranch)
            && item.instruction.op0_kind() == OpKind::Register
    })?;
    let end = items[..last].iter().rposition(|item| !is_epilogue(item))? + 1;
    let start = items[..end].iter().rposition(|item| Step::of(item, live).is_none());
    let start = start.map_or(0, |before| before + 1);
    let target = items[last].instruction.op0_register();
    let (writes, target) = Writes::of(&items[start..end], live, target)?;
    let moves = writes.in_order()?;
    if moves.len() >= end - start {
        return None;
    }
    let mut fresh = replaced(items, start..end, &moves)?;
    fresh[start + moves.len() + last - end].instruction.set_op0_register(target);
    Some(fresh)
}

/// The instructions with the last call through the register that its target is copied from.
pub(super) fn direct(items: &[Item]) -> Option<Vec<Item>> {
    let last = items.iter().rposition(|item| item.is(Op::Call_rm64))?;
    let copy = &items[last.checked_sub(1)?];
    let target = items[last].instruction.op0_register();
    let copied = Move::of(copy).filter(|copy| copy.item.instruction.op0_register() == target)?;
    let Reads::Whole(from) = copied.reads else { return None };
    let mut call = items[last];
    call.instruction.set_op0_register(from);
    replaced(items, last - 1..last + 1, &[call])
}

/// What takes a frame down before a jump.
fn is_epilogue(item: &Item) -> bool {
    let of_stack = item.instruction.op0_register() == Register::RSP;
    (of_stack
        && matches!(
            item.instruction.code(),
            Op::Add_rm64_imm8 | Op::Add_rm64_imm32 | Op::Mov_rm64_r64 | Op::Mov_r64_rm64
        ))
        || (item.is(Op::Pop_r64) && item.instruction.op0_register() == Register::RBP)
}

/// An instruction that writes one whole register, and reads at most one.
#[derive(Clone, Copy)]
struct Move {
    item: Item,
    reads: Reads,
}

#[derive(Clone, Copy, PartialEq)]
enum Reads {
    Nothing,
    /// All of another register, and that is all it does.
    Whole(Register),
    /// A part of another register.
    Part(Register),
    /// A register as the base of an address.
    Base(Register),
}

impl Move {
    fn of(item: &Item) -> Option<Move> {
        let instruction = &item.instruction;
        let to = instruction.op0_register();
        let whole = to.is_gpr64() || to.is_gpr32() || to.is_xmm();
        if instruction.op0_kind() != OpKind::Register || !whole || is_of_frame(to) {
            return None;
        }
        let from = instruction.op1_register();
        let reads = match (instruction.code(), instruction.op1_kind()) {
            (Op::Mov_r64_imm64 | Op::Mov_r32_imm32, _) => Reads::Nothing,
            (
                Op::Xor_r32_rm32 | Op::Xor_rm32_r32 | Op::Xorpd_xmm_xmmm128 | Op::Xorps_xmm_xmmm128,
                OpKind::Register,
            ) if to == from => Reads::Nothing,
            (Op::Mov_r64_rm64 | Op::Mov_rm64_r64 | Op::Movaps_xmm_xmmm128, OpKind::Register) => {
                Reads::Whole(from)
            }
            (Op::Movsxd_r64_rm32 | Op::Mov_r32_rm32 | Op::Mov_rm32_r32, OpKind::Register) => {
                Reads::Part(from)
            }
            (
                Op::Mov_r64_rm64
                | Op::Mov_r32_rm32
                | Op::Movsxd_r64_rm32
                | Op::Movsx_r64_rm8
                | Op::Movsx_r64_rm16
                | Op::Movzx_r32_rm8
                | Op::Movzx_r32_rm16
                | Op::Movzx_r64_rm8
                | Op::Movzx_r64_rm16
                | Op::Movsd_xmm_xmmm64
                | Op::Movss_xmm_xmmm32
                | Op::Movups_xmm_xmmm128
                | Op::Movdqu_xmm_xmmm128,
                OpKind::Memory,
            ) if instruction.memory_index() == Register::None => Reads::Base(instruction.memory_base()),
            _ => return None,
        };
        Some(Move { item: *item, reads })
    }

    /// The same with another base.
    fn from(mut self, base: Register) -> Move {
        self.item.instruction.set_memory_base(base);
        self.reads = Reads::Base(base);
        self
    }

    /// The same into another register.
    fn into(mut self, to: Register) -> Option<Move> {
        let old = self.item.instruction.op0_register();
        let to = match old {
            _ if old.is_gpr32() => Register::EAX + to.number() as u32,
            _ => to,
        };
        if old.is_xmm() != to.is_xmm() {
            return None;
        }
        self.item.instruction.set_op0_register(to);
        Some(self)
    }
}

/// The register that a name is of all or a part of.
fn whole(register: Register) -> Register {
    if register.is_xmm() { register } else { register.full_register() }
}

/// The instruction that makes [`WORD`] hold something, whichever kind of register it was in.
fn word(holds: Holds) -> Option<Move> {
    match holds {
        Holds::Made(mut step) if step.item.is(Op::Movsd_xmm_xmmm64) => {
            step.item.instruction.set_code(Op::Mov_r64_rm64);
            step.item.instruction.set_op0_register(WORD);
            Some(step)
        }
        Holds::First(first) if first.is_xmm() => None,
        holds => write(WORD, holds),
    }
}

/// The instruction that makes a register hold something.
fn write(register: Register, holds: Holds) -> Option<Move> {
    match holds {
        Holds::First(first) => {
            let op = if register.is_xmm() { Op::Movaps_xmm_xmmm128 } else { Op::Mov_rm64_r64 };
            Move::of(&Item::registers(op, register, first)?)
        }
        Holds::Made(step) => step.into(register),
    }
}

fn is_of_frame(register: Register) -> bool {
    matches!(register.full_register(), Register::RSP | Register::RBP)
}

/// An instruction of a run.
enum Step {
    Move(Move),
    /// A register is stored to this offset of the stack area.
    Word(u32, Register),
}

impl Step {
    fn of(item: &Item, live: Live) -> Option<Step> {
        let instruction = &item.instruction;
        let is_word = matches!(instruction.code(), Op::Mov_rm64_r64 | Op::Movsd_xmmm64_xmm)
            && instruction.op0_kind() == OpKind::Memory
            && instruction.memory_base() == Register::RSP
            && instruction.memory_index() == Register::None;
        if is_word {
            let offset = u32::try_from(instruction.memory_displacement64()).ok();
            let offset = offset.filter(|offset| *offset < live.stack_bytes)?;
            return Some(Step::Word(offset, instruction.op1_register()));
        }
        Move::of(item).map(Step::Move)
    }
}

/// What is to be written, each by one instruction whose source is there at first.
struct Writes {
    /// Words of the stack area, by their offsets.
    words: Vec<(u32, Move)>,
    registers: Vec<(Register, Move)>,
}

/// What a register holds.
#[derive(Clone, Copy)]
enum Holds {
    First(Register),
    Made(Move),
}

impl Writes {
    /// Those of moves before a call that passes what is `live`, and the register in which it finds its target. `None`
    /// where one has a source that was made by another.
    fn of(items: &[Item], live: Live, target: Register) -> Option<(Writes, Register)> {
        let mut made: Vec<(Register, Holds)> = Vec::with_capacity(items.len());
        let holds = |made: &[(Register, Holds)], register: Register| {
            let found = made.iter().rev().find(|(written, _)| *written == register);
            found.map_or(Holds::First(register), |(_, holds)| *holds)
        };
        let mut words = Vec::new();
        for item in items {
            let step = match Step::of(item, live)? {
                Step::Move(step) => step,
                Step::Word(offset, register) => {
                    words.push((offset, word(holds(&made, register))?));
                    continue;
                }
            };
            let value = match step.reads {
                Reads::Whole(from) => holds(&made, from),
                Reads::Nothing => Holds::Made(step),
                Reads::Part(from) => match holds(&made, whole(from)) {
                    Holds::First(first) if first == whole(from) => Holds::Made(step),
                    _ => return None,
                },
                Reads::Base(base) => match holds(&made, base) {
                    Holds::First(first) => Holds::Made(step.from(first)),
                    Holds::Made(_) => return None,
                },
            };
            made.push((whole(item.instruction.op0_register()), value));
        }
        let gprs = ARGUMENTS.iter().filter(|number| live.native >> **number & 1 == 1);
        let gprs = gprs.map(|number| Register::RAX + u32::from(*number));
        let vecs = (0..8)
            .filter(|number| live.native >> (u32::from(VECTOR) + number) & 1 == 1)
            .map(|number| Register::XMM0 + number);
        let mut writes = Vec::with_capacity(items.len());
        for register in gprs.chain(vecs) {
            match holds(&made, register) {
                Holds::First(first) if first == register => {}
                holds => writes.push((register, write(register, holds)?)),
            }
        }
        match holds(&made, target) {
            Holds::First(first) if writes.iter().all(|(written, _)| *written != first) => {
                Some((Writes { words, registers: writes }, first))
            }
            holds => {
                writes.insert(0, (TARGET, write(TARGET, holds)?));
                Some((Writes { words, registers: writes }, TARGET))
            }
        }
    }

    /// The instructions: a register is written when no other write has to read it.
    fn in_order(mut self) -> Option<Vec<Item>> {
        let mut ordered = Vec::with_capacity(self.registers.len() + self.words.len() * 2);
        for (offset, Move { item, reads }) in self.words {
            let from = match reads {
                Reads::Whole(from) => from,
                _ => {
                    ordered.push(item);
                    WORD
                }
            };
            let memory = MemoryOperand::with_base_displ(Register::RSP, offset.into());
            ordered.push(Item::plain(Instruction::with2(Op::Mov_rm64_r64, memory, from).ok()?));
        }
        while !self.registers.is_empty() {
            let is_read = |register: Register, but: usize| {
                self.registers.iter().enumerate().any(|(index, (_, step))| {
                    index != but
                        && match step.reads {
                            Reads::Nothing => false,
                            Reads::Whole(from) | Reads::Part(from) | Reads::Base(from) => {
                                whole(from) == register
                            }
                        }
                })
            };
            let mut free = 0..self.registers.len();
            let next = free.find(|index| !is_read(self.registers[*index].0, *index))?;
            ordered.push(self.registers.remove(next).1.item);
        }
        Some(ordered)
    }
}
