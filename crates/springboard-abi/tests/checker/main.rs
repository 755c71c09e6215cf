//! The checker against the planners: every plan is accepted, and every plan with a mistake in it is refused.
//!
//! `SPRINGBOARD_SIGNATURES=1000000` runs that many signatures for each convention instead of some hundreds.

mod boxed;
mod calls;
mod cases;
mod direct;
mod machine;
mod mutate;
mod random;
mod relay;
mod upcall;
mod v8;

use std::{collections::BTreeMap, env};

use fastrand::Rng;
use springboard_abi::{
    Columns, Convention, DowncallResult, Entry, ErrorSource, Errors, Fill, Form, LastError, Output,
    OutputPlace, Place, Plan, Rows, SlotsForm, Step, Target, Violation, check, plan, plan_columns,
    plan_with_last_error,
};
use springboard_ir::Signature;

const SEED: u64 = 0x5eed;

fn signatures() -> u64 {
    match env::var("SPRINGBOARD_SIGNATURES") {
        Ok(count) => count.parse().expect("SPRINGBOARD_SIGNATURES is a number"),
        Err(_) => 400,
    }
}

fn target(triple: &str) -> Target {
    Target::of(&triple.parse().expect("a triple")).expect("a known target")
}

/// The platforms whose own convention is checked, and Windows' as a Linux program calls it.
fn targets() -> Vec<Target> {
    let linux = target("x86_64-unknown-linux-gnu");
    vec![
        linux,
        linux.calling(Convention::Win64),
        target("x86_64-pc-windows-gnu"),
        target("x86_64-pc-windows-msvc"),
        target("aarch64-unknown-linux-gnu"),
        target("aarch64-apple-darwin"),
        target("riscv64gc-unknown-linux-gnu"),
        target("s390x-unknown-linux-gnu"),
    ]
}

/// Random signatures for which `target` has a plan, each with its seed.
fn planned(target: &Target, entry: Entry) -> impl Iterator<Item = (u64, Signature, Plan)> {
    (SEED..SEED + signatures()).filter_map(move |seed| {
        let signature = random::signature(&mut Rng::with_seed(seed));
        let plan = plan(&signature, target, entry).ok()?;
        Some((seed, signature, plan))
    })
}

/// What the checker says against the planner's plan of `signature`.
fn complaint(signature: &Signature, target: &Target, entry: Entry) -> Option<Violation> {
    check(&plan(signature, target, entry).ok()?, signature, target).err()
}

/// `signature` without parameters that the complaint does not need.
fn shrunk(signature: &Signature, target: &Target, entry: Entry) -> Signature {
    let without = |dropped: usize| {
        let mut params = signature.params().to_vec();
        params.remove(dropped);
        let result = signature.result().clone();
        match signature.fixed() {
            Some(fixed) => Signature::variadic(result, params, fixed - usize::from(dropped < fixed)),
            None => Signature::new(result, params),
        }
    };
    let smaller = (0..signature.params().len()).filter_map(|dropped| without(dropped).ok());
    let smaller = smaller.into_iter().find(|smaller| complaint(smaller, target, entry).is_some());
    smaller.map_or_else(|| signature.clone(), |smaller| shrunk(&smaller, target, entry))
}

#[test]
fn accepts_what_planners_make() {
    for (target, entry) in targets().into_iter().flat_map(|target| ENTRIES.map(|entry| (target, entry))) {
        let mut accepted = 0;
        for (seed, signature, plan) in planned(&target, entry) {
            if check(&plan, &signature, &target).is_err() {
                let signature = shrunk(&signature, &target, entry);
                let violation = complaint(&signature, &target, entry).expect("the complaint stays");
                let plan = springboard_abi::plan(&signature, &target, entry).expect("a plan");
                panic!("{}, seed {seed}: {violation}\n{signature}\n{plan}", target.convention);
            }
            accepted += 1;
        }
        assert!(accepted > signatures() / 3, "{} {entry}: only {accepted} plans", target.convention);
    }
}

/// The forms in which the checker knows arguments: values in slots, pointers to values, and slots to be written.
const ENTRIES: [Entry; 3] = [Entry::Slots, Entry::Avalue, Entry::Callback];

