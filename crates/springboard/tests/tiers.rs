//! Functions that are bound before their stub is there.

use std::{
    ffi::c_void,
    ptr::NonNull,
    sync::{
        Barrier,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use springboard::{BindError, Compile, Engine, Function, Path, Reason, Stubs, Value, function::PointerError};

mod support;

use support::{NoWritableCode, call, enter};

/// Far longer than any machine needs.
const DEADLINE: Duration = Duration::from_secs(60);

fn engine(compile: Compile) -> Engine {
    Engine::builder().compile(compile).build()
}

extern "C" fn add(a: i64, b: i64) -> i64 {
    a + b
}

fn bind(engine: &Engine, function: *const (), declaration: &str) -> Function {
    let address = NonNull::new(function.cast::<c_void>().cast_mut()).expect("a function has an address");
    engine.function_at(address, declaration).expect("there is always a way")
}

fn bind_add(engine: &Engine) -> Function {
    bind(engine, add as *const (), "int64_t add(int64_t, int64_t)")
}

/// Waits until `done`.
fn until(what: &str, done: impl Fn() -> bool) {
    let started = Instant::now();
    while !done() {
        assert!(started.elapsed() < DEADLINE, "{what} in time");
        thread::yield_now();
    }
}

fn is_native(function: &Function) -> bool {
    matches!(function.path(), Path::Native)
}

#[test]
fn the_first_call_compiles() {
    let _maps = NoWritableCode;
    let engine = engine(Compile::Lazy);
    let add = bind_add(&engine);
    let slots = add.slots::<i64>().expect("add returns a long");
    assert!(matches!(add.path(), Path::Uncalled), "{}", add.path());
    let stats = engine.stats();
    assert_eq!((stats.pending, stats.native, stats.compiles, stats.live), (1, 0, 0, 0));
    assert_eq!(enter(&slots, &[2, 3]), 5);
    assert!(is_native(&add));
    let stats = engine.stats();
    assert_eq!((stats.pending, stats.native, stats.compiles, stats.live), (0, 1, 1, 1));
    assert_eq!(enter(&slots, &[4, 5]), 9, "what was readied before goes on");
    assert_eq!(call(&add, &[6i64.into(), 7i64.into()]), Value::from(13i64));
    assert!(is_native(&bind_add(&engine)), "a shape that is there is not waited for");
    assert_eq!(engine.stats().compiles, 1);
}

#[test]
fn what_cannot_be_compiled_is_known_at_once() {
    if !support::system::SYSTEM_V {
        // Such a result has a plan.
        return;
    }
    let engine = engine(Compile::Lazy);
    let function = bind(&engine, add as *const (), "long double f(int)");
    assert!(matches!(function.path(), Path::Libffi(Reason::Ineligible(_))), "{}", function.path());
    assert_eq!(engine.stats().pending, 0);
}

#[test]
fn libffi_stays_where_there_is_no_room() {
    for compile in [Compile::Lazy, Compile::Background] {
        let engine = Engine::builder().compile(compile).code_limit(0).build();
        let add = bind_add(&engine);
        assert_eq!(call(&add, &[2i64.into(), 3i64.into()]), Value::from(5i64));
        let limit = || matches!(add.path(), Path::Libffi(Reason::CodeLimit { bytes: 0 }));
        until("the attempt ends, and its reason is told", || engine.stats().pending == 0 && limit());
        assert_eq!(call(&add, &[2i64.into(), 4i64.into()]), Value::from(6i64));
        assert_eq!((engine.stats().native, engine.stats().fallbacks.code_limit), (0, 1));
    }
}

#[test]
fn whoever_asks_for_a_pointer_has_it_made() {
    for compile in [Compile::Lazy, Compile::Background] {
        let own = Engine::builder().compile(compile).stubs(Stubs::PerFunction).build();
        let add = bind_add(&own);
        let pointer = add.bound_pointer::<i64>().expect("it is made now");
        assert!(is_native(&add));
        // SAFETY: `add` takes two integers.
        assert_eq!(unsafe { pointer([20, 22].as_ptr()) }, 42);
        until("nobody waits", || own.stats().pending == 0);
        assert_eq!(own.stats().native, 1);
        let shared = engine(compile);
        assert!(matches!(bind_add(&shared).bound_pointer::<i64>(), Err(PointerError::Shared)));
    }
}

static CALLS: AtomicU64 = AtomicU64::new(0);

extern "C" fn count(a: i64, _b: f64) -> i64 {
    CALLS.fetch_add(1, Relaxed);
    a
}

/// Calls from many threads, before, while and after the stub comes: each returns the right thing and is made once.
#[test]
fn no_call_is_lost_or_doubled() {
    let _maps = NoWritableCode;
    const THREADS: u64 = 4;
    let mut made = 0;
    for round in 0..40 {
        let compile = if round % 2 == 0 { Compile::Lazy } else { Compile::Background };
        let stubs = if round % 4 < 2 { Stubs::PerShape } else { Stubs::PerFunction };
        let engine = Engine::builder().compile(compile).stubs(stubs).build();
        let function = bind(&engine, count as *const (), "int64_t count(int64_t, double)");
        let slots = function.slots::<i64>().expect("it returns a long");
        let (slots, start) = (&slots, Barrier::new(THREADS as usize));
        let calls: u64 = thread::scope(|scope| {
            let run = || {
                start.wait();
                let started = Instant::now();
                let mut calls = 0;
                let mut after = 0;
                // Until the stub is there, and then some more.
                while after < 10 {
                    assert_eq!(enter(slots, &[calls, 0]), calls as i64);
                    calls += 1;
                    after += u64::from(is_native(&function));
                    assert!(started.elapsed() < DEADLINE, "{}", function.path());
                }
                calls
            };
            let threads = [(); THREADS as usize].map(|()| scope.spawn(run));
            threads.map(|thread| thread.join().expect("the calls return what they should")).iter().sum()
        });
        made += calls;
        assert_eq!(CALLS.load(Relaxed), made, "round {round}");
        let stats = engine.stats();
        assert_eq!((stats.compiles, stats.native, stats.pending, stats.live), (1, 1, 0, 1));
    }
}

/// Functions and engines dropped while they are being compiled.
#[test]
fn what_is_dropped_meanwhile_leaves_nothing() {
    let _maps = NoWritableCode;
    for stubs in [Stubs::PerShape, Stubs::PerFunction] {
        let engine = Engine::builder().compile(Compile::Background).stubs(stubs).build();
        let mut kept = Vec::new();
        for round in 0..60 {
            let declaration = format!("int64_t f(int64_t, int64_t{})", ", double".repeat(round % 12));
            let function = bind(&engine, add as *const (), &declaration);
            if round % 10 == 0 {
                kept.push(function.clone());
            }
            if round % 3 == 0 {
                thread::yield_now();
            }
            drop(function);
            let short = engine_that_goes(stubs, &declaration);
            assert_eq!(
                enter(
                    &short.slots::<i64>().expect("it returns a long"),
                    &[1, 2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]
                ),
                3
            );
        }
        until("all are settled", || engine.stats().pending == 0);
        assert!(kept.iter().all(is_native));
        kept.clear();
        until("all stubs are freed but those of shapes", || engine.stats().live == engine.stats().shared);
        let shared = engine.stats().shared;
        assert!(shared <= 12, "{shared} stubs of 12 shapes");
    }
}

/// A function whose engine's handles are gone.
fn engine_that_goes(stubs: Stubs, declaration: &str) -> Function {
    let engine = Engine::builder().compile(Compile::Background).stubs(stubs).build();
    bind(&engine, add as *const (), declaration)
}

#[test]
fn a_function_without_its_engine_still_gets_its_stub() {
    let function = engine_that_goes(Stubs::PerFunction, "int64_t add(int64_t, int64_t)");
    until("it has a stub", || is_native(&function));
    assert_eq!(call(&function, &[2i64.into(), 3i64.into()]), Value::from(5i64));
}

#[test]
fn many_are_compiled_together() {
    let _maps = NoWritableCode;
    let library = support::fixture();
    let declared = support::declarations().functions();
    let eager = Engine::new().bind_all(&library, declared);
    for stubs in [Stubs::PerShape, Stubs::PerFunction] {
        for compile in [Compile::Lazy, Compile::Background] {
            let engine = Engine::builder().compile(compile).stubs(stubs).build();
            let bound = engine.bind_all(&library, declared);
            if compile == Compile::Lazy {
                // Except those that libffi cannot stand in for.
                let at_once = bound.iter().flatten().filter(|function| is_native(function)).count();
                let relay = u64::from(stubs == Stubs::PerFunction);
                let compiles = engine.stats().compiles;
                assert!(compiles <= at_once as u64 + relay, "{compiles} compiled, {at_once} have code");
                assert!(at_once < 10, "{at_once} have code");
                assert!(engine.stats().pending > 10);
                continue;
            }
            until("all are settled", || engine.stats().pending == 0);
            let path = |bound: &Result<Function, BindError>| match bound {
                Ok(function) => function.path().to_string(),
                Err(error) => error.to_string(),
            };
            assert_eq!(
                bound.iter().map(path).collect::<Vec<_>>(),
                eager.iter().map(path).collect::<Vec<_>>()
            );
            let stats = engine.stats();
            assert_eq!(stats.native + stats.fallbacks.total(), bound.iter().flatten().count() as u64);
            let own = if stubs == Stubs::PerFunction { stats.native } else { 0 };
            assert_eq!(stats.live, own + stats.shared);
            assert!(stubs == Stubs::PerFunction || stats.shared == stats.compiles, "{stats:?}");
        }
    }
}
