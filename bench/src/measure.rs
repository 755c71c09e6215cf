//! Taking times on a machine that others use as well.
//!
//! A repetition is short, so that many run without being interrupted, and each follows a repetition of the case's
//! own baseline. The clock stands still while other threads have the CPU. What is reported is the least, which
//! nothing else has slowed, and the median.

use std::time::Duration;

use rustix::{
    thread::{CpuSet, sched_getcpu, sched_setaffinity},
    time::{ClockId, clock_gettime},
};
use serde::Serialize;

use crate::case::Runner;

/// How long and how often is measured.
#[derive(Clone, Copy, Serialize)]
pub(crate) struct Effort {
    /// Passes over everything. Between two passes over one case lies the time of all others.
    pub(crate) rounds: u32,
    /// Repetitions of each path in each round.
    pub(crate) repetitions: u32,
    /// Length of a repetition, in microseconds.
    pub(crate) repetition_us: u64,
}

impl Effort {
    pub(crate) const FULL: Effort = Effort { rounds: 3, repetitions: 21, repetition_us: 2000 };
    pub(crate) const QUICK: Effort = Effort { rounds: 1, repetitions: 7, repetition_us: 500 };
}

/// Times of one thing, in nanoseconds each.
#[derive(Clone, Default)]
pub(crate) struct Samples(Vec<f64>);

impl Samples {
    pub(crate) fn push(&mut self, ns: f64) {
        self.0.push(ns);
    }

    pub(crate) fn least(&self) -> f64 {
        self.quantile(0.0)
    }

    pub(crate) fn median(&self) -> f64 {
        self.quantile(0.5)
    }

    /// The sample below which so great a part of the samples lies.
    pub(crate) fn quantile(&self, part: f64) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_unstable_by(f64::total_cmp);
        sorted[((sorted.len() - 1) as f64 * part).round() as usize]
    }

    pub(crate) fn count(&self) -> usize {
        self.0.len()
    }
}

/// Times of a path, and of the baseline right before each of them.
#[derive(Clone, Default)]
pub(crate) struct Pairs {
    pub(crate) own: Samples,
    pub(crate) baseline: Samples,
    /// One by the other, pair by pair.
    pub(crate) ratio: Samples,
}

impl Pairs {
    fn push(&mut self, own: f64, baseline: f64) {
        self.own.push(own);
        self.baseline.push(baseline);
        self.ratio.push(own / baseline);
    }
}

impl Pairs {
    /// Adds the baselines of another path, as times of the baseline itself.
    pub(crate) fn take_baseline(&mut self, other: &Pairs) {
        for ns in &other.baseline.0 {
            self.push(*ns, *ns);
        }
    }
}

/// A runner with the number of calls that make a repetition.
pub(crate) struct Timed {
    runner: Runner,
    calls: u64,
}

impl Timed {
    /// Finds the number of calls that take as long as a repetition should.
    pub(crate) fn new(mut runner: Runner, effort: Effort) -> Timed {
        let length = Duration::from_micros(effort.repetition_us);
        let mut calls = 1;
        loop {
            let taken = time(&mut runner, calls);
            if taken * 4 >= length {
                let calls = calls as f64 * length.as_secs_f64() / taken.as_secs_f64();
                return Timed { runner, calls: (calls as u64).max(1) };
            }
            calls *= 2;
        }
    }

    pub(crate) fn path(&self) -> &'static str {
        self.runner.path
    }

    /// Nanoseconds a call, from one repetition.
    pub(crate) fn sample(&mut self) -> f64 {
        time(&mut self.runner, self.calls).as_secs_f64() * 1e9 / self.calls as f64
    }
}

fn time(runner: &mut Runner, calls: u64) -> Duration {
    cpu_time(|| {
        runner.run(calls);
    })
}

/// The time that the CPU spends on `step`.
pub(crate) fn cpu_time(step: impl FnOnce()) -> Duration {
    let now = || {
        let now = clock_gettime(ClockId::ThreadCPUTime);
        Duration::new(now.tv_sec as u64, now.tv_nsec as u32)
    };
    let start = now();
    step();
    now() - start
}

/// Measures one round: each of `others` after `baseline`, again and again.
pub(crate) fn round(baseline: &mut Timed, others: &mut [(Timed, Pairs)], effort: Effort) {
    for _ in 0..effort.repetitions {
        for (timed, pairs) in &mut *others {
            let before = baseline.sample();
            pairs.push(timed.sample(), before);
        }
    }
}

/// Keeps the thread on the CPU it is on. Returns which that is, or `None` where the system does not allow it.
pub(crate) fn pin() -> Option<usize> {
    let cpu = sched_getcpu();
    let mut set = CpuSet::new();
    set.set(cpu);
    sched_setaffinity(None, &set).ok().map(|()| cpu)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quantiles_are_samples() {
        let samples = Samples(vec![5.0, 1.0, 3.0, 2.0, 4.0]);
        assert_eq!(samples.least(), 1.0);
        assert_eq!(samples.median(), 3.0);
        assert_eq!(samples.quantile(0.9), 5.0);
    }

    #[test]
    fn pairs_are_compared_pair_by_pair() {
        let mut pairs = Pairs::default();
        pairs.push(2.0, 1.0);
        pairs.push(9.0, 3.0);
        pairs.push(4.0, 4.0);
        assert_eq!(pairs.ratio.median(), 2.0);
        assert_eq!(pairs.own.least() / pairs.baseline.least(), 2.0);
    }
}
