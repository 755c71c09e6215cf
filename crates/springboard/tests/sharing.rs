//! What engines, libraries and functions share: shapes between functions, everything between threads, and memory
//! between what is dropped and what is left.

use std::{sync::Barrier, thread};

use springboard::{Engine, Function, Jit, Library, Path, Slots, Stats, Stubs, Value};

mod support;

use support::{
    BOTH, NoWritableCode, call, engine, enter, function,
    system::{LIBRARIES_UNLOAD, is_mapped},
    word,
};

fn stats_after(bind: &[&str]) -> Stats {
    let engine = engine(Jit::On);
    for declaration in bind {
        let symbol = declaration.split(['(', ' ']).nth(1).expect("a name follows the result");
        engine.function_named(&support::fixture(), symbol, *declaration).unwrap();
    }
    engine.stats()
}

#[test]
fn functions_of_one_shape_share_a_stub() {
    let stats =
        stats_after(&["int32_t neg_i32(int32_t)", "int64_t neg_i64(int64_t)", "char* advance(char*)"]);
    assert_eq!((stats.misses, stats.compiles, stats.hits, stats.native), (1, 1, 2, 3));
    assert_eq!(stats.fallbacks.total(), 0);
    let one = stats_after(&["int32_t neg_i32(int32_t)"]);
    assert_eq!(stats.code_bytes, one.code_bytes);
    assert!(one.code_bytes > 0 && one.mapped_bytes >= one.code_bytes, "{one:?}");
}

/// What a stub per function takes, for 200 shapes of up to twelve parameters, a quarter of them structures.
#[test]
fn stubs_of_functions_own_take_little_memory() {
    const SHAPES: usize = 200;
    const EACH: usize = 50;
    let params =
        ["long", "double", "int", "float", "char *", "struct { double a, b; }", "struct { int a[5]; }"];
    let results = ["void", "int", "double", "struct { long a, b; }"];
    let mut random = 1u64;
    let mut below = |limit: usize| {
        random = random.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (random >> 33) as usize % limit
    };
    let mut shape = || {
        let list: Vec<_> = (0..below(13)).map(|_| params[below(params.len())]).collect();
        let list = if list.is_empty() { "void".to_owned() } else { list.join(", ") };
        format!("{} f({list})", results[below(results.len())])
    };
    let engine = Engine::builder().stubs(Stubs::PerFunction).build();
    let library = support::fixture();
    let declarations: Vec<_> = (0..SHAPES).map(|_| shape()).collect();
    let bind = |declaration: &String| engine.function_named(&library, "neg_i32", declaration.as_str());
    let bound: Vec<_> =
        declarations.iter().flat_map(|declaration| vec![declaration; EACH]).map(bind).collect();
    assert!(
        bound
            .iter()
            .all(|bound| bound.as_ref().is_ok_and(|function| matches!(function.path(), Path::Native)))
    );
    let stats = engine.stats();
    assert!(stats.shared > SHAPES as u64 / 4 && stats.shared < stats.compiles, "{stats:?}");
    let each = stats.mapped_bytes / (SHAPES * EACH) as u64;
    // On Windows such a stub calls, and has a frame and a row for unwinders.
    let limit = match (support::system::SYSTEM_V, support::system::POSITIONS_COUNT) {
        (true, _) => 96,
        (_, true) => 256,
        _ => 128,
    };
    assert!(each <= limit, "{each} bytes each");
}

#[test]
fn fallbacks_are_counted_by_reason() {
    let off = engine(Jit::Off);
    function(&off, "neg_i32");
    let stats = off.stats();
    assert_eq!((stats.fallbacks.jit_off, stats.fallbacks.total(), stats.native), (1, 1, 0));
    assert_eq!(
        (stats.misses, stats.compiles, stats.mapped_bytes),
        (0, 0, 0),
        "nothing is compiled or mapped"
    );
    let on = engine(Jit::On);
    function(&on, "wrap_wide");
    // Only System V AMD64 returns it in a way that the compiler cannot express.
    let ineligible = u64::from(support::system::SYSTEM_V);
    assert_eq!((on.stats().fallbacks.ineligible, on.stats().native), (ineligible, 1 - ineligible));
}

#[test]
fn a_function_outlives_its_library_and_its_engine() {
    let _maps = NoWritableCode;
    for jit in BOTH {
        let library = support::load("int answer(void) { return 42; }", "outlived");
        let engine = engine(jit);
        let answer = engine.function(&library, "int answer(void)").unwrap();
        drop(library);
        drop(engine);
        assert_eq!(call(&answer, &[]), Value::from(42));
        let clone = answer.clone();
        drop(answer);
        assert_eq!(enter(&clone.slots::<i32>().unwrap(), &[]), 42);
    }
}

