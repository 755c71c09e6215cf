//! Templates with a bit changed, and plans with a move changed: they are refused, or mean the same.

use std::collections::BTreeSet;

use springboard_abi::{
    DowncallResult, Entry, FastCall, Fill, Form, Guard, Move, Narrow, Operand, Options, Place, Plan,
    SlotsForm, Target, boxed::BoxedCall, plan, plan_boxed, plan_fast_call,
};
use springboard_emit::{Compiler, Protection, Template};
use springboard_ir::Signature;
use springboard_tests::{
    hosts,
    readback::{TRIPLES, read},
};
use target_lexicon::Triple;

/// Signatures whose plans have a move of each kind.
const SIGNATURES: [&str; 5] = [
    "int f(int, double, long)",
    "struct { long a; double b; } f(struct { char c[5]; }, float)",
    "struct { long v[4]; } f(struct { long v[3]; }, short)",
    "void f(long, long, long, long, long, long, long, double, unsigned char, float)",
    "float f(unsigned, float)",
];

/// Plans whose code is changed.
fn subjects(target: &Target) -> Vec<Plan> {
    let mut plans = Vec::new();
    for (text, number) in SIGNATURES.iter().zip(0..) {
        let signature = Signature::parse(text).expect("a signature");
        for entry in [Entry::Slots, Entry::Bound, Entry::Avalue, Entry::Callback, Entry::Closure] {
            plans
                .extend(plan(&signature, target, entry).ok().filter(|_| number < 3 || entry != Entry::Bound));
        }
        for narrow in [Narrow::Check, Narrow::Exact] {
            let call = FastCall {
                guard: Guard::Closed,
                narrow,
                options: Options::Always,
                ..FastCall::new(signature.clone())
            };
            plans.extend(plan_fast_call(&call, target).ok());
        }
        let call = BoxedCall::new(signature, &hosts::objects(), &target.model).ok();
        plans.extend(call.and_then(|call| plan_boxed(&call, target).ok()).filter(|_| number == 0));
    }
    plans
}

#[test]
#[cfg_attr(not(target_arch = "x86_64"), ignore = "minutes under QEMU, and any host reads the code of all")]
fn each_bit_changed() {
    let explained = explained();
    let mut refused = 0;
    let mut met = BTreeSet::new();
    let mut strange = Vec::new();
    for triple in TRIPLES.into_iter().filter(|triple| !triple.contains("apple")) {
        let triple: Triple = triple.parse().expect("a triple");
        let mut compiler = Compiler::new(&triple).expect("a compiler");
        for plan in subjects(&Target::of(&triple).expect("a target")) {
            let template = compiler.emit(&plan).unwrap_or_else(|error| panic!("{plan}: {error}"));
            read(&plan, &template, Protection::default())
                .unwrap_or_else(|why| panic!("{triple}: {why}\n{plan}"));
            for bit in (0..template.code.len() * 8).step_by(STEP) {
                let mut changed = template.clone();
                changed.code[bit / 8] ^= 1 << (bit % 8);
                if read(&plan, &changed, Protection::default()).is_err() {
                    refused += 1;
                    continue;
                }
                let Some((before, after)) = changed_instruction(&compiler, &template, &changed, bit / 8)
                else {
                    continue;
                };
                let kind = format!("{}: {} → {}", triple.architecture, kind(&before), kind(&after));
                if !explained.contains(kind.as_str()) {
                    strange.push(format!("{kind}   ({before} → {after})\n{plan}"));
                }
                met.insert(kind);
            }
        }
    }
    println!("{refused} refused; what is accepted is of {} kinds", met.len());
    assert!(strange.is_empty(), "{} are not explained:\n{}", strange.len(), strange.join("\n"));
    assert!(refused > 10_000, "{refused}");
}

/// Bits are changed so many apart: a number that meets each bit of a byte.
const STEP: usize = 7;

/// The kinds of changes that are accepted, each under its reason. Which of them come up depends on which bits are met.
fn explained() -> BTreeSet<&'static str> {
    let lines = include_str!("survivors.txt").lines();
    lines.filter(|line| !line.is_empty() && !line.starts_with('#')).collect()
}

/// An instruction before and after one of its bits is changed. `None` where a stamp writes, and where it is the same in
/// another encoding.
fn changed_instruction(
    compiler: &Compiler,
    template: &Template,
    changed: &Template,
    byte: usize,
) -> Option<(String, String)> {
    if template.holes.iter().any(|hole| (hole.offset as usize..hole.offset as usize + 8).contains(&byte)) {
        return None;
    }
    let [before, after] = [template, changed].map(|code| compiler.disassemble(code).expect("a listing"));
    let (before, after) = before.lines().zip(after.lines()).find(|(before, after)| before != after)?;
    let instruction = |line: &str| line.split_once(": ").map_or(line, |(_, text)| text).trim().to_owned();
    Some((instruction(before), instruction(after)))
}

