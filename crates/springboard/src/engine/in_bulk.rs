//! Many functions, bound at once.

use std::{
    borrow::Borrow,
    collections::HashMap,
    ffi::c_void,
    num::NonZero,
    ptr::NonNull,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread, vec,
};

use foldhash::fast::RandomState;
use springboard_abi::{Plan, SlotForm};
use springboard_ir::{Prototype, Signature};

use super::{Callee, Compile, Engine, code::Own, shape::Shape};
use crate::{
    bind_error::BindError,
    declaration::Declaration,
    function::{Binding, Code, Facts, Function},
    library::Library,
    reason::Reason,
    tier::Tiered,
};

/// Shapes for which one more thread is worth its start.
const SHAPES_PER_THREAD: usize = 8;

/// A declaration with its symbol found.
struct Found {
    prototype: Prototype,
    address: NonNull<c_void>,
}

/// See [`Engine::bind_all`].
pub(super) fn bind<D: Declaration>(
    engine: &Engine,
    library: &Library,
    declarations: impl IntoIterator<Item = D>,
) -> Vec<Result<Function, BindError>> {
    let found = declarations.into_iter().map(|declaration| find(library, declaration));
    bind_found(engine, found, Some(library))
}

/// Binds functions at addresses, which nothing keeps loaded.
pub(super) fn bind_at(
    engine: &Engine,
    functions: impl IntoIterator<Item = (Prototype, NonNull<c_void>)>,
) -> Vec<Result<Function, BindError>> {
    let found = functions.into_iter().map(|(prototype, address)| Ok(Found { prototype, address }));
    bind_found(engine, found, None)
}

fn bind_found(
    engine: &Engine,
    found: impl Iterator<Item = Result<Found, BindError>>,
    library: Option<&Library>,
) -> Vec<Result<Function, BindError>> {
    let mut distinct = Distinct { engine, known: HashMap::default(), plans: Vec::new(), facts: Vec::new() };
    // While a declaration is in the cache.
    let mut with_plan = |found: Found| {
        let index = distinct.index(&found.prototype.signature);
        (found, index)
    };
    let found: Vec<_> = found.map(|found| found.map(&mut with_plan)).collect();
    let Distinct { plans, facts, .. } = distinct;
    // A type without a layout has a plan as little as facts.
    let callee = |found: &Found, index: usize| match &facts[index] {
        Ok(facts) => facts.callee(found.address),
        Err(_) => Callee { address: found.address, result: SlotForm::None },
    };
    let each = || found.iter().flatten().map(|(found, index)| (callee(found, *index), *index));
    let mut codes = match engine.shared.compile {
        Compile::Eager => Codes::Now(Compiled::new(engine, plans, each())),
        Compile::Lazy | Compile::Background => {
            Codes::Later(plans.into_iter().map(|plan| plan.map(Arc::new)).collect())
        }
    };
    // One after the other: the memory that each of them takes is still in the cache when the next one is made.
    let bind = |found: Result<(Found, usize), BindError>| {
        let (found, index) = found?;
        let callee = callee(&found, index);
        let binding = match &mut codes {
            Codes::Now(compiled) => Binding::Now(compiled.code(engine, callee, index)),
            Codes::Later(plans) => engine.binding(plans[index].clone(), callee),
        };
        let facts = facts[index].as_ref().map_err(BindError::clone)?;
        Function::new(found.prototype, found.address, library.cloned(), binding, facts)
    };
    let functions: Vec<_> = found.into_iter().map(bind).collect();
    engine.begin(functions.iter().flatten());
    functions
}

/// What is there to enter for functions, by the index of their plan.
enum Codes {
    Now(Compiled),
    Later(Vec<Result<Arc<Plan>, Reason>>),
}

/// Plans, compiled.
struct Compiled {
    shapes: Vec<Result<Arc<Shape>, Reason>>,
    /// Functions' own stubs, written in one go: one for each that has a shape.
    own: Option<vec::IntoIter<Code>>,
}

impl Compiled {
    /// Compiles plans, and writes the own stubs of functions, given with the index of their plan.
    fn new(
        engine: &Engine,
        plans: Vec<Result<Plan, Reason>>,
        functions: impl Iterator<Item = (Callee, usize)>,
    ) -> Compiled {
        let shapes = compile(engine, plans);
        let with_shapes =
            functions.filter_map(|(callee, index)| Some((callee, &**shapes[index].as_ref().ok()?)));
        // Where there is no room for all of them, there may be for some.
        let own = engine.has_own_stubs().then(|| publish(engine, with_shapes).ok()).flatten();
        let own = own.map(Vec::into_iter);
        Compiled { shapes, own }
    }

    /// What to enter for the next of the functions.
    fn code(&mut self, engine: &Engine, callee: Callee, index: usize) -> Result<Code, Reason> {
        let shape = self.shapes[index].as_ref().map_err(Reason::clone)?;
        match &mut self.own {
            Some(own) => Ok(own.next().expect("one a function with a shape")),
            None => engine.code_of(shape, callee),
        }
    }
}

/// Makes the stubs of functions that were bound without, as many in one go as there is room for.
pub(super) fn settle(engine: &Engine, functions: &[Arc<Tiered>]) {
    let mut known: HashMap<Arc<Plan>, usize, RandomState> = HashMap::default();
    let mut plans = Vec::new();
    // What somebody else has made meanwhile has no plan any more.
    let wanting = functions.iter().filter_map(|function| Some((function, function.plan()?)));
    let wanting: Vec<_> = wanting
        .map(|(function, plan)| {
            let index = *known.entry(plan).or_insert_with_key(|plan| {
                plans.push(Ok(Plan::clone(plan)));
                plans.len() - 1
            });
            (function, index)
        })
        .collect();
    let functions = wanting.iter().map(|&(function, index)| (function.callee(), index));
    let mut compiled = Compiled::new(engine, plans, functions);
    for (function, index) in wanting {
        function.settle(compiled.code(engine, function.callee(), index));
    }
}

fn find(library: &Library, declaration: impl Declaration) -> Result<Found, BindError> {
    let prototype = declaration.into_prototype()?;
    let address = library.symbol(prototype.name.as_deref().ok_or(BindError::Unnamed)?)?;
    Ok(Found { prototype, address })
}

/// The distinct signatures among functions.
struct Distinct<'e> {
    engine: &'e Engine,
    known: HashMap<Signature, usize, RandomState>,
    plans: Vec<Result<Plan, Reason>>,
    facts: Vec<Result<Facts<'e>, BindError>>,
}

impl Distinct<'_> {
    /// Which of them this is.
    fn index(&mut self, signature: &Signature) -> usize {
        if let Some(index) = self.known.get(signature) {
            return *index;
        }
        self.plans.push(self.engine.function_plan(signature));
        self.facts.push(Facts::of(signature, self.engine));
        let index = self.plans.len() - 1;
        self.known.insert(signature.clone(), index);
        index
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

/// A stub of its own for each function.
fn publish<'a>(
    engine: &'a Engine,
    functions: impl Iterator<Item = (Callee, &'a Shape)>,
) -> Result<Vec<Code>, Reason> {
    let owns = functions.map(|(callee, shape)| engine.own(shape, callee));
    let owns = owns.collect::<Result<Vec<_>, _>>()?;
    let stamps: Vec<_> = owns.iter().map(Own::stamp).collect();
    let stubs = engine.memory()?.publish(&stamps)?;
    Ok(owns.into_iter().zip(stubs).map(|(own, stub)| own.code(stub)).collect())
}