#[test]
fn handles_keep_what_they_call() {
    let _maps = NoWritableCode;
    for jit in BOTH {
        let library = support::load("int answer(void) { return 42; }", "kept");
        let path = library.path().unwrap().to_owned();
        let answer = engine(jit).function(&library, "int answer(void)").unwrap();
        let slots = answer.slots::<i32>().unwrap();
        let untyped = answer.untyped_slots();
        let typed = answer.typed::<unsafe extern "C" fn() -> i32>().unwrap();
        drop((library, answer));
        let clone = slots.clone();
        drop(slots);
        assert_eq!(enter(&clone, &[]), 42);
        drop(clone);
        // SAFETY: the function takes nothing and touches nothing.
        unsafe {
            assert_eq!(untyped.call(&[]), 42);
            drop(untyped);
            assert_eq!(typed.call(), 42);
        }
        assert!(is_mapped(&path), "the last handle keeps the library");
        drop(typed);
        assert_eq!(is_mapped(&path), !LIBRARIES_UNLOAD, "nothing keeps the library");
    }
}

#[test]
fn a_function_keeps_the_stub_that_it_leaves_its_moves_to() {
    let _maps = NoWritableCode;
    let source = "long sum(long a, long b, long c, long d, long e, long f, long g, long h, long i, long j) \
                  { return a + b + c + d + e + f + g + h + i + j; }";
    let library = support::load(source, "relayed");
    let engine = Engine::builder().stubs(Stubs::PerFunction).build();
    let declaration = "long sum(long, long, long, long, long, long, long, long, long, long)";
    let sum = engine.function(&library, declaration).unwrap();
    let stats = engine.stats();
    assert_eq!((stats.live, stats.shared), (2, 1), "one of its own, and one of its shape");
    drop((library, engine));
    let ten: Vec<Value> = (1..=10i64).map(Value::from).collect();
    assert_eq!(call(&sum, &ten), Value::from(55i64));
}

#[test]
fn a_library_is_unloaded_with_its_last_function() {
    let library = support::load("int answer(void) { return 42; }", "unloaded");
    let path = library.path().unwrap().to_owned();
    let mapped = || is_mapped(&path);
    let answer = engine(Jit::On).function(&library, "int answer(void)").unwrap();
    drop(library);
    assert!(mapped(), "the function keeps the library");
    assert_eq!(answer.library().and_then(Library::path), Some(&*path));
    drop(answer);
    assert_eq!(mapped(), !LIBRARIES_UNLOAD, "nothing keeps the library");
}

#[test]
fn a_shape_asked_for_at_once_is_compiled_once() {
    let _maps = NoWritableCode;
    for _ in 0..20 {
        let engine = engine(Jit::On);
        let threads = 8;
        let start = Barrier::new(threads);
        thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    start.wait();
                    let mix = function(&engine, "mix");
                    let sum = call(&mix, &[1.into(), 2.0.into(), 3i64.into(), 4.0f32.into()]);
                    assert_eq!(sum, Value::from(10.0));
                });
            }
        });
        let stats = engine.stats();
        assert_eq!((stats.compiles, stats.native), (1, threads as u64), "{stats:?}");
        assert_eq!(stats.hits + stats.misses, threads as u64, "{stats:?}");
    }
}

/// Threads that bind, call and drop functions of an engine that they share, while a function that one of them bound
/// is called by all.
#[test]
fn threads_hammer_one_engine() {
    let _maps = NoWritableCode;
    let engine = engine(Jit::On);
    let shared = function(&engine, "neg_i64");
    let slots: Slots<i64> = shared.slots().unwrap();
    thread::scope(|scope| {
        for thread in 0..8i64 {
            let (engine, slots) = (engine.clone(), slots.clone());
            scope.spawn(move || hammer(&engine, &slots, thread));
        }
    });
    let stats = engine.stats();
    // One shape each of one to eight integers, of a double, and that of `shared`, which is the first.
    assert_eq!(stats.compiles, 9, "{stats:?}");
    assert_eq!(stats.native, 1 + 8 * 200, "{stats:?}");
}

fn hammer(engine: &Engine, shared: &Slots<i64>, thread: i64) {
    let mut kept: Vec<Function> = Vec::new();
    for round in 0..200i64 {
        let bound = if round % 9 == 8 {
            function(engine, "half_f64")
        } else {
            let params = vec!["int64_t"; 1 + (round % 9) as usize].join(", ");
            engine.function(&support::fixture(), &format!("int64_t neg_i64({params})")).unwrap()
        };
        let value = thread * 1000 + round;
        if round % 9 == 8 {
            assert_eq!(enter(&bound.slots::<f64>().unwrap(), &[word(value as f64)]), value as f64 / 2.0);
        } else {
            assert_eq!(enter(&bound.slots::<i64>().unwrap(), &[word(value); 8]), -value);
        }
        assert_eq!(enter(shared, &[word(value)]), -value);
        if round % 3 == 0 {
            kept.push(bound);
        }
    }
}

#[test]
fn handles_cross_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Engine>();
    shared::<Library>();
    shared::<Function>();
    shared::<Slots<i64>>();
    shared::<springboard::function::Typed<unsafe extern "C" fn()>>();
    shared::<springboard::BindError>();
}