/// An instruction without its numbers and most of its registers.
fn kind(instruction: &str) -> String {
    let kept = ["sp", "rsp", "esp", "rbp", "x29", "xzr", "wzr", "zero", "riz", "lsl", "lsr", "asr"];
    let (name, operands) = instruction.split_once(' ').unwrap_or((instruction, ""));
    let mut kind = format!("{name} ");
    for token in operands.split_inclusive(|character: char| !character.is_alphanumeric()) {
        let (word, rest) = token.split_at(
            token.len()
                - token
                    .chars()
                    .last()
                    .map_or(0, |last| if last.is_alphanumeric() { 0 } else { last.len_utf8() }),
        );
        kind += match word.chars().next() {
            None => "",
            Some('0'..='9') => "n",
            Some(_) if kept.contains(&word) => word,
            Some(_) => "r",
        };
        kind += rest;
    }
    kind.replace("-n", "n").trim_end().to_owned()
}

/// A plan with one thing changed in it.
fn changed_plans(plan: &Plan) -> Vec<(&'static str, Plan)> {
    let mut changed = Vec::new();
    let mut with = |what, change: &dyn Fn(&mut Plan) -> Option<()>| {
        let mut other = plan.clone();
        if change(&mut other).is_some() && other != *plan {
            changed.push((what, other));
        }
    };
    let of_v8 = matches!(plan.form, Form::V8(_));
    let word = |step: &Move| match step.place {
        Place::Gpr { reg, .. } => (0, u32::from(reg)),
        Place::Vec { reg, .. } => (1, u32::from(reg)),
        Place::Stack { offset } => (2, offset / 8),
    };
    for index in 0..plan.moves.len() {
        let alone = plan.moves.iter().filter(|step| word(step) == word(&plan.moves[index])).count();
        with("operands swapped", &|plan| {
            let next = plan.moves.get(index + 1)?.operand;
            if !matches!((next, plan.moves[index].operand), (Operand::Slot { .. }, Operand::Slot { .. })) {
                return None;
            }
            let operand = std::mem::replace(&mut plan.moves[index].operand, next);
            plan.moves[index + 1].operand = operand;
            Some(())
        });
        with("another slot", &|plan| {
            let Move { operand: Operand::Slot { index: slot, .. }, .. } = &mut plan.moves[index] else {
                return None;
            };
            *slot += 1;
            // There, the one slot that is moved is the result's.
            (plan.entry() != Entry::Avalue).then_some(())
        });
        with("another offset", &|plan| {
            let Move { operand: Operand::Memory { offset, .. }, .. } = &mut plan.moves[index] else {
                return None;
            };
            *offset += 1;
            Some(())
        });
        with("another fill", &|plan| {
            let step = &mut plan.moves[index];
            // There is a rest to fill, and a sign in what is moved: a slot's bytes, which no 32-bit argument has.
            if step.bytes >= 8 || alone != 1 || matches!(step.place, Place::Vec { .. }) || of_v8 {
                return None;
            }
            step.fill = if step.fill == Fill::Zero { Fill::Sign } else { Fill::Zero };
            Some(())
        });
    }
    with("a result elsewhere", &|plan| {
        let result = match &mut plan.form {
            Form::Slots(SlotsForm { result, .. })
            | Form::Bound(SlotsForm { result, .. })
            | Form::Avalue(result) => result,
            _ => return None,
        };
        let DowncallResult::Memory { moves, .. } = result else { return None };
        moves[0].offset += 8;
        Some(())
    });
    changed
}

#[test]
fn each_move_changed() {
    let (mut refused, mut accepted) = (0, Vec::new());
    for triple in TRIPLES {
        let triple: Triple = triple.parse().expect("a triple");
        let mut compiler = Compiler::new(&triple).expect("a compiler");
        for plan in subjects(&Target::of(&triple).expect("a target")) {
            let template = compiler.emit(&plan).unwrap_or_else(|error| panic!("{plan}: {error}"));
            for (what, other) in changed_plans(&plan) {
                match read(&other, &template, Protection::default()) {
                    Err(_) => refused += 1,
                    Ok(()) => accepted.push(format!("{triple}: {what}\n{plan}\n{other}")),
                }
            }
        }
    }
    println!("{refused} refused");
    for plan in accepted.iter().take(12) {
        println!("{plan}");
    }
    assert!(accepted.is_empty(), "{} other plans are accepted", accepted.len());
    assert!(refused > 1000, "{refused}");
}
