//! What springboard's own paths may cost. Judged by least times; a miss fails nothing, and is said.

use std::fmt;

use serde::Serialize;

use crate::case::Group;

/// What one path may cost.
#[derive(Clone, Copy, PartialEq, Serialize, Debug)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Limit {
    /// At most so many times a direct call.
    Ratio(f64),
    /// At most so many nanoseconds.
    Nanoseconds(f64),
    /// At most so many nanoseconds for half of what a row stands for.
    MedianNanoseconds(f64),
    /// At most so many nanoseconds more than another path.
    Beyond {
        /// The other.
        path: &'static str,
        /// How many nanoseconds.
        nanoseconds: f64,
    },
    /// At least so many times as fast as another path.
    FasterThan {
        /// The other.
        path: &'static str,
        /// How many times.
        times: f64,
    },
}

impl Limit {
    pub(crate) fn is_met(self, value: f64) -> bool {
        match self {
            Limit::Ratio(most) | Limit::Nanoseconds(most) | Limit::MedianNanoseconds(most) => value <= most,
            Limit::Beyond { nanoseconds, .. } => value <= nanoseconds,
            Limit::FasterThan { times, .. } => value >= times,
        }
    }
}

impl fmt::Display for Limit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Limit::Ratio(most) => write!(f, "≤ {most}×"),
            Limit::Nanoseconds(most) => write!(f, "≤ {most} ns"),
            Limit::MedianNanoseconds(most) => write!(f, "median ≤ {most} ns"),
            Limit::Beyond { path, nanoseconds } => write!(f, "≤ {path} + {nanoseconds} ns"),
            Limit::FasterThan { path, times } => write!(f, "≥ {times:.2}× {path}"),
        }
    }
}

/// Two loops of the same instructions differ by so much, from where they lie.
const SAME: f64 = 1.1;

/// A limit by group, case and path; an empty case stands for all.
type Line = (Group, &'static str, &'static str, Limit);

/// For compiling any one plan.
const COMPILE: Limit = Limit::Nanoseconds(25_000.0);

const LIBFFI: &str = "libffi";

/// The system's libffi, by its own interface.
const SYSTEM: &str = "system";

/// A libffi that `SPRINGBOARD_LIBFFI` names, one with call plans.
const OTHER: &str = "other";

