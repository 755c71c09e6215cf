//! Loops in JavaScript: through stubs, and through a C++ function that was registered by hand.

use rustix::time::{ClockId, clock_gettime};
use springboard_js::v8::{Guard, Narrow, NodeSettings, Options, Settings};

use crate::{
    host::Fixture,
    realm::{Realm, shim, version},
};

/// What is called: an empty function, or nearly.
const ADD: &str = "int32_t plain_add(int32_t, int32_t)";

/// Calls of one repetition, and repetitions of each loop. Reported are the least time, which nothing else has slowed,
/// and the median of the ratios to the loop of the C++ function that ran right before.
const CALLS: u32 = 1_000_000;
const REPETITIONS: usize = 41;

/// Measures, and prints a table.
pub(crate) fn run() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    let native = fixture.engine.function(&fixture.native, ADD).expect("it is there");
    let add = native.typed::<unsafe extern "C" fn(i32, i32) -> i32>().expect("its own type").get();
    // SAFETY: the realm is this thread's, and the function one of the fixture, which stays loaded.
    unsafe { (shim().define_by_hand)(realm.raw(), add) };
    let bare = Settings {
        guard: Guard::None,
        narrow: Narrow::Trust,
        options: Options::ForBuffers,
        ..Settings::default()
    };
    let guarded = Settings { guard: Guard::Closed, ..bare.clone() };
    let with_options = Settings { options: Options::Always, ..guarded.clone() };
    let mut handles = Vec::new();
    for (name, settings) in [("stub", bare), ("guarded", guarded), ("guarded_options", with_options)] {
        handles.push(realm.define(name, &fixture.function_with(ADD, settings)));
    }
    let strict = fixture.node("plain_add", &["i32", "i32"], "i32", NodeSettings::default());
    handles.push(realm.define("strict", &strict));
    let loops = ["stub", "guarded", "guarded_options", "strict", "inlined"];
    for name in loops.into_iter().chain(["by_hand"]) {
        realm.eval(&format!(
            "loop_{name} = (n) => {{ let sum = 0; for (let i = 0; i < n; i++) sum = {name}(sum, i) | 0; return sum }}; \
             %PrepareFunctionForOptimization(loop_{name}); loop_{name}(10); \
             %OptimizeFunctionOnNextCall(loop_{name}); loop_{name}(10); 0"
        ));
    }
    let slow: Vec<u64> = handles.iter().map(|handle| realm.slow_calls(*handle)).collect();
    let mut by_hand = f64::INFINITY;
    let mut rows = loops.map(|name| (name, f64::INFINITY, Vec::new()));
    for _ in 0..REPETITIONS {
        for (name, least, ratios) in &mut rows {
            let base = time(&realm, "by_hand");
            let own = time(&realm, name);
            by_hand = by_hand.min(base);
            *least = least.min(own);
            ratios.push(own / base);
        }
    }
    let now: Vec<u64> = handles.iter().map(|handle| realm.slow_calls(*handle)).collect();
    assert_eq!(now, slow, "all calls were fast");
    println!("V8 {}.{}, {CALLS} calls a loop, {REPETITIONS} loops", version() / 1000, version() % 1000);
    println!("{:<18}{:>10}{:>14}{:>14}", "loop", "least ns", "of by_hand's", "median ratio");
    println!("{:<18}{by_hand:>10.2}", "by_hand");
    for (name, least, mut ratios) in rows {
        ratios.sort_by(f64::total_cmp);
        println!("{name:<18}{least:>10.2}{:>14.2}{:>14.2}", least / by_hand, ratios[REPETITIONS / 2]);
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
