//! Plans with one thing changed.

use fastrand::Rng;
use springboard_abi::{
    BoxedForm, ClosureForm, DowncallResult, FastForm, Fill, Form, Move, Operand, Place, Plan, ResultMove,
    SlotsForm, UpcallResult,
};

/// One kind of mistake. Gives nothing where the plan has nothing to make it with.
pub(crate) struct Mutation {
    pub(crate) name: &'static str,
    pub(crate) apply: fn(&Plan, &mut Rng) -> Option<Plan>,
}

pub(crate) const MUTATIONS: &[Mutation] = &[
    Mutation { name: "change a register", apply: |plan, rng| step(plan, rng, change_register) },
    Mutation { name: "change the kind of a register", apply: |plan, rng| step(plan, rng, change_kind) },
    Mutation { name: "shift a place", apply: |plan, rng| step(plan, rng, shift_place) },
    Mutation { name: "move to the stack", apply: |plan, rng| step(plan, rng, to_the_stack) },
    Mutation { name: "widen a move", apply: |plan, rng| step(plan, rng, |step, _| step.bytes *= 2) },
    Mutation { name: "narrow a move", apply: |plan, rng| step(plan, rng, |step, _| step.bytes /= 2) },
    Mutation { name: "change a fill", apply: |plan, rng| step(plan, rng, change_fill) },
    Mutation { name: "shift a source", apply: |plan, rng| step(plan, rng, shift_source) },
    Mutation { name: "change a slot", apply: |plan, rng| step(plan, rng, change_slot) },
    Mutation {
        name: "pass a slot by reference or by value",
        apply: |plan, rng| step(plan, rng, change_form),
    },
    Mutation { name: "swap two places", apply: swap_places },
    Mutation { name: "drop a move", apply: drop_move },
    Mutation { name: "duplicate a move", apply: duplicate_move },
    Mutation { name: "change the stack's size", apply: change_stack_bytes },
    Mutation { name: "change the stack's alignment", apply: change_stack_align },
    Mutation { name: "change the vector count", apply: change_vector_count },
    Mutation { name: "change a copy's size", apply: |plan, rng| copy(plan, rng, change_copy_size) },
    Mutation { name: "change a copy's alignment", apply: |plan, rng| copy(plan, rng, change_copy_align) },
    Mutation { name: "copy another slot", apply: |plan, rng| copy(plan, rng, |copy, _| copy.slot ^= 1) },
    Mutation { name: "drop a copy", apply: drop_copy },
    Mutation { name: "shift a result", apply: |plan, rng| store(plan, rng, shift_result) },
    Mutation {
        name: "change a result register",
        apply: |plan, rng| store(plan, rng, change_result_register),
    },
    Mutation { name: "widen a result", apply: |plan, rng| store(plan, rng, |store, _| store.bytes *= 2) },
    Mutation { name: "narrow a result", apply: |plan, rng| store(plan, rng, |store, _| store.bytes /= 2) },
    Mutation { name: "drop a result", apply: drop_result },
    Mutation { name: "change the result's slot", apply: change_result_slot },
    Mutation { name: "leave the result in place", apply: result_in_place },
];

fn pick<T>(items: &[T], rng: &mut Rng) -> Option<usize> {
    if items.is_empty() { None } else { Some(rng.usize(..items.len())) }
}

/// Moves are kept in order, so that it is not the order that gives a mutant away.
fn with_moves(plan: &Plan, mut moves: Vec<Move>) -> Option<Plan> {
    moves.sort_unstable();
    Some(Plan { moves: moves.into(), ..plan.clone() })
}

fn step(plan: &Plan, rng: &mut Rng, change: fn(&mut Move, &mut Rng)) -> Option<Plan> {
    let mut moves = plan.moves.to_vec();
    let index = pick(&moves, rng)?;
    change(&mut moves[index], rng);
    with_moves(plan, moves)
}

