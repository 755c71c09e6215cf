//! What stubs of each entry are to do, compared with what the machine does.
//!
//! A stub that branches is run once for each way that its plan knows. What the ways depend on is assumed before the stub comes
//! to it; a branch on anything else is refused, and so is one that went only one way in all runs.

mod boxed;
mod call;
mod choices;
mod columns;
mod downcall;
mod upcall;
mod v8;

use std::collections::BTreeMap;

use springboard_abi::{Direction, Form, HoleKind, LandingPads, Operand, Place, Plan, SlotsForm};

use self::choices::Choices;
use crate::{
    Code, abi,
    machine::{Abi, Machine, Ways},
    refusal::Refusal,
    terms::{Byte, PAGE, Register, Word},
};

pub(crate) fn read(plan: &Plan, code: &Code<'_>) -> Result<(), Refusal> {
    let caller = abi::of(plan.caller).ok_or(Refusal::NoReader(plan.caller))?;
    let callee = abi::of(plan.convention).ok_or(Refusal::NoReader(plan.convention))?;
    let entered = match plan.entry().direction() {
        Direction::Upcall => callee,
        Direction::Downcall => caller,
    };
    if code.protection.landing_pads == LandingPads::Emit && !(caller.cpu.lands)(code.bytes) {
        return Err(Refusal::LandingPad);
    }
    // What is aligned to more than the stack lies elsewhere for each stack pointer.
    let copies = plan.temporaries.iter().map(|copy| copy.align).chain(plan.stack_align).max();
    let align = u64::from(copies.unwrap_or(1)).clamp(caller.cpu.stack_align, PAGE);
    let mut branches = BTreeMap::new();
    let mut reached = vec![false; code.bytes.len()];
    for step in 0..align / caller.cpu.stack_align {
        let pushed = if caller.cpu.link.is_none() { 8 } else { 0 };
        let residue = (step * caller.cpu.stack_align).wrapping_sub(pushed) % PAGE;
        let mut choices = Choices::default();
        loop {
            let machine = Machine::new(entered, code.bytes, code.holes, residue);
            let mut reading = Reading {
                plan,
                code,
                caller,
                callee,
                entered,
                residue,
                machine,
                choices: &mut choices,
                deviated: false,
            };
            reading.stub()?;
            if let Some(at) = reading.machine.stray_load() {
                return Err(Refusal::Load { at });
            }
            reached.iter_mut().zip(&reading.machine.read).for_each(|(reached, read)| *reached |= read);
            for (at, ways) in reading.machine.branches {
                let all: &mut Ways = branches.entry(at).or_default();
                all.taken |= ways.taken;
                all.passed |= ways.passed;
            }
            if !choices.next() {
                break;
            }
        }
    }
    if let Some((at, _)) = branches.into_iter().find(|(_, ways)| !(ways.taken && ways.passed)) {
        return Err(Refusal::Constant { at });
    }
    match unreached(entered, code, &reached) {
        Some(at) => Err(Refusal::Unreached { at }),
        None => Ok(()),
    }
}

/// Code that ran in no way of the plan, beside what fills up and jumps to code that did.
fn unreached(entered: &Abi, code: &Code<'_>, reached: &[bool]) -> Option<usize> {
    let end = code.row.map_or(code.bytes.len(), |row| row as usize);
    let in_hole =
        |at: usize| code.holes.iter().any(|hole| (0..8).contains(&at.wrapping_sub(hole.offset as usize)));
    let mut at = 0;
    while at < end {
        if reached[at] || in_hole(at) || entered.cpu.fillers.contains(&code.bytes[at]) {
            at += 1;
            continue;
        }
        let mut machine = Machine::new(entered, code.bytes, code.holes, 0);
        match machine.jump_at(at) {
            Some((to, length)) if reached.get(to) == Some(&true) => at += length,
            _ => return Some(at),
        }
    }
    None
}

/// One run of a stub.
struct Reading<'a> {
    plan: &'a Plan,
    code: &'a Code<'a>,
    caller: &'static Abi,
    callee: &'static Abi,
    /// Whichever of them the stub is entered by.
    entered: &'static Abi,
    /// The lowest bits of the stack pointer at the entry.
    residue: u64,
    machine: Machine<'a>,
    choices: &'a mut Choices,
    /// Whether something other than the usual has been chosen in this run.
    deviated: bool,
}

/// Where the host has the values that a downcall passes.
enum Source {
    /// Slots in an array at this address.
    Array(Word),
    /// Slots in words of their own.
    Words(Vec<Passed>),
    /// Pointers to the values in an array, and the address of the result.
    Avalue { array: Word, result: Word },
}

/// A slot in a word of its own.
#[derive(Clone, Copy)]
struct Passed {
    word: Word,
    /// How many of its lowest bytes are the value.
    own: usize,
    /// How many are known: those between hold what the value is extended by, and any may be above them.
    known: usize,
}

impl From<Word> for Passed {
    fn from(word: Word) -> Passed {
        Passed { word, own: 8, known: 8 }
    }
}

