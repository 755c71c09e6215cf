//! The C library whose functions are called.

use std::{ffi::c_void, path::Path, process::Command, ptr::NonNull};

use springboard::Library;

const SOURCE: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/c/functions.c");

/// Without vectors: GCC 12 makes two doubles in registers into one vector by way of memory, and then waits for the
/// store buffer longer than the whole call takes otherwise.
const OPTIONS: [&str; 5] = ["-O2", "-fno-tree-vectorize", "-shared", "-fPIC", "-o"];

/// The file name of the library, by which profiles know it.
pub(crate) const NAME: &str = "libspringboard_bench.so";

/// Compiles the library with the system's `cc` into `folder`, and loads it.
///
/// # Errors
/// A sentence: there is no compiler, or it fails, or the library does not load.
pub(crate) fn build(folder: &Path) -> Result<Library, String> {
    let library = folder.join(NAME);
    let mut command = Command::new("cc");
    command.args(OPTIONS).arg(&library).arg(SOURCE);
    let status = command.status().map_err(|error| format!("cc: {error}"))?;
    if !status.success() {
        return Err(format!("{command:?}: {status}"));
    }
    // SAFETY: the library has neither initialisers nor finalisers.
    unsafe { Library::open(&library) }.map_err(|error| error.to_string())
}

/// The address of a function of the library, or of the C library for what it does not define.
///
/// # Panics
/// Where there is no such function: the cases name only functions that exist.
pub(crate) fn address(library: &Library, symbol: &str) -> NonNull<c_void> {
    library
        .symbol(symbol)
        .or_else(|_| Library::process().symbol(symbol))
        .unwrap_or_else(|error| panic!("a case calls what is not there: {error}"))
}
