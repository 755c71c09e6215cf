//! `cargo xtask tools`: the programs that optional suites need, and how to get them.

use std::{
    fs,
    path::Path,
    process::{Command, ExitCode, Stdio},
    time::Instant,
};

use crate::{
    cross::{self, AARCH64, Cpu, RISCV64, S390X},
    project,
};

/// Lists the tools that optional test suites need, and installs them.
///
/// Everything comes from Debian 12's packages, so `--install` wants to be root.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Install what is missing
    #[arg(long)]
    install: bool,
    /// Only these, by their names in the list
    tools: Vec<String>,
}

/// Something that a suite needs and that a machine may lack.
pub(crate) struct Tool {
    /// Its name in lists and on the command line.
    pub(crate) name: &'static str,
    source: Source,
}

enum Source {
    /// A program in the search path, and the Debian packages that it comes with.
    Program(&'static str, &'static [&'static str]),
    /// A shared library that the system's loader knows, and its Debian packages.
    Library(&'static str, &'static [&'static str]),
    /// Headers, by one of their files below the compiler's folders, and their Debian packages.
    Headers(&'static str, &'static [&'static str]),
    /// Debian's own Rust compiler, recent enough for this workspace.
    DebianRust(&'static [&'static str]),
    /// The standard library for another CPU, to be used by Debian's Rust compiler.
    RustStd(&'static Cpu),
}

pub(crate) static QEMU: Tool = Tool::program("qemu-user", "qemu-aarch64-static", &["qemu-user-static"]);
pub(crate) static GCC_AARCH64: Tool = Tool::program(
    "gcc-aarch64",
    "aarch64-linux-gnu-gcc",
    &["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"],
);
pub(crate) static GCC_RISCV64: Tool = Tool::program(
    "gcc-riscv64",
    "riscv64-linux-gnu-gcc",
    &["gcc-riscv64-linux-gnu", "libc6-dev-riscv64-cross"],
);
pub(crate) static GCC_S390X: Tool =
    Tool::program("gcc-s390x", "s390x-linux-gnu-gcc", &["gcc-s390x-linux-gnu", "libc6-dev-s390x-cross"]);
pub(crate) static CLANG: Tool = Tool::program("clang", "clang-16", &["clang-16"]);
pub(crate) static VALGRIND: Tool = Tool::program("valgrind", "valgrind", &["valgrind", "libc6-dbg"]);
pub(crate) static GXX: Tool = Tool::program("g++", "g++", &["g++"]);
pub(crate) static PKG_CONFIG: Tool = Tool::program("pkg-config", "pkg-config", &["pkg-config"]);
pub(crate) static ZLIB: Tool = Tool::library("zlib", "libz.so.1", &["zlib1g"]);
pub(crate) static SQLITE: Tool = Tool::library("sqlite", "libsqlite3.so.0", &["libsqlite3-0"]);
pub(crate) static ZLIB_HEADERS: Tool = Tool::headers("zlib-headers", "zlib.h", &["zlib1g-dev"]);
pub(crate) static SQLITE_HEADERS: Tool = Tool::headers("sqlite-headers", "sqlite3.h", &["libsqlite3-dev"]);
pub(crate) static CURL_HEADERS: Tool =
    Tool::headers("curl-headers", "curl/curl.h", &["libcurl4-openssl-dev"]);
pub(crate) static RUST: Tool =
    Tool { name: "rust-debian", source: Source::DebianRust(&["rustc-web", "cargo-web"]) };
pub(crate) static STD_AARCH64: Tool = Tool { name: "rust-std-aarch64", source: Source::RustStd(&AARCH64) };
pub(crate) static STD_RISCV64: Tool = Tool { name: "rust-std-riscv64", source: Source::RustStd(&RISCV64) };
pub(crate) static STD_S390X: Tool = Tool { name: "rust-std-s390x", source: Source::RustStd(&S390X) };

/// Every tool, in an order in which they can be installed.
static ALL: [&Tool; 17] = [
    &QEMU,
    &GCC_AARCH64,
    &GCC_RISCV64,
    &GCC_S390X,
    &CLANG,
    &VALGRIND,
    &GXX,
    &PKG_CONFIG,
    &ZLIB,
    &SQLITE,
    &ZLIB_HEADERS,
    &SQLITE_HEADERS,
    &CURL_HEADERS,
    &RUST,
    &STD_AARCH64,
    &STD_RISCV64,
    &STD_S390X,
];

impl Tool {
    const fn program(name: &'static str, program: &'static str, packages: &'static [&'static str]) -> Tool {
        Tool { name, source: Source::Program(program, packages) }
    }

    const fn library(name: &'static str, file: &'static str, packages: &'static [&'static str]) -> Tool {
        Tool { name, source: Source::Library(file, packages) }
    }

    const fn headers(name: &'static str, file: &'static str, packages: &'static [&'static str]) -> Tool {
        Tool { name, source: Source::Headers(file, packages) }
    }

    /// What is missing and the command that installs it; `None` where nothing is.
    pub(crate) fn missing(&self) -> Option<String> {
        let (what, packages) = match self.source {
            Source::Program(program, packages) => {
                if project::find_program(program).is_some() {
                    return None;
                }
                (program.to_owned(), packages)
            }
            Source::Library(file, packages) => {
                if project::loader_knows(file) {
                    return None;
                }
                (file.to_owned(), packages)
            }
            Source::Headers(file, packages) => {
                if project::compiler_finds(file) {
                    return None;
                }
                (file.to_owned(), packages)
            }
            Source::DebianRust(packages) => {
                let found = cross::debian_rust();
                if found.is_some_and(|version| version >= cross::OLDEST_RUST) {
                    return None;
                }
                let (major, minor, _) = cross::OLDEST_RUST;
                (format!("{} of Rust {major}.{minor} or newer", cross::CARGO), packages)
            }
            Source::RustStd(cpu) => {
                if cpu.std().is_some_and(|folder| folder.is_dir()) {
                    return None;
                }
                let name = self.name;
                return Some(format!(
                    "needs Rust's standard library for {}: cargo xtask tools --install {name}",
                    cpu.triple
                ));
            }
        };
        Some(format!("needs {what}: apt-get install --no-install-recommends {}", packages.join(" ")))
    }
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    let mut chosen = Vec::new();
    for name in &arguments.tools {
        let Some(tool) = ALL.iter().find(|tool| tool.name == *name) else {
            let names = ALL.map(|tool| tool.name).join(", ");
            eprintln!("no tool is named {name}; there are {names}");
            return ExitCode::from(2);
        };
        chosen.push(*tool);
    }
    if chosen.is_empty() {
        chosen = ALL.to_vec();
    }
    if arguments.install
        && let Err(why) = install(&chosen)
    {
        eprintln!("{why}");
        return ExitCode::FAILURE;
    }
    let mut missing = false;
    for tool in chosen {
        let state = tool.missing();
        println!("{:<18} {}", tool.name, state.as_deref().unwrap_or("ok"));
        missing |= state.is_some();
    }
    if arguments.install && missing { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}

fn install(tools: &[&Tool]) -> Result<(), String> {
    let mut packages: Vec<&str> = Vec::new();
    for tool in tools.iter().filter(|tool| tool.missing().is_some()) {
        if let Source::Program(_, names)
        | Source::Library(_, names)
        | Source::Headers(_, names)
        | Source::DebianRust(names) = tool.source
        {
            packages.extend(names);
        }
    }
    if !packages.is_empty() {
        quietly("reading the package lists", Command::new("apt-get").args(["update", "-q"]))?;
        let mut command = Command::new("apt-get");
        command.args(["install", "-q", "-y", "--no-install-recommends"]).args(&packages);
        quietly(&format!("installing {}", packages.join(" ")), &mut command)?;
    }
    for tool in tools.iter().filter(|tool| tool.missing().is_some()) {
        if let Source::RustStd(cpu) = tool.source {
            install_std(cpu)?;
        }
    }
    Ok(())
}

/// Fetches the package of the standard library for `cpu` and unpacks it, without telling the system's package
/// database about another architecture or another release: installed the ordinary way it would bring a foreign C
/// library and all of LLVM along.
fn install_std(cpu: &Cpu) -> Result<(), String> {
    let (major, minor, patch) = cross::debian_rust().ok_or("Debian's Rust compiler is not installed")?;
    let target = cross::std_folder().ok_or("Debian's Rust compiler is not installed")?;
    let lists = target.join(format!("apt-{}", cpu.name));
    let failed = |what: &Path, error: std::io::Error| format!("{}: {error}", what.display());
    for folder in ["lists/partial", "cache/archives/partial"] {
        fs::create_dir_all(lists.join(folder)).map_err(|error| failed(&lists, error))?;
    }
    let (suite, archive) = cpu.std_from;
    let sources = lists.join("sources.list");
    let keys = "/usr/share/keyrings/debian-archive-keyring.gpg";
    let line = format!("deb [signed-by={keys}] {} {suite} main\n", mirror(archive)?);
    fs::write(&sources, line).map_err(|error| failed(&sources, error))?;
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        for (option, value) in [
            ("Dir::Etc::sourcelist", sources.as_os_str()),
            ("Dir::Etc::sourceparts", "-".as_ref()),
            ("Dir::State::lists", lists.join("lists").as_os_str()),
            ("Dir::State::status", "/dev/null".as_ref()),
            ("Dir::Cache", lists.join("cache").as_os_str()),
            ("APT::Architecture", cpu.debian.as_ref()),
            ("APT::Architectures", cpu.debian.as_ref()),
            // The folders are the user's own, and apt's usual user may not enter them.
            ("APT::Sandbox::User", "root".as_ref()),
        ] {
            command.arg("-o").arg(format!("{option}={}", value.display()));
        }
        command.args(arguments).current_dir(&lists);
        command
    };
    quietly(
        &format!("reading the package lists of {suite} for {}", cpu.debian),
        &mut apt(&["update", "-q"]),
    )?;
    let package = format!("libstd-rust-web-dev:{}={major}.{minor}.{patch}*", cpu.debian);
    quietly(&format!("fetching {package}"), &mut apt(&["download", "-q", &package]))?;
    let entries = fs::read_dir(&lists).map_err(|error| failed(&lists, error))?;
    let file = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|path| path.extension().is_some_and(|extension| extension == "deb"))
        .ok_or_else(|| format!("{package} was fetched, and is not in {}", lists.display()))?;
    quietly("unpacking it", Command::new("dpkg-deb").arg("-x").args([&file, &target]))?;
    fs::remove_dir_all(&lists).map_err(|error| failed(&lists, error))
}

/// Where this machine gets an archive of Debian from, by its own configuration.
fn mirror(archive: &str) -> Result<String, String> {
    let output = Command::new("apt-get")
        .args(["indextargets", "--format", "$(REPO_URI)"])
        .output()
        .map_err(|error| format!("apt-get: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let uri = text
        .lines()
        .map(|line| line.trim_end_matches('/'))
        .find(|line| line.rsplit('/').next() == Some(archive));
    uri.map(str::to_owned).ok_or_else(|| format!("apt is not configured for an archive named {archive}"))
}

/// Runs a command of which one wants to see only that it goes on, and all if it fails.
fn quietly(what: &str, command: &mut Command) -> Result<(), String> {
    println!("{what} …");
    let started = Instant::now();
    command.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    let output = command.output().map_err(|error| format!("{}: {error}", project::shown(command)))?;
    if output.status.success() {
        println!("  done in {:.0} s", started.elapsed().as_secs_f64());
        return Ok(());
    }
    Err(format!(
        "{}\n{}{}: {}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
        project::shown(command),
        output.status
    ))
}
