//! The template cache: what was compiled, by plan.

use std::{hash::BuildHasher, sync::Arc};

use foldhash::fast::RandomState;
use springboard_abi::{Entry, Plan, SlotForm};
use springboard_code::{CodeMemory, CodePointer, Holes, Name, Site, Stamp, Stub};
use springboard_emit::{Hole, HoleKind, Template};

mod key;

use self::key::{Key, Wanted};
use crate::{last_error::LastError, reason::Reason, stats::Counters, switch::Switch};

/// One compiled shape a plan, shared by all threads. A hit takes no lock; a plan that many threads ask for at once
/// is compiled by one of them, and the others wait for it.
pub(crate) struct Cache<S = RandomState> {
    shapes: papaya::HashMap<Key, Arc<Known>, S>,
}

/// What there is for a plan, once it is known.
type Known = Switch<Result<Arc<Shape>, Reason>>;

/// A compiled plan.
pub(crate) struct Shape {
    code: ShapeCode,
    entry: Entry,
    site: Site,
    /// What debuggers and profilers are told of its parameters, where somebody is.
    parameters: Box<str>,
    /// The stub that serves every function of the shape, where the entry is handed its target.
    stub: Switch<Arc<Stub>>,
}

/// What there is for a plan.
enum ShapeCode {
    Template(Template),
    /// It was compiled with the program, and is handed its target.
    Thunk(CodePointer),
}

impl Shape {
    /// Code to stamp, for stubs of this plan.
    pub(crate) fn compiled(template: Template, plan: &Plan, parameters: String) -> Shape {
        let code = ShapeCode::Template(template);
        let (entry, site) = (plan.entry, site(plan));
        Shape { code, entry, site, parameters: parameters.into(), stub: Switch::new() }
    }

    /// Code that is there, of the slots entry.
    pub(crate) fn packed(thunk: CodePointer) -> Shape {
        let code = ShapeCode::Thunk(thunk);
        let (entry, site) = (Entry::Slots, Site::Program);
        Shape { code, entry, site, parameters: Box::default(), stub: Switch::new() }
    }

    /// Where its stubs should lie.
    pub(crate) fn site(&self) -> Site {
        self.site
    }

    /// How its stubs are entered.
    pub(crate) fn entry(&self) -> Entry {
        self.entry
    }

    /// What debuggers and profilers are told of a stub of this or another entry with the shape's parameters.
    pub(crate) fn name(&self, entry: Entry, result: Option<SlotForm>) -> Name<'_> {
        Name::Prototype { entry, parameters: &self.parameters, result }
    }

    /// The code that was compiled with the program, if that is what there is.
    pub(crate) fn thunk(&self) -> Option<CodePointer> {
        match self.code {
            ShapeCode::Thunk(thunk) => Some(thunk),
            ShapeCode::Template(_) => None,
        }
    }

    /// The code to stamp. Only shapes of the slots entry may have none.
    pub(crate) fn template(&self) -> &Template {
        match &self.code {
            ShapeCode::Template(template) => template,
            ShapeCode::Thunk(_) => unreachable!("whoever stamps has asked for a thunk first"),
        }
    }

    /// The stub for an entry that is handed its target: one serves every function of the shape, and is named after
    /// the `result` of the one for which it is made.
    ///
    /// # Errors
    /// There is no memory for it. The next call tries again.
    pub(crate) fn stub(
        &self,
        memory: &CodeMemory,
        counters: &Counters,
        result: Option<SlotForm>,
    ) -> Result<&Arc<Stub>, Reason> {
        if let Some(stub) = self.stub.get() {
            return Ok(stub);
        }
        let errno = |hole: &Hole| hole.kind == HoleKind::Helper;
        assert!(
            self.template().holes.iter().all(errno),
            "a template of the slots entry has errno's holes alone"
        );
        let holes = Holes { helper: LastError::Errno.helper(), ..Holes::default() };
        let stamp = Stamp { name: self.name(self.entry, result), template: self.template(), holes };
        let published = memory.publish(&[stamp])?.remove(0);
        // Of threads that come here at once, one's stub stays.
        Ok(self.stub.get_or_make(|| {
            counters.shared.count();
            Arc::new(published)
        }))
    }
}

/// Where stubs of a plan should lie: near what they call more often than they are called.
fn site(plan: &Plan) -> Site {
    if plan.entry == Entry::Columns || plan.last_error.is_some() { Site::Libraries } else { Site::Program }
}

impl Cache {
    pub(crate) fn new() -> Cache {
        Cache { shapes: papaya::HashMap::with_hasher(RandomState::default()) }
    }
}