/// What goes for the results of `avalue` alone: a word that is extended from another width or by another rule, that
/// goes elsewhere, or that is left where it was.
#[test]
fn refuses_integers_that_are_not_widened() {
    let mut mutants = 0;
    for target in targets() {
        for (seed, signature, plan) in planned(&target, Entry::Avalue) {
            let Form::Avalue(DowncallResult::Widened { slot, bytes, fill }) = plan.form else { continue };
            let other = if fill == Fill::Sign { Fill::Zero } else { Fill::Sign };
            for result in [
                DowncallResult::Widened { slot, bytes, fill: other },
                DowncallResult::Widened { slot, bytes: if bytes == 8 { 4 } else { bytes * 2 }, fill },
                DowncallResult::Widened { slot: slot + 1, bytes, fill },
                DowncallResult::InPlace,
            ] {
                let mutant = mutate::with_result(&plan, result);
                assert!(check(&mutant, &signature, &target).is_err(), "seed {seed}:\n{signature}\n{mutant}");
                mutants += 1;
            }
        }
    }
    assert!(mutants > 100, "only {mutants} mutants");
}

/// Which mutants are mistakes is decided by a machine that executes both plans on real bytes and compares all that
/// a callee could see: see [`machine`]. Mutants that do the same as the plan may be accepted or not.
#[test]
fn refuses_mutants() {
    // By the name of a mutation: how many mutants there were, and how many of them were mistakes.
    let mut counts: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    for target in targets() {
        for (seed, signature, plan) in planned(&target, Entry::Slots).step_by(3) {
            let mut rng = Rng::with_seed(seed);
            let inputs: Vec<_> =
                (0..4).map(|_| machine::Input::random(&mut rng, &signature, &target)).collect();
            let run = |input| machine::run(&plan, input).unwrap_or_else(|_| panic!("cannot run\n{plan}"));
            let ours: Vec<_> = inputs.iter().map(run).collect();
            for mutation in mutate::MUTATIONS {
                let Some(mutant) = (mutation.apply)(&plan, &mut rng) else { continue };
                let (mutants, mistakes) = counts.entry(mutation.name).or_default();
                *mutants += 1;
                if machine::is_as_good(&mutant, &plan, &inputs, &ours) {
                    continue;
                }
                *mistakes += 1;
                assert!(
                    check(&mutant, &signature, &target).is_err(),
                    "{}, seed {seed}, {}:\n{}\n{mutant}\nmade of\n{plan}",
                    target.convention,
                    mutation.name,
                    signature,
                );
            }
        }
    }
    for mutation in mutate::MUTATIONS {
        let (mutants, mistakes) = counts.get(mutation.name).copied().unwrap_or_default();
        assert!(mistakes >= 20, "{}: {mistakes} of {mutants} mutants were mistakes", mutation.name);
    }
}

/// Plans of random moves, in and out of every range, are refused and nothing worse.
#[test]
fn refuses_garbage() {
    for (target, entry) in targets().into_iter().flat_map(|target| ENTRIES.map(|entry| (target, entry))) {
        for (seed, signature, plan) in planned(&target, entry) {
            let garbage = mutate::garbage(&plan, &mut Rng::with_seed(seed));
            let verdict = check(&garbage, &signature, &target);
            assert!(verdict.is_err(), "{}, seed {seed}:\n{signature}\n{garbage:?}", target.convention);
            // The text names places that do not exist.
            assert!(!verdict.unwrap_err().to_string().is_empty());
        }
    }
}

/// A plan for another convention is refused, and so is one for another caller.
#[test]
fn refuses_other_conventions() {
    for target in targets() {
        let (_, signature, plan) = planned(&target, Entry::Slots).next().expect("a plan");
        for other in Convention::ALL.into_iter().filter(|other| *other != target.convention) {
            let mutant = Plan { convention: other, ..plan.clone() };
            assert!(check(&mutant, &signature, &target).is_err());
            let mutant = Plan { caller: other, ..plan.clone() };
            assert!(check(&mutant, &signature, &target).is_err() || target.caller == other);
        }
    }
}

