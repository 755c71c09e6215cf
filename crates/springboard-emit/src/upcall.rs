//! Upcall stubs: native code calls them as the C function that they stand for, and they call the host's
//! `fn(context, slots)`, or the function of libffi's closure.

use cranelift_codegen::ir::{InstBuilder, Signature, StackSlot, Type, Value, types};
use cranelift_frontend::FunctionBuilder;
use springboard_abi::{
    ClosureForm, Convention, Fill, Move, Operand, Place, Plan, ResultMove, SlotContent, Temporary,
    UpcallResult,
};

use crate::{
    body::{Body, Built, Note, Source, extended, to_word},
    closure::{Closure, Fields},
    error::Malformed,
    isa::Isa,
    memory::{Reserved, SLOT, slot_offset, stack_words},
    native::{self, Argument},
    symbol::address_in_hole,
    template::HoleKind,
    words::{WORD, Words},
};

/// An upcall in Cranelift's terms.
pub(crate) struct Upcall<'a> {
    plan: &'a Plan,
    result: &'a UpcallResult,
    /// Where it is a closure of libffi's: what the plan says of it, and where the closure has its fields.
    closure: Option<(&'a ClosureForm, Fields)>,
    /// Those in registers.
    arguments: Vec<Argument<'a>>,
    /// The words of the stack area.
    stack: Vec<&'a [Move]>,
    /// The types of the result registers.
    results: Vec<Type>,
}

impl<'a> Upcall<'a> {
    pub(crate) fn of(
        plan: &'a Plan,
        result: &'a UpcallResult,
        closure: Option<(&'a ClosureForm, Fields)>,
    ) -> Upcall<'a> {
        let words = Words::of(plan);
        let mut arguments = native::in_registers(plan, &words);
        // The register of a pair's first is taken as a whole, so that the other goes into its upper half.
        for high in 1..arguments.len() {
            if pair(plan.convention, &arguments[high - 1], &arguments[high]).is_some()
                && let Argument::Word(ty, _) = &mut arguments[high - 1]
            {
                *ty = types::F64X2;
            }
        }
        let results = native::upcall_results(plan, result);
        Upcall { plan, result, closure, arguments, stack: words.stack, results }
    }

    /// The signature by which the stub is entered: the native function's.
    pub(crate) fn entry_signature(&self) -> Signature {
        native::signature(self.plan, &self.arguments, &self.results)
    }

    /// Builds the whole function.
    pub(crate) fn build(&self, builder: &mut FunctionBuilder<'_>) -> Result<Built, Malformed> {
        let block = builder.create_block();
        builder.append_block_params_for_function_params(block);
        builder.switch_to_block(block);
        let found = builder.block_params(block).to_vec();
        let closure = self.closure.map(|(form, fields)| (form, Closure::receive(self.plan, fields, builder)));
        let array = self.slot_array(builder);
        let slots = builder.ins().stack_addr(types::I64, array, 0);

        let mut body = Body::new(builder, Source::Array(slots), self.plan);
        let areas = self.areas(&mut body, slots);
        let mut arrived = self.arguments.iter().zip(found).peekable();
        while let Some((argument, value)) = arrived.next() {
            let Argument::Word(_, moves) = argument else { continue };
            let steps = arrived.peek().and_then(|(next, _)| pair(self.plan.convention, argument, next));
            if let (Some(steps), Some((_, high))) = (steps, arrived.next_if(|_| steps.is_some())) {
                spill_pair(&mut body, [value, high], steps, &areas)?;
                continue;
            }
            for step in *moves {
                spill(&mut body, value, *step, slots, &areas)?;
            }
        }
        let arrived =
            (!self.stack.is_empty()).then(|| native::arrived(body.builder, self.plan.convention, 0));
        let words =
            self.stack.iter().zip((0..).step_by(WORD as usize)).filter(|(moves, _)| !moves.is_empty());
        for ((moves, offset), (address, first)) in words.zip(arrived.into_iter().cycle()) {
            let word = body.builder.ins().load(types::I64, SLOT, address, first + offset);
            for step in *moves {
                spill(&mut body, word, *step, slots, &areas)?;
            }
        }
        match closure {
            Some((form, closure)) => {
                let result = self.result_content(form);
                closure.call(body.builder, self.plan, array, &form.arguments, result);
            }
            None => self.call_host(&mut body, array),
        }
        // Nothing lives across the call: addresses are found again.
        let slots = body.builder.ins().stack_addr(types::I64, array, 0);
        let notes = body.finish();
        let mut body = Body::new(builder, Source::Array(slots), self.plan);
        let results = self.results(&mut body)?;
        body.builder.ins().return_(&results);
        Ok(Built { notes: [notes, body.finish()].concat(), outgoing: None })
    }

