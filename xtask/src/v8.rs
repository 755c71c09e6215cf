//! The versions of V8 that stubs are tested in. They are Node.js' own, from Debian's libnode, with all that they need
//! beside them: each lies in a folder of its own below `target` and runs with its own C library.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    apt::{self, Apt, Fetch},
    project::{self, cargo},
    suite::Step,
    tools,
};

/// One V8.
pub(crate) struct Engine {
    /// The release of Debian that has it; also the name of its folder.
    suite: &'static str,
    /// What it is, for people.
    pub(crate) about: &'static str,
}

/// Errors of fast calls are reported by the slow function.
pub(crate) static BOOKWORM: Engine =
    Engine { suite: "bookworm", about: "V8 10.2, of Debian 12's libnode-dev" };
/// Fast calls throw, and may run JavaScript.
pub(crate) static SID: Engine =
    Engine { suite: "sid", about: "V8 13.6 or later, of Debian sid's libnode-dev" };

/// Where the libraries are in an engine's folder: a release has its C library in the one or the other.
const LIBRARIES: [&str; 2] = ["usr/lib/x86_64-linux-gnu", "lib/x86_64-linux-gnu"];
const LOADER: &str = "ld-linux-x86-64.so.2";

impl Engine {
    fn folder(&self) -> PathBuf {
        project::root().join("target/v8").join(self.suite)
    }

    fn root(&self) -> PathBuf {
        self.folder().join("root")
    }

    fn loader(&self) -> Option<PathBuf> {
        LIBRARIES.iter().map(|folder| self.root().join(folder).join(LOADER)).find(|path| path.exists())
    }

    /// Whether it has been installed.
    pub(crate) fn is_there(&self) -> bool {
        self.root().join(LIBRARIES[0]).join("libnode.so").exists() && self.loader().is_some()
    }

    /// Fetches and unpacks it.
    ///
    /// # Errors
    /// What went wrong, with the output of the command.
    pub(crate) fn install(&self) -> Result<(), String> {
        let folder = self.folder();
        let failed = |path: &Path, error: std::io::Error| format!("{}: {error}", path.display());
        let packages = folder.join("apt");
        let apt = Apt::new(&packages, self.suite, "debian", "amd64")?;
        let unpacked = folder.join("unpacked");
        fs::create_dir_all(&unpacked).map_err(|error| failed(&unpacked, error))?;
        for file in apt.fetch("libnode-dev", Fetch::WithDependencies)? {
            // Node.js itself comes along, and is of no use.
            let name = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
            if ["lib", "zlib"].iter().any(|prefix| name.starts_with(prefix)) {
                apt::unpack(&file, &unpacked)?;
            }
        }
        // Whole, or not there.
        fs::rename(&unpacked, self.root()).map_err(|error| failed(&unpacked, error))?;
        fs::remove_dir_all(&packages).map_err(|error| failed(&packages, error))
    }

    /// The C functions by which the tests use it.
    fn shim(&self) -> PathBuf {
        self.folder().join("shim.so")
    }

    /// Builds those.
    fn build_shim(&self) -> Command {
        let root = self.root();
        let mut command = Command::new("g++");
        command.args(["-std=c++20", "-O2", "-fPIC", "-shared", "-fno-rtti", "-Wall", "-Werror", "-isystem"]);
        command.arg(root.join("usr/include/nodejs/deps/v8/include"));
        command.arg("-o").arg(self.shim());
        command.args(["shim.cc", "values.cc", "snapshot.cc"].map(|file| tests().join(file)));
        command.arg("-L").arg(root.join(LIBRARIES[0])).args(["-lnode", "-Wl,--allow-shlib-undefined"]);
        command
    }

    /// Runs a program of the tests in it, by its own loader.
    fn run(&self, program: &str) -> Command {
        let libraries = LIBRARIES.map(|folder| self.root().join(folder).display().to_string()).join(":");
        let mut command = Command::new(self.loader().unwrap_or_default());
        command.args(["--library-path", &libraries]).arg(built(program));
        command.env("SPRINGBOARD_V8_SHIM", self.shim()).env("SPRINGBOARD_V8_FIXTURE", fixture());
        command
    }
}

fn tests() -> PathBuf {
    project::root().join("tests/v8")
}

fn fixture() -> PathBuf {
    project::root().join("target/v8/fixture.so")
}

fn built(program: &str) -> PathBuf {
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or(project::root().join("target"), PathBuf::from);
    target.join("debug").join(program)
}

/// The steps of the suite.
pub(crate) fn steps() -> Vec<Step> {
    run_in(&[&BOOKWORM, &SID], &[])
}

/// Measures loops in every engine that is there, and says which are not.
///
/// # Errors
/// The first command that failed.
pub(crate) fn bench() -> Result<(), String> {
    let engines = [(&BOOKWORM, &tools::V8_10), (&SID, &tools::V8_13)];
    for missing in engines.iter().filter_map(|(_, tool)| tool.missing()) {
        println!("loops in JavaScript are not measured: {missing}");
    }
    let there: Vec<&Engine> =
        engines.iter().map(|(engine, _)| *engine).filter(|engine| engine.is_there()).collect();
    run_in(&there, &["bench"]).into_iter().try_for_each(Step::run)
}

fn run_in(engines: &[&Engine], arguments: &[&str]) -> Vec<Step> {
    if engines.is_empty() {
        return Vec::new();
    }
    let mut native = Command::new("gcc");
    native
        .args(["-O2", "-fPIC", "-shared", "-Wall", "-Werror", "-o"])
        .arg(fixture())
        .arg(tests().join("fixture.c"));
    let program = "springboard-v8-tests";
    let mut steps: Vec<Step> = vec![native.into(), cargo(&["build", "-p", program]).into()];
    for engine in engines {
        let mut run = engine.run(program);
        run.args(arguments);
        steps.extend([engine.build_shim().into(), run.into()]);
    }
    steps
}
