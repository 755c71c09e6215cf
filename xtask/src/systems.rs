//! Other C libraries and systems whose programs this machine can build and run: musl's natively, Windows' under Wine.
//!
//! Rust is compiled by Debian's compiler, whose standard library for these targets is in no package. It is built once from
//! Debian's source, beside those that come in packages ([`cross::std_folder`]), and found there by every later run.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    cross,
    project::{self, quietly},
};

/// A target of its own system, or of its own C library.
pub(crate) struct System {
    /// Its name in the names of suites, and of the folder for its files.
    name: &'static str,
    /// The target of rustc and of springboard.
    pub(crate) triple: &'static str,
    /// The C compiler.
    pub(crate) cc: &'static str,
    /// Flags of rustc that it needs beside the standard library; the folder is the one for its files.
    flags: fn(&Path) -> String,
    /// The environment in which programs are built and run.
    environment: fn(&mut Command, &Path),
    /// Makes what is in no package, in that folder.
    prepare: fn(&Path) -> Result<(), String>,
}

pub(crate) const MUSL: System = System {
    name: "musl",
    triple: "x86_64-unknown-linux-musl",
    cc: "musl-gcc",
    flags: |folder| {
        let libraries = folder.join("lib");
        format!(
            " -Ctarget-feature=-crt-static -Clinker=musl-gcc -Clink-self-contained=no -Lnative={}",
            libraries.display()
        )
    },
    environment: |command, folder| {
        // libffi wants the kernel's headers, which musl's own folder lacks.
        command.env(
            "CFLAGS_x86_64_unknown_linux_musl",
            format!("-idirafter {}", folder.join("include").display()),
        );
    },
    prepare: prepare_musl,
};

pub(crate) const WINDOWS: System = System {
    name: "windows",
    triple: "x86_64-pc-windows-gnu",
    cc: "x86_64-w64-mingw32-gcc",
    flags: |_| String::new(),
    environment: |command, folder| {
        command.env("WINEPREFIX", folder.join("wine")).env("WINEDEBUG", "-all");
        command.env("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", WINE);
    },
    prepare: prepare_wine,
};

/// Debian puts it on no search path.
pub(crate) const WINE: &str = "/usr/lib/wine/wine64";

