//! System calls of code memory that fail on this thread.

use std::cell::Cell;

use springboard_code::{Step, testing::fail_where};

/// Which calls fail, counted from 0.
#[derive(Clone, Copy, Debug)]
pub enum Failing {
    /// This one alone.
    Nth(u64),
    /// This one and all after it.
    From(u64),
    /// All of this step.
    Every(Step),
}

/// Whether a call that was to fail was made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Fault {
    /// It was, and failed.
    Injected,
    /// The work made no such call.
    NotReached,
}

thread_local! {
    static FAILING: Cell<Failing> = const { Cell::new(Failing::Nth(0)) };
    static FAULT: Cell<Fault> = const { Cell::new(Fault::NotReached) };
}

/// Runs `work` while calls fail as if memory were short. Returns what it returns, and whether one failed.
pub fn with<T>(failing: Failing, work: impl FnOnce() -> T) -> (T, Fault) {
    FAULT.set(Fault::NotReached);
    FAILING.set(failing);
    fail_where(fails);
    let result = work();
    fail_where(|_| false);
    (result, FAULT.get())
}

fn fails(step: Step) -> bool {
    let fails = match FAILING.get() {
        Failing::Every(every) => every == step,
        Failing::From(0) => true,
        Failing::Nth(0) => {
            fail_where(|_| false);
            true
        }
        Failing::From(more) => {
            FAILING.set(Failing::From(more - 1));
            false
        }
        Failing::Nth(more) => {
            FAILING.set(Failing::Nth(more - 1));
            false
        }
    };
    if fails {
        FAULT.set(Fault::Injected);
    }
    fails
}
