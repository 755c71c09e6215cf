//! Plans as keys: each move is one word, to be hashed and compared.
//!
//! Derived code would look at every field of every move by itself, which costs more than all the rest of a lookup.

use std::hash::{Hash, Hasher};

use papaya::Equivalent;
use springboard_abi::{DowncallResult, Fill, Form, Move, Operand, Place, Plan, SlotsForm, Temporary};

/// A plan in the cache.
#[derive(PartialEq, Eq)]
pub(super) struct CachedPlan {
    plan: Plan,
    /// As [`head`] has it.
    head: u128,
    /// Its moves, as [`word`] has them.
    words: Box<[u128]>,
}

impl CachedPlan {
    pub(super) fn new(plan: Plan) -> CachedPlan {
        let words = plan.moves.iter().map(word).collect();
        CachedPlan { head: head(&plan), plan, words }
    }
}

/// A plan to look for.
pub(super) struct Sought<'a>(pub(super) &'a Plan);

impl Hash for CachedPlan {
    fn hash<H: Hasher>(&self, state: &mut H) {
        Sought(&self.plan).hash(state);
    }
}

impl Equivalent<CachedPlan> for Sought<'_> {
    fn equivalent(&self, key: &CachedPlan) -> bool {
        let (wanted, known) = (self.0, &key.plan);
        head(wanted) == key.head
            && wanted.moves.len() == key.words.len()
            && wanted.moves.iter().zip(&key.words).all(|(step, known)| word(step) == *known)
            // The heads say both whether they are.
            && (is_plain(wanted) || rest(wanted) == rest(known))
    }
}

impl Hash for Sought<'_> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        let plan = self.0;
        state.write_u128(head(plan));
        for step in &plan.moves {
            state.write_u128(word(step));
        }
        if !is_plain(plan) {
            rest(plan).hash(state);
        }
    }
}

/// What a plan has beside its head and its moves.
fn rest(plan: &Plan) -> (&[Temporary], &Form) {
    (&plan.temporaries, &plan.form)
}

/// Whether the head and the moves of a plan are all there is to it.
fn is_plain(plan: &Plan) -> bool {
    const PLAIN: SlotsForm = SlotsForm { result: DowncallResult::InPlace, last_error: None };
    plan.temporaries.is_empty()
        && matches!(&plan.form, Form::Slots(form) | Form::Bound(form) if *form == PLAIN)
}

/// All of a plan that is one word, each field in bits of its own, and the number of its moves.
fn head(plan: &Plan) -> u128 {
    let Plan { convention, caller, form, moves, temporaries: _, stack_bytes, stack_align, vector_count } =
        plan;
    let enumerations = [*convention as u8, *caller as u8, form.entry() as u8, is_plain(plan).into()];
    let count = vector_count.map_or(0, |count| u64::from(count) + 1);
    // A power of two.
    let align = stack_align.map_or(0, |align| u64::from(align.trailing_zeros()) + 1);
    u128::from(u32::from_le_bytes(enumerations))
        | u128::from(*stack_bytes) << 32
        | u128::from(count) << 64
        | u128::from(align) << 73
        | (moves.len() as u128) << 80
}

