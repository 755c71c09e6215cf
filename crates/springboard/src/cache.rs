//! The template cache: what was compiled, by plan.

use std::{
    hash::BuildHasher,
    sync::{Arc, OnceLock},
};

use foldhash::fast::RandomState;
use springboard_abi::Plan;

mod key;

use self::key::{Key, Wanted};
use crate::{code::Executable, reason::Reason, stats::Counters};

/// One compiled shape a plan, shared by all threads. A hit takes no lock; a plan that many threads ask for at once
/// is compiled by one of them, and the others wait for it.
pub(crate) struct Cache<S = RandomState> {
    shapes: papaya::HashMap<Key, Arc<Shape>, S>,
}

/// What there is for a plan, once it is known.
type Shape = OnceLock<Result<Executable, Reason>>;

impl Cache {
    pub(crate) fn new() -> Cache {
        Cache { shapes: papaya::HashMap::with_hasher(RandomState::default()) }
    }
}

impl<S: BuildHasher> Cache<S> {
    /// The stub for `plan`, made by `compile` where there is none yet.
    ///
    /// # Errors
    /// Those of `compile`. They are remembered, but for the want of memory, which may pass.
    pub(crate) fn stub(
        &self,
        plan: &Plan,
        counters: &Counters,
        compile: impl FnOnce() -> Result<Executable, Reason>,
    ) -> Result<Executable, Reason> {
        let shape = match self.find(plan, counters) {
            Ok(known) => return known,
            Err(shape) => shape,
        };
        let known = shape.get_or_init(compile).clone();
        if let Err(Reason::NoExecutableMemory(_)) = known {
            // Only this very shape: another thread may have begun anew already.
            let _ = self.shapes.pin().remove_if(&Wanted(plan), |_, current| Arc::ptr_eq(current, &shape));
        }
        known
    }

    /// What is known of `plan`, or the place where it is to be put.
    fn find(&self, plan: &Plan, counters: &Counters) -> Result<Result<Executable, Reason>, Arc<Shape>> {
        let shapes = self.shapes.pin();
        let Some(shape) = shapes.get(&Wanted(plan)) else {
            counters.misses.count();
            return Err(Arc::clone(shapes.get_or_insert_with(Key(plan.clone()), Arc::default)));
        };
        counters.hits.count();
        shape.get().cloned().ok_or_else(|| Arc::clone(shape))
    }
}
