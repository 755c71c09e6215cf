//! A cache by plan: each value is made once, by whoever asks for it first.

use std::{
    hash::BuildHasher,
    sync::{Arc, OnceLock},
};

use foldhash::fast::RandomState;
use springboard_abi::Plan;

mod key;

use self::key::{CachedPlan, Sought};
use crate::stats::Counter;

/// One value per plan, shared by all threads. A hit takes no lock. Where several threads ask for a new plan at once,
/// one makes its value and the others wait for it.
pub(crate) struct Cache<T, S = RandomState> {
    values: papaya::HashMap<CachedPlan, Arc<OnceLock<T>>, S>,
    /// Lookups that found their plan.
    pub(crate) hits: Counter,
    /// Lookups that did not.
    pub(crate) misses: Counter,
}

impl<T> Cache<T> {
    pub(crate) fn new() -> Cache<T> {
        let values = papaya::HashMap::with_hasher(RandomState::default());
        Cache { values, hits: Counter::default(), misses: Counter::default() }
    }
}

impl<T, S: BuildHasher> Cache<T, S> {
    /// What `look` sees in the value of `plan`, if there is one. Takes no lock.
    pub(crate) fn get<R>(&self, plan: &Plan, look: impl FnOnce(&T) -> R) -> Option<R> {
        let values = self.values.pin();
        let value = values.get(&Sought(plan))?.get()?;
        self.hits.count();
        Some(look(value))
    }

    /// The value of `plan`, made by `make` if there is none.
    pub(crate) fn get_or_make(&self, plan: &Plan, make: impl FnOnce() -> T) -> T
    where
        T: Clone,
    {
        let place = {
            let values = self.values.pin();
            match values.get(&Sought(plan)) {
                Some(known) => {
                    self.hits.count();
                    Arc::clone(known)
                }
                None => {
                    self.misses.count();
                    Arc::clone(values.get_or_insert_with(CachedPlan::new(plan.clone()), Arc::default))
                }
            }
        };
        place.get_or_init(make).clone()
    }

    /// Whether there is a value for `plan`. Does not count as a lookup.
    pub(crate) fn has(&self, plan: &Plan) -> bool {
        self.values.pin().get(&Sought(plan)).is_some_and(|known| known.get().is_some())
    }
}

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Barrier,
            atomic::{AtomicUsize, Ordering},
        },
        thread,
    };

    use springboard_abi::{Entry, Target, plan};
    use springboard_ir::Signature;

    use super::*;

    fn some_plan(declaration: &str) -> Plan {
        let signature = Signature::parse(declaration).unwrap();
        plan(&signature, &Target::host().unwrap(), Entry::Slots).unwrap()
    }

    #[test]
    fn a_value_is_made_once_for_each_plan() {
        let cache = Cache::new();
        assert_eq!(cache.get_or_make(&some_plan("int(int)"), || 1), 1);
        let same = some_plan("long(char *)");
        assert_eq!(cache.get_or_make(&same, || unreachable!("it is known")), 1);
        assert_eq!((cache.hits.get(), cache.misses.get()), (1, 1));
        assert_eq!(cache.get(&same, |value| *value), Some(1));
        let other = some_plan("int(double)");
        assert!(!cache.has(&other));
        assert_eq!(cache.get_or_make(&other, || 2), 2);
        assert_eq!((cache.hits.get(), cache.misses.get()), (2, 2));
    }

    #[test]
    fn threads_that_wait_get_what_the_first_one_made() {
        let cache = Cache::new();
        let plan = some_plan("int(int, int)");
        let start = Barrier::new(4);
        let made = AtomicUsize::new(0);
        thread::scope(|scope| {
            let ask = || {
                start.wait();
                cache.get_or_make(&plan, || made.fetch_add(1, Ordering::Relaxed))
            };
            let threads = [(); 4].map(|()| scope.spawn(ask));
            assert_eq!(threads.map(|thread| thread.join().unwrap()), [0; 4]);
        });
        assert_eq!(made.into_inner(), 1);
    }
}
