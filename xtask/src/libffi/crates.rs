//! `cargo xtask libffi-crates`: the crates `libffi` and `libffi-sys` on springboard, by their own tests, and RustPython's
//! layer below ctypes, which uses them.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use super::{Built, build, finish};
use crate::project::{self, cargo};

/// Runs the own tests of the crates `libffi` and `libffi-sys`, as they come from the registry, with the drop-in; and a
/// program on RustPython's layer below ctypes, without the drop-in and with it.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Cargo's profile for the drop-in
    #[arg(long, default_value = "dev")]
    profile: String,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    project::exit(all(arguments))
}

fn all(arguments: &Arguments) -> Result<(), String> {
    let folder = project::root().join("target/libffi-crates");
    let Built { bundle, .. } = build(&folder, &arguments.profile, None)?;
    let ours = project::root().join("hosts/libffi-sys");
    // Its own source and tests, with our library in the place of the one that it builds.
    let bindings = bundle.parent().ok_or("libffi-sys has no folder")?;
    let raw = copied(bindings, &folder.join("libffi-sys"))?;
    fs::copy(ours.join("build.rs"), raw.join("build.rs")).map_err(|error| error.to_string())?;
    let manifest = "[package]\nname = \"libffi-sys\"\nversion = \"4.2.2\"\nedition = \"2021\"\nlinks = \"ffi\"\n\
        [features]\ndefault = [\"std\"]\nstd = []\nsystem = []\ncomplex = []\n[workspace]\n";
    write(&raw.join("Cargo.toml"), manifest)?;
    test(&raw, &folder, &["--features", "complex"])?;
    // The crate above it, on our bindings.
    let safe = copied(&source_of("libffi", bindings)?, &folder.join("libffi"))?;
    let manifest = fs::read_to_string(safe.join("Cargo.toml")).map_err(|error| error.to_string())?;
    let patch = format!("\n[workspace]\n[patch.crates-io]\nlibffi-sys = {{ path = {:?} }}\n", ours);
    write(&safe.join("Cargo.toml"), &(manifest + &patch))?;
    test(&safe, &folder, &["--features", "complex"])?;
    // A crate above that one, without our line and with it.
    let example = copied(&ours.join("example"), &folder.join("example"))?;
    let patch = format!("patch.crates-io.libffi-sys.path={:?}", ours);
    for patched in [&[][..], &["--config", &patch]] {
        println!("libffi-sys {}", if patched.is_empty() { "from the registry:" } else { "on springboard:" });
        let mut command = with_library(&["run", "--quiet", "--release"], &example, &folder);
        finish(command.args(patched))?;
    }
    Ok(())
}

/// Where the registry's source of a crate lies, beside another's.
fn source_of(name: &str, other: &Path) -> Result<PathBuf, String> {
    let output = cargo(&["metadata", "--format-version", "1"]).output().map_err(|error| error.to_string())?;
    let metadata: serde_json::Value =
        serde_json::from_slice(&output.stdout).map_err(|error| error.to_string())?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    let found = packages.filter(|package| package["name"] == name);
    let manifest = found.filter_map(|package| package["manifest_path"].as_str()).next();
    let folder = manifest.and_then(|manifest| Path::new(manifest).parent());
    folder.map(Path::to_owned).ok_or_else(|| format!("{name} is not beside {}", other.display()))
}

/// A fresh copy of a crate's manifest, source and examples.
fn copied(from: &Path, to: &Path) -> Result<PathBuf, String> {
    let _ = fs::remove_dir_all(to);
    fs::create_dir_all(to).map_err(|error| format!("{}: {error}", to.display()))?;
    let mut copy = Command::new("cp");
    copy.args(["-r", "--no-preserve=mode"]);
    copy.args(
        ["Cargo.toml", "src", "examples"].map(|name| from.join(name)).iter().filter(|path| path.exists()),
    );
    copy.arg(to);
    finish(&mut copy)?;
    Ok(to.to_owned())
}

fn write(path: &Path, text: &str) -> Result<(), String> {
    fs::write(path, text).map_err(|error| format!("{}: {error}", path.display()))
}

fn test(package: &Path, library: &Path, arguments: &[&str]) -> Result<(), String> {
    finish(with_library(&["test"], package, library).args(arguments))
}

/// A command of cargo's in a package, with the drop-in in the folder `library`.
fn with_library(arguments: &[&str], package: &Path, library: &Path) -> Command {
    let mut command = cargo(arguments);
    command.current_dir(package).env("SPRINGBOARD_LIBFFI", library);
    command.env("CARGO_TARGET_DIR", library.join("target"));
    command
}
