//! The suite `programs`: programs that are linked to libffi, run with the drop-in in its place.

use std::{
    ffi::OsStr,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{
    project::{self, cargo},
    suite::Step,
    tools,
};

/// Builds the drop-in, what the programs call, and runs each program.
pub(crate) fn steps() -> Vec<Step> {
    let mut dropin = cargo(&["run", "--quiet", "--package", "xtask", "--", "libffi", "--out"]);
    // As the examples are built.
    dropin.arg(folder()).args(["--profile", "release"]);
    let strict = ["-Wall", "-Wextra", "-Werror", "-O1"];
    let mut native = Command::new("cc");
    native
        .args(strict)
        .args(["-shared", "-fPIC", "-o"])
        .arg(library())
        .arg(script("native.c"))
        .arg("-lpthread");
    let mut interface = Command::new("cc");
    interface.arg("-std=gnu11").args(strict).arg("-o").arg(binary("interface")).arg(script("interface.c"));
    interface.args(["-lffi", "-lpthread", "-lm"]);
    // A program at a fixed address has copies of the library's data, whose addresses must be the right ones.
    let mut fixed = Command::new("cc");
    fixed.args(["-no-pie", "-fno-pie", "-std=gnu11"]).args(strict).arg("-o").arg(binary("interface-fixed"));
    fixed.arg(script("interface.c")).args(["-lffi", "-lpthread", "-lm"]);
    let mut layouts = Command::new("cc");
    layouts.arg("-std=gnu11").args(strict).arg("-o").arg(binary("layouts")).arg(script("layouts.c"));
    layouts.arg("-lffi");
    let mut freed = Command::new("cc");
    freed.arg("-std=gnu11").args(strict).arg("-o").arg(binary("freed")).arg(script("freed.c")).arg("-lffi");
    let mut strictly = with_dropin(Command::new(binary("freed")));
    strictly.env("SPRINGBOARD_FFI_FREED", "abort");
    let mut copies = Command::new("cc");
    copies.arg("-std=gnu11").args(strict).arg("-o").arg(binary("copies")).arg(script("copies.c"));
    let mut copy = Command::new("cp");
    copy.arg(folder().join("libffi.so.8")).arg(folder().join("copy.so"));
    let mut twice = Command::new(binary("copies"));
    twice.arg(folder().join("libffi.so.8")).arg(folder().join("copy.so"));
    let mut exceptions = Command::new("g++");
    exceptions.args(strict).arg("-o").arg(binary("exceptions")).arg(script("exceptions.cc")).arg("-lffi");
    let in_c = |steps: Vec<Step>| steps.into_iter().map(|step| step.needing("c", [&tools::LIBFFI_HEADERS]));
    let in_cxx = |steps: Vec<Step>| {
        steps.into_iter().map(|step| step.needing("c++", [&tools::GXX, &tools::LIBFFI_HEADERS]))
    };
    let mut all: Vec<Step> = vec![dropin.into(), native.into()];
    all.extend(in_c(vec![
        copies.into(),
        copy.into(),
        twice.into(),
        interface.into(),
        fixed.into(),
        layouts.into(),
        // The same words whoever serves it: without the drop-in, and with it, counted and not.
        Step::printing(Command::new(binary("interface")), INTERFACE),
        Step::printing(with_dropin(Command::new(binary("interface"))), INTERFACE),
        // Few calls have no plan: one with `void` arguments.
        Step::served(with_dropin(Command::new(binary("interface"))), 80_000, 9_000),
        Step::printing(with_dropin(Command::new(binary("interface-fixed"))), INTERFACE),
        Step::from(Command::new(binary("layouts"))),
        Step::from(with_dropin(Command::new(binary("layouts")))),
        freed.into(),
        Step::printing(with_dropin(Command::new(binary("freed"))), "freed: 15\nanother's: 105"),
        Step::failing(strictly, "a closure was called after ffi_closure_free"),
        // All of them: none is left to libffi.
        Step::served(with_dropin(Command::new(binary("layouts"))), LAYOUTS, LAYOUTS),
    ]));
    all.extend(in_cxx(vec![
        exceptions.into(),
        Step::from(with_dropin(Command::new(binary("exceptions")))),
        Step::served(with_dropin(Command::new(binary("exceptions"))), 200, 1),
    ]));
    let script = |program: &str, before: &[&str], script: &str, calls, closures| {
        let mut command = Command::new(program);
        command.args(before);
        Step::served(scripted(command, script), calls, closures)
    };
    all.extend([
        script("/usr/bin/python3", &[], "with_ctypes.py", 1000, 2000).needing("python", [&tools::PYTHON]),
        script("/usr/bin/python3", &[], "with_cffi.py", 800, 4)
            .needing("python-cffi", [&tools::PYTHON, &tools::PYTHON_CFFI]),
        script("/usr/bin/ruby", &[], "with_fiddle.rb", 800, 3).needing("ruby", [&tools::RUBY]),
        script("/usr/bin/ruby", &[], "with_ffi.rb", 800, 4)
            .needing("ruby-ffi", [&tools::RUBY, &tools::RUBY_FFI]),
        script("/usr/bin/php", &["-d", "ffi.enable=1"], "with_ffi.php", 15, 3).needing("php", [&tools::PHP]),
        script("/usr/bin/guile-3.0", &["--no-auto-compile"], "with_guile.scm", 800, 3)
            .needing("guile", [&tools::GUILE]),
        script("/usr/bin/gjs-console", &[], "with_gjs.js", 1500, 60).needing("gjs", [&tools::GJS]),
    ]);
    all
}

/// The calls and closures of `layouts`.
const LAYOUTS: u64 = 17;

/// What `interface` prints, by libffi 3.4.
const INTERFACE: &str = "narrow 0: ffffffffffffffff
narrow 1: ff
narrow 2: fffffffffffffffe
narrow 3: fffffffffffffffd
narrow 4: ffffffff
offsets 0 8, size 16, alignment 8
variadic float: 3
variadic short: 3
bad abi: 2 2
empty: 1
without members: 1
alignment 0: 1
raw size 16";

/// Where the drop-in and what the programs call are built.
fn folder() -> PathBuf {
    project::root().join("target/libffi")
}

fn binary(name: &str) -> PathBuf {
    folder().join(name)
}

fn library() -> PathBuf {
    folder().join("libnative.so")
}

fn script(name: &str) -> PathBuf {
    project::root().join("tests/programs").join(name)
}

/// A command that uses the drop-in.
fn with_dropin(mut command: Command) -> Command {
    command.env("LD_LIBRARY_PATH", folder());
    command
}

/// A language's program with a script of ours, which is told of the library and of its header.
fn scripted(mut command: Command, name: &str) -> Command {
    let arguments: [&Path; 3] = [&script(name), &library(), &script("native.h")];
    command.args(arguments.map(AsRef::<OsStr>::as_ref));
    with_dropin(command)
}
