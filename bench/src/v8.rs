//! Functions for V8 before their first call: what making one takes, in bulk and alone, and how much memory its stub.

use springboard::{
    Engine, EngineBuilder, Pack,
    ir::{Prototype, Signature},
};
use springboard_js::v8::{Function, Guard, Narrow, Profile, Settings};

use crate::{
    case::{Bench, Group, selected},
    cases::v8::library,
    compile,
    measure::{Effort, Samples},
    report::{Row, Size},
    service::{Measured, SYMBOL, per_function, process_time, rounds},
};

/// Functions that are made at once, and those that are made one by one for one sample.
const FUNCTIONS: usize = 100_000;
const ALONE: usize = 5_000;

fn builder() -> EngineBuilder {
    Engine::builder().pack(Pack::Off)
}

/// Measures the cases that `filters` select.
pub(crate) fn measure(bench: &Bench, filters: &[String], effort: Effort) -> Measured {
    let wanted =
        |case: &str| filters.is_empty() || filters.iter().any(|filter| selected(Group::V8, case, filter));
    let mut measured = Measured::default();
    if wanted("v8_memory") {
        eprintln!("{} v8_memory", Group::V8);
        sizes(bench, &mut measured.sizes);
    }
    let shapes = || shapes().into_iter().cycle().take(FUNCTIONS).collect();
    for (case, count, declared) in [("bulk", FUNCTIONS, shapes()), ("alone", 1, vec![two_words(); ALONE])] {
        let [made, stamped] = ["made", "stamp"].map(|what| format!("v8_{what}_{case}"));
        if wanted(&made) || wanted(&stamped) {
            eprintln!("{} {made}", Group::V8);
            let [with, beyond] = times(bench, &builder().build(), &declared, count, effort);
            measured.rows.push(Row::plain(Group::V8, &made, "stub", &with));
            measured.rows.push(Row::plain(Group::V8, &stamped, "stub", &beyond));
        }
    }
    measured
}

/// A function's address: a word like any other, and what Node's rules refuse.
const CALLBACK: &str = "void (*)(void)";

fn two_words() -> Prototype {
    Prototype::parse(&format!("int {SYMBOL}(int, {CALLBACK})")).expect("it is C")
}

/// The shapes of the service's bench, with one word more.
fn shapes() -> Vec<Prototype> {
    let callback = Prototype::parse(&format!("void {SYMBOL}({CALLBACK})")).expect("it is C");
    let callback = &callback.signature.params()[0];
    let shape = |signature: Signature| {
        let params = [callback.clone()].into_iter().chain(signature.params().iter().cloned()).collect();
        let signature = Signature::new(signature.result().clone(), params).expect("it is not too long");
        Prototype { name: Some(SYMBOL.into()), signature }
    };
    compile::signatures_of_many().into_iter().map(shape).collect()
}

fn settings(guard: Guard) -> Settings {
    Settings { guard, narrow: Narrow::Trust, ..Settings::default() }
}

/// Makes functions of shapes that are known, so many at once. Nanoseconds of one: of everything, and of what it takes
/// beyond a function that gets no code because Node's rules refuse it, and which is the same in all else.
fn times(
    bench: &Bench,
    engine: &Engine,
    declared: &[Prototype],
    at_once: usize,
    effort: Effort,
) -> [Samples; 2] {
    let library = library(engine, &bench.library);
    let with = settings(Guard::Closed);
    let without = Settings { profile: Profile::Node, ..with.clone() };
    let make = |settings: &Settings| {
        let mut made = Vec::with_capacity(declared.len());
        let copies = declared.to_vec();
        let mut declared = copies.into_iter().peekable();
        let taken = process_time(|| {
            while declared.peek().is_some() {
                let some = declared.by_ref().take(at_once).map(|declared| (declared, settings));
                made.extend(library.functions(some));
            }
        });
        let has_code = |made: &Result<Function, _>| made.as_ref().is_ok_and(|made| made.fast().is_ok());
        let wanted = settings.profile == Profile::Full;
        assert!(made.iter().all(|made| made.is_ok() && has_code(made) == wanted));
        per_function(taken, made.len())
    };
    let mut samples = [Samples::default(), Samples::default()];
    // The first round is there so that all shapes are known.
    for round in 0..=rounds(effort) * 3 {
        let (bare, whole) = (make(&without), make(&with));
        if round > 0 {
            samples[0].push(whole);
            samples[1].push(whole - bare);
        }
    }
    samples
}

/// Bytes of code and of code memory that one stub takes: of the service's shapes with the guard, and of one shape of two
/// words with and without.
fn sizes(bench: &Bench, sizes: &mut Vec<Size>) {
    for (case, declared, guard) in [
        ("v8_stub", shapes(), Guard::Closed),
        ("v8_stub_2", vec![two_words()], Guard::None),
        ("v8_stub_2_guarded", vec![two_words()], Guard::Closed),
    ] {
        let engine = builder().build();
        let library = library(&engine, &bench.library);
        let settings = settings(guard);
        let declared = declared.iter().cycle().take(FUNCTIONS).map(|declared| (declared.clone(), &settings));
        let functions = library.functions(declared);
        assert!(functions.iter().all(|made| made.as_ref().is_ok_and(|function| function.fast().is_ok())));
        let stats = engine.stats();
        let mut push = |path: &str, bytes: u64| {
            let bytes = bytes as f64 / stats.live as f64;
            sizes.push(Size { group: Group::V8, case: case.into(), path: path.into(), bytes });
        };
        push("mapped", stats.mapped_bytes);
        push("code", stats.code_bytes);
    }
}
