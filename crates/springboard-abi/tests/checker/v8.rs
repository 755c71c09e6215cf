//! Fast calls: the planner's plans are accepted, and mistakes in them refused.

use fastrand::Rng;
use springboard_abi::{
    DowncallResult, FastCall, FastForm, Fill, Form, Guard, Move, Narrow, Operand, Options, Parameter, Plan,
    SlotForm, Target, Violation, check_fast_call, plan_fast_call,
};
use springboard_ir::{Scalar, Signature};

use crate::{calls::Calls, random, signatures, targets};

/// A random function as V8 is to call it.
fn call(rng: &mut Rng, target: &Target) -> FastCall {
    let signature = random::signature(rng);
    let pointer = |ty| SlotForm::of(ty, &target.model) == Ok(SlotForm::Word(Scalar::Pointer));
    let params = signature.params().iter().enumerate();
    let buffers = params.filter(|(_, param)| pointer(&param.ty) && rng.bool()).map(|(index, _)| index as u16);
    FastCall {
        buffers: buffers.collect(),
        guard: if rng.bool() { Guard::Closed } else { Guard::None },
        narrow: [Narrow::Trust, Narrow::Check, Narrow::Exact][rng.usize(..3)],
        options: if rng.bool() { Options::Always } else { Options::ForBuffers },
        signature: signature.clone(),
    }
}

const CALLS: Calls<FastCall, springboard_abi::Ineligible> = Calls {
    call: |rng, target| Some(call(rng, target)),
    signature: |call| &call.signature,
    plan: plan_fast_call,
    check: check_fast_call,
};

fn planned(target: &Target) -> impl Iterator<Item = (u64, FastCall, Plan)> {
    CALLS.planned(target)
}

#[test]
fn accepts_what_the_planner_makes() {
    CALLS.are_accepted(3);
}

#[test]
fn refuses_mutants_of_moves() {
    CALLS.mutants_are_refused();
}

/// What V8 passes, what is checked and what becomes of the result: any change is a mistake.
#[test]
fn refuses_changes_of_what_v8_knows() {
    let (mut refused, mut zeros) = ([0; 4], 0);
    for target in targets() {
        for (seed, call, plan) in planned(&target) {
            let mut rng = Rng::with_seed(seed);
            let refuse = |mutant: &Plan, kind: fn(&Violation) -> bool| {
                let violation = check_fast_call(mutant, &call, &target).expect_err("a mistake");
                assert!(kind(&violation), "{violation}\n{mutant}");
                1
            };
            let Form::V8(form) = &plan.form else { panic!("{plan}") };
            let with = |form| Plan { form: Form::V8(form), ..plan.clone() };
            if !form.parameters.is_empty() {
                let mut parameters = form.parameters.to_vec();
                let index = rng.usize(..parameters.len());
                let others = [
                    Parameter::Int32,
                    Parameter::Int64,
                    Parameter::Narrow { bytes: 1, fill: Fill::Sign },
                    Parameter::Narrow { bytes: 2, fill: Fill::Zero },
                    Parameter::Float,
                    Parameter::Double,
                    Parameter::Buffer,
                    Parameter::Options,
                ];
                let other = others[rng.usize(..others.len())];
                if parameters[index] != other {
                    parameters[index] = other;
                    let mutant = with(FastForm { parameters: parameters.clone().into(), ..form.clone() });
                    refused[0] += refuse(&mutant, |found| matches!(found, Violation::Parameter { .. }));
                }
                parameters.remove(index);
                let mutant = with(FastForm { parameters: parameters.into(), ..form.clone() });
                refused[1] += refuse(&mutant, |found| matches!(found, Violation::Parameter { .. }));
            }
            let guard = if form.guard == Guard::None { Guard::Closed } else { Guard::None };
            refused[2] += refuse(&with(FastForm { guard, ..form.clone() }), |found| {
                matches!(found, Violation::Guard { .. })
            });
            if form.result == DowncallResult::FloatInPlace {
                let mutant = with(FastForm { result: DowncallResult::InPlace, ..form.clone() });
                zeros += refuse(&mutant, |found| *found == Violation::ZeroOfAnotherType);
            }
            let result = match form.result {
                DowncallResult::Extended { bytes, fill: Fill::Zero } => {
                    DowncallResult::Extended { bytes, fill: Fill::Sign }
                }
                DowncallResult::Extended { .. } => DowncallResult::InPlace,
                DowncallResult::InPlace => DowncallResult::Extended { bytes: 2, fill: Fill::Sign },
                _ => continue,
            };
            let mutant = with(FastForm { result, ..form.clone() });
            refused[3] += refuse(&mutant, |found| matches!(found, Violation::ResultExtension { .. }));
        }
    }
    assert!(refused.iter().all(|count| *count > signatures()), "{refused:?}");
    assert!(zeros > 0, "no result is a float of a stub that refuses");
}

/// Where the document has callers extend, the upper half of what V8 passes must go nowhere.
#[test]
fn refuses_what_v8_left_beside_an_integer() {
    for (triple, bytes, accepted) in [
        ("x86_64-unknown-linux-gnu", 8, true),
        ("aarch64-unknown-linux-gnu", 8, true),
        ("riscv64gc-unknown-linux-gnu", 8, false),
        ("s390x-unknown-linux-gnu", 8, false),
        ("riscv64gc-unknown-linux-gnu", 4, true),
        ("s390x-unknown-linux-gnu", 4, true),
    ] {
        let target = crate::target(triple);
        let call = FastCall::new(Signature::parse("void(int)").unwrap());
        let mut plan = plan_fast_call(&call, &target).unwrap();
        let at = if target.convention.is_big_endian() { 8 - bytes } else { 0 };
        let Move { place, .. } = plan.moves[0];
        let place = match place {
            springboard_abi::Place::Gpr { reg, .. } => springboard_abi::Place::Gpr { reg, at },
            other => other,
        };
        let fill = if bytes == 8 { Fill::Zero } else { Fill::Sign };
        plan.moves = [Move { place, operand: Operand::Slot { index: 0, at }, bytes, fill }].into();
        let verdict = check_fast_call(&plan, &call, &target);
        assert_eq!(verdict.is_ok(), accepted, "{triple}, {bytes} bytes: {verdict:?}");
    }
}
