//! The pools of the process, by what makes them different.

use std::{
    any::Any,
    collections::HashMap,
    sync::{LazyLock, Mutex, MutexGuard, Once, PoisonError},
};

use springboard_abi::Plan;
use springboard_code::{Announce, CodeMemory, CodeWrites, capability, fork};
use springboard_ir::Signature;

use super::{
    dispatch::{self, ResultRegister},
    pool::{Free, Pool, Source, Stubs, Zero},
};
use crate::{
    engine::Engine,
    fallback::{Closures, Unsupported},
    reason::Reason,
};

#[derive(PartialEq, Eq, Hash)]
enum Key {
    /// Whom stubs are announced to, here and below.
    Stubs(Plan, Zero, Vec<Announce>),
    Direct(Plan, Zero, ResultRegister, Vec<Announce>),
    Closures(Signature),
}

static POOLS: LazyLock<Mutex<HashMap<Key, &'static Pool>>> = LazyLock::new(Mutex::default);

/// Memory for the stubs of all callbacks that nobody is told of.
static MEMORY: LazyLock<Result<CodeMemory, Reason>> = LazyLock::new(|| memory(Vec::new()));

fn memory(announce: Vec<Announce>) -> Result<CodeMemory, Reason> {
    let strategy = capability().strategy(CodeWrites::Strict).map_err(Reason::NoExecutableMemory)?;
    Ok(CodeMemory::announcing(strategy, usize::MAX, announce))
}

/// Memory for the stubs of a pool.
fn memory_for(announce: &[Announce]) -> Result<CodeMemory, Reason> {
    if announce.is_empty() { MEMORY.clone() } else { memory(announce.to_vec()) }
}

/// The pool of stubs for `plan`, whose callers get `zero`. Compiles the plan where there is none yet.
pub(super) fn stubs(engine: &Engine, plan: Plan, zero: Zero) -> Result<&'static Pool, Reason> {
    find(Key::Stubs(plan, zero, engine.announces().to_vec()), |key| {
        let Key::Stubs(plan, zero, announce) = key else { unreachable!("the key is that of stubs") };
        let stubs = Stubs::of(plan, engine, memory_for(announce)?)?;
        Ok(Pool::new(Source::Stubs(stubs), *zero, None))
    })
}

/// The pool of stubs for `plan`, of the `direct` entry, whose callers get `zero` in the register of their result.
pub(super) fn direct(
    engine: &Engine,
    plan: Plan,
    zero: Zero,
    result: ResultRegister,
) -> Result<&'static Pool, Reason> {
    find(Key::Direct(plan, zero, result, engine.announces().to_vec()), |key| {
        let Key::Direct(plan, zero, result, announce) = key else {
            unreachable!("the key is that of direct stubs")
        };
        let refusing = dispatch::refusing(*result, plan.parameters.len());
        let stubs = Stubs::of(plan, engine, memory_for(announce)?)?;
        Ok(Pool::new(Source::Stubs(stubs), *zero, Some(refusing)))
    })
}

/// The pool of libffi's closures for `signature`.
pub(super) fn closures(
    engine: &Engine,
    signature: &Signature,
    zero: Zero,
) -> Result<&'static Pool, Unsupported> {
    find(Key::Closures(signature.clone()), |_| {
        Ok(Pool::new(
            Source::Closures(Closures::new(
                signature,
                engine.data_model(),
                engine.target(),
                super::dispatch::dispatch,
            )?),
            zero,
            None,
        ))
    })
}

/// All pools, locked while the process forks: a child could not unlock what another thread had locked.
struct PoolsLocked {
    _free: Vec<MutexGuard<'static, Free>>,
    _pools: MutexGuard<'static, HashMap<Key, &'static Pool>>,
}

/// Locks all pools. Their locks are taken elsewhere without a [`fork::Hold`], and nothing is waited for under them.
fn lock_pools() -> Box<dyn Any> {
    let pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    Box::new(PoolsLocked { _free: pools.values().map(|pool| pool.lock()).collect(), _pools: pools })
}

fn find<E>(key: Key, make: impl FnOnce(&Key) -> Result<&'static Pool, E>) -> Result<&'static Pool, E> {
    static LOCKED_AT_FORK: Once = Once::new();
    LOCKED_AT_FORK.call_once(|| fork::lock_at_fork(lock_pools));
    // A child that is forked meanwhile would find them locked for ever.
    let _hold = fork::hold();
    let mut pools = POOLS.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(pool) = pools.get(&key) {
        return Ok(pool);
    }
    let pool = make(&key)?;
    pools.insert(key, pool);
    Ok(pool)
}