    /// Room for one slot for each that the plan speaks of.
    fn slot_array(&self, builder: &mut FunctionBuilder<'_>) -> StackSlot {
        let arguments = self.plan.moves.iter().filter_map(|step| match step.operand {
            Operand::Slot { index, .. } => Some(index),
            Operand::Memory { .. } | Operand::Temporary { .. } => None,
        });
        let areas = self.plan.temporaries.iter().map(|area| area.slot);
        let result = match self.result {
            UpcallResult::Word(Move { operand: Operand::Slot { index, .. }, .. }) => Some(*index),
            UpcallResult::Memory { slot, .. } | UpcallResult::Address { slot } => Some(*slot),
            UpcallResult::Word(_) | UpcallResult::Nothing => None,
        };
        // A closure's function is handed memory for a result even where there is none.
        let after = self.closure.map(|(form, _)| form.arguments.len() as u16);
        let last = arguments.chain(areas).chain(result).chain(after).max().unwrap_or(0);
        stack_words(builder, usize::from(last) + 1)
    }

    /// What the slot of a closure's result holds.
    fn result_content(&self, form: &ClosureForm) -> SlotContent {
        let slot = form.arguments.len() as u16;
        match self.result {
            UpcallResult::Memory { .. } | UpcallResult::Address { .. } => SlotContent::Address,
            _ if self.plan.temporaries.iter().any(|area| area.slot == slot) => SlotContent::Address,
            _ => SlotContent::Bytes,
        }
    }

    /// Reserves the areas, and writes their addresses into their slots.
    fn areas(&self, body: &mut Body<'_, '_>, slots: Value) -> Areas {
        let reserve = |area: &Temporary| {
            let reserved = Reserved::of(body.builder, area, self.plan.caller);
            let address = reserved.address(body.builder);
            body.builder.ins().store(SLOT, address, slots, slot_offset(area.slot));
            (area.slot, reserved)
        };
        Areas(self.plan.temporaries.iter().map(reserve).collect())
    }

    /// Calls the host's function with its context and the slots.
    fn call_host(&self, body: &mut Body<'_, '_>, array: StackSlot) {
        let signature = native::function(self.plan.caller, &[types::I64; 2], &[]);
        let signature = body.builder.import_signature(signature);
        let host = address_in_hole(body.builder, signature, HoleKind::Helper);
        let context = address_in_hole(body.builder, signature, HoleKind::Context);
        // Made where it is wanted, and not carried there from where slots were written.
        let slots = body.builder.ins().stack_addr(types::I64, array, 0);
        body.builder.ins().call_indirect(signature, host, &[context, slots]);
    }

    /// The values of the result registers, general registers first.
    fn results(&self, body: &mut Body<'_, '_>) -> Result<Vec<Value>, Malformed> {
        let whole = |place, operand| Move { place, operand, bytes: 8, fill: Fill::Zero };
        Ok(match self.result {
            UpcallResult::Nothing => Vec::new(),
            UpcallResult::Word(step) => {
                let value = body.load(self.results[0], *step)?;
                if let Some(inst) = body.builder.func.dfg.value_def(value).inst() {
                    body.note(inst, Note::Word(*step));
                }
                vec![value]
            }
            // Where the address came in a register of its own, nobody expects it back.
            UpcallResult::Address { .. } if self.results.is_empty() => Vec::new(),
            UpcallResult::Address { slot } => {
                let place = Place::Gpr { reg: 0, at: 0 };
                vec![body.load(types::I64, whole(place, Operand::Slot { index: *slot, at: 0 }))?]
            }
            UpcallResult::Memory { slot, moves } => {
                let types = &self.results;
                let gprs = types.iter().filter(|ty| ty.is_int()).count();
                let value = |(index, ty): (usize, &Type)| {
                    let steps = moves.iter().filter(|step| match step.place {
                        Place::Gpr { reg, .. } => usize::from(reg) == index,
                        Place::Vec { reg, .. } => usize::from(reg) + gprs == index,
                        Place::Stack { .. } => false,
                    });
                    let load = |step: &ResultMove| Move {
                        place: step.place,
                        operand: Operand::Memory { slot: *slot, offset: step.offset },
                        bytes: step.bytes,
                        fill: Fill::Zero,
                    };
                    body.word(*ty, &steps.map(load).collect::<Vec<_>>())
                };
                types.iter().enumerate().map(value).collect::<Result<_, _>>()?
            }
        })
    }
}

