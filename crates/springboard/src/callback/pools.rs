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
    dispatch::{self, ResultRegister},
    pool::{DirectCell, DirectSource, Free, Pool, SlotsCell, SlotsSource, Stubs, Zero},
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
}

#[derive(Default)]
struct Pools {
    slots: HashMap<StubsKey, &'static Pool<SlotsSource>>,
    /// By the register of the result too.
    direct: HashMap<(StubsKey, ResultRegister), &'static Pool<DirectSource>>,
    closures: HashMap<Signature, &'static Pool<SlotsSource>>,
    memory: HashMap<MemorySettings, CodeMemory>,
}

static POOLS: LazyLock<Mutex<Pools>> = LazyLock::new(Mutex::default);

/// The pool of stubs for `plan`, of the `callback` entry, whose rejected callers get `zero`. Compiles the plan if the pool
/// is new.
pub(super) fn slots(engine: &Engine, plan: Plan, zero: Zero) -> Result<&'static Pool<SlotsSource>, Reason> {
    let key = StubsKey::new(engine, plan, zero);
    let (_hold, mut pools) = lock();
    if let Some(pool) = pools.slots.get(&key) {
        return Ok(pool);
    }
    let stubs = Stubs::of(&key.plan, engine, pools.memory(&key.memory)?)?;
    let pool = Pool::new(SlotsSource::Stubs(stubs, dispatch::dispatch), zero);
    pools.slots.insert(key, pool);
    Ok(pool)
}

/// The same for a plan of the `direct` entry, with its result in `register`. `None` without memory for code.
pub(super) fn direct(
    engine: &Engine,
    plan: Plan,
    zero: Zero,
    register: ResultRegister,
) -> Option<&'static Pool<DirectSource>> {
    let Form::Direct { context } = plan.form else { return None };
    let key = (StubsKey::new(engine, plan, zero), register);
    let (_hold, mut pools) = lock();
    if let Some(pool) = pools.direct.get(&key) {
        return Some(pool);
    }
    let refusing = dispatch::refusing(register, context)?;
    let stubs = Stubs::of(&key.0.plan, engine, pools.memory(&key.0.memory).ok()?).ok()?;
    let pool = Pool::new(DirectSource { stubs, refusing }, zero);
    pools.direct.insert(key, pool);
    Some(pool)
}

impl StubsKey {
    fn new(engine: &Engine, plan: Plan, zero: Zero) -> StubsKey {
        StubsKey { plan, zero, making: engine.making(), memory: engine.memory_settings().clone() }
    }
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
) -> Result<&'static Pool<SlotsSource>, Unsupported> {
    let (_hold, mut pools) = lock();
    if let Some(pool) = pools.closures.get(signature) {
        return Ok(pool);
    }
    let closures = Closures::new(signature, engine.data_model(), engine.target(), dispatch::dispatch)?;
    let pool = Pool::new(SlotsSource::Closures(closures), zero);
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
    _slots: Vec<MutexGuard<'static, Free<SlotsCell>>>,
    _direct: Vec<MutexGuard<'static, Free<DirectCell>>>,
    _pools: MutexGuard<'static, Pools>,
}

/// Locks all pools. Their locks are taken elsewhere without a [`fork::Hold`], and nothing is waited for under them.
fn lock_all() -> Box<dyn Any> {
    let pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    let slots = pools.slots.values().chain(pools.closures.values());
    Box::new(AllLocked {
        _slots: slots.map(|pool| pool.lock()).collect(),
        _direct: pools.direct.values().map(|pool| pool.lock()).collect(),
        _pools: pools,
    })
}
