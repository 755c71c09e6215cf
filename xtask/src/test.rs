//! `cargo xtask test`: every suite of tests that this machine can run.

use std::{
    path::PathBuf,
    process::{Command, ExitCode},
};

use crate::{
    asan, bench,
    cross::{AARCH64, Cpu, RISCV64, S390X},
    programs,
    project::{self, cargo},
    suite::{self, NoSkips, Skips, Step, Suite, When},
    tools, tsan, v8,
};

/// Runs the tests: of the workspace, and every optional suite whose tools are there.
///
/// A suite whose tools are missing is skipped by name, with the command that installs them. The last line counts
/// suites: `N passed, N failed, N skipped`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Suites to run; without any, all that are not marked as `named`
    suites: Vec<String>,
    /// List the suites
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    no_skips: NoSkips,
}

/// The suites, in the order in which they run.
static SUITES: &[Suite] = &[
    Suite {
        name: "workspace",
        about: "every test of the workspace, doctests and examples' builds included",
        when: When::Always,
        needs: &[],
        steps: || {
            let mut command = cargo(&["test", "--no-fail-fast"]);
            command.args(project::MEMBERS);
            vec![command.into()]
        },
    },
    Suite {
        name: "filetests",
        about: "plans, CLIF and assembly of all targets (part of: workspace)",
        when: When::Named,
        needs: &[],
        steps: || vec![cargo(&["test", "-p", "springboard-tests", "--test", "filetests"]).into()],
    },
    Suite {
        name: "examples",
        about: "the README's commands",
        when: When::Always,
        needs: &[],
        steps: || {
            let mut power = example("call");
            power.args(["--", "libm.so.6", "double pow(double, double)", "2", "10"]);
            vec![example("quickstart").into(), Step::printing(power, "1024")]
        },
    },
    Suite {
        name: "pack",
        about: "thunks compiled with the program, also where executable memory is denied",
        when: When::Always,
        needs: &[],
        steps: || {
            let tests = ["--test", "pack", "--test", "denied", "--test", "calls"];
            let mut command = cargo(&["test", "-p", "springboard", "--features", "pack"]);
            command.args(tests);
            let mut quickstart = cargo(&["run", "--features", "pack", "--example", "quickstart"]);
            quickstart.env("SPRINGBOARD_JIT", "off");
            vec![command.into(), quickstart.into()]
        },
    },
    Suite {
        name: "debuggers",
        about: "gdb walks through a stub and says its name",
        when: When::Always,
        needs: &[&tools::GDB],
        steps: || {
            vec![
                cargo(&["test", "-p", "springboard", "--test", "announced", "--", "--include-ignored"])
                    .into(),
            ]
        },
    },
    Suite {
        name: "mdwe",
        about: "the runtime's tests where no memory may become executable: prctl(PR_SET_MDWE)",
        when: When::Always,
        needs: &[],
        steps: || {
            let build = cargo(&["build", "-p", "springboard", "--example", "refuse_exec_gain"]);
            let mut test = cargo(&["test", "-p", "springboard", "--lib", "--tests", "--no-fail-fast", "--"]);
            test.env(runner(), project::root().join("target/debug/examples/refuse_exec_gain"));
            for (test_name, why) in NOT_UNDER_MDWE {
                println!("skipped under PR_SET_MDWE: {test_name}: {why}");
                test.args(["--skip", test_name]);
            }
            vec![build.into(), test.into()]
        },
    },
    Suite {
        name: "asan",
        about: "the tests of the runtime, of C text and of the library for C under AddressSanitizer",
        when: When::Always,
        needs: &[],
        steps: asan::steps,
    },
    Suite {
        name: "tsan",
        about: "the stress of service and callbacks under ThreadSanitizer, with a standard library built for it",
        when: When::Named,
        needs: &[&tools::RUST, &tools::RUST_SOURCE, &tools::CLANG, &tools::CLANG_RT],
        steps: tsan::steps,
    },
    Suite {
        name: "objects-aarch64",
        about: "stubs as objects in C programs, and plans beside C calls, under QEMU",
        when: When::Always,
        needs: &[&tools::QEMU, &tools::GCC_AARCH64],
        steps: || vec![for_cpu("objects", "aarch64"), for_cpu("registers", "aarch64")],
    },
    Suite {
        name: "objects-riscv64",
        about: "stubs as objects in C programs, and plans beside C calls, under QEMU",
        when: When::Always,
        needs: &[&tools::QEMU, &tools::GCC_RISCV64],
        steps: || vec![for_cpu("objects", "riscv64"), for_cpu("registers", "riscv64")],
    },
    Suite {
        name: "objects-s390x",
        about: "stubs as objects in C programs, and plans beside C calls, under QEMU",
        when: When::Always,
        needs: &[&tools::QEMU, &tools::GCC_S390X],
        steps: || vec![for_cpu("objects", "s390x"), for_cpu("registers", "s390x")],
    },
    Suite {
        name: "oracle",
        about: "a slice of the oracle: GCC and Clang, System V and ms_abi, random and exhaustive",
        when: When::Always,
        needs: &[&tools::CLANG],
        steps: || {
            [
                "--signatures 1500 --seed 2",
                "--signatures 1500 --seed 3 --cc clang-16",
                "--matrix --every 61",
                "--matrix --every 67 --cc clang-16",
                "--target x86_64-pc-windows-gnu --signatures 900 --seed 4",
                "--target x86_64-pc-windows-gnu --matrix --every 97",
            ]
            .map(|arguments| oracle(arguments).into())
            .into()
        },
    },
    Suite {
        name: "oracle-aarch64",
        about: "a slice of the oracle under QEMU",
        when: When::Always,
        needs: &[&tools::QEMU, &tools::GCC_AARCH64, &tools::RUST, &tools::STD_AARCH64],
        steps: || slices(&AARCH64),
    },
    Suite {
        name: "oracle-riscv64",
        about: "a slice of the oracle under QEMU",
        when: When::Always,
        needs: &[&tools::QEMU, &tools::GCC_RISCV64, &tools::RUST, &tools::STD_RISCV64],
        steps: || slices(&RISCV64),
    },
    Suite {
        name: "oracle-s390x",
        about: "a slice of the oracle under QEMU: big-endian",
        when: When::Always,
        needs: &[&tools::QEMU, &tools::GCC_S390X, &tools::RUST, &tools::STD_S390X],
        steps: || slices(&S390X),
    },
    Suite {
        name: "landing-pads",
        about: "branch protection on aarch64, which QEMU checks: where stubs are entered, return, and are unwound",
        when: When::Always,
        needs: &[&tools::QEMU, &tools::GCC_AARCH64, &tools::GXX_AARCH64, &tools::RUST, &tools::STD_AARCH64],
        steps: || {
            let tests = ["test", "--package", "springboard", "--test", "landing_pads", "--test", "unwinding"];
            vec![AARCH64.cargo(&tests).into()]
        },
    },
    Suite {
        name: "aarch64",
        about: "the workspace's tests, cross-compiled and run under QEMU",
        when: When::Named,
        needs: &[&tools::QEMU, &tools::GCC_AARCH64, &tools::GXX_AARCH64, &tools::RUST, &tools::STD_AARCH64],
        steps: || vec![cross(&AARCH64)],
    },
    Suite {
        name: "riscv64",
        about: "the workspace's tests, cross-compiled and run under QEMU",
        when: When::Named,
        needs: &[&tools::QEMU, &tools::GCC_RISCV64, &tools::RUST, &tools::STD_RISCV64],
        steps: || vec![cross(&RISCV64)],
    },
    Suite {
        name: "s390x",
        about: "the workspace's tests, cross-compiled and run under QEMU: big-endian",
        when: When::Named,
        needs: &[&tools::QEMU, &tools::GCC_S390X, &tools::RUST, &tools::STD_S390X],
        steps: || vec![cross(&S390X)],
    },
    Suite {
        name: "counts",
        about: "stubs take the instructions that are written down for them, and no more",
        when: When::Always,
        needs: &[&tools::VALGRIND],
        steps: || vec![bench::command("counts").into()],
    },
    Suite {
        name: "v8",
        about: "fast calls in real engines: V8 10.2 and 13.6",
        when: When::Always,
        needs: &[&tools::GXX, &tools::V8_10, &tools::V8_13],
        steps: v8::steps,
    },
    Suite {
        name: "loom",
        about: "the protocols of callbacks, in every order in which threads can run",
        when: When::Always,
        needs: &[],
        steps: || vec![loom().into()],
    },
    Suite {
        name: "stress",
        about: "callbacks and stubs from many threads, dropped at random: the short form of `cargo xtask stress`",
        when: When::Always,
        needs: &[],
        steps: || vec![stress(&[]).into(), stress(&["--libffi"]).into(), stress_service().into()],
    },
    Suite {
        name: "capi",
        about: "the library for C, installed; and programs of C built with it as a stranger would",
        when: When::Always,
        needs: &[&tools::PKG_CONFIG, &tools::GXX, &tools::ZLIB, &tools::SQLITE],
        steps: || vec![install_capi().into(), capi(&["--skip", "valgrind"]).into()],
    },
    Suite {
        name: "capi-valgrind",
        about: "the examples in C under valgrind",
        when: When::Always,
        needs: &[&tools::PKG_CONFIG, &tools::VALGRIND, &tools::ZLIB, &tools::SQLITE],
        steps: || vec![install_capi().into(), capi(&["valgrind"]).into()],
    },
    Suite {
        name: "programs",
        about: "Python, Ruby, PHP, Guile and C programs, with the drop-in in the place of libffi",
        when: When::Always,
        needs: &programs::NEEDS,
        steps: programs::steps,
    },
    Suite {
        name: "everyday",
        about: "headers of zlib, SQLite, libcurl, OpenSSL, libuv and libc, bound; and the examples of everyday calls",
        when: When::Always,
        needs: &[
            &tools::ZLIB_HEADERS,
            &tools::SQLITE_HEADERS,
            &tools::CURL_HEADERS,
            &tools::OPENSSL_HEADERS,
            &tools::UV_HEADERS,
        ],
        steps: || {
            let mut zlib = example("header");
            zlib.args(["--", "/usr/include/zlib.h", "libz.so.1"]);
            vec![
                real_headers().into(),
                zlib.into(),
                example("errno").into(),
                example("structs").into(),
                example("nonblocking").into(),
                example("columns").into(),
            ]
        },
    },
    Suite {
        name: "datafusion",
        about: "C functions in a query engine, over its own columns; the engine takes minutes to build",
        when: When::Named,
        needs: &[],
        steps: || {
            let mut compared = datafusion("run");
            compared.args(["--", "--rows", "100000"]);
            let mut query = datafusion("run");
            query.args(["--", "--function", "double cbrt(double)", "--query"]);
            query.arg("select n, c_cbrt(n) from numbers where n in (-8, 8) group by n order by n");
            vec![datafusion("test").into(), compared.into(), query.into()]
        },
    },
];