fn change_register(step: &mut Move, rng: &mut Rng) {
    match &mut step.place {
        Place::Gpr { reg, .. } | Place::Vec { reg, .. } => {
            *reg = reg.wrapping_add([1, 2, 255][rng.usize(..3)])
        }
        Place::Stack { offset } => *offset = offset.wrapping_add([8, 16, u32::MAX - 7][rng.usize(..3)]),
    }
}

fn change_kind(step: &mut Move, _: &mut Rng) {
    step.place = match step.place {
        Place::Gpr { reg, at } => Place::Vec { reg, at },
        Place::Vec { reg, at } => Place::Gpr { reg, at },
        Place::Stack { offset } => Place::Gpr { reg: (offset / 8) as u8, at: (offset % 8) as u8 },
    };
}

fn shift_place(step: &mut Move, rng: &mut Rng) {
    match &mut step.place {
        Place::Gpr { at, .. } | Place::Vec { at, .. } => *at = at.wrapping_add([1, 4, 255][rng.usize(..3)]),
        Place::Stack { offset } => *offset = offset.wrapping_add([1, 4, u32::MAX][rng.usize(..3)]),
    }
}

fn to_the_stack(step: &mut Move, _: &mut Rng) {
    step.place = match step.place {
        Place::Gpr { .. } | Place::Vec { .. } => Place::Stack { offset: 0 },
        Place::Stack { .. } => Place::Gpr { reg: 0, at: 0 },
    };
}

fn change_fill(step: &mut Move, _: &mut Rng) {
    step.fill = match step.fill {
        Fill::Zero => Fill::Sign,
        Fill::Sign => Fill::Zero,
    };
}

fn shift_source(step: &mut Move, rng: &mut Rng) {
    match &mut step.operand {
        Operand::Slot { at, .. } => *at = at.wrapping_add([1, 4, 255][rng.usize(..3)]),
        Operand::Memory { offset, .. } => *offset = offset.wrapping_add([1, 8, u32::MAX][rng.usize(..3)]),
        Operand::Temporary { index } => *index += 1,
    }
}

fn change_slot(step: &mut Move, rng: &mut Rng) {
    match &mut step.operand {
        Operand::Slot { index: slot, .. }
        | Operand::Memory { slot, .. }
        | Operand::Temporary { index: slot } => {
            *slot = slot.wrapping_add([1, u16::MAX][rng.usize(..2)]);
        }
    }
}

fn change_form(step: &mut Move, _: &mut Rng) {
    step.operand = match step.operand {
        Operand::Slot { index, at } => Operand::Memory { slot: index, offset: at.into() },
        Operand::Memory { slot, .. } => Operand::Slot { index: slot, at: 0 },
        Operand::Temporary { index } => Operand::Slot { index, at: 0 },
    };
}

fn swap_places(plan: &Plan, rng: &mut Rng) -> Option<Plan> {
    let mut moves = plan.moves.to_vec();
    let (one, other) = (pick(&moves, rng)?, pick(&moves, rng)?);
    (moves[one].place, moves[other].place) = (moves[other].place, moves[one].place);
    if one == other { None } else { with_moves(plan, moves) }
}

fn drop_move(plan: &Plan, rng: &mut Rng) -> Option<Plan> {
    let mut moves = plan.moves.to_vec();
    moves.remove(pick(&moves, rng)?);
    with_moves(plan, moves)
}

/// Moves the same bytes once more, to the same place or to the next one.
fn duplicate_move(plan: &Plan, rng: &mut Rng) -> Option<Plan> {
    let mut moves = plan.moves.to_vec();
    let mut again = moves[pick(&moves, rng)?];
    match &mut again.place {
        Place::Gpr { reg, .. } | Place::Vec { reg, .. } => *reg += rng.u8(..2),
        Place::Stack { offset } => *offset += 8 * rng.u32(..2),
    }
    moves.push(again);
    with_moves(plan, moves)
}

