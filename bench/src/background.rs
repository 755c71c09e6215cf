//! Calls in the background, by the clock on the wall: one at a time, and as fast as one thread submits them.

use std::{num::NonZero, thread, time::Instant};

use rustix::thread::{CpuSet, sched_setaffinity};
use springboard::Function;
use springboard_everyday::background::{Background, Passed, Pending};

use crate::{
    case::{Bench, Group, selected},
    measure::{Effort, Samples},
    native,
    report::Row,
};

/// Calls for one sample.
const CALLS: u32 = 1 << 14;

type Measure = fn(&Background, &Function, &mut Samples);

/// Measures the cases that `filters` select.
pub(crate) fn measure(bench: &Bench, filters: &[String], effort: Effort) -> Vec<Row> {
    let cases: [(&str, &str, Measure); 2] =
        [("background", "round-trip", round_trip), ("background", "submit", submitted)];
    let wanted = |case: &str| {
        filters.is_empty() || filters.iter().any(|filter| selected(Group::Everyday, case, filter))
    };
    let mut rows = Vec::new();
    for (case, path, measure) in cases.into_iter().filter(|(case, ..)| wanted(case)) {
        eprintln!("{} {case}: {path}", Group::Everyday);
        let mut samples = Samples::default();
        let measured = || {
            unpin();
            let background = Background::new(NonZero::<usize>::MIN, CALLS as usize).expect("one more thread");
            let address = native::address(&bench.library, "add_i32");
            let add = bench.engine.function_at(address, "int (int, int)").expect("it is C");
            for _ in 0..effort.rounds * effort.repetitions {
                measure(&background, &add, &mut samples);
            }
        };
        thread::scope(|scope| scope.spawn(measured).join().expect("calls do not fail"));
        rows.push(Row::plain(Group::Everyday, case, path, &samples));
    }
    rows
}

/// The rest of the bench keeps to one CPU. A call in the background is to go to another.
fn unpin() {
    let mut all = CpuSet::new();
    (0..CpuSet::MAX_CPU).for_each(|cpu| all.set(cpu));
    // Where the system refuses, both threads share one CPU, and the times say so.
    let _ = sched_setaffinity(None, &all);
}

fn submit(background: &Background, add: &Function, number: u32) -> Pending {
    let arguments = vec![Passed::from(number as i32), Passed::from(7)];
    // SAFETY: the function adds two numbers.
    unsafe { background.call(add, arguments) }.expect("there is room")
}

/// Nanoseconds for a call that is waited for, each by itself: where another program has the CPU meanwhile, it is one
/// call that takes long.
fn round_trip(background: &Background, add: &Function, samples: &mut Samples) {
    for number in 0..CALLS / 16 {
        let start = Instant::now();
        submit(background, add, number).wait().expect("two numbers fit");
        samples.push(start.elapsed().as_secs_f64() * 1e9);
    }
}

/// Nanoseconds for each of many calls, from the first that is submitted to the last that has ended.
fn submitted(background: &Background, add: &Function, samples: &mut Samples) {
    let start = Instant::now();
    let pending: Vec<_> = (0..CALLS).map(|number| submit(background, add, number)).collect();
    for pending in pending {
        pending.wait().expect("two numbers fit");
    }
    samples.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(CALLS));
}
