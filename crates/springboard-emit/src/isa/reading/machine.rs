//! Runs code, and takes down what others can tell of it.

use super::{
    Cpu, Live,
    step::{FLAGS, Program, Register, Step, VECTOR, ZERO, program},
    values::{Id, Value, Values},
};
use crate::{isa::Code, template::HoleKind};

/// What code does that others can tell.
#[derive(Clone, PartialEq, Debug)]
enum Event {
    Store { address: Id, bytes: u8, value: Id },
    Call { target: Id, arguments: Vec<Id>, depth: i64, frame: Option<Id>, stack: Vec<Word> },
    Branch { how: u64, from: [Option<Id>; 2], taken: Effect },
    Return { results: Vec<Id> },
    Jump { target: Id, arguments: Vec<Id> },
}

#[derive(Clone, Default, PartialEq, Debug)]
pub(super) struct Effect {
    events: Vec<Event>,
    loads: Vec<Id>,
}

/// A word of the stub's own stack.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
struct Word {
    /// From where the stack pointer was at first.
    at: i64,
    bytes: u8,
    value: Id,
}

impl Word {
    fn overlaps(&self, at: i64, bytes: u8) -> bool {
        self.at < at + i64::from(bytes) && at < self.at + i64::from(self.bytes)
    }
}

#[derive(Clone)]
struct Machine<'a> {
    cpu: &'a Cpu,
    program: &'a Program,
    live: Live,
    registers: [Id; ZERO as usize + 1],
    stack: Vec<Word>,
    /// How many events there were before the last branch that was taken.
    start: usize,
    effect: Effect,
}