fn change_stack_align(plan: &Plan, rng: &mut Rng) -> Option<Plan> {
    let stack_align = [None, Some(32), Some(64), Some(128)][rng.usize(..4)];
    (stack_align != plan.stack_align).then(|| Plan { stack_align, ..plan.clone() })
}

fn change_stack_bytes(plan: &Plan, rng: &mut Rng) -> Option<Plan> {
    let stack_bytes = plan.stack_bytes.checked_add_signed([-8, -1, 1, 8][rng.usize(..4)])?;
    Some(Plan { stack_bytes, ..plan.clone() })
}

fn change_vector_count(plan: &Plan, rng: &mut Rng) -> Option<Plan> {
    let vector_count = match plan.vector_count {
        None => Some(rng.u8(..9)),
        Some(count) => [None, Some(9), Some(255), count.checked_sub(1), Some(count + 1)][rng.usize(..5)],
    };
    Some(Plan { vector_count, ..plan.clone() })
}

fn copy(plan: &Plan, rng: &mut Rng, change: fn(&mut springboard_abi::Temporary, &mut Rng)) -> Option<Plan> {
    let mut temporaries = plan.temporaries.to_vec();
    let index = pick(&temporaries, rng)?;
    change(&mut temporaries[index], rng);
    Some(Plan { temporaries: temporaries.into(), ..plan.clone() })
}

fn change_copy_size(copy: &mut springboard_abi::Temporary, rng: &mut Rng) {
    copy.bytes = copy.bytes.wrapping_add([1, 8, u32::MAX][rng.usize(..3)]);
}

fn change_copy_align(copy: &mut springboard_abi::Temporary, rng: &mut Rng) {
    copy.align = [copy.align / 2, copy.align * 2, copy.align + 1][rng.usize(..3)];
}

fn drop_copy(plan: &Plan, rng: &mut Rng) -> Option<Plan> {
    let mut temporaries = plan.temporaries.to_vec();
    temporaries.remove(pick(&temporaries, rng)?);
    Some(Plan { temporaries: temporaries.into(), ..plan.clone() })
}

/// `plan` with nonsense added to it.
pub(crate) fn garbage(plan: &Plan, rng: &mut Rng) -> Plan {
    let byte = |rng: &mut Rng| [0, 1, 7, 8, 16, 200, 255, rng.u8(..)][rng.usize(..8)];
    let short = |rng: &mut Rng| [0, 1, 8, u16::MAX, rng.u16(..)][rng.usize(..5)];
    let long = |rng: &mut Rng| [0, 1, 8, u32::MAX, rng.u32(..)][rng.usize(..5)];
    let mut moves = plan.moves.to_vec();
    for _ in 0..rng.usize(1..4) {
        let place = match rng.u8(..3) {
            0 => Place::Gpr { reg: byte(rng), at: byte(rng) },
            1 => Place::Vec { reg: byte(rng), at: byte(rng) },
            _ => Place::Stack { offset: long(rng) },
        };
        let operand = match rng.u8(..3) {
            0 => Operand::Slot { index: short(rng), at: byte(rng) },
            1 => Operand::Memory { slot: short(rng), offset: long(rng) },
            _ => Operand::Temporary { index: short(rng) },
        };
        let fill = if rng.bool() { Fill::Sign } else { Fill::Zero };
        moves.push(Move { place, operand, bytes: byte(rng), fill });
    }
    moves.sort_unstable();
    let bytes = byte(rng);
    let store = ResultMove { offset: long(rng), place: moves[0].place, bytes };
    let with_moves = Plan { moves: moves.into(), ..plan.clone() };
    let stores = match rng.u8(..3) {
        0 => None,
        _ => with_stores(&with_moves, plan.moves.len() as u16, vec![store, store]),
    };
    stores.unwrap_or(with_moves)
}

