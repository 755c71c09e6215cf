//! The other CPUs that this machine can build for and, under QEMU, run.
//!
//! C is compiled by Debian's cross compilers. Rust is compiled by Debian's `rustc-web`: its standard library for
//! other CPUs comes as a package, which is unpacked outside of the system's folders, into [`std_folder`].

use std::{path::PathBuf, process::Command};

use crate::project;

/// One CPU, by the names that everyone has for it.
pub(crate) struct Cpu {
    /// Its name in the names of suites and of QEMU.
    pub(crate) name: &'static str,
    /// The target of rustc and of springboard.
    pub(crate) triple: &'static str,
    /// The GNU triple: prefix of the cross compiler, and the folder of its C library in `/usr`.
    pub(crate) gnu: &'static str,
    /// Debian's name of the architecture.
    pub(crate) debian: &'static str,
    /// The suite whose archive holds the standard library that fits `rustc-web` of Debian 12, and its archive.
    pub(crate) std_from: (&'static str, &'static str),
}

pub(crate) const AARCH64: Cpu = Cpu {
    debian: "arm64",
    std_from: ("bookworm-security", "debian-security"),
    ..cpu("aarch64", "aarch64-unknown-linux-gnu", "aarch64-linux-gnu")
};
pub(crate) const RISCV64: Cpu = cpu("riscv64", "riscv64gc-unknown-linux-gnu", "riscv64-linux-gnu");
pub(crate) const S390X: Cpu = cpu("s390x", "s390x-unknown-linux-gnu", "s390x-linux-gnu");

const fn cpu(name: &'static str, triple: &'static str, gnu: &'static str) -> Cpu {
    Cpu { name, triple, gnu, debian: name, std_from: ("trixie", "debian") }
}

/// All of them.
pub(crate) const CPUS: [&Cpu; 3] = [&AARCH64, &RISCV64, &S390X];

/// Debian's compiler. Not found through `PATH`: rustup's stand-ins come first there, and know no other target.
pub(crate) const CARGO: &str = "/usr/bin/cargo";

/// Where cargo puts what it builds for other CPUs, in the workspace.
pub(crate) const FOLDER: &str = "target/cross";

/// The oldest compiler that builds this workspace (`rust-version` of its manifest).
pub(crate) const OLDEST_RUST: (u32, u32, u32) = (1, 95, 0);

/// A command of Debian's cargo, with Debian's compiler.
pub(crate) fn debian_cargo() -> Command {
    let mut command = Command::new(CARGO);
    command.current_dir(project::root()).env("PATH", path_with_debian_first());
    // Set by rustup's cargo for the programs it runs, us among them, and meant for rustup's toolchain alone.
    for name in ["RUSTUP_TOOLCHAIN", "RUSTUP_HOME", "CARGO", "RUSTC", "RUSTDOC", "LD_LIBRARY_PATH"] {
        command.env_remove(name);
    }
    command
}

impl Cpu {
    /// A command of Debian's cargo that builds for this CPU and runs what it built under QEMU.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let sysroot = format!("--sysroot={}", std_folder().unwrap_or_default().join("usr").display());
        let mut command = debian_cargo();
        let variable = |name: &str| {
            format!("CARGO_TARGET_{}_{name}", self.triple.to_ascii_uppercase().replace('-', "_"))
        };
        // What follows `--` is not Cargo's.
        let own = arguments.iter().position(|argument| *argument == "--").unwrap_or(arguments.len());
        command
            .args(&arguments[..own])
            .args(["--target", self.triple])
            .args(&arguments[own..])
            .env("CARGO_TARGET_DIR", FOLDER)
            // The cc crate and our own tests look here for the C compiler.
            .env(format!("CC_{}", self.triple.replace('-', "_")), format!("{}-gcc", self.gnu))
            .env(variable("LINKER"), format!("{}-gcc", self.gnu))
            .env(variable("RUNNER"), format!("qemu-{}-static -L /usr/{}", self.name, self.gnu))
            .env(variable("RUSTFLAGS"), &sysroot)
            .env(variable("RUSTDOCFLAGS"), &sysroot);
        command
    }

    /// Where a program of the workspace is once [`Cpu::cargo`] has built it.
    pub(crate) fn built(&self, program: &str) -> PathBuf {
        project::root().join(FOLDER).join(self.triple).join("debug").join(program)
    }

    /// The folder of the standard library for this CPU, there once its package is unpacked. `None` without
    /// Debian's compiler.
    pub(crate) fn std(&self) -> Option<PathBuf> {
        Some(std_folder()?.join("usr/lib/rustlib").join(self.triple).join("lib"))
    }
}

/// Where the packages of the standard library are unpacked: in the user's cache, for all clones of the project.
/// The libraries fit one version of the compiler alone, so there is a folder a version. `None` without Debian's
/// compiler.
pub(crate) fn std_folder() -> Option<PathBuf> {
    let (major, minor, patch) = debian_rust()?;
    let cache = std::env::var_os("XDG_CACHE_HOME").map(PathBuf::from);
    let home = || std::env::home_dir().unwrap_or_else(std::env::temp_dir).join(".cache");
    Some(cache.unwrap_or_else(home).join("springboard/rust-std").join(format!("{major}.{minor}.{patch}")))
}

/// The version of Debian's compiler, where it is installed.
pub(crate) fn debian_rust() -> Option<(u32, u32, u32)> {
    let output = Command::new("/usr/bin/rustc").arg("--version").output().ok()?;
    let installed = std::path::Path::new(CARGO).exists();
    version(std::str::from_utf8(&output.stdout).ok()?).filter(|_| installed)
}

/// Takes the version out of `rustc 1.96.0 (…)`.
fn version(text: &str) -> Option<(u32, u32, u32)> {
    let mut numbers = text.split_whitespace().nth(1)?.splitn(3, '.').map(|word| word.parse().ok());
    Some((numbers.next()??, numbers.next()??, numbers.next()??))
}

fn path_with_debian_first() -> std::ffi::OsString {
    let rest = std::env::var_os("PATH").unwrap_or_default();
    let folders = std::iter::once(PathBuf::from("/usr/bin")).chain(std::env::split_paths(&rest));
    std::env::join_paths(folders).expect("the folders came from a search path")
}

#[cfg(test)]
mod tests {
    #[test]
    fn versions_are_read() {
        assert_eq!(
            super::version("rustc 1.96.0 (ac68faa20 2026-05-25) (built from source)"),
            Some((1, 96, 0))
        );
        assert_eq!(super::version("rustc 1.97.0-nightly (x)"), None);
        assert_eq!(super::version(""), None);
    }
}
