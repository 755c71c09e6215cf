//! Runs code, and takes down what others can tell of it.

use iced_x86::{Code as Op, FlowControl, Instruction, Mnemonic, OpKind, Register};

use super::{
    super::super::Code,
    Live,
    effect::{Effect, Event},
    lines::{Line, lines},
    operation::{Operation, Target, clears, is_plain},
    values::{Id, Part, RSP, Value, Values},
};
use crate::template::HoleKind;

const RAX: usize = 0;
const RDX: usize = 2;
const RBP: usize = 5;
/// General registers that belong to the caller (psABI, figure 3.4): rbx, rbp, r12 to r15.
const PRESERVED: [usize; 6] = [3, RBP, 12, 13, 14, 15];

#[derive(Clone)]
pub(super) struct Machine {
    live: Live,
    pub(super) gprs: [Id; 16],
    vecs: [Id; 16],
    flags: Option<Id>,
    /// Words of the stub's own stack: distance from where the stack pointer was at first, size in bytes, value.
    pub(super) stack: Vec<(i64, usize, Id)>,
    /// Where the code of a landing goes back to.
    returning: Option<usize>,
    /// How many events there were before the last branch that was taken.
    start: usize,
    effect: Effect,
}

pub(super) fn read(values: &mut Values, code: &Code, live: Live) -> Option<Effect> {
    let lines = lines(code)?;
    let machine = Machine {
        live,
        gprs: std::array::from_fn(Id::first),
        vecs: std::array::from_fn(|number| Id::first(16 + number)),
        flags: None,
        stack: Vec::new(),
        returning: None,
        start: 0,
        effect: Effect::default(),
    };
    machine.run(values, &lines, 0)
}

impl Machine {
    /// Runs from a line to the end.
    fn run(mut self, values: &mut Values, lines: &[Line], mut at: usize) -> Option<Effect> {
        loop {
            let line = lines.get(at)?;
            let instruction = &line.instruction;
            let target = |from: usize| {
                let target = instruction.near_branch_target();
                let found = lines.binary_search_by_key(&target, |line| line.instruction.ip()).ok()?;
                (found > from).then_some(found)
            };
            match (instruction.flow_control(), instruction.op0_kind()) {
                (FlowControl::Next, _) => {
                    self.step(values, line)?;
                    at += 1;
                }
                (FlowControl::ConditionalBranch, OpKind::NearBranch64) => {
                    let condition = instruction.condition_code();
                    let (flags, epoch) = (self.flags?, self.effect.events.len());
                    let mut other = self.clone();
                    // Events are numbered along a way.
                    other.start = epoch;
                    let mut taken = other.run(values, lines, target(at)?)?;
                    taken.events.drain(..epoch);
                    self.effect.events.push(Event::Branch { condition, flags, taken });
                    at += 1;
                }
                (FlowControl::Call, OpKind::NearBranch64) if self.returning.is_none() => {
                    self.returning = Some(at + 1);
                    self.push(values, Value::Constant(instruction.next_ip()))?;
                    at = target(at)?;
                }
                (FlowControl::IndirectCall, _) => {
                    let to = self.target(values, instruction)?;
                    self.call(values, to, None)?;
                    at += 1;
                }
                (FlowControl::IndirectBranch, OpKind::Memory) => {
                    let back = self.returning.take()?;
                    let to = self.source(values, instruction, 0)?;
                    // The function that the landing jumps to takes the address away when it returns.
                    self.pop(values)?;
                    self.call(values, to, Some(self.gprs[RAX]))?;
                    at = back;
                }
                (FlowControl::IndirectBranch, OpKind::Register) => {
                    let to = self.target(values, instruction)?;
                    self.leaves(values)?;
                    let arguments = self.arguments(self.live);
                    self.effect.events.push(Event::Jump { target: to, arguments });
                    return Some(self.effect.ended(self.start));
                }
                (FlowControl::Return, _) if instruction.code() == Op::Retnq => {
                    self.leaves(values)?;
                    let results = [self.gprs[RAX], self.gprs[RDX], self.vecs[0], self.vecs[1]];
                    self.effect.events.push(Event::Return(results));
                    return Some(self.effect.ended(self.start));
                }
                _ => return None,
            }
        }
    }

