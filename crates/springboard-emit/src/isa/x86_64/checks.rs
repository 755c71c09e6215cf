//! Range checks of x86_64 stubs: instructions before the finished stub, or in place of its moves.
//!
//! ```text
//!          movsx  edi, sil           the argument, made of its own low bytes where it goes anyway
//!          cmp    edi, esi
//!          jne    refused            not taken as long as it is in range
//!          …the rest of the stub…
//! refused: movsxd rax, esi           its 32 bits, and which it is
//!          mov    r11d, index
//! tell:    the host is told; then zero is returned
//! ```
//!
//! In the middle of a function that Cranelift compiles, a branch to a call would cost the stub its frame.

use iced_x86::{Code as Op, Instruction, MemoryOperand, OpKind, Register};
use springboard_abi::{Convention, FastForm, Fill, Form, Parameter, Place, Plan};

use super::{
    super::Code,
    assembly::{Item, To, assemble, items, replaced},
    reading::ARGUMENTS,
};
use crate::template::HoleKind;

/// The form of a plan whose range checks are put before its stub.
pub(super) fn wrapped(plan: &Plan) -> Option<&FastForm> {
    match &plan.form {
        Form::V8(fast) if plan.caller == Convention::Sysv64 && fast.parameters.iter().any(is_checked) => {
            Some(fast)
        }
        _ => None,
    }
}

fn is_checked(parameter: &Parameter) -> bool {
    matches!(parameter, Parameter::Narrow { .. })
}

/// A stub with the checks of its form. `None` where the stub refers to anything but its own instructions and holes, or
/// a parameter cannot be found.
pub(super) fn wrap(fast: &FastForm, stub: &Code) -> Option<Code> {
    let places = fast.entered(Convention::Sysv64).ok()?.parameters;
    let options = if fast.takes_options() { Some(Source::of(*places.last()?)?) } else { None };
    let mut checks = Vec::new();
    for (index, (parameter, place)) in fast.parameters.iter().zip(places.iter()).enumerate() {
        if let Parameter::Narrow { bytes, fill } = *parameter {
            checks.push(Check { index: index as u32, source: Source::of(*place)?, bytes, fill });
        }
    }
    let mut stub = items(stub)?;
    let mut before = Vec::new();
    // Indices of branches that are taken, and the checks that they belong to.
    let mut branches = Vec::new();
    for check in &checks {
        match check.move_in(&stub, options) {
            Some((at, to)) => {
                stub = replaced(&stub, at..at + 1, &check.code(to)?)?;
                branches.iter_mut().for_each(|(branch, _)| *branch += if *branch > at { 2 } else { 0 });
                branches.push((at + 2, *check));
            }
            None => before.push(*check),
        }
    }
    let ahead = before.len() * 3;
    branches.iter_mut().for_each(|(branch, _)| *branch += ahead);
    let mut code = Vec::with_capacity(stub.len() + checks.len() * 6 + 16);
    for check in before {
        branches.push((code.len() + 2, check));
        code.extend(check.code(Register::EAX)?);
    }
    code.extend(stub.iter().map(|item| match item.to {
        To::Item(target) => Item { to: To::Item(target + ahead), ..*item },
        _ => *item,
    }));
    branches.sort_by_key(|(_, check)| check.index);
    // Each way that refuses has two instructions, and a jump where another follows.
    let tell = code.len() + branches.len() * 3 - 1;
    let last = branches.len() - 1;
    for (number, (branch, check)) in branches.into_iter().enumerate() {
        code[branch].to = To::Item(code.len());
        code.push(check.source.whole(check.fill)?);
        code.push(Item::plain(Instruction::with2(Op::Mov_r32_imm32, Register::R11D, check.index).ok()?));
        if number < last {
            code.push(Item {
                instruction: Instruction::with_branch(Op::Jmp_rel32_64, 0).ok()?,
                to: To::Item(tell),
            });
        }
    }
    code.extend(telling(options)?);
    assemble(&code)
}

