//! Code for many functions at once: every distinct plan is compiled once, and stubs are written many in one go.

use std::{
    borrow::Borrow,
    collections::HashMap,
    convert::Infallible,
    num::NonZero,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

use foldhash::fast::RandomState;
use springboard_abi::Plan;
use springboard_code::Site;

use super::{
    Callee, Code, Engine,
    code::{BATCH, Own, Wanted},
    queue::Waiting,
    shape::Shape,
};
use crate::reason::Reason;

/// Shapes for which one more thread is worth its start.
const SHAPES_PER_THREAD: usize = 8;

/// A function that wants code.
pub(crate) struct CodeRequest<T> {
    /// What comes back with the code.
    pub(crate) with: T,
    /// The index of its plan.
    pub(crate) plan: usize,
    pub(crate) callee: Callee,
}

/// What somebody asks for, or has got, with what comes with it; or an error from before.
type Each<T, U, F, E> = Result<(T, Result<U, F>), E>;

impl Engine {
    /// Makes the code of functions, and hands it to `each` with what came with the function. What is an error already
    /// stays in its place. Where there is no room for the stubs of all, there may be for some.
    pub(crate) fn codes<T, U, E>(
        &self,
        plans: Vec<Result<impl Borrow<Plan> + Sync, Reason>>,
        wanted: Vec<Result<CodeRequest<T>, E>>,
        mut each: impl FnMut(T, Result<Code, Reason>) -> Result<U, E>,
    ) -> Vec<Result<U, E>> {
        let shapes = compile(self, plans);
        let code = |CodeRequest { with, plan, callee }| {
            let shape = shapes[plan].as_deref().map_err(Reason::clone);
            (with, shape.and_then(|shape| self.wanted(shape, callee)))
        };
        let mut wanted = wanted.into_iter();
        let mut made = Vec::with_capacity(wanted.len());
        loop {
            let batch: Vec<_> = wanted.by_ref().take(BATCH).map(|wanted| wanted.map(code)).collect();
            if batch.is_empty() {
                return made;
            }
            made.extend(self.write_all(batch).map(|made| made.and_then(|(with, code)| each(with, code))));
        }
    }

    /// Writes what is to be written, many stubs in one go, and one by one where there is not room for all. What comes with
    /// code comes back with it, in order; what is an error already stays in its place.
    pub(super) fn write_all<T, F: From<Reason>, E>(
        &self,
        wanted: Vec<Each<T, Wanted<'_>, F, E>>,
    ) -> impl Iterator<Item = Each<T, Code, F, E>> {
        let in_one_go = |own: &Own<'_>| own.site == Site::Program;
        let stamps = wanted.iter().flatten().filter_map(|(_, wanted)| match wanted {
            Ok(Wanted::Own(own)) if in_one_go(own) => Some(own.stamp),
            _ => None,
        });
        let stamps: Vec<_> = stamps.collect();
        let stubs = match (&*stamps, self.memory()) {
            ([], _) | (_, Err(_)) => Vec::new(),
            (stamps, Ok(memory)) => memory.publish(stamps).unwrap_or_default(),
        };
        let mut stubs = stubs.into_iter();
        let mut code = move |wanted| match wanted {
            Wanted::Own(own) if in_one_go(&own) => match stubs.next() {
                Some(stub) => Ok(Code::Own { stub, _to: own.keeps }),
                None => self.write(Wanted::Own(own)),
            },
            wanted => self.write(wanted),
        };
        wanted.into_iter().map(move |wanted| {
            let (with, wanted) = wanted?;
            Ok((with, wanted.and_then(|wanted| Ok(code(wanted)?))))
        })
    }

    /// Makes the code of what waits for it.
    pub(super) fn settle(&self, batch: &[Arc<dyn Waiting>]) {
        let mut known: HashMap<Arc<Plan>, usize, RandomState> = HashMap::default();
        let mut plans = Vec::new();
        let wanted = batch.iter().filter_map(|with| {
            // What somebody else has made meanwhile wants nothing any more.
            let (plan, callee) = with.wanted()?;
            let plan = *known.entry(plan).or_insert_with_key(|plan| {
                plans.push(Ok(Arc::clone(plan)));
                plans.len() - 1
            });
            Some(Ok::<_, Infallible>(CodeRequest { with, plan, callee }))
        });
        let wanted = wanted.collect();
        self.codes(plans, wanted, |waiting, code| {
            waiting.settle(code);
            Ok(())
        });
    }
}

/// Compiles plans, on several threads where that pays.
pub(super) fn compile<P: Borrow<Plan> + Sync>(
    engine: &Engine,
    plans: Vec<Result<P, Reason>>,
) -> Vec<Result<Arc<Shape>, Reason>> {
    let threads = match plans.len() / SHAPES_PER_THREAD {
        // Asking for the CPUs takes longer than binding one function.
        few @ 0..=1 => few,
        many => many.min(thread::available_parallelism().map_or(1, NonZero::get)),
    };
    if threads > 1 {
        let next = AtomicUsize::new(0);
        let work = || {
            while let Some(plan) = plans.get(next.fetch_add(1, Relaxed)) {
                // What comes of it is in the cache.
                let _ = plan.as_ref().map(|plan| engine.shape(plan.borrow()));
            }
        };
        thread::scope(|scope| {
            // A thread that cannot be started leaves the work to the others, and to the end of this function.
            let start = || thread::Builder::new().name("springboard".into()).spawn_scoped(scope, work);
            (1..threads).for_each(|_| drop(start()));
            work();
        });
    }
    plans.into_iter().map(|plan| engine.shape(plan?.borrow())).collect()
}
