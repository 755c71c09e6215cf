//! Stubs that native code calls, and that call the host.
//!
//! What the host may write is not known afterwards: the slots, except those with addresses of memory for a result, and the
//! memory whose addresses are in slots.

use std::collections::BTreeMap;

use springboard_abi::{ClosureForm, HoleKind, Move, Operand, Place, SlotContent, UpcallResult};

use super::{
    Reading, Registers, When,
    call::{Argument, How, Ranges, Stores},
    downcall::extended,
};
use crate::{
    refusal::{Leaving, Refusal, Spot},
    terms::{Register, Terms, Word, ZERO, whole},
};

/// Where a closure has its function and what that is passed, in bytes.
pub(super) struct Fields {
    cif: i64,
    function: i64,
    user_data: Option<i64>,
}

/// `ffi_closure`, after so many bytes of code.
pub(super) fn closure_fields(code: i64) -> Fields {
    Fields { cif: code, function: code + 8, user_data: Some(code + 16) }
}
/// `ffi_go_closure`.
pub(super) const GO_CLOSURE: Fields = Fields { cif: 8, function: 16, user_data: None };

/// What the slots of a stub hold when the host is called.
struct Slots {
    /// Where they begin, from the stack pointer at the entry.
    at: i64,
    count: u16,
    /// Where the memory is whose address is in a slot.
    areas: BTreeMap<u16, (i64, i64)>,
}