impl<S: BuildHasher> Cache<S> {
    /// What `look` sees in the shape of `plan`, where it is known. Takes no lock.
    pub(crate) fn get<T>(
        &self,
        plan: &Plan,
        counters: &Counters,
        look: impl FnOnce(&Result<Arc<Shape>, Reason>) -> T,
    ) -> Option<T> {
        let shapes = self.shapes.pin();
        let known = shapes.get(&Wanted(plan))?.get()?;
        counters.hits.count();
        Some(look(known))
    }

    /// The shape of `plan`, made by `compile` where there is none yet.
    ///
    /// # Errors
    /// Those of `compile`, which are remembered.
    pub(crate) fn shape(
        &self,
        plan: &Plan,
        counters: &Counters,
        compile: impl FnOnce() -> Result<Shape, Reason>,
    ) -> Result<Arc<Shape>, Reason> {
        match self.find(plan, counters) {
            Ok(known) => known,
            Err(place) => place.get_or_make(|| Ok(Arc::new(compile()?))).clone(),
        }
    }

    /// Whether `plan` is compiled, or was found impossible to.
    pub(crate) fn has(&self, plan: &Plan) -> bool {
        self.shapes.pin().get(&Wanted(plan)).is_some_and(|known| known.get().is_some())
    }

    /// What is known of `plan`, or the place where it is to be put.
    fn find(&self, plan: &Plan, counters: &Counters) -> Result<Result<Arc<Shape>, Reason>, Arc<Known>> {
        let shapes = self.shapes.pin();
        let Some(known) = shapes.get(&Wanted(plan)) else {
            counters.misses.count();
            return Err(Arc::clone(shapes.get_or_insert_with(Key::new(plan.clone()), Arc::default)));
        };
        counters.hits.count();
        known.get().cloned().ok_or_else(|| Arc::clone(known))
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
    use springboard_code::{CodeWrites, Strategy, testing::together};
    use springboard_ir::Signature;

    use super::*;

    fn some_plan(declaration: &str) -> Plan {
        let signature = Signature::parse(declaration).unwrap();
        plan(&signature, &Target::host().unwrap(), Entry::Slots).unwrap()
    }

    /// Bytes that nobody runs.
    fn code() -> Shape {
        let template = Template { code: [0; 8].into(), align: 8, holes: Box::default() };
        Shape::compiled(template, &some_plan("int(void)"), String::new())
    }

    #[test]
    fn a_plan_is_compiled_once() {
        let (cache, counters) = (Cache::new(), Counters::default());
        let plan = some_plan("int(int)");
        let first = cache.shape(&plan, &counters, || Ok(code())).unwrap();
        let same = some_plan("long(char *)");
        let again = cache.shape(&same, &counters, || unreachable!("it is known")).unwrap();
        assert!(Arc::ptr_eq(&first, &again));
        assert_eq!((counters.hits.get(), counters.misses.get()), (1, 1));
        let other = cache.shape(&some_plan("int(double)"), &counters, || Ok(code())).unwrap();
        assert!(!Arc::ptr_eq(&first, &other));
    }

    #[test]
    fn want_of_memory_passes_and_other_failures_stay() {
        let _process = together();
        let (cache, counters) = (Cache::new(), Counters::default());
        let shape = cache.shape(&some_plan("int(int)"), &counters, || Ok(code())).unwrap();
        let memory = |limit| CodeMemory::new(Strategy::Shared(CodeWrites::Strict), limit);
        assert!(matches!(shape.stub(&memory(0), &counters, None), Err(Reason::CodeLimit { bytes: 0 })));
        let first = shape.stub(&memory(1 << 20), &counters, None).expect("asked for anew");
        let again = shape.stub(&memory(0), &counters, None).expect("it is there");
        assert!(Arc::ptr_eq(first, again));
        let plan = some_plan("int(double)");
        assert!(cache.shape(&plan, &counters, || Err(Reason::JitOff)).is_err());
        let again = cache.shape(&plan, &counters, || unreachable!("the failure is known"));
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
                let shape = cache.shape(&plan, &counters, || {
                    compiled.fetch_add(1, Ordering::Relaxed);
                    thread::sleep(Duration::from_millis(20));
                    Ok(code())
                });
                Arc::as_ptr(&shape.unwrap()).addr()
            };
            let threads = [(); 4].map(|()| scope.spawn(ask));
            let shapes = threads.map(|thread| thread.join().unwrap());
            assert_eq!(shapes, [shapes[0]; 4]);
        });
        assert_eq!(compiled.into_inner(), 1);
    }
}
