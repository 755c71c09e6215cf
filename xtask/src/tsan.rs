//! The stress tests under ThreadSanitizer.
//!
//! The standard library is built anew, instrumented: its locks would be invisible otherwise, and all that they guard
//! would seem to be raced for. Debian has its source, for Debian's compiler; the sanitizer's own library is Clang's.

use std::process::Command;

use crate::{cross, project, suite::Step};

/// The machine that this suite knows.
const TARGET: &str = "x86_64-unknown-linux-gnu";

pub(crate) fn steps() -> Vec<Step> {
    let service = ["--seconds", "30", "--threads", "8", "--live", "2000", "--churn", "20000"];
    let callbacks = ["callbacks", "--threads", "8", "--posts", "2000", "--ends", "200", "--asks", "200"];
    // A race on purpose must be found, or the others prove nothing.
    let raced = sanitized("stress_service", &["--seconds", "1", "--live", "1", "--churn", "1", "--race"]);
    vec![
        sanitized("stress_service", &service).into(),
        sanitized("stress", &callbacks).into(),
        Step::failing(raced, "ThreadSanitizer: data race"),
    ]
}

/// An example of the runtime, with the sanitizer in everything that it consists of.
fn sanitized(example: &str, arguments: &[&str]) -> Command {
    let mut command = cross::debian_cargo();
    command.args([
        "run",
        "-Zbuild-std",
        "--target",
        TARGET,
        "--package",
        "springboard",
        "--example",
        example,
    ]);
    command.env("RUSTC_BOOTSTRAP", "1").env("CARGO_TARGET_DIR", project::root().join("target/tsan"));
    let flags = "-Zsanitizer=thread -Zexternal-clangrt -Clinker=clang-16 -Clink-arg=-fsanitize=thread";
    command.env("RUSTFLAGS", flags).arg("--").args(arguments);
    command
}
