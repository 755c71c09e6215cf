//! Telling debuggers and profilers of stubs, which are unknown code to them otherwise.

#[cfg(feature = "announce")]
mod gdb;

#[cfg(feature = "announce")]
use std::path::PathBuf;

use crate::stamp::Name;
#[cfg(feature = "announce")]
use crate::{
    published::Published,
    system::{fork, jitdump, perf_map},
};

/// Whom code memory tells of each stub that is published. The name that they get says the stub's entry, parameters and
/// result: [`Plan::symbol`](springboard_abi::Plan::symbol).
///
/// Without the feature `announce` it has no values. A file that cannot be written stops nobody: the stub is not
/// announced there.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum Announce {
    /// `perf report`, by one line per stub in `/tmp/perf-PID.map`. The lines of freed stubs stay.
    #[cfg(feature = "announce")]
    PerfMap,
    /// `perf inject --jit`, by the file `jit-PID.dump` in this folder, which contains the code. Record with
    /// `perf record -k mono`.
    #[cfg(feature = "announce")]
    JitDump(PathBuf),
    /// Debuggers that know GDB's interface for code made at run time (GDB, LLDB), by a list in the process that has one
    /// object file per stub until it is freed. Takes about 600 bytes per stub.
    #[cfg(feature = "announce")]
    Gdb,
}

/// Keeps a stub announced for as long as it lives.
#[derive(Debug, Default)]
pub(crate) struct Announced {
    #[cfg(feature = "announce")]
    _gdb: Option<gdb::Entry>,
}

/// Tells all of `announce` of code that was just published, given as it stands in memory.
#[cfg(feature = "announce")]
pub(crate) fn tell(announce: &[Announce], name: Name<'_>, code: &[u8]) -> Announced {
    let mut announced = Announced::default();
    if announce.is_empty() {
        return announced;
    }
    let published = Published { name: &name.to_string(), code };
    // A child forked meanwhile would find the files and the list locked for ever.
    let _hold = fork::hold();
    for whom in announce {
        match whom {
            Announce::PerfMap => perf_map::tell(&published),
            Announce::JitDump(folder) => jitdump::tell(folder, &published),
            Announce::Gdb => announced._gdb = gdb::Entry::new(&published),
        }
    }
    announced
}

/// There is nobody to tell.
#[cfg(not(feature = "announce"))]
pub(crate) fn tell(_: &[Announce], _: Name<'_>, _: &[u8]) -> Announced {
    Announced::default()
}
