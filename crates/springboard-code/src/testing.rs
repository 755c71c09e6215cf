//! For tests: system calls that fail, and time that passes, on demand.

use std::time::Duration;

use crate::{CodeMemory, Step, faults::FAILS, mapping::retry_unmapping};

/// Has `fails` say of each system call of code memory on this thread whether it is to fail, as if memory were short.
pub fn fail_where(fails: fn(Step) -> bool) {
    FAILS.set(fails);
}

/// Lets `time` pass for what is freed in `memory`, and no other time from now on.
pub fn let_pass(memory: &CodeMemory, time: Duration) {
    memory.let_pass(time);
}

/// Tries again to unmap what the system did not unmap.
pub fn unmap_the_rest() {
    retry_unmapping();
}