/// The example in a query engine, whose two hundred dependencies nobody needs fast.
fn datafusion(what: &str) -> Command {
    let plain = r#"profile.dev.package."*".opt-level=0"#;
    let mut command = cargo(&[what, "--package", project::DATAFUSION, "--config", plain]);
    // Beside what other suites have built.
    command.env("CARGO_TARGET_DIR", project::root().join("target/datafusion"));
    command
}

/// Real headers, which plain `cargo test` leaves out.
fn real_headers() -> Command {
    let name = "headers::all_functions_of_real_headers_are_bound_or_reported";
    cargo(&["test", "-p", "springboard-everyday", "--test", "everyday", "--", "--ignored", "--exact", name])
}

/// Tests of what is refused there, by the beginnings of their names, and why.
const NOT_UNDER_MDWE: [(&str, &str); 6] = [
    (
        "function::tests::any_system_call_may_fail",
        "it expects that pages are sealed when the file cannot be written, which is refused",
    ),
    ("files_in_memory", "it expects sealed pages"),
    ("executable_mappings_of_files", "the same"),
    ("large_files", "the same"),
    ("writes_at_a_position", "the same"),
    ("descriptors", "the same"),
];

/// The variable that names a program through which cargo runs the tests.
fn runner() -> String {
    format!("CARGO_TARGET_{}_UNKNOWN_LINUX_GNU_RUNNER", std::env::consts::ARCH.to_uppercase())
}

