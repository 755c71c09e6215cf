//! Telling debuggers and profilers of stubs, which they see as unknown code otherwise.

mod gdb;
mod jitdump;
mod perf_map;

use std::path::PathBuf;

use crate::fork;

/// Whom an engine tells of the stubs that it makes. A stub's name says its entry and words:
/// [`Plan::symbol`](springboard_abi::Plan::symbol).
///
/// What cannot be told, because a file cannot be written for one, is not; the engine goes on.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Announce {
    /// `perf report`, by a line a stub in `/tmp/perf-PID.map`. Stubs that are freed stay in it.
    PerfMap,
    /// `perf inject --jit`, by the file `jit-PID.dump` in this folder, code included. Record with `perf record -k mono`.
    JitDump(PathBuf),
    /// Debuggers that know GDB's interface for code made at run time (GDB, LLDB), by a list in the process that has an
    /// object file a stub, until it is freed. Takes about 600 bytes a stub.
    Gdb,
}

/// Keeps a stub announced for as long as it lives.
#[derive(Debug, Default)]
pub(crate) struct Announced {
    _gdb: Option<gdb::Entry>,
}

/// Code that was just published.
pub(crate) struct Published<'a> {
    pub(crate) name: &'a str,
    /// As it stands in memory.
    pub(crate) code: &'a [u8],
}

impl Published<'_> {
    fn address(&self) -> u64 {
        self.code.as_ptr().addr() as u64
    }
}

/// Tells all of `announce`.
pub(crate) fn tell(announce: &[Announce], published: &Published<'_>) -> Announced {
    let mut announced = Announced::default();
    // A child that is forked meanwhile would find the files and the list locked for ever.
    let _hold = fork::hold();
    for whom in announce {
        match whom {
            Announce::PerfMap => perf_map::tell(published),
            Announce::JitDump(folder) => jitdump::tell(folder, published),
            Announce::Gdb => announced._gdb = gdb::Entry::new(published),
        }
    }
    announced
}