/// All of a move, each field in bits of its own.
fn word(step: &Move) -> u128 {
    let Move { place, operand, bytes, fill } = *step;
    let (place_kind, place) = match place {
        Place::Gpr { reg, at } => (0, u32::from(reg) << 8 | u32::from(at)),
        Place::Vec { reg, at } => (1, u32::from(reg) << 8 | u32::from(at)),
        Place::Stack { offset } => (2, offset),
    };
    let (operand_kind, slot, operand) = match operand {
        Operand::Slot { index, at } => (0, index, u32::from(at)),
        Operand::Memory { slot, offset } => (1, slot, offset),
        Operand::Temporary { index } => (2, index, 0),
    };
    let fill = match fill {
        Fill::Zero => 0,
        Fill::Sign => 1,
    };
    let kinds = (place_kind * 3 + operand_kind) * 2 + fill;
    u128::from(place) << 64
        | u128::from(operand) << 32
        | u128::from(slot) << 16
        | u128::from(bytes) << 8
        | kinds
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use springboard_abi::{
        BoxedForm, ClosureForm, Columns, Convention, Entry, ErrorSource, Errors, FastCall, Guard, LastError,
        Options, Rows, SlotContent, UpcallResult,
        boxed::{Arguments, Around, Boxing, Callable, HostAddress, Returned},
        plan_fast_call,
    };

    use super::*;

    #[test]
    fn moves_that_differ_have_words_that_differ() {
        let places = [
            Place::Gpr { reg: 0, at: 1 },
            Place::Gpr { reg: 1, at: 0 },
            Place::Vec { reg: 0, at: 1 },
            Place::Vec { reg: 1, at: 0 },
            Place::Stack { offset: 1 },
            Place::Stack { offset: 0x0100 },
            Place::Stack { offset: u32::MAX },
        ];
        let operands = [
            Operand::Slot { index: 0, at: 1 },
            Operand::Slot { index: 1, at: 0 },
            Operand::Slot { index: u16::MAX, at: 0 },
            Operand::Memory { slot: 0, offset: 1 },
            Operand::Memory { slot: 1, offset: 0 },
            Operand::Memory { slot: 0, offset: u32::MAX },
            Operand::Temporary { index: 0 },
            Operand::Temporary { index: 1 },
        ];
        let mut words = HashSet::new();
        for place in places {
            for operand in operands {
                for bytes in [1, 2, 4, 8, 16] {
                    for fill in [Fill::Zero, Fill::Sign] {
                        let step = Move { place, operand, bytes, fill };
                        assert!(words.insert(word(&step)), "{step:?}");
                    }
                }
            }
        }
    }

    #[test]
    fn plans_that_differ_in_one_field_are_different_keys() {
        let signature = springboard_ir::Signature::parse("int (int, double)").expect("a signature");
        let linux = "x86_64-unknown-linux-gnu".parse().expect("a triple");
        let target = springboard_abi::Target::of(&linux).expect("a target");
        let plan = springboard_abi::plan(&signature, &target, Entry::Slots).expect("a plan");
        let temporary = Temporary { slot: 0, bytes: 8, align: 8 };
        let last_error = Some(LastError { source: ErrorSource::Location, slot: 3 });
        let in_place = DowncallResult::InPlace;
        let memory = |slot| DowncallResult::Memory { slot, moves: [].into() };
        let fast = |call: &FastCall| plan_fast_call(call, &target).expect("a plan").form;
        let fast_call = FastCall::new(signature.clone());
        let guarded = FastCall { guard: Guard::Closed, ..fast_call.clone() };
        let with_options = FastCall { options: Options::Always, ..fast_call.clone() };
        let closure = |content| {
            let result = UpcallResult::Nothing;
            ClosureForm { arguments: [content].into(), result }
        };
        let over = |rows, errors| {
            let (inputs, outputs) = ([].into(), [].into());
            Form::Columns(Columns { inputs, result: DowncallResult::InPlace, outputs, rows, errors })
        };
        let boxed = |around| {
            let boxing = Boxing::Constant { object: HostAddress(2), count: None };
            let arguments = Arguments::Array { array: 1, count: 2, count_mask: u64::MAX };
            let callable = Callable { parameters: 3, arguments, zero: None };
            let (result, returned) = (DowncallResult::InPlace, Returned::Nothing);
            Form::Boxed(BoxedForm { callable, arguments: [].into(), around, result, returned, boxing })
        };
        let mut plans = vec![plan.clone()];
        for form in [
            Form::Slots(SlotsForm { result: memory(2), last_error: None }),
            Form::Slots(SlotsForm { result: memory(3), last_error: None }),
            Form::Slots(SlotsForm { result: in_place.clone(), last_error }),
            Form::Bound(SlotsForm { result: in_place.clone(), last_error: None }),
            Form::Bound(SlotsForm { result: memory(2), last_error: None }),
            Form::Relay,
            Form::Callback(UpcallResult::Nothing),
            Form::Callback(UpcallResult::Address { slot: 2 }),
            fast(&fast_call),
            fast(&guarded),
            fast(&with_options),
            Form::Avalue(in_place),
            Form::Avalue(memory(2)),
            Form::Closure(closure(SlotContent::Bytes)),
            Form::Closure(closure(SlotContent::Address)),
            Form::GoClosure(closure(SlotContent::Bytes)),
            Form::Direct { context: 0 },
            Form::Direct { context: 1 },
            boxed(None),
            boxed(Some(Around { before: HostAddress(0), after: HostAddress(1) })),
            over(Rows::All, Errors::Ignored),
            over(Rows::Valid, Errors::Ignored),
            over(Rows::All, Errors::Stored),
        ] {
            plans.push(Plan { form, ..plan.clone() });
        }
        let changes: [fn(&mut Plan, Temporary); 8] = [
            |plan, _| plan.convention = Convention::Win64,
            |plan, _| plan.caller = Convention::Win64,
            |plan, _| plan.moves[0].bytes = 4,
            |plan, _| plan.moves = plan.moves[1..].into(),
            |plan, temporary| plan.temporaries = [temporary].into(),
            |plan, _| plan.stack_bytes = 8,
            |plan, _| plan.stack_align = Some(32),
            |plan, _| plan.vector_count = Some(0),
        ];
        for change in changes {
            let mut other = plan.clone();
            change(&mut other, temporary);
            plans.push(other);
        }
        for (index, wanted) in plans.iter().enumerate() {
            for (other, plan) in plans.iter().enumerate() {
                let same = Sought(wanted).equivalent(&CachedPlan::new(plan.clone()));
                assert_eq!(same, index == other, "{wanted}\n{plan}");
            }
        }
    }
}