/// An example as the README runs it.
fn example(name: &str) -> Command {
    cargo(&["run", "--release", "--example", name])
}

/// A test's part for another CPU, which plain `cargo test` leaves out.
fn for_cpu(test: &str, cpu: &str) -> Step {
    let filter = format!("{cpu}/");
    cargo(&["test", "-p", "springboard-tests", "--test", test, "--", "--ignored", &filter]).into()
}

/// Tests that QEMU 7.2 cannot run, by the beginnings of their names, and why. Each is printed before the tests run.
const NOT_UNDER_QEMU: [(&str, &str); 3] = [
    (
        "code::memory::tests",
        "QEMU goes on with its own copy of code that is written anew at the same address",
    ),
    ("engine::tests", "the same"),
    ("code::segment::tests", "QEMU ignores the advice to give pages back"),
];

/// And what only aarch64 has the C++ compiler for.
const NEEDS_CXX: (&str, &str) = ("exceptions_cross", "no C++ compiler is asked for, for that CPU");

/// All tests for another CPU but those of programs that run on the developer's machine alone, and those that QEMU
/// cannot run.
fn cross(cpu: &Cpu) -> Step {
    let mut command = cpu.cargo(&["test", "--no-fail-fast"]);
    command.args(project::MEMBERS).args(["--exclude", "xtask", "--exclude", "springboard-bench", "--"]);
    let without_cxx = (cpu.name != AARCH64.name).then_some(NEEDS_CXX);
    for (test, why) in NOT_UNDER_QEMU.into_iter().chain(without_cxx) {
        println!("skipped under QEMU: {test}: {why}");
        command.args(["--skip", test]);
    }
    command.into()
}

