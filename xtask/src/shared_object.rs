//! Shared libraries linked from static ones, with a version for each symbol.
//!
//! rustc links shared libraries with a linker script of its own, beside which the linker accepts no second one. So the
//! static library is built by cargo, and this links it.

use std::{
    ffi::OsString,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{project, tidy::manifests};

/// What the system's libraries are that Rust's standard library needs.
pub(crate) const SYSTEM_LIBRARIES: [&str; 6] = ["-lgcc_s", "-lutil", "-lrt", "-lpthread", "-lm", "-ldl"];

/// A static library of a crate, built by cargo.
///
/// # Errors
/// What cargo ended with.
pub(crate) fn build_archive(package: &str, library: &str, profile: &str) -> Result<PathBuf, String> {
    let mut command = project::cargo(&["rustc", "--package", package, "--lib", "--crate-type", "staticlib"]);
    command.args(["--profile", profile]);
    run(&mut command)?;
    let metadata = manifests::metadata()?;
    let target = metadata["target_directory"].as_str().ok_or("cargo does not say where it builds")?;
    Ok(Path::new(target).join(project::folder_of(profile)).join(format!("lib{library}.a")))
}

/// Links `archive` to the shared library `to`, whose name for the loader is `soname`, and whose symbols and versions
/// are those of the linker script `versions`.
///
/// The library binds its own symbols at link time, so that two of its kind in one process do not mix, and is never
/// unloaded: code that it handed out may be called for ever.
///
/// # Errors
/// What the linker ended with.
pub(crate) fn link(archive: &Path, soname: &str, versions: &Path, to: &Path) -> Result<(), String> {
    let option = |words: &str, path: &Path| {
        let mut word = OsString::from(words);
        word.push(path);
        word
    };
    let mut command = Command::new(std::env::var_os("CC").unwrap_or_else(|| "cc".into()));
    command.args(["-shared", "-o"]).arg(to).arg(format!("-Wl,-soname,{soname}"));
    command.arg(option("-Wl,--version-script=", versions));
    command.arg("-Wl,--whole-archive").arg(archive).arg("-Wl,--no-whole-archive");
    command.args(["-Wl,--gc-sections", "-Wl,--strip-debug", "-Wl,-Bsymbolic", "-Wl,--no-undefined"]);
    command.args(["-Wl,-z,nodelete", "-Wl,-z,relro", "-Wl,-z,now", "-Wl,-z,noexecstack"]);
    command.args(SYSTEM_LIBRARIES);
    run(&mut command)
}

/// Runs a command that must succeed, and shows it.
pub(crate) fn run(command: &mut Command) -> Result<(), String> {
    let shown = project::shown(command);
    println!("$ {shown}");
    let status = command.status().map_err(|error| format!("{shown}: {error}"))?;
    if status.success() { Ok(()) } else { Err(format!("{shown}: {status}")) }
}
