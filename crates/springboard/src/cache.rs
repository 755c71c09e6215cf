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

#[cfg(test)]
mod tests {
    use std::{
        sync::{
            Barrier,
            atomic::{AtomicUsize, Ordering},
        },
        thread,
        time::Duration,
    };

    use springboard_abi::{Entry, Target, plan};
    use springboard_ir::Signature;

    use super::*;
    use crate::code::{CodeError, CodeMemory, Step, Strategy};

    fn some_plan(declaration: &str) -> Plan {
        let signature = Signature::parse(declaration).unwrap();
        plan(&signature, &Target::host().unwrap(), Entry::Slots).unwrap()
    }

    /// Bytes that nobody runs.
    fn code() -> Executable {
        CodeMemory::new(Strategy::Shared).writable(8, 8).unwrap().publish().unwrap()
    }

    fn refused() -> Reason {
        Reason::NoExecutableMemory(CodeError { step: Step::SizeFile, errno: 28 })
    }

    #[test]
    fn a_plan_is_compiled_once() {
        let (cache, counters) = (Cache::new(), Counters::default());
        let plan = some_plan("int(int)");
        let first = cache.stub(&plan, &counters, || Ok(code())).unwrap();
        let same = some_plan("long(char *)");
        let again = cache.stub(&same, &counters, || unreachable!("it is known")).unwrap();
        assert_eq!(first.entry() as usize, again.entry() as usize);
        assert_eq!((counters.hits.get(), counters.misses.get()), (1, 1));
        let other = cache.stub(&some_plan("int(double)"), &counters, || Ok(code())).unwrap();
        assert_ne!(first.entry() as usize, other.entry() as usize);
    }

    #[test]
    fn want_of_memory_passes_and_other_failures_stay() {
        let (cache, counters) = (Cache::new(), Counters::default());
        let plan = some_plan("int(int)");
        assert!(cache.stub(&plan, &counters, || Err(refused())).is_err());
        assert!(cache.stub(&plan, &counters, || Ok(code())).is_ok(), "asked for anew");
        let plan = some_plan("int(double)");
        assert!(cache.stub(&plan, &counters, || Err(Reason::JitOff)).is_err());
        let again = cache.stub(&plan, &counters, || unreachable!("the failure is known"));
        assert!(matches!(again, Err(Reason::JitOff)));
    }

    #[test]
    fn those_who_wait_get_what_the_first_one_got() {
        let (cache, counters) = (Cache::new(), Counters::default());
        let plan = some_plan("int(int, int)");
        let start = Barrier::new(4);
        let compiled = AtomicUsize::new(0);
        thread::scope(|scope| {
            let ask = || {
                start.wait();
                let stub = cache.stub(&plan, &counters, || {
                    compiled.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(20));
                    Ok(code())
                });
                stub.unwrap().entry() as usize
            };
            let threads = [(); 4].map(|()| scope.spawn(ask));
            let entries = threads.map(|thread| thread.join().unwrap());
            assert_eq!(entries, [entries[0]; 4]);
        });
        assert_eq!(compiled.into_inner(), 1);
    }
}