    fn step(&mut self, values: &mut Values, line: &Line) -> Option<()> {
        let instruction = &line.instruction;
        let (to, from) = (instruction.op0_register(), instruction.op1_register());
        match instruction.code() {
            Op::Endbr64 => {}
            Op::Mov_r64_imm64 => {
                let value = match line.hole {
                    Some(kind) => Value::Hole(kind),
                    None => Value::Constant(instruction.immediate64()),
                };
                let id = values.id(value);
                self.set(to, id)?;
            }
            Op::Mov_r32_imm32 | Op::Mov_rm64_imm32 if instruction.op0_kind() == OpKind::Register => {
                let id = values.id(Value::Constant(instruction.try_immediate(1).ok()?));
                self.set(to, id)?;
            }
            Op::Mov_r64_rm64 | Op::Mov_rm64_r64 if both_registers(instruction) => {
                let id = self.register(from)?;
                match to {
                    // Only ever to where it was.
                    Register::RSP => self.move_stack(values, id)?,
                    _ => self.set(to, id)?,
                }
            }
            Op::Movaps_xmm_xmmm128 | Op::Movapd_xmm_xmmm128 | Op::Movdqa_xmm_xmmm128
                if both_registers(instruction) =>
            {
                let id = self.register(from)?;
                self.set(to, id)?;
            }
            Op::Add_rm64_imm8 | Op::Add_rm64_imm32 | Op::Sub_rm64_imm8 | Op::Sub_rm64_imm32
                if to == Register::RSP && instruction.op0_kind() == OpKind::Register =>
            {
                let distance = instruction.try_immediate(1).ok()? as i64;
                let by = if instruction.mnemonic() == Mnemonic::Add { distance } else { -distance };
                let id = values.sum(self.gprs[RSP], by);
                self.flags = None;
                self.move_stack(values, id)?;
            }
            Op::Lea_r64_m => {
                let address = self.address(values, instruction)?;
                self.set(to, address)?;
            }
            Op::Push_r64 | Op::Push_rm64 => {
                let value = self.source(values, instruction, 0)?;
                self.push_id(values, value)?;
            }
            Op::Pop_r64 => {
                let value = self.pop(values)?;
                self.set(to, value)?;
            }
            Op::Leaveq => {
                self.move_stack(values, self.gprs[RBP])?;
                let value = self.pop(values)?;
                self.set(Register::RBP, value)?;
            }
            _ if clears(instruction) => {
                let zero = values.id(Value::Constant(0));
                if to.is_gpr() {
                    self.flags = None;
                }
                self.set(to, zero)?;
            }
            _ if instruction.op0_kind() == OpKind::Memory && is_store(instruction) => {
                self.store(values, instruction)?;
            }
            _ => self.make(values, instruction)?,
        }
        Some(())
    }

    /// An instruction that makes a register or the flags of its operands.
    fn make(&mut self, values: &mut Values, instruction: &Instruction) -> Option<()> {
        let Operation { target, sets_flags } = Operation::of(instruction)?;
        let mut sources = [None; 3];
        let mut immediate = 0;
        for operand in 0..instruction.op_count() {
            if operand == 0 && target == Target::Written {
                continue;
            }
            match instruction.op_kind(operand) {
                OpKind::Register | OpKind::Memory => {
                    *sources.get_mut(operand as usize)? = Some(self.source(values, instruction, operand)?);
                }
                _ => immediate = instruction.try_immediate(operand).ok()?,
            }
        }
        // A load of a whole register is what is loaded.
        let code = instruction.code();
        let whole = matches!(code, Op::Mov_r64_rm64);
        let made = |part| Value::Made { code: same_operation(code), immediate, sources, part };
        if target != Target::Read {
            if instruction.op0_kind() != OpKind::Register {
                return None;
            }
            let id = if whole { sources[1]? } else { values.id(made(Part::Register)) };
            self.set(instruction.op0_register(), id)?;
        }
        if sets_flags {
            self.flags = Some(values.id(made(Part::Flags)));
        }
        Some(())
    }

