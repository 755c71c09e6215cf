//! Tests under AddressSanitizer.
//!
//! Code of this workspace is instrumented, in a folder of its own; the crates that it depends on are not, and are not
//! optimised either, because building them would take most of the time. The C library's functions on memory and strings
//! are watched in any case.

use std::process::Command;

use crate::{
    project::{self, cargo},
    suite::Step,
    tools,
};

/// The test programs of the runtime whose memory is the host's. The others are of code memory, processes and debuggers.
const TESTS: [&str; 8] =
    ["bad_input", "callbacks", "callbacks_threads", "calls", "everyday", "in_bulk", "libraries", "unwinding"];

pub(crate) fn steps() -> Vec<Step> {
    let mut text = sanitized(&["--package", "springboard-ir", "--lib", "--tests"]);
    text.arg("--no-fail-fast");
    let mut tests =
        sanitized(&["--package", "springboard", "--package", "springboard-everyday", "--no-fail-fast"]);
    tests.args(TESTS.iter().flat_map(|name| ["--test", name]));
    let exceptions = sanitized(&["--package", "springboard", "--test", "unwinding", "--", "--ignored"]);
    let units = sanitized(&[
        "--package",
        "springboard",
        "--package",
        "springboard-everyday",
        "--package",
        "springboard-capi",
        "--lib",
    ]);
    // What goes wrong on purpose must be caught, or the others prove nothing.
    let name = "memory::more_is_read_than_there_is";
    let caught = sanitized(&[
        "--package",
        "springboard-everyday",
        "--test",
        "everyday",
        "--",
        "--ignored",
        "--exact",
        name,
    ]);
    vec![
        text.into(),
        tests.into(),
        Step::from(exceptions).needing("exceptions", [&tools::GXX]),
        units.into(),
        Step::failing(caught, "AddressSanitizer: heap-buffer-overflow"),
    ]
}

/// `cargo test` with the sanitizer, which the pinned compiler has, behind a variable that makes it take unstable options.
fn sanitized(arguments: &[&str]) -> Command {
    let mut command = cargo(&["test", "-Zprofile-rustflags"]);
    for setting in [
        r#"profile.dev.rustflags=["-Zsanitizer=address"]"#,
        r#"profile.dev.package."*".rustflags=[]"#,
        r#"profile.dev.package."*".opt-level=0"#,
    ] {
        command.args(["--config", setting]);
    }
    command.env("RUSTC_BOOTSTRAP", "1").env("CARGO_TARGET_DIR", project::root().join("target/asan"));
    // Cells of callbacks and libffi's closures live as long as the process, where nobody looks for pointers to them.
    command.env("ASAN_OPTIONS", "detect_leaks=0").args(arguments);
    command
}
