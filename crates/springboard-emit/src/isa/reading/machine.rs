//! Runs code, and takes down what others can tell of it.

use super::{
    Cpu, Live,
    effect::{Effect, Event, Word},
    step::{FLAGS, Program, Register, Step, TEMPORARY, VECTOR, ZERO},
    values::{Id, Value, Values},
};
use crate::{isa::Code, template::HoleKind};

#[derive(Clone)]
pub(super) struct Machine<'a> {
    pub(super) cpu: &'a Cpu,
    program: &'a Program,
    live: Live,
    registers: [Id; TEMPORARY as usize + 1],
    pub(super) stack: Vec<Word>,
    /// Where the stub's own code that was called goes back to.
    returning: Option<usize>,
    /// How many events there were before the last branch that was taken.
    start: usize,
    pub(super) effect: Effect,
}

pub(super) fn read(cpu: &Cpu, values: &mut Values, code: &Code, live: Live) -> Option<Effect> {
    let machine = Machine {
        cpu,
        program: &(cpu.program)(code)?,
        live,
        registers: std::array::from_fn(|register| Id::first(register as Register)),
        stack: Vec::new(),
        returning: None,
        start: 0,
        effect: Effect::default(),
    };
    machine.run(values, 0)
}

impl Machine<'_> {
    /// Runs from a step to the end.
    fn run(mut self, values: &mut Values, mut at: usize) -> Option<Effect> {
        loop {
            let step = *self.program.get(at)?;
            at += 1;
            match step {
                Step::Branch { how, from, to } if to >= at => {
                    let from = from.map(|register| Some(self.get(register?)));
                    let epoch = self.effect.events.len();
                    // Events are numbered along a way.
                    let other = Machine { start: epoch, ..self.clone() };
                    let mut taken = other.run(values, to)?;
                    taken.events.drain(..epoch);
                    self.effect.events.push(Event::Branch { how, from, taken });
                }
                Step::Goto(to) if to >= at => at = to,
                Step::Enter(to) if to >= at && self.returning.is_none() => {
                    self.returning = Some(at);
                    let address = values.id(Value::Constant(at as u64));
                    let below = values.sum(self.get(self.cpu.stack), -8);
                    self.put(values, self.cpu.stack, below)?;
                    self.store(values, below, 8, address)?;
                    at = to;
                }
                Step::Jump(register) if self.returning.is_some() => {
                    let target = self.get(register);
                    // The function that is reached takes the address away when it returns.
                    let above = values.sum(self.get(self.cpu.stack), 8);
                    self.put(values, self.cpu.stack, above)?;
                    self.call(values, target)?;
                    at = self.returning.take()?;
                }
                Step::Jump(register) if has(self.cpu.jumps, register) => {
                    let target = self.get(register);
                    let jump = Event::Jump { target, arguments: self.arguments(values, target) };
                    return self.end(jump);
                }
                Step::Return => {
                    let results = self.set(self.cpu.results).collect();
                    return self.end(Event::Return { results });
                }
                _ => self.step(values, step)?,
            }
        }
    }

    fn step(&mut self, values: &mut Values, step: Step) -> Option<()> {
        match step {
            Step::Add { to, from, distance } => {
                let sum = values.sum(self.get(from), distance);
                self.put(values, to, sum)?;
            }
            Step::Constant { to, value } => {
                let value = values.id(Value::Constant(value));
                self.put(values, to, value)?;
            }
            Step::Literal { to, kind } => {
                let value = values.id(Value::Hole(kind));
                self.put(values, to, value)?;
            }
            Step::Load { to, base, offset, bytes, how } => {
                let address = values.sum(self.get(base), offset);
                let value = self.load(values, address, bytes, how)?;
                self.put(values, to, value)?;
            }
            Step::Store { from, base, offset, bytes } => {
                let address = values.sum(self.get(base), offset);
                // Which part of a vector register is stored depends on the CPU.
                let value = match self.get(from) {
                    value if bytes < 8 && has(!0 << VECTOR, from) => {
                        values.id(Value::Made { how: bytes.into(), from: [Some(value), None] })
                    }
                    value => value,
                };
                self.store(values, address, bytes, value)?;
            }
            Step::Make { to, how, from } => {
                let from = from.map(|register| Some(self.get(register?)));
                let value = values.id(Value::Made { how, from });
                self.put(values, to, value)?;
            }
            Step::Sign => {
                let link = self.cpu.link?;
                let value = values.id(Value::Signed(self.get(link)));
                self.put(values, link, value)?;
            }
            Step::Authenticate => {
                let link = self.cpu.link?;
                let Value::Signed(plain) = values.of(self.get(link)) else { return None };
                self.put(values, link, plain)?;
            }
            Step::Call(register) => self.call(values, self.get(register))?,
            Step::Enter(_)
            | Step::Jump(_)
            | Step::Return
            | Step::Branch { .. }
            | Step::Goto(_)
            | Step::Other(_) => return None,
        }
        Some(())
    }

    fn call(&mut self, values: &mut Values, target: Id) -> Option<()> {
        let cpu = self.cpu;
        let depth = self.depth(values)?;
        let on_top = if cpu.link.is_some() { 0 } else { 8 };
        if (depth - on_top) % cpu.aligned != 0 || !self.is_framed(values) {
            return None;
        }
        let arguments = self.arguments(values, target);
        let stack_bytes = if is_host(values, target) { 0 } else { self.live.stack_bytes };
        let area = depth + cpu.saves..depth + cpu.saves + i64::from(stack_bytes);
        // Whoever is told where the stub's stack is may read and change what is there, except what is kept for the caller;
        // arguments belong to who is called.
        let told = arguments.iter().chain(self.stack.iter().map(|word| &word.value));
        let escaped = told.into_iter().any(|id| self.on_stack(values, *id).is_some_and(|at| at < 0));
        let seen = |word: &Word| area.contains(&word.at) || (escaped && !self.is_kept(values, word));
        let (mut stack, rest): (Vec<Word>, Vec<Word>) = self.stack.iter().partition(|word| seen(word));
        stack.iter_mut().for_each(|word| word.at -= depth);
        stack.sort_unstable();
        self.stack = rest;
        let number = self.effect.events.len();
        self.effect.events.push(Event::Call { target, arguments, stack });
        for register in super::registers(!cpu.preserved & !(1 << cpu.stack)).chain([FLAGS]) {
            self.registers[usize::from(register)] = Id::left(number, register)?;
        }
        Some(())
    }

    /// Ends in a return or a jump: the stub's stack is gone, and the caller's registers are as they were. A call whose
    /// results are returned as they are, with nothing on the stack for it, is a jump.
    fn end(mut self, last: Event) -> Option<Effect> {
        if !self.kept().all(|register| self.get(register) == Id::first(register)) {
            return None;
        }
        let cpu = self.cpu;
        let Effect { mut events, mut loads } = self.effect;
        let jump = match (&last, events.last()) {
            (Event::Return { .. }, Some(Event::Call { target, arguments, stack, .. }))
                if events.len() > self.start && stack.is_empty() =>
            {
                let as_left = super::registers(cpu.results).all(|register| {
                    Some(self.registers[usize::from(register)]) == Id::left(events.len() - 1, register)
                });
                as_left.then(|| Event::Jump { target: *target, arguments: arguments.clone() })
            }
            _ => None,
        };
        if jump.is_some() {
            events.pop();
        }
        events.push(jump.unwrap_or(last));
        loads.sort_unstable();
        loads.dedup();
        self.effect = Effect { events, loads };
        Some(self.effect)
    }

    /// What a function gets in registers.
    fn arguments(&self, values: &Values, function: Id) -> Vec<Id> {
        self.set(if is_host(values, function) { self.live.host } else { self.live.native }).collect()
    }

    /// What is in the registers of a set.
    fn set(&self, registers: u64) -> impl Iterator<Item = Id> {
        super::registers(registers).map(|register| self.get(register))
    }

    pub(super) fn get(&self, register: Register) -> Id {
        self.registers[usize::from(register)]
    }

    /// What is below the stack pointer, wherever that comes to be, is lost.
    fn put(&mut self, values: &Values, register: Register, value: Id) -> Option<()> {
        if register == self.cpu.stack {
            let depth = self.on_stack(values, value).filter(|depth| *depth <= 0)?;
            self.stack.retain(|word| word.at >= depth);
        }
        self.registers[usize::from(register)] = value;
        (register != ZERO).then_some(())
    }
}

/// Whether a register is in a set.
fn has(set: u64, register: Register) -> bool {
    set.checked_shr(register.into()).is_some_and(|rest| rest & 1 == 1)
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