impl Reading<'_> {
    fn stub(&mut self) -> Result<(), Refusal> {
        let plan = self.plan;
        match &plan.form {
            Form::Slots(SlotsForm { result, last_error }) => {
                let (target, slots) = (self.argument(0)?, self.argument(1)?);
                self.downcall(target, &Source::Array(slots), result, *last_error)
            }
            Form::Bound(SlotsForm { result, last_error }) => {
                let (target, slots) = (self.machine.hole_word(HoleKind::Target), self.argument(0)?);
                self.downcall(target, &Source::Array(slots), result, *last_error)
            }
            Form::Avalue(result) => {
                let (target, to, array) = (self.argument(0)?, self.argument(1)?, self.argument(2)?);
                self.downcall(target, &Source::Avalue { array, result: to }, result, None)
            }
            Form::Relay => self.relay(),
            Form::Direct { context } => self.direct(*context),
            Form::V8(form) => self.fast_call(form),
            Form::Columns(columns) => self.columns(columns),
            Form::Callback(result) => self.callback(result),
            Form::Closure(form) => {
                let fields = upcall::closure_fields(self.caller.closure.code);
                self.closure(form, self.caller.closure.register, fields)
            }
            Form::GoClosure(form) => self.closure(form, self.caller.closure.of_go, upcall::GO_CLOSURE),
            Form::Boxed(form) => self.boxed(form),
        }
    }

    /// The stub's own parameter of a number, in a general register.
    fn argument(&mut self, index: usize) -> Result<Word, Refusal> {
        let register = self.caller.gpr_args.get(index).ok_or(Refusal::Plan)?;
        Ok(self.machine.entry(Register::Gpr(*register)))
    }

    /// The significance of a byte of a word that memory has at `at`.
    fn significance(&self, at: usize) -> usize {
        if self.callee.cpu.big_endian { 7 - at } else { at }
    }

    /// What a slot holds.
    fn slot(&mut self, source: &Source, index: u16) -> Result<Word, Refusal> {
        match source {
            Source::Array(array) | Source::Avalue { array, .. } => {
                let address = self.machine.terms.plus(array, i64::from(index) * 8);
                Ok(self.machine.load_word(&address, 8))
            }
            Source::Words(words) => Ok(self::passed(words, index)?.word),
        }
    }

    /// Whether a byte is that of what a move moves.
    fn is_operand_byte(
        &mut self,
        found: Byte,
        source: &Source,
        operand: Operand,
        byte: usize,
    ) -> Result<bool, Refusal> {
        let wanted = self.operand_byte(source, operand, byte)?;
        if self.machine.terms.same(found, wanted) {
            return Ok(true);
        }
        let (Operand::Slot { index, at }, Source::Words(words)) = (operand, source) else { return Ok(false) };
        let Passed { own, known, .. } = passed(words, index)?;
        let significance = self.significance(usize::from(at) + byte);
        Ok(significance >= known || significance >= own && self.machine.terms.known_same(found, wanted))
    }

    /// One byte of what a move moves.
    fn operand_byte(&mut self, source: &Source, operand: Operand, byte: usize) -> Result<Byte, Refusal> {
        Ok(match (operand, source) {
            (Operand::Slot { index, at }, Source::Array(array)) => {
                self.machine.memory(array, i64::from(index) * 8 + i64::from(at) + byte as i64)
            }
            (Operand::Slot { index, at }, Source::Words(_)) => {
                let at = usize::from(at) + byte;
                let word = self.slot(source, index)?;
                if at > 7 {
                    return Err(Refusal::Plan);
                }
                word[self.significance(at)]
            }
            (Operand::Slot { at: 0, .. }, Source::Avalue { result, .. }) => result[self.significance(byte)],
            (Operand::Memory { slot, offset }, _) => {
                let address = self.slot(source, slot)?;
                self.machine.memory(&address, i64::from(offset) + byte as i64)
            }
            _ => return Err(Refusal::Plan),
        })
    }

    /// One byte of a register or of the stack, counted as memory is: `place` is of `registers`, and the stack begins at
    /// `stack` from the stack pointer at the entry.
    fn place_byte(
        &mut self,
        place: Place,
        byte: usize,
        registers: Registers,
        stack: i64,
    ) -> Result<Byte, Refusal> {
        Ok(match place {
            Place::Gpr { reg, at } => {
                let at = usize::from(at) + byte;
                let number = registers.gprs.get(usize::from(reg)).filter(|_| at < 8).ok_or(Refusal::Plan)?;
                let significance = self.significance(at);
                let word = match registers.when {
                    When::Now => self.machine.gprs[usize::from(*number)],
                    When::Entered => self.machine.entry(Register::Gpr(*number)),
                    When::Returned => self.machine.returned(Register::Gpr(*number)),
                };
                word[significance]
            }
            Place::Vec { reg, at } => {
                let at = usize::from(at) + byte;
                let number = registers.vecs.get(usize::from(reg)).filter(|_| at < 16).ok_or(Refusal::Plan)?;
                let (half, at) = (at / 8, self.significance(at % 8));
                let word = match registers.when {
                    When::Now => self.machine.vecs[usize::from(*number)][half],
                    When::Entered => self.machine.entry(Register::Vec(*number, half as u8)),
                    When::Returned => self.machine.returned(Register::Vec(*number, half as u8)),
                };
                word[at]
            }
            Place::Stack { offset } => {
                let base = crate::terms::whole(crate::terms::Terms::STACK);
                self.machine.memory(&base, stack + i64::from(offset) + byte as i64)
            }
        })
    }
}

fn passed(words: &[Passed], index: u16) -> Result<Passed, Refusal> {
    words.get(usize::from(index)).copied().ok_or(Refusal::Plan)
}

/// The registers that places name by their index.
#[derive(Clone, Copy)]
struct Registers {
    gprs: &'static [u8],
    vecs: &'static [u8],
    when: When,
}

/// Which content of a register is meant.
#[derive(Clone, Copy)]
enum When {
    /// What is in it.
    Now,
    /// What was in it when the stub was entered.
    Entered,
    /// What the last call left in it.
    Returned,
}

impl Registers {
    fn arguments(abi: &Abi, when: When) -> Registers {
        Registers { gprs: abi.gpr_args, vecs: abi.vec_args, when }
    }

    fn results(abi: &Abi, when: When) -> Registers {
        Registers { gprs: abi.gpr_results, vecs: abi.vec_results, when }
    }
}