pub(super) fn read(cpu: &Cpu, values: &mut Values, code: &Code, live: Live) -> Option<Effect> {
    let machine = Machine {
        cpu,
        program: &program(cpu, code)?,
        live,
        registers: std::array::from_fn(|register| Id::first(register as Register)),
        stack: Vec::new(),
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
                Step::Jump(register) if has(self.cpu.jumps, register) => {
                    let target = self.get(register);
                    let jump = Event::Jump { target, arguments: self.arguments(values, target) };
                    return self.end(values, jump);
                }
                Step::Return => {
                    let results = self.set(self.cpu.results).collect();
                    return self.end(values, Event::Return { results });
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
                let value = values.id(Value::Signed(self.get(self.cpu.link)));
                self.put(values, self.cpu.link, value)?;
            }
            Step::Authenticate => {
                let Value::Signed(plain) = values.of(self.get(self.cpu.link)) else { return None };
                self.put(values, self.cpu.link, plain)?;
            }
            Step::Call(register) => self.call(values, self.get(register))?,
            Step::Jump(_) | Step::Return | Step::Branch { .. } | Step::Goto(_) | Step::Other(_) => {
                return None;
            }
        }
        Some(())
    }

    fn load(&mut self, values: &mut Values, address: Id, bytes: u8, how: u64) -> Option<Id> {
        let at = self.on_stack(values, address);
        if let Some(at) = at {
            if at < self.depth(values)? {
                return None;
            }
            if let Some(word) = self.stack.iter().find(|word| word.overlaps(at, bytes)) {
                let inside = word.at <= at && at + i64::from(bytes) <= word.at + i64::from(word.bytes);
                let part =
                    Value::Made { how: how << 16 | (at - word.at) as u64, from: [Some(word.value), None] };
                return match how {
                    0 => (*word == Word { at, bytes, ..*word }).then_some(word.value),
                    _ => inside.then(|| values.id(part)),
                };
            }
        }
        let value = values.id(Value::Load { address, bytes, how, epoch: self.effect.events.len() });
        if at.is_none_or(|at| at >= self.cpu.saves) {
            self.effect.loads.push(value);
        }
        Some(value)
    }

    fn store(&mut self, values: &Values, address: Id, bytes: u8, value: Id) -> Option<()> {
        match self.on_stack(values, address).filter(|at| *at < self.cpu.saves) {
            Some(at) => {
                let same = |word: &Word| (word.at, word.bytes) == (at, bytes);
                self.stack.retain(|word| !same(word));
                let free = self.stack.iter().all(|word| !word.overlaps(at, bytes));
                (free && at >= self.depth(values)?).then(|| self.stack.push(Word { at, bytes, value }))
            }
            None => {
                self.effect.events.push(Event::Store { address, bytes, value });
                Some(())
            }
        }
    }

    fn call(&mut self, values: &mut Values, target: Id) -> Option<()> {
        let arguments = self.arguments(values, target);
        let depth = self.depth(values)?;
        // Whoever is told where the stub's stack is may change what is there, except what is kept for the caller.
        let told = arguments.iter().chain(self.stack.iter().map(|word| &word.value));
        let own = |id: &Id| *id != Id::first(self.cpu.stack) && self.on_stack(values, *id).is_some();
        let escaped = told.into_iter().any(own);
        let mut stack = self.stack.clone();
        stack.sort_unstable();
        let (cpu, number) = (self.cpu, self.effect.events.len());
        self.stack.retain(|word| !escaped || is_kept(cpu, values, word));
        let frame = cpu.frame.map(|register| self.get(register));
        self.effect.events.push(Event::Call { target, arguments, depth, frame, stack });
        for register in (0..=FLAGS).filter(|register| *register != cpu.stack) {
            if !has(cpu.preserved, register) {
                self.registers[usize::from(register)] = Id::left(number, register)?;
            }
        }
        Some(())
    }

    /// Ends in a return or a jump: the stub's stack is gone, and the caller's registers are as they were. A call whose
    /// results are returned as they are, with nothing on the stack for it, is a jump.
    fn end(mut self, values: &Values, last: Event) -> Option<Effect> {
        let kept = self.cpu.preserved | 1 << self.cpu.stack | 1 << self.cpu.link;
        if !(0..FLAGS)
            .filter(|register| has(kept, *register))
            .all(|register| self.get(register) == Id::first(register))
        {
            return None;
        }
        let cpu = self.cpu;
        let Effect { mut events, mut loads } = self.effect;
        let jump = match (&last, events.last()) {
            (Event::Return { .. }, Some(Event::Call { target, arguments, stack, .. }))
                if events.len() > self.start && stack.iter().all(|word| is_kept(cpu, values, word)) =>
            {
                let left = (0..FLAGS).filter(|register| has(cpu.results, *register));
                let as_left = left.into_iter().all(|register| {
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
        (0..FLAGS).filter(move |register| has(registers, *register)).map(|register| self.get(register))
    }

    fn get(&self, register: Register) -> Id {
        self.registers[usize::from(register)]
    }

    /// What is below the stack pointer, wherever that comes to be, is lost.
    fn put(&mut self, values: &Values, register: Register, value: Id) -> Option<()> {
        if register == self.cpu.stack {
            let depth = self.on_stack(values, value).filter(|depth| *depth <= 0)?;
            self.stack.retain(|word| word.at >= depth);
        }
        *self.registers[..usize::from(ZERO)].get_mut(usize::from(register))? = value;
        Some(())
    }

    /// Where an address is, counted from where the stack pointer was at first.
    fn on_stack(&self, values: &Values, address: Id) -> Option<i64> {
        let first = Id::first(self.cpu.stack);
        match values.of(address) {
            Value::Register(id) if id == first => Some(0),
            Value::Sum(base, distance) if base == first => Some(distance),
            _ => None,
        }
    }

    fn depth(&self, values: &Values) -> Option<i64> {
        self.on_stack(values, self.get(self.cpu.stack))
    }
}

/// Whether a register is in a set.
fn has(set: u64, register: Register) -> bool {
    set.checked_shr(register.into()).is_some_and(|rest| rest & 1 == 1)
}

/// Whether a word is kept for the stub's caller: no business of whoever is called.
fn is_kept(cpu: &Cpu, values: &Values, word: &Word) -> bool {
    let value = match values.of(word.value) {
        Value::Signed(plain) => plain,
        _ => word.value,
    };
    let kept = cpu.preserved | 1 << cpu.stack | 1 << cpu.link;
    (0..FLAGS).any(|register| has(kept, register) && value == Id::first(register))
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
