//! Reporting a crash as the mismatch that it is: which case, by which path.

use std::{
    io::Write as _,
    sync::atomic::{AtomicUsize, Ordering},
};

use super::system;
use crate::oracle::event::Path;

/// The position of the case that is being called.
static POSITION: AtomicUsize = AtomicUsize::new(0);
/// Its path, as an index into [`Path::ALL`].
static PATH: AtomicUsize = AtomicUsize::new(0);

/// Says what is called next.
pub(crate) fn calling(position: usize, path: Path) {
    POSITION.store(position, Ordering::Relaxed);
    let index = Path::ALL.iter().position(|known| *known == path);
    PATH.store(index.expect("every path is in the list"), Ordering::Relaxed);
}

/// From now on, a crash of native code ends the process with a line on stdout.
pub fn report_crashes() {
    system::report_crashes(report);
}

/// Writes the line of an `Event::Mismatch`, without the heap: that may be what was destroyed.
fn report(number: u32, address: usize) {
    let (position, path) = (POSITION.load(Ordering::Relaxed), Path::ALL[PATH.load(Ordering::Relaxed)]);
    let mut line = [0u8; 128];
    let mut rest = &mut line[..];
    let _ = writeln!(rest, "mismatch {position} {path} crashed: {number:#x} at {address:#x}");
    let length = 128 - rest.len();
    // SAFETY: the bytes are there.
    unsafe { libc::write(1, line.as_ptr().cast(), length as _) };
}
