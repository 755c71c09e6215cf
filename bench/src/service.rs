//! The compiler service: what binding costs in bulk and alone, with how much memory, from a standing start, and on many
//! threads.

mod baseline;
pub(crate) mod cold;

use std::{
    fs,
    hint::black_box,
    sync::Barrier,
    thread,
    time::{Duration, Instant},
};

use rustix::{
    thread::{CpuSet, sched_setaffinity},
    time::{ClockId, clock_gettime},
};
use springboard::{
    Compile, Engine, EngineBuilder, Function, Library, Pack, Stubs,
    ir::{Prototype, Signature},
};

use crate::{
    case::{Bench, Group, selected},
    compile,
    measure::{Effort, Samples},
    native,
    report::{Row, Size},
};

/// Functions that are bound at once …
const FUNCTIONS: usize = 100_000;

/// … those of them that get a mapping each, of which Linux allows a process 65 530 …
const MAPPED: usize = 20_000;

/// … and those that are bound one by one for one sample.
const ALONE: usize = 10_000;

/// The function that is bound, over and over. Nothing here is called except for the cold start.
pub(crate) const SYMBOL: &str = "noop";

/// What was measured: times, and bytes.
#[derive(Default)]
pub(crate) struct Measured {
    pub(crate) rows: Vec<Row>,
    pub(crate) sizes: Vec<Size>,
}

type Measure = fn(&Bench, Effort, &mut Measured);

/// Measures the cases that `filters` select.
pub(crate) fn measure(bench: &Bench, filters: &[String], effort: Effort) -> Measured {
    let cases: [(&str, Measure); 4] =
        [("bulk", bulk), ("alone", alone), ("cold_start", cold_start), ("threads", threads)];
    let wanted = |case: &str| {
        filters.is_empty() || filters.iter().any(|filter| selected(Group::Service, case, filter))
    };
    let mut measured = Measured::default();
    for (case, measure) in cases.into_iter().filter(|(case, _)| wanted(case)) {
        eprintln!("{} {case}", Group::Service);
        measure(bench, effort, &mut measured);
    }
    measured
}

/// The rounds of what takes a good part of a second.
pub(crate) fn rounds(effort: Effort) -> u32 {
    effort.rounds * 3
}

