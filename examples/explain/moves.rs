//! Calls by slots, and callbacks: which bytes go where.

use springboard_abi::{
    Direction, DowncallResult, Entry, Fill, Ineligible, Move, Operand, Plan, SlotForm, Target, UpcallResult,
    plan,
};
use springboard_ir::{Signature, Type};

use crate::table::table;

pub(super) fn explain(signature: &Signature, target: &Target, entry: Entry) -> Vec<String> {
    let plan = match plan(signature, target, entry) {
        Ok(plan) => plan,
        Err(reason) => return vec![refused(entry, "no stub", &reason)],
    };
    let heading = match entry.direction() {
        Direction::Downcall => ["argument", "C type", "in", "goes to"],
        Direction::Upcall => ["argument", "C type", "arrives in", "goes to"],
    };
    let mut rows = vec![heading.map(str::to_owned)];
    let params = signature.params();
    for (index, param) in params.iter().enumerate() {
        let (places, slot) = (places(&plan, index), slot_name(index, &param.ty, target));
        let [from, to] = match entry.direction() {
            Direction::Downcall => [slot, places],
            Direction::Upcall => [places, slot],
        };
        rows.push([(index + 1).to_string(), param.ty.to_string(), from, to]);
    }
    let slot = slot_name(params.len(), signature.result(), target);
    let result = match (plan.form.downcall_result(), plan.form.upcall_result()) {
        (Some(result), _) => downcall_result(&plan, result, signature.result(), &slot),
        (None, Some(result)) => upcall_result(&plan, result, &slot),
        (None, None) => String::new(),
    };
    rows.push(["result".to_owned(), signature.result().to_string(), String::new(), result]);
    [format!("  {entry}: compiled"), String::new()].into_iter().chain(table(&rows)).collect()
}

/// The verdict where there is no plan, with what is done instead.
pub(super) fn refused(entry: Entry, instead: &str, reason: &Ineligible) -> String {
    format!("  {entry}: {instead}: {reason} ({})", reason.code())
}

/// The registers and stack words that an argument's bytes are moved to, or come from.
pub(super) fn places(plan: &Plan, index: usize) -> String {
    let places = plan.moves.iter().filter(|step| slot(step, plan) == index).map(|step| place(plan, step));
    let places = places.collect::<Vec<_>>();
    if places.is_empty() { "-".to_owned() } else { places.join(", ") }
}

/// The place of a move, with the bytes of the argument where it is not all of it.
fn place(plan: &Plan, step: &Move) -> String {
    let line = plan.describe(step).to_string();
    let (to, from) = line.split_once(" <- ").unwrap_or((&line, ""));
    let (place, other) = match plan.entry().direction() {
        Direction::Downcall => (to, from),
        Direction::Upcall => (from, to),
    };
    match step.operand {
        Operand::Memory { offset, .. } => {
            format!("{place} (bytes {offset}..{})", offset + u32::from(step.bytes))
        }
        Operand::Temporary { .. } => format!("{place} ({other})"),
        Operand::Slot { .. } => place.to_owned(),
    }
}

/// The slot that a move takes bytes of, or whose copy it takes the address of.
fn slot(step: &Move, plan: &Plan) -> usize {
    usize::from(match step.operand {
        Operand::Slot { index, .. } => index,
        Operand::Memory { slot, .. } => slot,
        Operand::Temporary { index } => plan.temporaries[usize::from(index)].slot,
    })
}

/// A slot, or the memory whose address it holds.
fn slot_name(index: usize, ty: &Type, target: &Target) -> String {
    match SlotForm::of(ty, &target.model) {
        Ok(SlotForm::Word { .. }) | Err(_) => format!("slot {index}"),
        Ok(_) => format!("memory at slot {index}"),
    }
}

pub(super) fn downcall_result(plan: &Plan, result: &DowncallResult, ty: &Type, slot: &str) -> String {
    match result {
        DowncallResult::InPlace if *ty == Type::Void => "none".to_owned(),
        DowncallResult::InPlace | DowncallResult::FloatInPlace if !slot.starts_with("memory") => {
            "where the function leaves it".to_owned()
        }
        DowncallResult::InPlace | DowncallResult::FloatInPlace => format!("{slot}, by the function itself"),
        DowncallResult::Extended { bytes, fill } => {
            let by = if *fill == Fill::Sign { "sign" } else { "zero" };
            format!("{by}-extended from {bytes} bytes")
        }
        DowncallResult::Memory { slot, moves } => moves
            .iter()
            .map(|step| plan.describe_result(*slot, step).to_string())
            .collect::<Vec<_>>()
            .join(", "),
        DowncallResult::Widened { slot, bytes, fill } => {
            plan.describe_widened(*slot, *bytes, *fill).to_string()
        }
    }
}

fn upcall_result(plan: &Plan, result: &UpcallResult, slot: &str) -> String {
    match result {
        UpcallResult::Nothing => "none".to_owned(),
        UpcallResult::Word(step) => plan.describe_word(step).to_string(),
        UpcallResult::Memory { slot, moves } => moves
            .iter()
            .map(|step| plan.describe_result(*slot, step).to_string())
            .collect::<Vec<_>>()
            .join(", "),
        UpcallResult::Address { .. } => format!("{slot}, which is the caller's own"),
    }
}