/// Writes what one move takes from an incoming register or stack word to its slot or area.
fn spill(
    body: &mut Body<'_, '_>,
    register: Value,
    step: Move,
    slots: Value,
    areas: &Areas,
) -> Result<(), Malformed> {
    let inst = match step.operand {
        Operand::Slot { index, .. } => {
            let word = canonical(body, register, step)?;
            body.builder.ins().store(SLOT, word, slots, slot_offset(index))
        }
        Operand::Memory { slot, offset } => {
            let register =
                if is_whole(body, register, step) { register } else { to_word(body.builder, register) };
            let area = areas.of(body, slot)?;
            body.store(register, step, area, offset as i32)?
        }
        Operand::Temporary { .. } => return Err(Malformed::CopyInUpcall),
    };
    body.note(inst, Note::Argument(step));
    Ok(())
}

/// Two registers that hold neighbouring doubles of one aggregate.
#[derive(Clone, Copy)]
struct Pair {
    steps: [Move; 2],
    /// Where the first of them goes.
    slot: u16,
    offset: u32,
}

/// The pair that two arguments are, where both are to be stored at once ([`Isa::stores_pairs`]).
fn pair(convention: Convention, low: &Argument<'_>, high: &Argument<'_>) -> Option<Pair> {
    let (Argument::Word(types::F64 | types::F64X2, [low]), Argument::Word(types::F64, [high])) = (low, high)
    else {
        return None;
    };
    let Operand::Memory { slot, offset } = low.operand else { return None };
    let whole = |step: &Move| step.bytes == 8 && matches!(step.place, Place::Vec { .. });
    let neighbours = high.operand == (Operand::Memory { slot, offset: offset + 8 });
    ((Isa::with(convention).stores_pairs)(convention) && neighbours && whole(low) && whole(high))
        .then_some(Pair { steps: [*low, *high], slot, offset })
}

/// Writes two neighbouring doubles to their area at once.
fn spill_pair(
    body: &mut Body<'_, '_>,
    values: [Value; 2],
    Pair { steps, slot, offset }: Pair,
    areas: &Areas,
) -> Result<(), Malformed> {
    let vector = body.builder.ins().insertlane(values[0], values[1], 1);
    if let Some(inst) = body.builder.func.dfg.value_def(vector).inst() {
        body.note(inst, Note::Argument(steps[1]));
    }
    let area = areas.of(body, slot)?;
    let inst = body.store(vector, steps[0], area, offset as i32)?;
    body.note(inst, Note::Argument(steps[0]));
    Ok(())
}

/// The stack slot of each area, by the slot that it is for.
struct Areas(Vec<(u16, Reserved)>);

impl Areas {
    /// The address of an area, found where it is wanted: several would not have a register each.
    fn of(&self, body: &mut Body<'_, '_>, slot: u16) -> Result<Value, Malformed> {
        let (_, area) = self.0.iter().find(|(owner, _)| *owner == slot).ok_or(Malformed::NoMemory(slot))?;
        // What has to be aligned first is in the slot already.
        Ok(if area.is_aligned_by_stack() { area.address(body.builder) } else { body.address(slot) })
    }
}

/// Whether a move takes all that its register holds.
fn is_whole(body: &Body<'_, '_>, register: Value, step: Move) -> bool {
    body.builder.func.dfg.value_type(register).bytes() == step.bytes.into()
}

/// The whole slot for a scalar: its own bytes, extended, whatever its register holds beside them.
fn canonical(body: &mut Body<'_, '_>, register: Value, step: Move) -> Result<Value, Malformed> {
    let ty = body.builder.func.dfg.value_type(register);
    if ty == types::F32 {
        return Ok(to_word(body.builder, register));
    }
    if is_whole(body, register, step) {
        return Ok(register);
    }
    let word = to_word(body.builder, register);
    let low = match body.bits_below(step) {
        0 => word,
        bits => body.builder.ins().ushr_imm_u(word, bits),
    };
    extended(body.builder, low, step.bytes, step.fill)
}
