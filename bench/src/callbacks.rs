//! What comes before and after a callback's call: making and closing it, posting a record and draining it.

use std::{ffi::c_void, mem, ptr::NonNull, thread, time::Instant};

use springboard::{Callback, CallbackType, Engine, Mailbox};

use crate::{
    case::{Bench, Group, selected},
    measure::{Effort, Samples, cpu_time},
    report::Row,
};

/// Callbacks that are made, and closed, for one sample.
const CALLBACKS: usize = 4096;

/// Records that are posted, and drained, for one sample.
const RECORDS: usize = 1 << 16;

/// Threads that post into one mailbox.
const THREADS: usize = 8;

type Measure = fn(&Bench, Effort) -> Vec<Row>;

/// Measures the cases that `filters` select.
pub(crate) fn measure(bench: &Bench, filters: &[String], effort: Effort) -> Vec<Row> {
    let cases: [(&str, Measure); 3] = [("made", made), ("posted", posted), ("posted_by_8", posted_by_many)];
    let wanted = |case: &str| {
        filters.is_empty() || filters.iter().any(|filter| selected(Group::Callback, case, filter))
    };
    let mut rows = Vec::new();
    for (case, measure) in cases.into_iter().filter(|(case, _)| wanted(case)) {
        eprintln!("{} {case}", Group::Callback);
        rows.extend(measure(bench, effort));
    }
    rows
}

/// How often something of some milliseconds is done.
fn times(effort: Effort) -> u32 {
    effort.rounds * effort.repetitions
}

fn row(case: &str, path: &str, samples: &Samples) -> Row {
    Row::plain(Group::Callback, case, path, samples)
}

/// Callbacks of a type that has been used before.
fn made(bench: &Bench, effort: Effort) -> Vec<Row> {
    let measured = |engine: &Engine, [create, close]: [&str; 2]| {
        let kind = engine.callback_type("int (int, int)").expect("the type is C");
        let mut samples = [Samples::default(), Samples::default()];
        let mut callbacks = Vec::with_capacity(CALLBACKS);
        for _ in 0..times(effort) {
            let created =
                cpu_time(|| callbacks.extend((0..CALLBACKS as i32).map(|more| adding(&kind, more))));
            let closed = cpu_time(|| callbacks.clear());
            for (samples, taken) in samples.iter_mut().zip([created, closed]) {
                samples.push(taken.as_secs_f64() * 1e9 / CALLBACKS as f64);
            }
        }
        [row("made", create, &samples[0]), row("made", close, &samples[1])]
    };
    let stubs = measured(&bench.engine, ["create", "close"]);
    stubs.into_iter().chain(measured(&bench.fallback, ["create-libffi", "close-libffi"])).collect()
}

fn adding(kind: &CallbackType, more: i32) -> Callback {
    kind.callback(move |a: i32, b: i32| a + b + more).expect("there is memory")
}

/// A mailbox of this thread, and a function that posts a record to it.
fn mailbox(bench: &Bench) -> (Mailbox, unsafe extern "C" fn(i64)) {
    let mailbox = Mailbox::unbounded().expect("a thread with its thread-locals");
    let kind = bench.engine.callback_type("void (long)").and_then(|kind| kind.post(&mailbox));
    let callback = kind.and_then(|kind| kind.callback(|_: i64| ())).expect("there is memory");
    let address: NonNull<c_void> = callback.address();
    // It lives as long as the program.
    mem::forget(callback);
    // SAFETY: native code calls the callback as a function of this type.
    (mailbox, unsafe { mem::transmute::<NonNull<c_void>, unsafe extern "C" fn(i64)>(address) })
}

fn post(call: unsafe extern "C" fn(i64), records: usize) {
    // SAFETY: the callback is of this type, and is never closed.
    (0..records).for_each(|record| unsafe { call(record as i64) });
}

/// Records of one thread, drained when all are there.
fn posted(bench: &Bench, effort: Effort) -> Vec<Row> {
    let (mailbox, call) = mailbox(bench);
    let mut samples = [Samples::default(), Samples::default()];
    for _ in 0..times(effort) {
        let posting = || cpu_time(|| post(call, RECORDS));
        let posted = thread::scope(|scope| scope.spawn(posting).join().expect("it only posts"));
        let drained = cpu_time(|| {
            assert_eq!(mailbox.drain(usize::MAX).expect("handlers do not fail"), RECORDS);
        });
        for (samples, taken) in samples.iter_mut().zip([posted, drained]) {
            samples.push(taken.as_secs_f64() * 1e9 / RECORDS as f64);
        }
    }
    vec![row("posted", "post", &samples[0]), row("posted", "drain", &samples[1])]
}

/// Records of many threads, drained while they post: by the clock on the wall, from the first to the last.
fn posted_by_many(bench: &Bench, effort: Effort) -> Vec<Row> {
    let (mailbox, call) = mailbox(bench);
    let mut samples = Samples::default();
    for _ in 0..times(effort) {
        let start = Instant::now();
        thread::scope(|scope| {
            for _ in 0..THREADS {
                scope.spawn(|| post(call, RECORDS / THREADS));
            }
            let mut delivered = 0;
            while delivered < RECORDS {
                mailbox.wait(None);
                delivered += mailbox.drain(usize::MAX).expect("handlers do not fail");
            }
        });
        samples.push(start.elapsed().as_secs_f64() * 1e9 / RECORDS as f64);
    }
    vec![row("posted_by_8", "delivered", &samples)]
}
