//! The pools of the process: one for each set of facts that its stubs' bytes or their memory depend on.

use std::{
    any::Any,
    collections::{HashMap, hash_map},
    sync::{LazyLock, Mutex, MutexGuard, Once, PoisonError},
};

use springboard_abi::{Form, Plan};
use springboard_code::{CodeMemory, fork};
use springboard_emit::Protection;
use springboard_ir::Signature;

use super::{
    dispatch::{self, ResultRegister},
    pool::{Free, Pool, Source, Stubs, Zero},
};
use crate::{
    engine::{Engine, MemorySettings},
    fallback::{Closures, Unsupported},
    reason::Reason,
};

/// What a pool of stubs depends on.
#[derive(PartialEq, Eq, Hash)]
struct StubsKey {
    plan: Plan,
    zero: Zero,
    /// Of a `direct` plan.
    result: Option<ResultRegister>,
    protection: Protection,
    memory: MemorySettings,
}

#[derive(Default)]
struct Pools {
    stubs: HashMap<StubsKey, &'static Pool>,
    closures: HashMap<Signature, &'static Pool>,
    memory: HashMap<MemorySettings, CodeMemory>,
}

static POOLS: LazyLock<Mutex<Pools>> = LazyLock::new(Mutex::default);

/// The pool of stubs for `plan`, whose rejected callers get `zero`. Compiles the plan if the pool is new. A plan of the
/// `direct` entry comes with the register of its result.
pub(super) fn stubs(
    engine: &Engine,
    plan: Plan,
    zero: Zero,
    result: Option<ResultRegister>,
) -> Result<&'static Pool, Reason> {
    let (protection, memory) = (engine.protection(), engine.memory_settings().clone());
    let key = StubsKey { plan, zero, result, protection, memory };
    let (_hold, mut pools) = lock();
    if let Some(pool) = pools.stubs.get(&key) {
        return Ok(pool);
    }
    let memory = match pools.memory.entry(key.memory.clone()) {
        hash_map::Entry::Occupied(known) => known.get().clone(),
        hash_map::Entry::Vacant(place) => place.insert(key.memory.memory()?).clone(),
    };
    let refusing = match (result, &key.plan.form) {
        (Some(result), Form::Direct { context }) => Some(dispatch::refusing(result, usize::from(*context))),
        _ => None,
    };
    let pool =
        Pool::new(Source::Stubs(Stubs::of(&key.plan, engine, memory, dispatch::dispatch)?), zero, refusing);
    pools.stubs.insert(key, pool);
    Ok(pool)
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
    let closures = Closures::new(signature, engine.data_model(), engine.target(), dispatch::dispatch)?;
    let pool = Pool::new(Source::Closures(closures), zero, None);
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