impl Reading<'_> {
    pub(super) fn callback(&mut self, result: &UpcallResult) -> Result<(), Refusal> {
        let (helper, context) = (self.hole(HoleKind::Helper), self.hole(HoleKind::Context));
        let at = self.calls(&helper, &[Argument::word(context)])?;
        let array = self.machine.gprs[usize::from(self.caller.gpr_args[1])];
        let slots = self.slots(at, &array, result, 0)?;
        self.answers(at, result, &slots)
    }

    pub(super) fn closure(
        &mut self,
        form: &ClosureForm,
        register: u8,
        fields: Fields,
    ) -> Result<(), Refusal> {
        let closure = self.machine.entry(Register::Gpr(register));
        let mut field = |offset| {
            let address = self.machine.terms.plus(&closure, offset);
            self.machine.load_word(&address, 8)
        };
        let (cif, function) = (field(fields.cif), field(fields.function));
        let user_data = fields.user_data.map_or(closure, field);
        let at = self.calls(&function, &[Argument::word(cif)])?;
        let argument = |index: usize| usize::from(self.caller.gpr_args[index]);
        let (to, avalue) = (self.machine.gprs[argument(1)], self.machine.gprs[argument(2)]);
        if self.machine.gprs[argument(3)] != user_data {
            return Err(Refusal::Place { at, place: Spot::Gpr(3) });
        }
        // The slots are found by where the result goes, or the first argument of which the slot's address is passed.
        let count = form.arguments.len() as u16;
        let in_memory = matches!(form.result, UpcallResult::Memory { .. } | UpcallResult::Address { .. })
            || self.plan.temporaries.iter().any(|area| area.slot == count);
        let contents = form.arguments.iter().copied();
        let contents = contents.chain([if in_memory { SlotContent::Address } else { SlotContent::Bytes }]);
        let mut pointers = Vec::new();
        for index in 0..count {
            let address = self.machine.terms.plus(&avalue, i64::from(index) * 8);
            pointers.push(self.machine.load_word(&address, 8));
        }
        pointers.push(to);
        let contents = contents.collect::<Vec<_>>();
        let bytes = contents.iter().position(|content| *content == SlotContent::Bytes);
        let base = match bytes {
            Some(index) => {
                let pointer = pointers[index];
                self.machine.terms.plus(&pointer, -(index as i64) * 8)
            }
            // No slot can be seen from outside: each pointer is compared with what its slot would hold.
            None => return self.closure_of_addresses(at, form, &pointers),
        };
        let slots = self.slots(at, &base, &form.result, count + 1)?;
        for (index, content) in (0..).zip(&contents) {
            let slot = self.machine.terms.plus(&base, index * 8);
            let wanted = match content {
                SlotContent::Bytes => slot,
                SlotContent::Address => self.machine.load_word(&slot, 8),
            };
            if pointers[index as usize] != wanted {
                return Err(Refusal::Place { at, place: Spot::Slot(index as u16) });
            }
        }
        self.apart(at, &avalue, count, &slots)?;
        self.answers(at, &form.result, &slots)
    }

    /// A closure whose arguments and result all lie in memory.
    fn closure_of_addresses(
        &mut self,
        at: usize,
        form: &ClosureForm,
        pointers: &[Word],
    ) -> Result<(), Refusal> {
        let plan = self.plan;
        let mut areas = BTreeMap::new();
        for (index, pointer) in (0..).zip(pointers) {
            match plan.temporaries.iter().find(|area| area.slot == index) {
                Some(area) => {
                    let place = self.area(at, index, pointer, area.bytes, area.align, &areas)?;
                    areas.insert(index, place);
                }
                None => {
                    let step = plan.moves.iter().find(
                        |step| matches!(step.operand, Operand::Slot { index: slot, .. } if slot == index),
                    );
                    let wanted = self.arrived(*step.ok_or(Refusal::Plan)?)?;
                    if *pointer != wanted {
                        return Err(Refusal::Place { at, place: Spot::Slot(index) });
                    }
                }
            }
        }
        let slots = Slots { at: 0, count: 0, areas };
        for step in &plan.moves {
            if let Operand::Memory { slot, .. } = step.operand {
                self.spilled(at, *step, slot, &slots)?;
            }
        }
        self.answers(at, &form.result, &slots)
    }

    /// The stub calls a function of the host with these words first.
    fn calls(&mut self, target: &Word, arguments: &[Argument]) -> Result<usize, Refusal> {
        let (at, how) = self.reaches(target)?;
        if how != How::Call {
            return Err(Refusal::Leaves { at, wanted: Leaving::Call });
        }
        self.passes(at, arguments)?;
        self.stored(at, &Stores::new())?;
        Ok(at)
    }

    /// The slots at an address, each of which holds what its moves say.
    fn slots(
        &mut self,
        at: usize,
        array: &Word,
        result: &UpcallResult,
        least: u16,
    ) -> Result<Slots, Refusal> {
        let plan = self.plan;
        let from = self.machine.on_stack(array).ok_or(Refusal::Place { at, place: Spot::Gpr(1) })?;
        let named = plan.moves.iter().filter_map(|step| match step.operand {
            Operand::Slot { index, .. } => Some(index),
            _ => None,
        });
        let of_result = match result {
            UpcallResult::Word(Move { operand: Operand::Slot { index, .. }, .. }) => Some(*index),
            UpcallResult::Memory { slot, .. } | UpcallResult::Address { slot } => Some(*slot),
            _ => None,
        };
        let areas = plan.temporaries.iter().map(|area| area.slot);
        let count = named.chain(of_result).chain(areas).map(|slot| slot + 1).max().unwrap_or(0).max(least);
        let mut slots = Slots { at: from, count, areas: BTreeMap::new() };
        let (begin, end) = slots.range();
        let depth = self.machine.depth().ok_or(Refusal::Alignment { at })?;
        if begin < depth + self.caller.above.max(0) && count > 0
            || end > 0
            || self.address_residue(begin, 8) != 0
        {
            return Err(Refusal::Place { at, place: Spot::Gpr(1) });
        }
        for area in &plan.temporaries {
            let slot = self.machine.terms.plus(array, i64::from(area.slot) * 8);
            let address = self.machine.load_word(&slot, 8);
            let mut others = slots.areas.clone();
            others.insert(u16::MAX, slots.range());
            let place = self.area(at, area.slot, &address, area.bytes, area.align, &others)?;
            slots.areas.insert(area.slot, place);
        }
        for step in &plan.moves {
            match step.operand {
                Operand::Slot { index, .. } => {
                    let slot = self.machine.terms.plus(array, i64::from(index) * 8);
                    let found = self.machine.load_word(&slot, 8);
                    let wanted = self.arrived(*step)?;
                    if !self.machine.terms.same_word(&found, &wanted) {
                        return Err(Refusal::Place { at, place: Spot::Slot(index) });
                    }
                }
                Operand::Memory { slot, .. } => self.spilled(at, *step, slot, &slots)?,
                Operand::Temporary { .. } => return Err(Refusal::Plan),
            }
        }
        Ok(slots)
    }

    /// Memory of the stub's own stack, apart from others.
    fn area(
        &mut self,
        at: usize,
        slot: u16,
        address: &Word,
        bytes: u32,
        align: u32,
        others: &BTreeMap<u16, (i64, i64)>,
    ) -> Result<(i64, i64), Refusal> {
        let wrong = Refusal::Place { at, place: Spot::Slot(slot) };
        let Some(from) = self.machine.on_stack(address) else { return Err(wrong) };
        let to = from + i64::from(bytes);
        let depth = self.machine.depth().ok_or(Refusal::Alignment { at })?;
        let apart = others.values().all(|&(begin, end)| to <= begin || end <= from);
        let own = depth + self.caller.above <= from && to <= 0;
        let aligned = self.address_residue(from, align.max(1).into()) == 0;
        if apart && own && aligned { Ok((from, to)) } else { Err(wrong) }
    }

    /// The array of pointers lies apart from what it points to.
    fn apart(&mut self, at: usize, avalue: &Word, count: u16, slots: &Slots) -> Result<(), Refusal> {
        let mut others = slots.areas.clone();
        others.insert(u16::MAX, slots.range());
        self.area(at, 0, avalue, u32::from(count) * 8, 8, &others).map(drop)
    }

    /// The whole slot of a scalar, made of what its register or stack word held at the entry.
    fn arrived(&mut self, step: Move) -> Result<Word, Refusal> {
        let registers = Registers::arguments(self.callee, When::Entered);
        let bytes = usize::from(step.bytes);
        let mut word = ZERO;
        for byte in 0..bytes {
            let significance = if self.callee.cpu.big_endian { bytes - 1 - byte } else { byte };
            word[significance] = self.place_byte(step.place, byte, registers, self.callee.above)?;
        }
        Ok(extended(&word, step.bytes, step.fill))
    }

    /// Bytes of an aggregate are in its memory.
    fn spilled(&mut self, at: usize, step: Move, slot: u16, slots: &Slots) -> Result<(), Refusal> {
        let Operand::Memory { offset, .. } = step.operand else { return Err(Refusal::Plan) };
        let (from, to) = *slots.areas.get(&slot).ok_or(Refusal::Plan)?;
        let begin = from + i64::from(offset);
        if begin + i64::from(step.bytes) > to {
            return Err(Refusal::Plan);
        }
        let registers = Registers::arguments(self.callee, When::Entered);
        for byte in 0..usize::from(step.bytes) {
            let wanted = self.place_byte(step.place, byte, registers, self.callee.above)?;
            let found = self.machine.memory(&whole(Terms::STACK), begin + byte as i64);
            if !self.machine.terms.same(found, wanted) {
                return Err(Refusal::Place { at, place: Spot::Slot(slot) });
            }
        }
        Ok(())
    }

    /// The host returns, and the stub returns its result.
    fn answers(&mut self, at: usize, result: &UpcallResult, slots: &Slots) -> Result<(), Refusal> {
        let of_result = match result {
            UpcallResult::Memory { slot, .. } | UpcallResult::Address { slot } => Some(*slot),
            _ => None,
        };
        let (begin, _) = slots.range();
        let words = (0..slots.count).filter(|slot| Some(*slot) != of_result);
        let words = words.map(|slot| (begin + i64::from(slot) * 8, begin + i64::from(slot) * 8 + 8));
        let written: Ranges = words.chain(slots.areas.values().copied()).collect();
        let address = match result {
            UpcallResult::Address { slot } => {
                let step = self
                    .plan
                    .moves
                    .iter()
                    .find(|step| matches!(step.operand, Operand::Slot { index, .. } if index == *slot));
                Some(*step.ok_or(Refusal::Plan)?)
            }
            _ => None,
        };
        self.comes_back(at, self.caller, 0, &written)?;
        // What the host has written, before the stub goes on.
        let stack = whole(Terms::STACK);
        let mut answer = BTreeMap::new();
        for offset in written.iter().flat_map(|&(from, to)| from..to) {
            answer.insert(offset, self.machine.memory(&stack, offset));
        }
        let answered = |offset: i64| answer.get(&offset).copied().ok_or(Refusal::Plan);
        let registers = Registers::results(self.callee, When::Now);
        let at = self.returns()?;
        self.stored(at, &Stores::new())?;
        match result {
            UpcallResult::Nothing => {}
            UpcallResult::Word(step) => {
                let Operand::Slot { index, at: first } = step.operand else { return Err(Refusal::Plan) };
                let from = begin + i64::from(index) * 8 + i64::from(first);
                let wanted = |byte| answered(from + byte as i64);
                self.move_is_done(at, *step, wanted, registers)?;
                if !self.is_filled(*step, registers, 0)? {
                    return Err(Refusal::Place { at, place: super::call::spot(step.place) });
                }
            }
            UpcallResult::Memory { slot, moves } => {
                let (from, _) = *slots.areas.get(slot).ok_or(Refusal::Plan)?;
                for step in moves {
                    let from = from + i64::from(step.offset);
                    let step = Move {
                        place: step.place,
                        operand: Operand::Memory { slot: *slot, offset: step.offset },
                        bytes: step.bytes,
                        fill: springboard_abi::Fill::Zero,
                    };
                    let wanted = |byte| answered(from + byte as i64);
                    self.move_is_done(at, step, wanted, registers)?;
                }
            }
            UpcallResult::Address { .. } => {
                let Some(step) = address else { return Err(Refusal::Plan) };
                // Where it came in a register of its own, nobody expects it back.
                let own = matches!(step.place, Place::Gpr { reg, .. }
                    if usize::from(reg) == self.plan.convention.registers().gpr_args.len());
                let wanted = self.arrived(step)?;
                if !own && self.machine.gprs[usize::from(self.callee.gpr_results[0])] != wanted {
                    return Err(Refusal::Place { at, place: Spot::Gpr(0) });
                }
            }
        }
        Ok(())
    }
}

impl Slots {
    fn range(&self) -> (i64, i64) {
        (self.at, self.at + i64::from(self.count) * 8)
    }
}
