//! What instructions do. They are decoded by a library.

use iced_x86::{
    Code as Op, Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic as M, OpKind, Register as Named,
};
use springboard_abi::{Convention, Plan};

use super::{
    super::{
        Code,
        reading::{Cpu, FLAGS, Live, Program, Register, Step, Steps, TEMPORARY, VECTOR, bits},
    },
    landing::Landing,
};

const RAX: Register = 0;
const RSP: Register = 4;
const RBP: Register = 5;

/// The numbers of System V's argument registers: rdi, rsi, rdx, rcx, r8, r9 (psABI 3.2.3).
pub(super) const ARGUMENTS: [u8; 6] = [7, 6, 2, 1, 8, 9];

pub(super) static CPU: Cpu = Cpu {
    program,
    stack: RSP,
    frame: Some(RBP),
    // The return address is on the stack.
    link: None,
    saves: 0,
    // psABI 3.2.2
    aligned: 16,
    // rbx, rbp, r12 to r15 (psABI, figure 3.4)
    preserved: bits(&[3, RBP, 12, 13, 14, 15]),
    results: bits(&[RAX, 2, VECTOR, VECTOR + 1]),
    jumps: bits(&[RAX, 1, 2, 6, 7, 8, 9, 10, 11]),
    gprs: &ARGUMENTS,
    vecs: &[32, 33, 34, 35, 36, 37, 38, 39],
};

/// What the native call of a plan, or the call of the host, passes. `None` where not all is by System V.
pub(super) fn live(plan: &Plan) -> Option<Live> {
    if plan.caller != Convention::Sysv64 || plan.convention != Convention::Sysv64 {
        return None;
    }
    let mut live = Live::of(&CPU, plan);
    // %al
    live.native |= u64::from(Landing::of(plan).is_some()) << RAX;
    Some(live)
}

fn program(code: &Code) -> Option<Program> {
    let mut decoder = Decoder::new(64, &code.bytes, DecoderOptions::NONE);
    let mut steps = Steps::of(code);
    let mut instruction = Instruction::default();
    let mut holes = 0;
    while decoder.can_decode() {
        steps.begin(decoder.position());
        decoder.decode_out(&mut instruction);
        let end = decoder.position();
        let hole = code.holes.iter().find(|hole| hole.offset as usize + 8 == end);
        let prefixed = instruction.has_lock_prefix()
            || instruction.has_rep_prefix()
            || instruction.has_repne_prefix()
            || instruction.segment_prefix() != Named::None;
        match hole {
            _ if instruction.is_invalid() || prefixed => return None,
            Some(hole) if instruction.code() == Op::Mov_r64_imm64 => {
                holes += 1;
                steps.add(Step::Literal { to: number(instruction.op0_register())?, kind: hole.kind });
            }
            Some(_) => return None,
            None => Reading { instruction: &instruction, steps: &mut steps }.read()?,
        }
    }
    // A hole that is no operand is a change of the code between.
    if holes == code.holes.len() { steps.finish() } else { None }
}

/// The number of a register, or of the one that it is a part of by its low bytes.
fn number(register: Named) -> Option<Register> {
    let high = matches!(register, Named::AH | Named::CH | Named::DH | Named::BH);
    let number = register.full_register().number() as Register;
    match register {
        _ if register.is_xmm() => Some(VECTOR + number),
        _ if register.is_gpr() && !high => Some(number),
        _ => None,
    }
}

/// An instruction while its steps are added.
struct Reading<'a> {
    instruction: &'a Instruction,
    steps: &'a mut Steps,
}