static LIMITS: &[Line] = &[
    (Group::Scalar, "", "typed", Limit::Ratio(SAME)),
    (Group::Variadic, "", "typed", Limit::Ratio(SAME)),
    (Group::Scalar, "add_i32", "slots", Limit::Ratio(1.6)),
    (Group::Scalar, "add_i32_dependent", "slots", Limit::Ratio(1.6)),
    (Group::Scalar, "add_f64", "slots", Limit::Ratio(1.6)),
    (Group::Scalar, "mix", "slots", Limit::Ratio(1.6)),
    (Group::Scalar, "sum8_i64", "slots", Limit::Ratio(2.0)),
    (Group::Scalar, "sum12_i32", "slots", Limit::Ratio(2.5)),
    (Group::Scalar, "add_i32", "slots", Limit::FasterThan { path: LIBFFI, times: 6.0 }),
    (Group::Scalar, "sum8_i64", "slots", Limit::FasterThan { path: LIBFFI, times: 14.0 }),
    (Group::Struct, "p2_scale", "slots", Limit::Ratio(2.5)),
    (Group::Struct, "q4_quad", "slots", Limit::Ratio(2.5)),
    (Group::Variadic, "sum_va", "slots", Limit::Ratio(2.0)),
    (Group::Scalar, "", "call", Limit::FasterThan { path: LIBFFI, times: 2.0 }),
    (Group::Struct, "", "call", Limit::FasterThan { path: LIBFFI, times: 2.0 }),
    (Group::Variadic, "", "call", Limit::FasterThan { path: LIBFFI, times: 2.0 }),
    (Group::Scalar, "", "fallback", Limit::FasterThan { path: LIBFFI, times: 1.0 }),
    (Group::Struct, "", "fallback", Limit::FasterThan { path: LIBFFI, times: 1.0 }),
    (Group::Variadic, "", "fallback", Limit::FasterThan { path: LIBFFI, times: 1.0 }),
    (Group::Callback, "callback_add", "stub", Limit::Ratio(2.0)),
    (Group::Callback, "callback_struct16", "stub", Limit::Ratio(3.0)),
    (Group::Callback, "made", "create", Limit::Nanoseconds(60.0)),
    (Group::Callback, "posted", "post", Limit::Nanoseconds(150.0)),
    // Five million records a second.
    (Group::Callback, "posted", "drain", Limit::Nanoseconds(200.0)),
    // Half of that, whatever the threads cost one another.
    (Group::Callback, "posted_by_8", "delivered", Limit::Nanoseconds(400.0)),
    // Encoded by hand; with the guard, three instructions more.
    (Group::V8, "v8_noop", "stub", Limit::FasterThan { path: "hand", times: 0.95 }),
    (Group::V8, "v8_add_i32", "stub", Limit::FasterThan { path: "hand", times: 0.95 }),
    (Group::V8, "v8_mix", "stub", Limit::FasterThan { path: "hand", times: 0.95 }),
    (Group::V8, "v8_add_i32", "guarded", Limit::Beyond { path: "hand", nanoseconds: 0.6 }),
    // As in the service, of differences between times: the least of those says nothing.
    (Group::V8, "v8_stamp_bulk", "stub", Limit::MedianNanoseconds(200.0)),
    (Group::V8, "v8_stamp_alone", "stub", Limit::MedianNanoseconds(1500.0)),
    (Group::Everyday, "errno", "errno", Limit::Beyond { path: "slots", nanoseconds: 1.2 }),
    (Group::Everyday, "field", "view", Limit::Ratio(2.0)),
    (Group::Everyday, "header", "bind", Limit::Nanoseconds(20e6)),
    (Group::Everyday, "columns_i32", "over", Limit::Ratio(SAME)),
    (Group::Everyday, "columns_f64", "over", Limit::Ratio(SAME)),
    (Group::Everyday, "background", "round-trip", Limit::MedianNanoseconds(5000.0)),
    // 300 000 calls a second.
    (Group::Everyday, "background", "submit", Limit::Nanoseconds(3333.0)),
    (Group::Compile, "ints_2", "emit", COMPILE),
    (Group::Compile, "ints_8", "emit", COMPILE),
    (Group::Compile, "ints_64", "emit", COMPILE),
    (Group::Compile, "mixed_64", "emit", COMPILE),
    (Group::Compile, "p2_scale", "emit", COMPILE),
    (Group::Compile, "sum_va", "emit", COMPILE),
    // Its samples are the least times of single plans, so the least of them is that of the simplest plan.
    (Group::Compile, "many_plans", "emit", Limit::MedianNanoseconds(25_000.0)),
    (Group::Compile, "ints_2", "find", Limit::Nanoseconds(60.0)),
    (Group::Compile, "ints_8", "find", Limit::Nanoseconds(60.0)),
    (Group::Compile, "ints_64", "plan", Limit::Nanoseconds(20_000.0)),
    (Group::Compile, "mixed_64", "plan", Limit::Nanoseconds(20_000.0)),
    // 100 000 functions in 60 ms.
    (Group::Libffi, "call_i32_i32", "dropin", Limit::FasterThan { path: SYSTEM, times: 4.0 }),
    (Group::Libffi, "call_8_i64", "dropin", Limit::FasterThan { path: SYSTEM, times: 10.0 }),
    (Group::Libffi, "call_struct16", "dropin", Limit::FasterThan { path: SYSTEM, times: 10.0 }),
    (Group::Libffi, "plan_i32_i32", "dropin", Limit::FasterThan { path: OTHER, times: 1.5 }),
    (Group::Libffi, "plan_8_i64", "dropin", Limit::FasterThan { path: OTHER, times: 1.5 }),
    (Group::Libffi, "plan_struct16", "dropin", Limit::FasterThan { path: OTHER, times: 1.5 }),
    (Group::Libffi, "prepare_i32_i32", "dropin", Limit::Nanoseconds(25.0)),
    (Group::Libffi, "prepare_8_i64", "dropin", Limit::Nanoseconds(60.0)),
    (Group::Libffi, "prepare_call_i32_i32", "dropin", Limit::FasterThan { path: SYSTEM, times: 1.0 }),
    (Group::Libffi, "prepare_call_8_i64", "dropin", Limit::FasterThan { path: SYSTEM, times: 1.0 }),
    (Group::Libffi, "prepare_call_struct16", "dropin", Limit::FasterThan { path: SYSTEM, times: 1.0 }),
    (Group::Libffi, "closure_call", "dropin", Limit::FasterThan { path: SYSTEM, times: 2.0 }),
    (Group::Libffi, "closure_made", "dropin", Limit::Nanoseconds(45.0)),
    (Group::Libffi, "ctypes", "dropin", Limit::FasterThan { path: SYSTEM, times: 1.0 }),
    (Group::Libffi, "cffi", "dropin", Limit::FasterThan { path: SYSTEM, times: 1.0 }),
    (Group::Service, "bound", "per-shape", Limit::Nanoseconds(600.0)),
    (Group::Service, "bound", "per-function", Limit::Nanoseconds(600.0)),
    (Group::Service, "stamp_in_bulk", "per-function", Limit::Nanoseconds(200.0)),
    (Group::Service, "stamp_alone", "per-function", Limit::Nanoseconds(1000.0)),
    (Group::Service, "cold_start", "compile", Limit::MedianNanoseconds(1e6)),
    (Group::Service, "cold_start", "pack", Limit::MedianNanoseconds(200_000.0)),
    (Group::Scalar, "", "pack", Limit::FasterThan { path: "slots", times: 1.0 / SAME }),
    (Group::Service, "threads_per_shape", "8", Limit::FasterThan { path: "1", times: 1.0 }),
    (Group::Service, "threads_per_function", "2", Limit::FasterThan { path: "1", times: 1.6 }),
];

/// The most bytes of code memory that a stub should take, padding and free room included.
#[cfg(target_arch = "x86_64")]
const STUB: f64 = 96.0;
#[cfg(not(target_arch = "x86_64"))]
const STUB: f64 = 128.0;

/// The limit of a size, by its case and path.
pub(crate) fn bytes(case: &str, path: &str) -> Option<f64> {
    (["stub", "v8_stub", "v8_stub_2", "v8_stub_2_guarded"].contains(&case) && path == "mapped")
        .then_some(STUB)
}

/// The limits of one case by one path.
pub(crate) fn of(group: Group, case: &str, path: &str) -> impl Iterator<Item = Limit> {
    LIMITS
        .iter()
        .filter(move |line| line.0 == group && (line.1.is_empty() || line.1 == case) && line.2 == path)
        .map(|line| line.3)
}
