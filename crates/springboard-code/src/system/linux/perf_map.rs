//! The map that `perf report` reads: `/tmp/perf-PID.map`, a line `START SIZE NAME` per function, in hexadecimal
//! (linux/tools/perf/Documentation/jit-interface.txt).

use std::{
    fs::{File, OpenOptions},
    io::Write,
    os::unix::fs::OpenOptionsExt,
    sync::{Mutex, PoisonError},
};

use crate::published::Published;

/// The file, with the process that it belongs to.
static MAP: Mutex<Option<(u32, File)>> = Mutex::new(None);

pub(crate) fn tell(published: &Published<'_>) {
    let mut map = MAP.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    if map.as_ref().is_none_or(|(owner, _)| *owner != process) {
        // Anybody may write to the folder: what lies there under the name and is a link was put there by another.
        let mut options = OpenOptions::new();
        options.append(true).create(true).custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC).mode(0o644);
        *map = options.open(format!("/tmp/perf-{process}.map")).ok().map(|file| (process, file));
    }
    if let Some((_, file)) = &mut *map {
        let line = format!("{:x} {:x} {}\n", published.address(), published.code.len(), published.name);
        // In one call, so that lines of several writers do not mix. A full disk is no reason to stop the program.
        let _ = file.write_all(line.as_bytes());
    }
}
