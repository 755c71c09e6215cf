//! What the process has in memory.

use std::fs;

/// Bytes of memory that are the process' own or shared with it and present now: `VmRSS` of proc(5).
pub(crate) fn resident() -> usize {
    let status = fs::read_to_string("/proc/self/status").expect("Linux shows a process its status");
    let row = status.lines().find_map(|row| row.strip_prefix("VmRSS:")).expect("a process has memory");
    let kilobytes = row.trim().trim_end_matches("kB").trim_end();
    kilobytes.parse::<usize>().expect("a number of kB") << 10
}
