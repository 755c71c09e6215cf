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

use super::{
    Callee, Code, Engine,
    code::Own,
    queue::{BATCH, Waiting},
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
        let shape = |plan: usize| shapes[plan].as_deref().map_err(Reason::clone);
        // One function after the other: the memory that each takes is still in the CPU's cache when the next is made.
        if !self.has_own_stubs() {
            let mut code = |CodeRequest { with, plan, callee }| {
                each(with, shape(plan).and_then(|shape| self.code_of(shape, callee)))
            };
            return wanted.into_iter().map(|wanted| wanted.and_then(&mut code)).collect();
        }
        let own = |CodeRequest { with, plan, callee }| {
            (with, shape(plan).and_then(|shape| self.own(shape, callee)))
        };
        let mut wanted = wanted.into_iter();
        let mut made = Vec::with_capacity(wanted.len());
        loop {
            let owns: Vec<_> = wanted.by_ref().take(BATCH).map(|wanted| wanted.map(own)).collect();
            if owns.is_empty() {
                return made;
            }
            let stamps = owns.iter().flatten().filter_map(|(_, own)| Some(own.as_ref().ok()?.stamp));
            let stamps: Vec<_> = stamps.collect();
            let stubs = self.memory().ok().and_then(|memory| memory.publish(&stamps).ok());
            let mut stubs = stubs.unwrap_or_default().into_iter();
            let mut code = |own: Own<'_>| match stubs.next() {
                Some(stub) => Ok(own.code(stub)),
                None => self.publish(own),
            };
            let mut each = |(with, own): (T, Result<Own<'_>, Reason>)| each(with, own.and_then(&mut code));
            made.extend(owns.into_iter().map(|own| own.and_then(&mut each)));
        }
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