/// The oracle, as the command of this name runs it.
fn oracle(arguments: &str) -> Command {
    let mut command = cargo(&["run", "--quiet", "--package", "xtask", "--", "oracle"]);
    command.args(arguments.split(' '));
    command
}

/// What of the oracle is run for another CPU.
fn slices(cpu: &Cpu) -> Vec<Step> {
    let slice = |what: &str| oracle(&format!("--target {} {what}", cpu.triple)).into();
    vec![slice("--signatures 600 --seed 5"), slice("--matrix --every 127")]
}

/// The models, in a folder of their own: other flags would have everything else built anew.
fn loom() -> Command {
    let mut command = cargo(&["test", "--package", "springboard-loom"]);
    command.env("RUSTFLAGS", "--cfg loom").env("CARGO_TARGET_DIR", project::root().join("target/loom"));
    command
}

fn stress(arguments: &[&str]) -> Command {
    let mut command = cargo(&["run", "--package", "springboard", "--example", "stress", "--", "callbacks"]);
    command.args(["--threads", "64", "--posts", "2000", "--ends", "500", "--asks", "500"]).args(arguments);
    command
}

fn stress_service() -> Command {
    let mut command = cargo(&["run", "--package", "springboard", "--example", "stress_service", "--"]);
    command.args(["--seconds", "10", "--live", "50000", "--churn", "200000"]);
    command
}

/// Where the suites install the library for C.
fn capi_prefix() -> PathBuf {
    project::root().join("target/capi/prefix")
}

fn install_capi() -> Command {
    let mut command = cargo(&["run", "--quiet", "--package", "xtask", "--"]);
    command.args(["install", "--profile", "dev", "--prefix"]).arg(capi_prefix());
    command
}

/// The tests of what was installed, but for what the arguments leave out.
fn capi(arguments: &[&str]) -> Command {
    let mut command = cargo(&["test", "--package", "springboard-capi", "--test", "installed", "--"]);
    command.env("SPRINGBOARD_PREFIX", capi_prefix()).arg("--ignored").args(arguments);
    command
}

/// The suites that run when none is named.
pub(crate) fn ordinary() -> impl Iterator<Item = &'static Suite> {
    SUITES.iter().filter(|suite| suite.when == When::Always)
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    if arguments.list {
        for suite in SUITES {
            let named = if suite.when == When::Named { " [named]" } else { "" };
            println!("{:<16} {}{named}", suite.name, suite.about);
            for need in suite.needs.iter().filter_map(|tool| tool.missing()) {
                println!("{:<16}   {need}", "");
            }
        }
        return ExitCode::SUCCESS;
    }
    let mut chosen: Vec<&Suite> = Vec::new();
    for name in &arguments.suites {
        let Some(suite) = SUITES.iter().find(|suite| suite.name == *name) else {
            let names: Vec<_> = SUITES.iter().map(|suite| suite.name).collect();
            eprintln!("no suite is named {name}; there are {}", names.join(", "));
            return ExitCode::from(2);
        };
        chosen.push(suite);
    }
    if chosen.is_empty() {
        chosen.extend(ordinary());
    }
    suite::run(&chosen, Skips::chosen(&arguments.no_skips))
}