/// Tells the host of the argument in `rax` whose number is in `r11`, and returns zero.
fn telling(options: Option<Source>) -> Option<Vec<Item>> {
    let registers = |op, to, from| Item::registers(op, to, from);
    let hole = |register, kind| {
        let instruction = Instruction::with2(Op::Mov_r64_imm64, register, 0u64).ok()?;
        Some(Item { instruction, to: To::Hole(kind) })
    };
    let options = match options {
        None => Some(registers(Op::Xor_r32_rm32, Register::ECX, Register::ECX)?),
        Some(Source::Register(Register::RCX)) => None,
        Some(Source::Register(register)) => Some(registers(Op::Mov_rm64_r64, Register::RCX, register)?),
        Some(Source::Stack(offset)) => {
            // Above the frame pointer and the return address.
            let memory = MemoryOperand::with_base_displ(Register::RBP, i64::from(offset) + 16);
            Some(Item::plain(Instruction::with2(Op::Mov_r64_rm64, Register::RCX, memory).ok()?))
        }
    };
    let mut code = vec![
        Item::plain(Instruction::with1(Op::Push_r64, Register::RBP).ok()?),
        registers(Op::Mov_rm64_r64, Register::RBP, Register::RSP)?,
    ];
    code.extend(options);
    code.extend([
        registers(Op::Mov_rm64_r64, Register::RDX, Register::RAX)?,
        registers(Op::Mov_rm32_r32, Register::ESI, Register::R11D)?,
        hole(Register::RDI, HoleKind::Context)?,
        hole(Register::RAX, HoleKind::Range)?,
        Item::plain(Instruction::with1(Op::Call_rm64, Register::RAX).ok()?),
        registers(Op::Xor_r32_rm32, Register::EAX, Register::EAX)?,
        registers(Op::Xorps_xmm_xmmm128, Register::XMM0, Register::XMM0)?,
        Item::plain(Instruction::with1(Op::Pop_r64, Register::RBP).ok()?),
        Item::plain(Instruction::with(Op::Retnq)),
    ]);
    Some(code)
}

/// Where an argument is when the stub is entered.
#[derive(Clone, Copy)]
enum Source {
    /// All of a register.
    Register(Register),
    /// Bytes above the return address.
    Stack(u32),
}

impl Source {
    fn of(place: Place) -> Option<Source> {
        match place {
            Place::Gpr { reg, .. } => {
                Some(Source::Register(Register::RAX + u32::from(*ARGUMENTS.get(usize::from(reg))?)))
            }
            Place::Stack { offset } => Some(Source::Stack(offset)),
            Place::Vec { .. } => None,
        }
    }

    /// An instruction from the low bytes of it, without a frame.
    fn read(self, op: Op, to: Register, bytes: u8) -> Option<Item> {
        let instruction = match self {
            Source::Register(register) => Instruction::with2(op, to, part(register, bytes)),
            Source::Stack(offset) => {
                let memory = MemoryOperand::with_base_displ(Register::RSP, i64::from(offset) + 8);
                Instruction::with2(op, to, memory)
            }
        };
        instruction.ok().map(Item::plain)
    }

    /// Its 32 bits in `rax`.
    fn whole(self, fill: Fill) -> Option<Item> {
        match fill {
            Fill::Sign => self.read(Op::Movsxd_r64_rm32, Register::RAX, 4),
            Fill::Zero => self.read(Op::Mov_r32_rm32, Register::EAX, 4),
        }
    }
}

/// The low bytes of a register.
fn part(register: Register, bytes: u8) -> Register {
    let number = register.number() as u32;
    match bytes {
        // ah to bh lie between the others.
        1 if number < 4 => Register::AL + number,
        1 => Register::SPL + (number - 4),
        2 => Register::AX + number,
        _ => Register::EAX + number,
    }
}

