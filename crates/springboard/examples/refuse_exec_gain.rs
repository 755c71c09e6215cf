//! Runs a program with `prctl(PR_SET_MDWE)` set: no mapping of it may become executable that was not from the start, and
//! none may be writable and executable.
//!
//! `cargo xtask test mdwe` runs the tests through it.

use std::{env, os::unix::process::CommandExt, process::Command};

fn main() {
    const PR_SET_MDWE: libc::c_int = 65;
    const REFUSE_EXEC_GAIN: libc::c_ulong = 1;
    let mut arguments = env::args_os().skip(1);
    let program = arguments.next().expect("usage: refuse_exec_gain PROGRAM [ARGUMENT …]");
    // SAFETY: the call takes no pointers.
    let refused = unsafe { libc::prctl(PR_SET_MDWE, REFUSE_EXEC_GAIN, 0, 0, 0) };
    assert_eq!(refused, 0, "PR_SET_MDWE needs Linux 6.3");
    let error = Command::new(&program).args(arguments).exec();
    panic!("{}: {error}", program.display());
}