    fn store(&mut self, values: &mut Values, instruction: &Instruction) -> Option<()> {
        let address = self.address(values, instruction)?;
        let bytes = instruction.memory_size().size();
        let register = instruction.op1_register();
        let id = self.register(register)?;
        let value = match (register.is_xmm(), values.of(id)) {
            // What a load of eight bytes brought.
            (true, Value::Made { code: Op::Movsd_xmm_xmmm64, sources: [_, Some(loaded), _], .. })
                if bytes == 8 =>
            {
                loaded
            }
            (true, _) if bytes == 8 => values.id(Value::Low(id)),
            _ => id,
        };
        match self.on_stack(values, address) {
            Some(at) if at < 0 => self.keep(values, at, bytes, value),
            // The return address is not the stub's.
            Some(at) if at < 8 => None,
            _ => {
                self.effect.events.push(Event::Store { address, bytes, value });
                Some(())
            }
        }
    }

    /// What an operand is a source of: a register, or memory.
    fn source(&mut self, values: &mut Values, instruction: &Instruction, operand: u32) -> Option<Id> {
        if instruction.op_kind(operand) == OpKind::Register {
            return self.register(instruction.op_register(operand));
        }
        let address = self.address(values, instruction)?;
        let size = instruction.memory_size();
        if let Some(at) = self.on_stack(values, address)
            && at < 8
        {
            if at < self.depth(values)? || at >= 0 {
                return None;
            }
            let end = at + size.size() as i64;
            let overlaps =
                |(other, bytes, _): &&(i64, usize, Id)| *other < end && at < *other + *bytes as i64;
            if let Some(&(start, bytes, value)) = self.stack.iter().rev().find(overlaps) {
                return ((start, bytes) == (at, size.size())).then_some(value);
            }
        }
        let epoch = self.effect.events.len();
        let id = values.id(Value::Load { address, size: same_size(size), epoch });
        self.effect.loads.push(id);
        Some(id)
    }

    /// Where a call or jump through a register or memory goes.
    fn target(&mut self, values: &mut Values, instruction: &Instruction) -> Option<Id> {
        (instruction.op0_kind() != OpKind::Register || instruction.op0_register().is_gpr64())
            .then(|| self.source(values, instruction, 0))?
    }

    fn call(&mut self, values: &mut Values, target: Id, count: Option<Id>) -> Option<()> {
        let depth = self.depth(values)?;
        // psABI 3.2.2: at a call the stack is aligned to 16 bytes; at first there is a return address on it.
        let aligned = (depth - 8).rem_euclid(16) == 0;
        let framed = self.on_stack(values, self.gprs[RBP]) == Some(-8)
            && self.stack.contains(&(-8, 8, Id::first(RBP)));
        if !aligned || !framed || !self.preserves(&[3, 12, 13, 14, 15]) {
            return None;
        }
        let host = is_host(values, target);
        let live = if host { Live::HOST } else { self.live };
        let mut arguments = self.arguments(live);
        arguments.extend(count);
        let area = depth..depth + i64::from(live.stack_bytes);
        // Whoever is told where the stub's stack is may read and change what is there; arguments belong to who is called.
        let told = arguments.iter().chain(self.stack.iter().map(|(.., id)| id));
        let own = |id: &Id| self.on_stack(values, *id).is_some_and(|at| at < 0);
        let escaped = told.into_iter().any(own);
        let seen = |(at, ..): &&(i64, usize, Id)| area.contains(at) || (escaped && *at != -8);
        let mut stack: Vec<_> = self.stack.iter().filter(seen).copied().collect();
        stack.iter_mut().for_each(|(at, ..)| *at -= depth);
        stack.sort_unstable();
        self.stack.retain(|(at, ..)| !area.contains(at) && (!escaped || *at == -8));
        let number = self.effect.events.len();
        self.effect.events.push(Event::Call { target, arguments, stack });
        for register in (0..16).filter(|register| *register != RSP && !PRESERVED.contains(register)) {
            self.gprs[register] = Id::left(number, register)?;
        }
        for register in 0..16 {
            self.vecs[register] = Id::left(number, 16 + register)?;
        }
        self.flags = None;
        Some(())
    }

