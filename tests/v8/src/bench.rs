//! Loops in JavaScript: through stubs, and through a C++ function that was registered by hand.

use rustix::time::{ClockId, clock_gettime};
use springboard_js::v8::{Function, Guard, Int64, Narrow, NodeSettings, Options, Settings};

use crate::{
    Since,
    host::Fixture,
    realm::{Realm, is_modern, shim, version},
};

/// What is called: empty functions, or nearly.
const ADD: &str = "int32_t plain_add(int32_t, int32_t)";
const WIDE: &str = "int32_t plain_wide(int64_t)";
const POINTER: &str = "int32_t plain_pointer(const void *)";

/// Calls of one repetition, and repetitions of each loop. Reported are the least time, which nothing else has slowed,
/// and the median of the ratios to the loop of the C++ function that ran right before.
const CALLS: u32 = 1_000_000;
const REPETITIONS: usize = 41;

/// A loop, by what is measured in it: a function and its arguments, and the first V8 that calls it fast.
type Loop = (&'static str, Function, &'static str, Since);

/// How functions are bound in the loops that compare ways to bind, and those that compare values.
fn loops(fixture: &Fixture) -> Vec<Loop> {
    let bare = Settings {
        guard: Guard::None,
        narrow: Narrow::Trust,
        options: Options::ForBuffers,
        ..Settings::default()
    };
    let guarded = Settings { guard: Guard::Closed, ..bare.clone() };
    let with_options = Settings { options: Options::Always, ..guarded.clone() };
    let numbers = Settings { int64: Some(Int64::Number), ..guarded.clone() };
    let buffer = Settings { buffers: vec![0], ..guarded.clone() };
    let plain = |declaration, settings: &Settings| fixture.function_with(declaration, settings.clone());
    let strict = |name, arguments: &[&str]| fixture.node(name, arguments, "i32", NodeSettings::default());
    let (wide, pointer) = (|| strict("plain_wide", &["i64"]), |ty| strict("plain_pointer", &[ty]));
    vec![
        ("stub", plain(ADD, &bare), "sum, i", Since::Always),
        ("guarded", plain(ADD, &guarded), "sum, i", Since::Always),
        ("guarded_options", plain(ADD, &with_options), "sum, i", Since::Always),
        ("strict", strict("plain_add", &["i32", "i32"]), "sum, i", Since::Always),
        ("int64_number", plain(WIDE, &numbers), "i", Since::Always),
        ("int64_bigint", plain(WIDE, &guarded), "wide", Since::V12_6),
        ("strict_int64_number", wide(), "i", Since::Always),
        ("strict_int64_bigint", wide(), "wide", Since::V12_6),
        ("pointer_bigint", plain(POINTER, &guarded), "wide", Since::V12_6),
        ("strict_pointer_bigint", pointer("pointer"), "wide", Since::V12_6),
        ("strict_pointer_null", pointer("pointer"), "null", Since::Always),
        ("buffer", plain(POINTER, &buffer), "view", Since::Always),
        ("strict_buffer", pointer("buffer"), "view", Since::Always),
        ("strict_string_5", pointer("string"), "'short'", Since::V12_6),
        ("strict_string_1000", pointer("string"), "long", Since::V12_6),
    ]
}

/// Measures, and prints a table.
pub(crate) fn run() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    let native = fixture.engine.function(&fixture.native, ADD).expect("it is there");
    let add = native.typed::<unsafe extern "C" fn(i32, i32) -> i32>().expect("its own type").get();
    // SAFETY: the realm is this thread's, and the function one of the fixture, which stays loaded.
    unsafe { (shim().define_by_hand)(realm.raw(), add) };
    // Values are made once: what is measured is their conversion.
    realm.eval(
        "const view = new Uint8Array(new ArrayBuffer(16)), wide = 1n << 40n, long = 'x'.repeat(1000); 0",
    );
    let (mut handles, mut names) = (Vec::new(), vec![("by_hand", "sum, i"), ("inlined", "sum, i")]);
    for (name, function, arguments, since) in loops(&fixture) {
        if since == Since::Always || is_modern() {
            handles.push(realm.define(name, &function));
            names.push((name, arguments));
        }
    }
    for (name, arguments) in &names {
        realm.eval(&format!(
            "loop_{name} = (n) => {{ let sum = 0; for (let i = 0; i < n; i++) sum = {name}({arguments}) | 0; return sum }}; \
             %PrepareFunctionForOptimization(loop_{name}); loop_{name}(10); \
             %OptimizeFunctionOnNextCall(loop_{name}); loop_{name}(10); 0"
        ));
    }
    let slow: Vec<u64> = handles.iter().map(|handle| realm.slow_calls(*handle)).collect();
    let mut by_hand = f64::INFINITY;
    let mut rows: Vec<_> = names[1..].iter().map(|(name, _)| (*name, f64::INFINITY, Vec::new())).collect();
    for _ in 0..REPETITIONS {
        for (name, least, ratios) in &mut rows {
            let base = time(&realm, "by_hand");
            let own = time(&realm, name);
            by_hand = by_hand.min(base);
            *least = least.min(own);
            ratios.push(own / base);
        }
    }
    for ((name, _), (handle, before)) in names[2..].iter().zip(handles.iter().zip(slow)) {
        assert_eq!(realm.slow_calls(*handle), before, "all calls of {name} were fast");
    }
    println!("V8 {}.{}, {CALLS} calls a loop, {REPETITIONS} loops", version() / 1000, version() % 1000);
    println!("{:<22}{:>10}{:>14}{:>14}", "loop", "least ns", "of by_hand's", "median ratio");
    println!("{:<22}{by_hand:>10.2}", "by_hand");
    for (name, least, mut ratios) in rows {
        ratios.sort_by(f64::total_cmp);
        println!("{name:<22}{least:>10.2}{:>14.2}{:>14.2}", least / by_hand, ratios[REPETITIONS / 2]);
    }
}

/// Nanoseconds of one call. The clock stands still while other threads have the CPU.
fn time(realm: &Realm, name: &str) -> f64 {
    let script = format!("loop_{name}({CALLS})");
    let now = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        now.tv_sec as f64 * 1e9 + now.tv_nsec as f64
    };
    let start = now();
    realm.eval(&script);
    (now() - start) / f64::from(CALLS)
}