/// An argument that must be in the range of a narrower integer.
#[derive(Clone, Copy)]
struct Check {
    index: u32,
    source: Source,
    bytes: u8,
    fill: Fill,
}

impl Check {
    /// The instructions that make `to` of the argument, and branch if that is not all of it.
    fn code(self, to: Register) -> Option<[Item; 3]> {
        let op = match (self.bytes, self.fill) {
            (1, Fill::Sign) => Op::Movsx_r32_rm8,
            (1, Fill::Zero) => Op::Movzx_r32_rm8,
            (2, Fill::Sign) => Op::Movsx_r32_rm16,
            (2, Fill::Zero) => Op::Movzx_r32_rm16,
            _ => return None,
        };
        Some([
            self.source.read(op, to, self.bytes)?,
            self.source.read(Op::Cmp_r32_rm32, to, 4)?,
            Item { instruction: Instruction::with_branch(Op::Jne_rel32_64, 0).ok()?, to: To::Nothing },
        ])
    }

    /// Where a stub that is no more than moves and a jump moves the argument, whole, and to which register: there it can
    /// be checked as well, if what the host is told is there still.
    fn move_in(self, stub: &[Item], options: Option<Source>) -> Option<(usize, Register)> {
        let is_framed = stub.first().is_some_and(|item| item.is(Op::Push_r64));
        let at = stub.iter().position(|item| match self.source {
            Source::Register(from) => {
                item.is(Op::Mov_rm64_r64)
                    && item.instruction.op0_kind() == OpKind::Register
                    && item.instruction.op1_register() == from
            }
            Source::Stack(offset) => {
                item.is(Op::Mov_r64_rm64)
                    && item.instruction.op1_kind() == OpKind::Memory
                    && item.instruction.memory_base() == Register::RSP
                    && item.instruction.memory_displacement64() == u64::from(offset) + 8
            }
        })?;
        let wanted = [Some(self.source), options];
        let is_lost = |item: &Item| {
            wanted.iter().flatten().any(|source| {
                matches!(source, Source::Register(register) if item.instruction.op0_register().full_register() == *register)
            })
        };
        // Flags are nobody's in such a stub, and nothing comes after its jump.
        let to = stub[at].instruction.op0_register();
        (!is_framed && !stub[..at].iter().any(is_lost)).then(|| (at, Register::EAX + to.number() as u32))
    }
}

#[cfg(test)]
mod tests {
    use springboard_abi::{FastCall, Narrow, Options, Target, plan_fast_call};
    use springboard_ir::Signature;

    use super::*;
    use crate::Compiler;

    fn emitted(declaration: &str, options: Options) -> Vec<Item> {
        let signature = Signature::parse(declaration).expect("a signature");
        let call = FastCall { options, narrow: Narrow::Check, ..FastCall::new(signature) };
        let linux = "x86_64-unknown-linux-gnu".parse().expect("a triple");
        let plan = plan_fast_call(&call, &Target::of(&linux).expect("a target")).expect("a plan");
        let template = Compiler::new(&linux).expect("a compiler").emit(&plan).expect("a template");
        let code = Code { bytes: template.code.to_vec(), holes: template.holes.to_vec() };
        items(&code).expect("instructions")
    }

    fn taken(items: &[Item]) -> usize {
        items.iter().position(|item| item.is(Op::Jmp_rm64)).expect("a jump") + 1
    }

    #[test]
    fn a_checked_argument_takes_two_instructions_more_than_its_move() {
        let plain = emitted("int(int, int)", Options::ForBuffers);
        assert_eq!(taken(&plain), 4);
        assert_eq!(taken(&emitted("int(signed char, int)", Options::ForBuffers)), 6);
        assert_eq!(taken(&emitted("int(signed char, unsigned short)", Options::ForBuffers)), 8);
        assert_eq!(taken(&emitted("int(unsigned char, short, double)", Options::Always)), 8);
    }
}
