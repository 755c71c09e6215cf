//! The `direct` entry: the planner's plans are accepted, and any change of them refused.

use fastrand::Rng;
use springboard_abi::{Entry, Form, Plan, Target, Violation, check, plan};
use springboard_ir::{Prototype, Signature};

use crate::{SEED, mutate, random, signatures, targets};

fn signature(text: &str) -> Signature {
    Prototype::parse(text).expect("a prototype").signature
}

/// Random signatures, most of which are not eligible, and plans of those that are.
fn planned(target: &Target) -> impl Iterator<Item = (u64, Signature, Plan)> {
    (SEED..SEED + signatures() * 4).filter_map(move |seed| {
        let signature = random::signature(&mut Rng::with_seed(seed));
        let plan = plan(&signature, target, Entry::Direct).ok()?;
        Some((seed, signature, plan))
    })
}

fn own_conventions() -> impl Iterator<Item = Target> {
    targets().into_iter().filter(|target| target.caller == target.convention)
}

#[test]
fn accepts_what_the_planner_makes() {
    for target in own_conventions() {
        let mut accepted = 0;
        for (seed, signature, plan) in planned(&target) {
            if let Err(violation) = check(&plan, &signature, &target) {
                panic!("{}, seed {seed}: {violation}\n{signature}\n{plan}", target.convention);
            }
            accepted += 1;
        }
        assert!(accepted > 10, "{}: only {accepted} plans", target.convention);
    }
}

#[test]
fn refuses_every_mutant() {
    for target in own_conventions() {
        let mut mutants = 0;
        for (seed, signature, plan) in planned(&target) {
            for mutation in mutate::MUTATIONS {
                let Some(mutant) = (mutation.apply)(&plan, &mut Rng::with_seed(seed)) else { continue };
                if mutant == plan {
                    continue;
                }
                mutants += 1;
                assert!(
                    check(&mutant, &signature, &target).is_err(),
                    "{}, seed {seed}, {}: {signature}\n{mutant}",
                    target.convention,
                    mutation.name
                );
            }
            let Form::Direct { context } = plan.form else { panic!("{plan}") };
            for context in [context + 1, context.wrapping_sub(1)] {
                let mutant = Plan { form: Form::Direct { context }, ..plan.clone() };
                assert!(check(&mutant, &signature, &target).is_err(), "{signature}\n{mutant}");
            }
        }
        assert!(mutants > 10, "{}: only {mutants} mutants", target.convention);
    }
}

#[test]
fn one_plan_serves_all_that_leave_one_register() {
    let target = Target::of(&"x86_64-unknown-linux-gnu".parse().expect("a triple")).expect("a target");
    let planned = |text: &str| plan(&signature(text), &target, Entry::Direct);
    let shared = planned("int f(int, long)").expect("all in registers");
    assert_eq!(planned("double f(double, void *, float, char)"), Ok(shared.clone()));
    assert_ne!(planned("int f(int)"), Ok(shared.clone()));
    // A plan for another register is no plan.
    let wrong = check(&shared, &signature("int f(int)"), &target);
    assert_eq!(wrong, Err(Violation::MoreThanPassedOn));
}

#[test]
fn what_does_not_fit_has_no_plan_and_no_check() {
    let target = Target::of(&"x86_64-unknown-linux-gnu".parse().expect("a triple")).expect("a target");
    let shared = plan(&signature("int f(int)"), &target, Entry::Direct).expect("all in registers");
    for text in [
        "int f(int, int, int, int, int, int)",
        "double f(double, double, double, double, double, double, double, double, double)",
        "long double f(void)",
        "int f(const char *, ...)",
    ] {
        assert!(plan(&signature(text), &target, Entry::Direct).is_err(), "{text}");
        assert!(check(&shared, &signature(text), &target).is_err(), "{text}");
    }
}
