//! Many functions, bound at once.

use std::{
    collections::HashMap,
    ffi::c_void,
    num::NonZero,
    ptr::NonNull,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

use foldhash::fast::RandomState;
use springboard_abi::Plan;
use springboard_ir::{Prototype, Signature};

use super::{Compile, Engine, Stubs, bind::own};
use crate::{
    cache::Shape,
    code::{CodeMemory, Holes, Stamp, Stub},
    declaration::Declaration,
    function::{BindError, Binding, Code, Facts, Function},
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
    let found = declarations.into_iter().map(|declaration| find(library, declaration)).collect();
    bind_found(engine, found, Some(library))
}

/// Binds functions at addresses, which nothing keeps loaded.
pub(super) fn bind_at(
    engine: &Engine,
    functions: impl IntoIterator<Item = (Prototype, NonNull<c_void>)>,
) -> Vec<Result<Function, BindError>> {
    let found = functions.into_iter().map(|(prototype, address)| Ok(Found { prototype, address })).collect();
    bind_found(engine, found, None)
}

fn bind_found(
    engine: &Engine,
    found: Vec<Result<Found, BindError>>,
    library: Option<&Library>,
) -> Vec<Result<Function, BindError>> {
    let Distinct { plans, facts, which } = distinct(engine, found.iter().flatten());
    let each = found.iter().flatten().map(|found| found.address).zip(which.iter().copied());
    let bindings: Vec<Binding> = match engine.shared.compile {
        Compile::Eager => {
            let shapes = compile(engine, plans);
            let codes = codes(engine, each.map(|(address, index)| (address, &shapes[index])));
            codes.into_iter().map(Binding::Now).collect()
        }
        Compile::Lazy | Compile::Background => {
            let plans: Vec<_> = plans.into_iter().map(|plan| plan.map(Arc::new)).collect();
            each.map(|(address, index)| engine.binding(plans[index].clone(), address)).collect()
        }
    };
    let mut bindings = bindings.into_iter().zip(which);
    let bind = |found: Result<Found, BindError>| {
        let Found { prototype, address } = found?;
        let (binding, index) = bindings.next().expect("there is one for each that was found");
        let facts = facts[index].as_ref().map_err(BindError::clone)?;
        Function::new(prototype, address, library.cloned(), binding, facts)
    };
    let functions: Vec<_> = found.into_iter().map(bind).collect();
    engine.begin(functions.iter().flatten());
    functions
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
    let shapes = compile(engine, plans);
    let codes = codes(engine, wanting.iter().map(|&(function, index)| (function.address(), &shapes[index])));
    for ((function, _), code) in wanting.into_iter().zip(codes) {
        function.settle(code);
    }
}

fn find(library: &Library, declaration: impl Declaration) -> Result<Found, BindError> {
    let prototype = declaration.into_prototype()?;
    let address = library.symbol(prototype.name.as_deref().ok_or(BindError::Unnamed)?)?;
    Ok(Found { prototype, address })
}

/// The distinct signatures among functions.
struct Distinct<'e> {
    plans: Vec<Result<Plan, Reason>>,
    facts: Vec<Result<Facts<'e>, BindError>>,
    /// For each function, which of them is its.
    which: Vec<usize>,
}

fn distinct<'a, 'e>(engine: &'e Engine, found: impl Iterator<Item = &'a Found>) -> Distinct<'e> {
    let mut known: HashMap<&Signature, usize, RandomState> = HashMap::default();
    let (mut plans, mut facts) = (Vec::new(), Vec::new());
    let which = found
        .map(|Found { prototype: Prototype { signature, .. }, .. }| {
            *known.entry(signature).or_insert_with(|| {
                plans.push(engine.plan(signature, engine.entry()));
                facts.push(Facts::of(signature, engine));
                plans.len() - 1
            })
        })
        .collect();
    Distinct { plans, facts, which }
}

/// Compiles plans, on several threads where that pays.
fn compile(engine: &Engine, plans: Vec<Result<Plan, Reason>>) -> Vec<Result<Arc<Shape>, Reason>> {
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
                let _ = plan.as_ref().map(|plan| engine.shape(plan));
            }
        };
        thread::scope(|scope| {
            // A thread that cannot be started leaves the work to the others, and to the end of this function.
            let start = || thread::Builder::new().name("springboard".into()).spawn_scoped(scope, work);
            (1..threads).for_each(|_| drop(start()));
            work();
        });
    }
    plans.into_iter().map(|plan| engine.shape(&plan?)).collect()
}

/// What to enter for each function, all of it written at once.
fn codes<'a>(
    engine: &Engine,
    functions: impl Iterator<Item = (NonNull<c_void>, &'a Result<Arc<Shape>, Reason>)> + Clone,
) -> Vec<Result<Code, Reason>> {
    let one = |(address, shape): (_, &Result<Arc<Shape>, Reason>)| match shape {
        Ok(shape) => engine.code_of(shape, address),
        Err(reason) => Err(reason.clone()),
    };
    let (Stubs::PerFunction, Ok(memory)) = (engine.shared.stubs, engine.memory()) else {
        return functions.map(one).collect();
    };
    let compiled = functions.clone().filter_map(|(address, shape)| Some((address, shape.as_ref().ok()?)));
    let stamps: Vec<_> = compiled.map(|(address, shape)| own(shape, address)).collect();
    let mut stubs = published(memory, &stamps).into_iter();
    let own = |(_, shape): (_, &Result<_, Reason>)| match shape {
        Ok(_) => stubs.next().expect("one a stamp").map(Code::Own),
        Err(reason) => Err(reason.clone()),
    };
    functions.map(own).collect()
}

/// Stubs of these plans, each with the index of its own and holes, all of them written in one go.
pub(super) fn stubs(
    engine: &Engine,
    plans: Vec<Plan>,
    each: Vec<(usize, Holes)>,
) -> Vec<Result<Stub, Reason>> {
    let shapes = compile(engine, plans.into_iter().map(Ok).collect());
    let memory = match engine.memory() {
        Ok(memory) => memory,
        Err(reason) => return each.iter().map(|_| Err(reason.clone())).collect(),
    };
    let stamp = |&(index, holes): &(usize, Holes)| {
        let shape = shapes[index].as_ref().ok()?;
        Some(Stamp { name: shape.name(), template: shape.template(), holes })
    };
    let stamps: Vec<_> = each.iter().filter_map(stamp).collect();
    let mut stubs = published(memory, &stamps).into_iter();
    let stub = |(index, _): (usize, Holes)| match &shapes[index] {
        Ok(_) => stubs.next().expect("one a stamp"),
        Err(reason) => Err(reason.clone()),
    };
    each.into_iter().map(stub).collect()
}

/// All of them written in one go, or as many as there is room for.
fn published(memory: &CodeMemory, stamps: &[Stamp<'_>]) -> Vec<Result<Stub, Reason>> {
    if stamps.is_empty() {
        return Vec::new();
    }
    match memory.publish(stamps) {
        Ok(stubs) => stubs.into_iter().map(Ok).collect(),
        Err(_) => stamps.iter().map(|stamp| Ok(memory.publish(&[*stamp])?.remove(0))).collect(),
    }
}