/// A plan that delivers the last error moves what one without it does, and names the slot after all others.
#[test]
fn last_errors_have_a_slot_of_their_own() {
    for target in targets() {
        for (seed, signature, plain) in planned(&target, Entry::Slots).step_by(5) {
            let plan = plan_with_last_error(&signature, &target, ErrorSource::Location);
            let plan = plan.expect("there is one without");
            assert_eq!(check(&plan, &signature, &target), Ok(()), "seed {seed}: {signature}\n{plan}");
            let Form::Slots(form) = &plan.form else { panic!("{plan}") };
            let last_error = form.last_error.expect("it was asked for");
            let with = |last_error| Plan {
                form: Form::Slots(SlotsForm { last_error, ..form.clone() }),
                ..plan.clone()
            };
            assert_eq!(with(None), plain);
            for slot in [last_error.slot + 1, last_error.slot.wrapping_sub(1)] {
                let mutant = with(Some(LastError { slot, ..last_error }));
                let expected = Violation::LastErrorSlot { expected: last_error.slot, found: slot };
                assert_eq!(check(&mutant, &signature, &target), Err(expected));
            }
        }
    }
}

/// Over columns of words, every plan is accepted, and refused with an element of another width or a result from
/// elsewhere.
#[test]
fn columns_are_of_their_parameters_types() {
    let (mut accepted, mut in_registers, mut in_memory) = (0, 0, 0);
    for target in targets() {
        for (seed, signature, _) in planned(&target, Entry::Slots) {
            let Ok(plan) = plan_columns(&signature, &target, |_| Step::Row, Rows::All, Errors::Ignored)
            else {
                continue;
            };
            assert_eq!(
                check(&plan, &signature, &target),
                Ok(()),
                "{}, seed {seed}: {signature}\n{plan}",
                target.convention
            );
            let Form::Columns(columns) = &plan.form else { panic!("{plan}") };
            let refused = |columns| {
                check(&Plan { form: Form::Columns(columns), ..plan.clone() }, &signature, &target).is_err()
            };
            for index in 0..columns.inputs.len() {
                for change in [
                    |column: &mut springboard_abi::Column| {
                        column.bytes = if column.bytes == 8 { 4 } else { 8 }
                    },
                    |column: &mut springboard_abi::Column| {
                        column.fill = if column.fill == Fill::Sign { Fill::Zero } else { Fill::Sign };
                    },
                ] {
                    let mut inputs = columns.inputs.clone();
                    change(&mut inputs[index]);
                    assert!(refused(Columns { inputs, ..columns.clone() }), "{signature}");
                }
            }
            let other_outputs = |change: &dyn Fn(&mut Vec<Output>)| {
                let mut outputs = columns.outputs.to_vec();
                change(&mut outputs);
                Columns { outputs: outputs.into(), ..columns.clone() }
            };
            let one_more = Output { from: OutputPlace::Record(0), bytes: 8 };
            assert!(refused(other_outputs(&|outputs| outputs.push(one_more))), "{signature}");
            for index in 0..columns.outputs.len() {
                type Change<'a> = &'a dyn Fn(&mut Vec<Output>);
                let changes: [Change<'_>; 4] = [
                    &|outputs| outputs[index].bytes ^= 12,
                    &|outputs| outputs[index].from = behind(outputs[index].from),
                    &|outputs| {
                        outputs.remove(index);
                    },
                    &|outputs| outputs.insert(index, outputs[index]),
                ];
                for change in changes {
                    assert!(refused(other_outputs(change)), "{signature}\n{plan}");
                }
            }
            if let DowncallResult::Memory { slot, moves } = &columns.result {
                let result = DowncallResult::Memory { slot: *slot, moves: moves[1..].into() };
                assert!(refused(Columns { result, ..columns.clone() }), "{signature}");
                in_registers += 1;
            }
            in_memory += usize::from(columns.has_record() && columns.result == DowncallResult::InPlace);
            let short = columns.inputs.iter().skip(1).copied().collect();
            let one_less = Columns { inputs: short, ..columns.clone() };
            assert!(columns.inputs.is_empty() || refused(one_less), "{signature}");
            accepted += 1;
        }
    }
    assert!(accepted > 100, "only {accepted} plans");
    assert!(
        in_registers > 10 && in_memory > 10,
        "structures: {in_registers} in registers, {in_memory} in memory"
    );
}

/// A byte after the place.
fn behind(place: OutputPlace) -> OutputPlace {
    match place {
        OutputPlace::Record(offset) => OutputPlace::Record(offset + 1),
        OutputPlace::Register(Place::Gpr { reg, at }) => {
            OutputPlace::Register(Place::Gpr { reg, at: at + 1 })
        }
        OutputPlace::Register(Place::Vec { reg, at }) => {
            OutputPlace::Register(Place::Vec { reg: reg + 1, at })
        }
        OutputPlace::Register(Place::Stack { .. }) => panic!("no result is on the stack"),
    }
}
