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

use super::{Engine, Stubs, bind::own};
use crate::{
    cache::Shape,
    declaration::Declaration,
    function::{BindError, Code, Function},
    library::Library,
    reason::Reason,
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
    let found: Vec<_> = declarations.into_iter().map(|declaration| find(library, declaration)).collect();
    let (shapes, which) = shapes(engine, found.iter().flatten());
    let codes = codes(
        engine,
        found.iter().flatten().zip(which).map(|(found, index)| (found.address, &shapes[index])),
    );
    let mut codes = codes.into_iter();
    let bind = |found: Result<Found, BindError>| {
        let Found { prototype, address } = found?;
        let code = codes.next().expect("there is one for each that was found");
        engine.bind_to(prototype, address, Some(library.clone()), code)
    };
    found.into_iter().map(bind).collect()
}

fn find(library: &Library, declaration: impl Declaration) -> Result<Found, BindError> {
    let prototype = declaration.into_prototype()?;
    let address = library.symbol(prototype.name.as_deref().ok_or(BindError::Unnamed)?)?;
    Ok(Found { prototype, address })
}

/// The shape of every plan there is among the functions, and for each function which of them is its.
fn shapes<'a>(
    engine: &Engine,
    found: impl Iterator<Item = &'a Found>,
) -> (Vec<Result<Arc<Shape>, Reason>>, Vec<usize>) {
    let mut known: HashMap<&Signature, usize, RandomState> = HashMap::default();
    let mut plans: Vec<Result<Plan, Reason>> = Vec::new();
    let which = found
        .map(|Found { prototype, .. }| {
            *known.entry(&prototype.signature).or_insert_with(|| {
                plans.push(engine.plan(&prototype.signature, engine.shared.stubs.entry()));
                plans.len() - 1
            })
        })
        .collect();
    (compile(engine, plans), which)
}

/// Compiles plans, on several threads where that pays.
fn compile(engine: &Engine, plans: Vec<Result<Plan, Reason>>) -> Vec<Result<Arc<Shape>, Reason>> {
    let spare = thread::available_parallelism().map_or(1, NonZero::get);
    let threads = spare.min(plans.len() / SHAPES_PER_THREAD);
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
    let Ok(stubs) = memory.publish(&stamps) else {
        // There is no room for all of them. There may be for some.
        return functions.map(one).collect();
    };
    let mut stubs = stubs.into_iter();
    let own = |(_, shape): (_, &Result<_, Reason>)| match shape {
        Ok(_) => Ok(Code::Own(stubs.next().expect("one a stamp"))),
        Err(reason) => Err(reason.clone()),
    };
    functions.map(own).collect()
}