impl System {
    /// A command of Debian's cargo that builds for this system and runs what it built. What cargo builds lies beside what
    /// is built for other CPUs.
    pub(crate) fn cargo(&self, arguments: &[&str]) -> Command {
        let mut command = cross::debian_cargo();
        self.set(&mut command);
        let flags = (self.flags)(&self.folder().unwrap_or_default());
        let flags =
            format!("--sysroot={}{flags}", cross::std_folder().unwrap_or_default().join("usr").display());
        let upper = self.triple.to_ascii_uppercase().replace('-', "_");
        let own = arguments.iter().position(|argument| *argument == "--").unwrap_or(arguments.len());
        command
            .args(&arguments[..own])
            // Cranelift at 2 takes minutes; what it compiles here is little.
            .args(["--config", r#"profile.dev.package."*".opt-level=0"#, "--target", self.triple])
            .args(&arguments[own..])
            .env("CARGO_TARGET_DIR", cross::FOLDER)
            .env(format!("CARGO_TARGET_{upper}_RUSTFLAGS"), &flags)
            .env(format!("CARGO_TARGET_{upper}_RUSTDOCFLAGS"), &flags);
        command
    }

    /// Has a command find the C compiler for this system, and what runs its programs.
    pub(crate) fn set(&self, command: &mut Command) {
        (self.environment)(command, &self.folder().unwrap_or_default());
        command.env(format!("CC_{}", self.triple.replace('-', "_")), self.cc);
    }

    /// Where [`System::cargo`] puts what it builds by a profile of cargo's.
    pub(crate) fn built(&self, profile: &str) -> PathBuf {
        project::root().join(cross::FOLDER).join(self.triple).join(project::folder_of(profile))
    }

    /// Where its files are. `None` without Debian's compiler.
    fn folder(&self) -> Option<PathBuf> {
        Some(cross::std_folder()?.join(self.name))
    }

    /// Whether the standard library and the rest are there.
    pub(crate) fn is_there(&self) -> bool {
        self.folder().is_some_and(|folder| folder.join("done").exists())
    }

    /// Builds the standard library, and what else is needed. Takes a minute or two.
    pub(crate) fn install(&self) -> Result<(), String> {
        let folder = self.folder().ok_or("Debian's Rust compiler is not installed")?;
        let at = |error: std::io::Error| format!("{}: {error}", folder.display());
        let source = folder.join("empty");
        fs::create_dir_all(source.join("src")).map_err(at)?;
        fs::write(source.join("src/lib.rs"), "").map_err(at)?;
        let manifest = "[package]\nname = \"empty\"\nversion = \"0.0.0\"\nedition = \"2024\"\n[workspace]\n";
        fs::write(source.join("Cargo.toml"), manifest).map_err(at)?;
        let mut build = cross::debian_cargo();
        build.current_dir(&source).env("RUSTC_BOOTSTRAP", "1").env("CARGO_TARGET_DIR", source.join("target"));
        build.args(["build", "--release", "-Zbuild-std=std,panic_unwind,test", "--target", self.triple]);
        quietly(&format!("building Rust's standard library for {}", self.triple), &mut build)?;
        let sysroot = cross::std_folder().ok_or("Debian's Rust compiler is not installed")?.join("usr");
        let libraries = sysroot.join("lib/rustlib").join(self.triple).join("lib");
        fs::create_dir_all(&libraries).map_err(at)?;
        let built = source.join("target").join(self.triple).join("release/deps");
        for entry in fs::read_dir(built).map_err(at)? {
            let entry = entry.map_err(at)?;
            let name = entry.file_name();
            let text = name.to_string_lossy();
            if text.ends_with(".rlib") && !text.starts_with("libempty") {
                fs::copy(entry.path(), libraries.join(&name)).map_err(at)?;
            }
        }
        fs::remove_dir_all(&source).map_err(at)?;
        (self.prepare)(&folder)?;
        fs::write(folder.join("done"), "").map_err(at)
    }
}

/// musl's linker finds GCC's unwinder, which wants a function of glibc's; and libffi's build finds the kernel's headers.
fn prepare_musl(folder: &Path) -> Result<(), String> {
    let at = |error: std::io::Error| format!("{}: {error}", folder.display());
    let (libraries, headers) = (folder.join("lib"), folder.join("include"));
    fs::create_dir_all(&libraries).map_err(at)?;
    fs::create_dir_all(&headers).map_err(at)?;
    let object = libraries.join("find_object.o");
    compile("musl-gcc", include_str!("systems/find_object.c"), &object, &["-fPIC", "-c"])?;
    let archive = libraries.join("libdlfind.a");
    quietly("making an archive", Command::new("ar").arg("rcs").args([&archive, &object]))?;
    let script = "INPUT(libgcc_eh.a libdlfind.a libgcc.a)\n";
    fs::write(libraries.join("libgcc_s.so"), script).map_err(at)?;
    for (name, to) in [
        ("linux", "/usr/include/linux"),
        ("asm-generic", "/usr/include/asm-generic"),
        ("asm", "/usr/include/x86_64-linux-gnu/asm"),
    ] {
        if !headers.join(name).exists() {
            std::os::unix::fs::symlink(to, headers.join(name)).map_err(at)?;
        }
    }
    Ok(())
}

/// A Windows of one's own, with a library that Wine 8 lacks.
fn prepare_wine(folder: &Path) -> Result<(), String> {
    let prefix = folder.join("wine");
    fs::create_dir_all(&prefix).map_err(|error| format!("{}: {error}", prefix.display()))?;
    let mut boot = Command::new(WINE);
    boot.args(["wineboot", "-i"]).env("WINEPREFIX", &prefix).env("WINEDEBUG", "-all");
    quietly("making a folder for Wine", &mut boot)?;
    let library = prefix.join("drive_c/windows/system32/bcryptprimitives.dll");
    compile(
        "x86_64-w64-mingw32-gcc",
        include_str!("systems/bcryptprimitives.c"),
        &library,
        &["-shared", "-ladvapi32"],
    )
}

fn compile(cc: &str, source: &str, output: &Path, flags: &[&str]) -> Result<(), String> {
    let file = output.with_extension("c");
    fs::write(&file, source).map_err(|error| format!("{}: {error}", file.display()))?;
    // Libraries stand after what wants them.
    let mut command = Command::new(cc);
    command.args(["-O2", "-o"]).args([output, &file]).args(flags);
    quietly(&format!("compiling {}", file.display()), &mut command)
}