/// What a plan does with a result, where it says anything of it.
pub(crate) enum PlannedResult<'p> {
    Downcall(&'p mut DowncallResult),
    Upcall(&'p mut UpcallResult),
}

pub(crate) fn result(plan: &mut Plan) -> Option<PlannedResult<'_>> {
    match &mut plan.form {
        Form::Slots(SlotsForm { result, .. })
        | Form::Bound(SlotsForm { result, .. })
        | Form::V8(FastForm { result, .. })
        | Form::Boxed(BoxedForm { result, .. })
        | Form::Avalue(result) => Some(PlannedResult::Downcall(result)),
        Form::Callback(result)
        | Form::Closure(ClosureForm { result, .. })
        | Form::GoClosure(ClosureForm { result, .. }) => Some(PlannedResult::Upcall(result)),
        Form::Relay | Form::Direct { .. } | Form::Columns(_) => None,
    }
}

/// A plan with another result.
pub(crate) fn with_result(plan: &Plan, other: DowncallResult) -> Plan {
    let mut plan = plan.clone();
    match result(&mut plan) {
        Some(PlannedResult::Downcall(result)) => *result = other,
        _ => panic!("not a downcall with a result: {plan}"),
    }
    plan
}

fn stores(plan: &Plan) -> Option<(u16, Vec<ResultMove>)> {
    match (plan.form.downcall_result(), plan.form.upcall_result()) {
        (Some(DowncallResult::Memory { slot, moves }), _)
        | (_, Some(UpcallResult::Memory { slot, moves })) => Some((*slot, moves.to_vec())),
        _ => None,
    }
}

fn with_stores(plan: &Plan, slot: u16, mut moves: Vec<ResultMove>) -> Option<Plan> {
    moves.sort_unstable();
    let (mut plan, moves) = (plan.clone(), moves.into());
    match result(&mut plan)? {
        PlannedResult::Downcall(result) => *result = DowncallResult::Memory { slot, moves },
        PlannedResult::Upcall(result) => *result = UpcallResult::Memory { slot, moves },
    }
    Some(plan)
}

fn store(plan: &Plan, rng: &mut Rng, change: fn(&mut ResultMove, &mut Rng)) -> Option<Plan> {
    let (slot, mut moves) = stores(plan)?;
    let index = pick(&moves, rng)?;
    change(&mut moves[index], rng);
    with_stores(plan, slot, moves)
}

fn shift_result(store: &mut ResultMove, rng: &mut Rng) {
    store.offset = store.offset.wrapping_add([1, 8, u32::MAX][rng.usize(..3)]);
}

fn change_result_register(store: &mut ResultMove, rng: &mut Rng) {
    store.place = match store.place {
        Place::Gpr { reg, at } if rng.bool() => Place::Gpr { reg: reg ^ 1, at },
        Place::Vec { reg, at } if rng.bool() => Place::Vec { reg: reg ^ 1, at },
        Place::Gpr { reg, at } | Place::Vec { reg, at } if rng.bool() => Place::Gpr { reg, at: at ^ 4 },
        Place::Gpr { reg, at } => Place::Vec { reg, at },
        Place::Vec { reg, at } => Place::Gpr { reg, at },
        Place::Stack { offset } => Place::Stack { offset },
    };
}

fn drop_result(plan: &Plan, rng: &mut Rng) -> Option<Plan> {
    let (slot, mut moves) = stores(plan)?;
    moves.remove(pick(&moves, rng)?);
    with_stores(plan, slot, moves)
}

fn change_result_slot(plan: &Plan, rng: &mut Rng) -> Option<Plan> {
    let (slot, moves) = stores(plan)?;
    with_stores(plan, slot.wrapping_add([1, u16::MAX][rng.usize(..2)]), moves)
}

fn result_in_place(plan: &Plan, _: &mut Rng) -> Option<Plan> {
    stores(plan)?;
    let mut plan = plan.clone();
    match result(&mut plan)? {
        PlannedResult::Downcall(result) => *result = DowncallResult::InPlace,
        PlannedResult::Upcall(result) => *result = UpcallResult::Nothing,
    }
    Some(plan)
}