    /// Whether the stub may end: its stack is gone, and the caller's registers are as they were.
    fn leaves(&self, values: &Values) -> Option<()> {
        (self.depth(values) == Some(0) && self.returning.is_none() && self.preserves(&PRESERVED))
            .then_some(())
    }

    fn preserves(&self, registers: &[usize]) -> bool {
        registers.iter().all(|&register| self.gprs[register] == Id::first(register))
    }

    fn arguments(&self, live: Live) -> Vec<Id> {
        let gprs = (0..16).filter(|number| live.gprs >> number & 1 == 1).map(|number| self.gprs[number]);
        let vecs = (0..16).filter(|number| live.vecs >> number & 1 == 1).map(|number| self.vecs[number]);
        gprs.chain(vecs).collect()
    }

    fn register(&self, register: Register) -> Option<Id> {
        let number = register.full_register().number();
        is_plain(register).then(|| if register.is_xmm() { self.vecs[number] } else { self.gprs[number] })
    }

    /// Writes a whole register: one of 32 bits clears what is above them.
    fn set(&mut self, register: Register, id: Id) -> Option<()> {
        let number = register.full_register().number();
        match register {
            _ if register.is_xmm() => self.vecs[number] = id,
            _ if register.full_register() == Register::RSP => return None,
            _ if register.is_gpr64() || register.is_gpr32() => self.gprs[number] = id,
            _ => return None,
        }
        Some(())
    }

    fn address(&self, values: &mut Values, instruction: &Instruction) -> Option<Id> {
        let base = instruction.memory_base();
        if instruction.memory_index() != Register::None || !base.is_gpr64() {
            return None;
        }
        Some(values.sum(self.gprs[base.number()], instruction.memory_displacement64() as i64))
    }
}

/// Whether a target is a function of the host: its address is in a hole, or beside the closed flag.
fn is_host(values: &Values, target: Id) -> bool {
    match values.of(target) {
        Value::Hole(kind) => matches!(kind, HoleKind::Helper | HoleKind::Range),
        Value::Load { address, .. } => {
            let base = match values.of(address) {
                Value::Sum(base, _) => base,
                _ => address,
            };
            values.of(base) == Value::Hole(HoleKind::Guard)
        }
        _ => false,
    }
}

fn both_registers(instruction: &Instruction) -> bool {
    instruction.op0_kind() == OpKind::Register && instruction.op1_kind() == OpKind::Register
}

fn is_store(instruction: &Instruction) -> bool {
    use Mnemonic as M;
    let moves = matches!(
        instruction.mnemonic(),
        M::Mov | M::Movd | M::Movq | M::Movss | M::Movsd | M::Movups | M::Movupd | M::Movdqu | M::Movaps
    );
    moves && instruction.op1_kind() == OpKind::Register
}

/// One name for encodings of the same operation.
fn same_operation(code: Op) -> Op {
    match code {
        Op::Mov_rm32_r32 => Op::Mov_r32_rm32,
        other => other,
    }
}

/// One name for what is loaded in the same way.
fn same_size(size: iced_x86::MemorySize) -> iced_x86::MemorySize {
    use iced_x86::MemorySize as S;
    match size.size() {
        1 => S::UInt8,
        2 => S::UInt16,
        4 => S::UInt32,
        8 => S::UInt64,
        _ => size,
    }
}
