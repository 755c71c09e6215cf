//! Calls that a host describes, by V8 and by hosts with boxed values: their moves are those of slots.

use std::fmt;

use fastrand::Rng;
use springboard_abi::{Entry, Plan, Target, Violation, plan as plan_of_slots};
use springboard_ir::Signature;

use crate::{SEED, machine, mutate, signatures, targets};

/// What the two differ in: a call from a seed, its signature, its planner and its checker.
pub(crate) struct Calls<C, E> {
    pub(crate) call: fn(&mut Rng, &Target) -> Option<C>,
    pub(crate) signature: fn(&C) -> &Signature,
    pub(crate) plan: fn(&C, &Target) -> Result<Plan, E>,
    pub(crate) check: fn(&Plan, &C, &Target) -> Result<(), Violation>,
}

impl<C, E: fmt::Debug> Calls<C, E> {
    /// Random calls for which `target` has a plan, each with its seed.
    pub(crate) fn planned(&self, target: &Target) -> impl Iterator<Item = (u64, C, Plan)> {
        (SEED..SEED + signatures()).filter_map(move |seed| {
            let call = (self.call)(&mut Rng::with_seed(seed), target)?;
            let plan = (self.plan)(&call, target).ok()?;
            Some((seed, call, plan))
        })
    }

    /// Every plan of the planner is accepted, and more than one in so many calls has one.
    pub(crate) fn are_accepted(&self, one_in: u64) {
        for target in targets() {
            let mut accepted = 0;
            for (seed, call, plan) in self.planned(&target) {
                if let Err(violation) = (self.check)(&plan, &call, &target) {
                    let signature = (self.signature)(&call);
                    panic!("{}, seed {seed}: {violation}\n{signature}\n{plan}", target.convention);
                }
                accepted += 1;
            }
            assert!(accepted > signatures() / one_in, "{}: only {accepted} plans", target.convention);
        }
    }

    /// Every mutant is refused that moves something else. Slots hold what the host passes, and their own plan says what
    /// is to become of it.
    pub(crate) fn mutants_are_refused(&self) {
        let mut mistakes = 0;
        for target in targets() {
            for (seed, call, plan) in self.planned(&target).step_by(3) {
                let signature = (self.signature)(&call);
                let mut rng = Rng::with_seed(seed);
                let inputs: Vec<_> =
                    (0..4).map(|_| machine::Input::random(&mut rng, signature, &target)).collect();
                let slots = plan_of_slots(signature, &target, Entry::Slots).expect("there is one for a host");
                let run =
                    |input| machine::run(&slots, input).unwrap_or_else(|_| panic!("cannot run\n{slots}"));
                let ours: Vec<_> = inputs.iter().map(run).collect();
                for mutation in mutate::MUTATIONS {
                    let Some(mutant) = (mutation.apply)(&plan, &mut rng) else { continue };
                    if machine::is_as_good(&mutant, &plan, &inputs, &ours) {
                        continue;
                    }
                    mistakes += 1;
                    assert!(
                        (self.check)(&mutant, &call, &target).is_err(),
                        "{}, seed {seed}, {}:\n{signature}\n{mutant}\nmade of\n{plan}",
                        target.convention,
                        mutation.name,
                    );
                }
            }
        }
        assert!(mistakes > 1000, "{mistakes} mutants were mistakes");
    }
}