/// A kind of engine, by its name in reports.
type Kind = (&'static str, fn() -> EngineBuilder);

fn builder() -> EngineBuilder {
    Engine::builder().pack(Pack::Off)
}

const KINDS: [Kind; 4] = [
    ("per-shape", builder),
    ("per-function", || builder().stubs(Stubs::PerFunction)),
    ("lazy", || builder().stubs(Stubs::PerFunction).compile(Compile::Lazy)),
    ("background", || builder().stubs(Stubs::PerFunction).compile(Compile::Background)),
];

pub(crate) fn prototypes(count: usize) -> Vec<Prototype> {
    let signatures: Vec<Signature> = compile::signatures_of_many();
    let named = |signature: &Signature| Prototype { name: Some(SYMBOL.into()), signature: signature.clone() };
    signatures.iter().cycle().take(count).map(named).collect()
}

pub(crate) fn per_function(taken: Duration, count: usize) -> f64 {
    taken.as_secs_f64() * 1e9 / count as f64
}

/// Many functions of 200 shapes, by an engine that knows none: nanoseconds a function, compiling included.
fn bulk(bench: &Bench, effort: Effort, measured: &mut Measured) {
    let mut samples = [(); KINDS.len()].map(|()| Samples::default());
    let mut stamps = [(); KINDS.len()].map(|()| Samples::default());
    let mut mapped = Samples::default();
    let declared = prototypes(FUNCTIONS);
    // Before anything is freed that what follows would find again.
    sizes(bench, &declared, measured);
    for _ in 0..rounds(effort) {
        let mut shared = f64::NAN;
        for (index, (path, builder)) in KINDS.iter().enumerate() {
            let engine = builder().build();
            let (taken, functions) = bind_all(&engine, &bench.library, declared.clone());
            let cold = per_function(taken, FUNCTIONS);
            samples[index].push(cold);
            drop(functions);
            // Once more, when all shapes are known: what is left is binding, and what differs is stamping.
            let (taken, functions) = bind_all(&engine, &bench.library, declared.clone());
            let warm = per_function(taken, FUNCTIONS);
            if *path == "per-shape" {
                shared = warm;
            }
            stamps[index].push(warm - shared);
            drop(functions);
        }
        let mut functions = Vec::new();
        let taken = process_time(|| functions = baseline::bind_all(&bench.library, &declared[..MAPPED]));
        mapped.push(per_function(taken, MAPPED));
        drop(functions);
    }
    for ((path, _), samples) in KINDS.iter().zip(&samples) {
        measured.rows.push(Row::plain(Group::Service, "bound", path, samples));
    }
    measured.rows.push(Row::plain(Group::Service, "bound", "mapping-each", &mapped));
    for ((path, _), samples) in KINDS.iter().zip(&stamps).skip(1).take(1) {
        measured.rows.push(Row::plain(Group::Service, "stamp_in_bulk", path, samples));
    }
}

fn bind_all(engine: &Engine, library: &Library, declared: Vec<Prototype>) -> (Duration, Vec<Function>) {
    let mut bound = Vec::new();
    let taken = process_time(|| bound = engine.bind_all(library, declared));
    let functions: Vec<_> = bound.into_iter().map(|bound| bound.expect("plain types have plans")).collect();
    assert_eq!(functions.len(), FUNCTIONS);
    (taken, functions)
}

/// The time that CPUs spend on `step`, on this thread and on those that it starts.
pub(crate) fn process_time(step: impl FnOnce()) -> Duration {
    let now = || {
        let now = clock_gettime(ClockId::ProcessCPUTime);
        Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
    };
    let start = now();
    step();
    now() - start
}

/// Memory that one function takes.
fn sizes(bench: &Bench, declared: &[Prototype], measured: &mut Measured) {
    let mut push = |case: &str, path: &str, bytes: f64| {
        measured.sizes.push(Size { group: Group::Service, case: case.into(), path: path.into(), bytes });
    };
    let before = resident();
    let kept = declared.to_vec();
    let (after, declared) = (resident(), kept);
    push("declaration", "prototype", (after - before) / FUNCTIONS as f64);
    let engine = builder().stubs(Stubs::PerFunction).build();
    let before = resident();
    let functions = engine.bind_all(&bench.library, declared);
    let grown = resident() - before;
    let stats = engine.stats();
    let live = stats.live as f64;
    push("stub", "mapped", stats.mapped_bytes as f64 / live);
    push("stub", "code", stats.code_bytes as f64 / live);
    push("function", "resident", grown / functions.len() as f64);
    drop(functions);
    let before = resident();
    let functions = baseline::bind_all(&bench.library, &prototypes(MAPPED));
    push("stub", "mapping-each", (resident() - before) / functions.len() as f64);
}

/// Bytes of memory that are present: `VmRSS` of proc(5).
pub(crate) fn resident() -> f64 {
    let status = fs::read_to_string("/proc/self/status").expect("Linux shows a process its status");
    let row = status.lines().find_map(|row| row.strip_prefix("VmRSS:")).expect("a process has memory");
    let kilobytes: f64 = row.trim().trim_end_matches("kB").trim_end().parse().expect("a number of kB");
    kilobytes * 1024.0
}

/// Functions of a shape that is known, one after the other.
fn alone(bench: &Bench, effort: Effort, measured: &mut Measured) {
    let address = native::address(&bench.library, SYMBOL);
    let declared = prototypes(1).remove(0);
    let mut samples = [(); 2].map(|()| (Samples::default(), Samples::default()));
    let engines = KINDS[..2].iter().map(|(_, builder)| builder().build()).collect::<Vec<_>>();
    for _ in 0..rounds(effort) * 3 {
        let mut shared = f64::NAN;
        for (index, engine) in engines.iter().enumerate() {
            let mut functions = Vec::with_capacity(ALONE);
            let declared = vec![declared.clone(); ALONE];
            let bind = |declared| engine.function_at(address, declared);
            let taken = process_time(|| functions.extend(declared.into_iter().map(bind)));
            let taken = per_function(taken, ALONE);
            assert!(functions.iter().all(Result::is_ok));
            if index == 0 {
                shared = taken;
            }
            samples[index].0.push(taken);
            samples[index].1.push(taken - shared);
        }
    }
    let each = || KINDS.iter().zip(&samples);
    for ((path, _), (bound, _)) in each() {
        measured.rows.push(Row::plain(Group::Service, "bound_alone", path, bound));
    }
    for ((path, _), (_, stamped)) in each().skip(1) {
        measured.rows.push(Row::plain(Group::Service, "stamp_alone", path, stamped));
    }
}

/// An engine made and a function called, in a process of its own.
fn cold_start(_: &Bench, effort: Effort, measured: &mut Measured) {
    for start in cold::starts() {
        let mut samples = Samples::default();
        for _ in 0..rounds(effort) * 5 {
            samples.push(cold::in_a_child(start));
        }
        measured.rows.push(Row::plain(Group::Service, "cold_start", start, &samples));
    }
}

/// Threads that bind at once. The path is their number, the time that of one bind on one of them.
fn threads(bench: &Bench, effort: Effort, measured: &mut Measured) {
    for (case, (_, builder)) in [("threads_per_shape", KINDS[0]), ("threads_per_function", KINDS[1])] {
        for (path, threads) in [("1", 1), ("2", 2), ("4", 4), ("8", 8)] {
            let mut samples = Samples::default();
            for _ in 0..rounds(effort) {
                let engine = builder().build();
                // Shapes are compiled beforehand.
                let mut known = prototypes(ALONE);
                known.truncate(compile::PLANS);
                drop(engine.bind_all(&bench.library, known));
                samples.push(bound_by(&engine, &bench.library, threads));
            }
            measured.rows.push(Row::plain(Group::Service, case, path, &samples));
        }
    }
}

/// Functions bound and dropped by so many threads at once: nanoseconds for one, of all threads together, on the wall.
pub(crate) fn bound_by(engine: &Engine, library: &Library, threads: usize) -> f64 {
    let start = Barrier::new(threads + 1);
    let taken = thread::scope(|scope| {
        let work = || {
            everywhere();
            let declared = prototypes(ALONE);
            start.wait();
            for declared in declared {
                drop(black_box(engine.function(library, declared)));
            }
        };
        let working: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        start.wait();
        let began = Instant::now();
        working.into_iter().for_each(|thread| thread.join().expect("binding does not fail"));
        began.elapsed()
    });
    per_function(taken, ALONE * threads)
}

/// Lets the calling thread run on every CPU, unlike the one that started it.
fn everywhere() {
    let mut all = CpuSet::new();
    (0..CpuSet::MAX_CPU).for_each(|cpu| all.set(cpu));
    // Where it is not allowed, the figure says so: threads do not help.
    let _ = sched_setaffinity(None, &all);
}
