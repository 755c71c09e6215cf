//! The examples, as they are and under valgrind, and the header in C++.

use std::{fs, process::Command};

use crate::tool::{
    built, compile, include, library, pkg_config, prefix, private_libraries, run, running, source, succeed,
};

/// An example, compiled, and what it prints.
fn runs(name: &str, prints: &str) {
    let program = compile(&source(&format!("examples/{name}.c")), name);
    // The answers are the same where nothing is compiled.
    for jit in ["on", "off"] {
        let mut command = running(&program);
        command.env("SPRINGBOARD_JIT", jit);
        let output = succeed(command);
        let printed = String::from_utf8_lossy(&output.stdout);
        assert!(printed.contains(prints), "{name}: {printed}");
        let by = if jit == "on" { "called by: native" } else { "called by: libffi: compiling is turned off" };
        assert!(name != "zlib" || printed.contains(by), "{printed}");
    }
}

/// The same under valgrind, which finds nothing.
fn runs_under_valgrind(name: &str, prints: &str) {
    let program = compile(&source(&format!("examples/{name}.c")), &format!("{name}-valgrind"));
    let mut command = Command::new("valgrind");
    // Code is written anew at addresses that valgrind has translated.
    command.args(["-q", "--smc-check=all", "--error-exitcode=9", "--leak-check=full"]);
    // What the process keeps for ever is reached through pointers into it.
    command.args(["--show-leak-kinds=definite", "--errors-for-leak-kinds=definite"]).arg(program);
    let output = succeed(command);
    let printed = String::from_utf8_lossy(&output.stdout);
    assert!(printed.contains(prints), "{name}: {printed}");
}

macro_rules! examples {
    ($($name:ident: $prints:literal)*) => {
        $(
            #[test]
            #[ignore = "needs an installed library: cargo xtask test capi"]
            fn $name() {
                runs(stringify!($name), $prints);
            }
        )*

        mod valgrind {
            $(
                #[test]
                #[ignore = "needs an installed library and valgrind: cargo xtask test capi-valgrind"]
                fn $name() {
                    super::runs_under_valgrind(stringify!($name), $prints);
                }
            )*
        }
    };
}

examples! {
    qsort: "-1 0 1 2 3 4 5 6 7 8 9"
    zlib: "crc32: cbf43926"
    sqlite: "snow leopard: 37.5"
    epoll: "4000 calls of 4 threads"
}

/// What pkg-config says is what the tests compile with.
#[test]
#[ignore = "needs an installed library and pkg-config: cargo xtask test capi"]
fn pkg_config_knows_the_library() {
    let (shared, fixed) = (pkg_config(&["--cflags", "--libs"]), pkg_config(&["--static", "--libs-only-l"]));
    let path = |word: &String| word.trim_start_matches("-I").trim_start_matches("-L").to_owned();
    assert_eq!(fs::canonicalize(path(&shared[0])).unwrap(), fs::canonicalize(path(&include())).unwrap());
    assert_eq!(fs::canonicalize(path(&shared[1])).unwrap(), fs::canonicalize(path(&library()[0])).unwrap());
    assert_eq!(shared[2..], ["-lspringboard"]);
    assert_eq!(fixed[0], "-lspringboard");
    let wanted: Vec<String> = private_libraries().into_iter().filter(|word| word.starts_with("-l")).collect();
    assert_eq!(fixed[1..], wanted);
}

/// Programs with the static library need no other file of ours.
#[test]
#[ignore = "needs an installed library: cargo xtask test capi"]
fn the_static_library_is_complete() {
    let program = built("qsort-static");
    let mut command = Command::new("cc");
    command.args(["-std=c11", "-o"]).args([&program, &source("examples/qsort.c")]);
    command.arg(include()).arg(prefix().join("lib/libspringboard.a")).args(private_libraries());
    succeed(command);
    succeed(Command::new(program));
}

const CXX: &str = r#"
#include <springboard.h>
#include <cmath>

int main() {
    sb_engine *engine = nullptr;
    sb_library *process = nullptr;
    sb_function *function = nullptr;
    sb_entry entry{};
    if (sb_engine_new(nullptr, &engine) != SB_OK || sb_library_open("libm.so.6", SB_LIBRARY_DEFAULT, &process) != SB_OK
        || sb_function_bind(engine, process, "double pow(double, double)", &function) != SB_OK
        || sb_function_entry(function, &entry) != SB_OK) {
        return 1;
    }
    const uint64_t slots[] = {sb_slot_of_double(2), sb_slot_of_double(10)};
    const double result = SB_CALL(double, entry, slots);
    return std::abs(result - 1024) < 1e-9 && sb_function_close(function) == SB_OK ? 0 : 2;
}
"#;

#[test]
#[ignore = "needs an installed library and g++: cargo xtask test capi"]
fn the_header_is_cxx() {
    let (input, program) = (built("header.cc"), built("header-cxx"));
    fs::write(&input, CXX).expect("cargo's directory for tests is writable");
    let mut command = Command::new("g++");
    command.args(["-std=c++17", "-Wall", "-Wextra", "-Werror", "-pedantic", "-o"]).args([&program, &input]);
    command.arg(include()).args(library());
    succeed(command);
    succeed(Command::new(&program));
}

/// A mistake in an example is not passed over: the tests can fail.
#[test]
#[ignore = "needs an installed library: cargo xtask test capi"]
fn a_failing_program_is_seen() {
    let input = built("failing.c");
    fs::write(&input, "#include <springboard.h>\nint main(void) { return sb_engine_close(NULL); }\n")
        .expect("cargo's directory for tests is writable");
    let output = run(running(&compile(&input, "failing")));
    assert_eq!(output.status.code(), Some(1));
}
