//! The pools of the process: one for each set of facts that its stubs' bytes or their memory depend on.

use std::{
    any::Any,
    collections::{HashMap, hash_map},
    sync::{LazyLock, Mutex, MutexGuard, Once, PoisonError},
};

use springboard_abi::{Form, Plan};
use springboard_code::{CodeMemory, fork};
use springboard_ir::Signature;

use super::{
    dispatch::dispatch,
    pool::{Free, Pool, Source, Stubs, Zero},
    refusing::{ResultRegister, refusing},
};
use crate::{
    engine::{Engine, Making, MemorySettings},
    fallback::{Closures, Unsupported},
    reason::Reason,
};

/// What a pool of stubs depends on.
#[derive(PartialEq, Eq, Hash)]
struct StubsKey {
    plan: Plan,
    zero: Zero,
    making: Making,
    memory: MemorySettings,
    /// Of the `direct` entry.
    register: Option<ResultRegister>,
}

#[derive(Default)]
struct Pools {
    stubs: HashMap<StubsKey, &'static Pool>,
    closures: HashMap<Signature, &'static Pool>,
    memory: HashMap<MemorySettings, CodeMemory>,
}

static POOLS: LazyLock<Mutex<Pools>> = LazyLock::new(Mutex::default);

/// The pool of stubs for `plan`, of the `callback` entry, whose rejected callers get `zero`. Compiles the plan if the pool
/// is new.
pub(super) fn slots(engine: &Engine, plan: Plan, zero: Zero) -> Result<&'static Pool, Reason> {
    stubs(engine, plan, zero, None, |stubs| Source::Slots(stubs, dispatch))
}

/// The same for a plan of the `direct` entry, with its result in `register`. `None` without memory for code.
pub(super) fn direct(
    engine: &Engine,
    plan: Plan,
    zero: Zero,
    register: ResultRegister,
) -> Option<&'static Pool> {
    let Form::Direct { context } = plan.form else { return None };
    let refusing = refusing(register, context)?;
    stubs(engine, plan, zero, Some(register), |stubs| Source::Direct(stubs, refusing)).ok()
}

fn stubs(
    engine: &Engine,
    plan: Plan,
    zero: Zero,
    register: Option<ResultRegister>,
    source: impl FnOnce(Stubs) -> Source,
) -> Result<&'static Pool, Reason> {
    let (making, memory) = (engine.making(), engine.memory_settings().clone());
    let key = StubsKey { plan, zero, making, memory, register };
    let (_hold, mut pools) = lock();
    if let Some(pool) = pools.stubs.get(&key) {
        return Ok(pool);
    }
    let stubs = Stubs::of(&key.plan, engine, pools.memory(&key.memory)?)?;
    let pool = Pool::new(source(stubs), zero);
    pools.stubs.insert(key, pool);
    Ok(pool)
}

impl Pools {
    fn memory(&mut self, settings: &MemorySettings) -> Result<CodeMemory, Reason> {
        Ok(match self.memory.entry(settings.clone()) {
            hash_map::Entry::Occupied(known) => known.get().clone(),
            hash_map::Entry::Vacant(place) => place.insert(settings.memory()?).clone(),
        })
    }
}

/// The pool of libffi's closures for `signature`.
pub(super) fn closures(
    engine: &Engine,
    signature: &Signature,
    zero: Zero,
) -> Result<&'static Pool, Unsupported> {
    let (_hold, mut pools) = lock();
    if let Some(pool) = pools.closures.get(signature) {
        return Ok(pool);
    }
    let closures = Closures::new(signature, engine.data_model(), engine.target(), dispatch)?;
    let pool = Pool::new(Source::Closures(closures), zero);
    pools.closures.insert(signature.clone(), pool);
    Ok(pool)
}

/// The pools, and what keeps the process from forking: a child would find them locked for ever.
fn lock() -> (fork::Hold, MutexGuard<'static, Pools>) {
    static LOCKED_AT_FORK: Once = Once::new();
    LOCKED_AT_FORK.call_once(|| fork::lock_at_fork(lock_all));
    (fork::hold(), POOLS.lock().unwrap_or_else(PoisonError::into_inner))
}

/// All pools, locked while the process forks. Fields are dropped in order.
struct AllLocked {
    _free: Vec<MutexGuard<'static, Free>>,
    _pools: MutexGuard<'static, Pools>,
}

/// Locks all pools. Their locks are taken elsewhere without a [`fork::Hold`], and nothing is waited for under them.
fn lock_all() -> Box<dyn Any> {
    let pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let all = pools.stubs.values().chain(pools.closures.values());
    Box::new(AllLocked { _free: all.map(|pool| pool.lock()).collect(), _pools: pools })
}