impl Reading<'_> {
    fn read(&mut self) -> Option<()> {
        let instruction = self.instruction;
        let target = instruction.near_branch_target() as usize;
        let step = match (instruction.flow_control(), instruction.op0_kind()) {
            (FlowControl::Next, _) => return self.next(),
            (FlowControl::ConditionalBranch, OpKind::NearBranch64) => {
                let how = instruction.condition_code() as u64;
                Step::Branch { how, from: [Some(FLAGS), None], to: target }
            }
            (FlowControl::UnconditionalBranch, OpKind::NearBranch64) => Step::Goto(target),
            (FlowControl::Call, OpKind::NearBranch64) => Step::Enter(target),
            (FlowControl::IndirectCall, _) => Step::Call(self.source(0)?),
            (FlowControl::IndirectBranch, _) => Step::Jump(self.source(0)?),
            (FlowControl::Return, _) if instruction.code() == Op::Retnq => Step::Return,
            _ => return None,
        };
        self.steps.add(step);
        Some(())
    }

    fn next(&mut self) -> Option<()> {
        let instruction = self.instruction;
        let to = instruction.op0_register();
        let by_number = |number: i64| Step::Add { to: RSP, from: RSP, distance: number };
        match instruction.code() {
            Op::Endbr64 => {}
            Op::Mov_r64_imm64 | Op::Mov_r32_imm32 | Op::Mov_rm64_imm32 if is_register(instruction, 0) => {
                self.constant(to, instruction.try_immediate(1).ok()?)?;
            }
            Op::Mov_r64_rm64
            | Op::Mov_rm64_r64
            | Op::Movaps_xmm_xmmm128
            | Op::Movapd_xmm_xmmm128
            | Op::Movdqa_xmm_xmmm128
                if is_register(instruction, 0) && is_register(instruction, 1) =>
            {
                let (to, from) = (number(to)?, number(instruction.op1_register())?);
                self.steps.add(Step::Add { to, from, distance: 0 });
            }
            Op::Add_rm64_imm8 | Op::Add_rm64_imm32 | Op::Sub_rm64_imm8 | Op::Sub_rm64_imm32
                if to == Named::RSP =>
            {
                let distance = instruction.try_immediate(1).ok()? as i64;
                let adds = instruction.mnemonic() == M::Add;
                self.flags([Some(RSP), None])?;
                self.steps.add(by_number(if adds { distance } else { -distance }));
            }
            Op::Lea_r64_m => {
                let (from, distance) = self.address()?;
                self.steps.add(Step::Add { to: number(to)?, from, distance });
            }
            Op::Push_r64 | Op::Push_rm64 => {
                let from = self.source(0).filter(|from| *from != RSP)?;
                self.steps.add(by_number(-8));
                self.steps.add(Step::Store { from, base: RSP, offset: 0, bytes: 8 });
            }
            Op::Pop_r64 => self.pop(number(to).filter(|to| *to != RSP)?),
            Op::Leaveq => {
                self.steps.add(Step::Add { to: RSP, from: RBP, distance: 0 });
                self.pop(RBP);
            }
            _ if clears(instruction) => {
                if to.is_gpr() {
                    self.flags([None; 2])?;
                }
                self.constant(to, 0)?;
            }
            _ if instruction.op0_kind() == OpKind::Memory && moves(instruction) => {
                let (base, offset) = self.address()?;
                let from = match instruction.try_immediate(1) {
                    Ok(value) => {
                        self.steps.add(Step::Constant { to: TEMPORARY, value });
                        TEMPORARY
                    }
                    Err(_) => number(instruction.op1_register())?,
                };
                let bytes = instruction.memory_size().size() as u8;
                self.steps.add(Step::Store { from, base, offset, bytes });
            }
            _ if moves(instruction) && instruction.op1_kind() == OpKind::Memory => {
                let to = self.written()?;
                self.load(to, self.how_loaded())?;
            }
            _ => self.make()?,
        }
        Some(())
    }

    fn pop(&mut self, to: Register) {
        self.steps.add(Step::Load { to, base: RSP, offset: 0, bytes: 8, how: 0 });
        self.steps.add(Step::Add { to: RSP, from: RSP, distance: 8 });
    }

    fn constant(&mut self, to: Named, value: u64) -> Option<()> {
        // Of 32 bits, they clear what is above them.
        let whole = to.is_gpr32() || to.is_gpr64() || to.is_xmm();
        self.steps.add(Step::Constant { to: number(to).filter(|_| whole)?, value });
        Some(())
    }

    /// What the instruction makes of its operands, apart from its operands.
    fn how(&self) -> u64 {
        let instruction = self.instruction;
        let last = instruction.op_count() - 1;
        let immediate = instruction.try_immediate(last).unwrap_or(0);
        // One name for encodings of the same operation.
        let code = match instruction.code() {
            Op::Mov_rm32_r32 => Op::Mov_r32_rm32,
            other => other,
        };
        (code as u64 + 1) << 33 | u64::from(immediate as u32)
    }

    fn flags(&mut self, from: [Option<Register>; 2]) -> Option<()> {
        self.steps.add(Step::Make { to: FLAGS, how: self.how() | 1 << 32, from });
        Some(())
    }

    /// An instruction that makes a register, or the flags, of its operands.
    fn make(&mut self) -> Option<()> {
        let instruction = self.instruction;
        let merges = matches!(instruction.mnemonic(), M::Movss | M::Movsd) && is_register(instruction, 1);
        let (reads_first, writes, sets_flags) = match instruction.mnemonic() {
            M::Add | M::Sub | M::And | M::Or | M::Xor | M::Shl | M::Shr | M::Sar => (true, true, true),
            M::Movlhps | M::Unpcklpd | M::Punpcklqdq | M::Pinsrq => (true, true, false),
            M::Cmp | M::Test => (true, false, true),
            _ if moves(instruction) => (merges, true, false),
            _ => return None,
        };
        let mut from = [None; 2];
        for operand in u32::from(!reads_first)..instruction.op_count().min(2) {
            if matches!(instruction.op_kind(operand), OpKind::Register | OpKind::Memory) {
                from[operand as usize] = Some(self.source(operand)?);
            }
        }
        if sets_flags {
            self.flags(from)?;
        }
        if writes {
            let to = self.written()?;
            self.steps.add(Step::Make { to, how: self.how(), from });
        }
        Some(())
    }

    /// The first operand, where all of a register is written.
    fn written(&self) -> Option<Register> {
        let to = self.instruction.op0_register();
        let whole = to.is_gpr32() || to.is_gpr64() || to.is_xmm();
        number(to).filter(|to| whole && is_register(self.instruction, 0) && *to != RSP)
    }

    /// The register in which an operand is.
    fn source(&mut self, operand: u32) -> Option<Register> {
        if is_register(self.instruction, operand) {
            return number(self.instruction.op_register(operand));
        }
        let size = self.instruction.memory_size().size() as u64;
        self.load(TEMPORARY, if size == 8 { 0 } else { size })?;
        Some(TEMPORARY)
    }

    fn load(&mut self, to: Register, how: u64) -> Option<()> {
        let (base, offset) = self.address()?;
        let bytes = self.instruction.memory_size().size() as u8;
        self.steps.add(Step::Load { to, base, offset, bytes, how });
        Some(())
    }

    /// What a move makes of what it loads: nothing of eight bytes.
    fn how_loaded(&self) -> u64 {
        let plain = self.instruction.memory_size().size() == 8;
        if plain { 0 } else { self.how() }
    }

    fn address(&self) -> Option<(Register, i64)> {
        let instruction = self.instruction;
        let base = instruction.memory_base();
        let plain = instruction.memory_index() == Named::None && base.is_gpr64();
        plain.then(|| (base.number() as Register, instruction.memory_displacement64() as i64))
    }
}

fn is_register(instruction: &Instruction, operand: u32) -> bool {
    instruction.op_count() > operand && instruction.op_kind(operand) == OpKind::Register
}

/// Whether an instruction moves a value and does nothing else to it than widen it.
fn moves(instruction: &Instruction) -> bool {
    matches!(
        instruction.mnemonic(),
        M::Mov
            | M::Movzx
            | M::Movsx
            | M::Movsxd
            | M::Movd
            | M::Movq
            | M::Movss
            | M::Movsd
            | M::Movups
            | M::Movupd
            | M::Movdqu
            | M::Movaps
            | M::Movapd
            | M::Movdqa
    )
}

/// Whether an instruction clears a register by taking it from itself.
fn clears(instruction: &Instruction) -> bool {
    let register = instruction.op0_register();
    let whole = register.is_xmm() || register.is_gpr32() || register.is_gpr64();
    instruction.op_count() == 2
        && is_register(instruction, 0)
        && is_register(instruction, 1)
        && register == instruction.op1_register()
        && whole
        && matches!(instruction.mnemonic(), M::Xor | M::Xorps | M::Xorpd | M::Pxor)
}

#[cfg(test)]
mod tests;
