//! The `relay` entry: one plan per target, accepted, and any change of it refused.

use fastrand::Rng;
use springboard_abi::{Entry, check, plan};
use springboard_ir::Signature;

use crate::{SEED, mutate, targets};

fn signature(text: &str) -> Signature {
    Signature::parse(text).expect("a signature")
}

#[test]
fn one_plan_serves_all_signatures() {
    for target in targets() {
        let signatures = ["void(void)", "double(double, int)", "int(const char *, ..., double, long)"];
        let plans = signatures.map(|text| plan(&signature(text), &target, Entry::Relay).expect("a plan"));
        for plan in &plans {
            assert_eq!(*plan, plans[0]);
            assert_eq!(check(plan, &signature("void(void)"), &target), Ok(()), "{}", target.convention);
        }
    }
}

#[test]
fn refuses_every_mutant() {
    let signature = signature("void(void)");
    for target in targets() {
        let right = plan(&signature, &target, Entry::Relay).expect("a plan");
        let mut mutants = 0;
        for seed in SEED..SEED + 32 {
            for mutation in mutate::MUTATIONS {
                let mutant = (mutation.apply)(&right, &mut Rng::with_seed(seed));
                let Some(mutant) = mutant.filter(|mutant| *mutant != right) else { continue };
                mutants += 1;
                assert!(check(&mutant, &signature, &target).is_err(), "{}: {mutant}", mutation.name);
            }
        }
        assert!(mutants > 100, "{}: only {mutants} mutants", target.convention);
    }
}

#[test]
fn what_has_no_plan_is_not_relayed() {
    let target = targets().remove(0);
    assert!(plan(&signature("long double(void)"), &target, Entry::Relay).is_err());
}
