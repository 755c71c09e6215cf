//! Linux.

use std::{
    env,
    ffi::OsStr,
    fs,
    os::fd::AsRawFd,
    path::PathBuf,
    process::{Command, Output},
};

use springboard::callback::BorrowedEvent;

/// Whether the loader knows versions of symbols.
pub(crate) const SYMBOLS_HAVE_VERSIONS: bool = !cfg!(target_env = "musl");

/// Whether the loader says which kind of symbol something is.
pub(crate) const SYMBOLS_HAVE_KINDS: bool = true;

/// Whether what a library keeps to itself is not found in the process.
pub(crate) const LIBRARIES_KEEP_SYMBOLS: bool = true;

/// Whether the loader says of what is found by any library which kind of symbol it is; else of a library's own alone.
pub(crate) const KINDS_BY_ANY_LIBRARY: bool = !cfg!(target_env = "musl");

/// Whether a library that nobody uses is unloaded. musl's loader unloads none.
pub(crate) const LIBRARIES_UNLOAD: bool = !cfg!(target_env = "musl");

/// What the loader says of a library that is not there.
pub(crate) const NO_LIBRARY: &str =
    if cfg!(target_env = "musl") { "No such file or directory" } else { "cannot open shared object file" };

/// Whether a library can be linked that lacks a symbol: the loader says so then.
pub(crate) const LIBRARIES_MAY_LACK_SYMBOLS: bool = true;

/// Whether the library that was loaded from `path` still is.
pub(crate) fn is_mapped(path: &OsStr) -> bool {
    let maps = fs::read_to_string("/proc/self/maps").expect("Linux shows a process its mappings");
    maps.contains(&*path.to_string_lossy())
}

/// Whether the convention is System V's on x86_64.
pub(crate) const SYSTEM_V: bool = cfg!(target_arch = "x86_64");

/// Whether an argument's position decides its register, whatever its type.
pub(crate) const POSITIONS_COUNT: bool = false;

/// How names of shared libraries end.
pub(crate) const SUFFIX: &str = "so";

/// Runs the C compiler for the machine that runs this, which under emulation is not the one of the build; and with the
/// C library that this program has.
pub(crate) fn run_compiler(arguments: &[String]) -> Output {
    let compiler = compiler();
    let run = Command::new(&compiler).arg("-fPIC").args(arguments).output();
    run.unwrap_or_else(|error| panic!("no C compiler {}: {error}", compiler.display()))
}

fn compiler() -> PathBuf {
    let named = match cfg!(target_env = "musl") {
        true => "musl-gcc".to_owned(),
        false => format!("{}-linux-gnu-gcc", env::consts::ARCH),
    };
    let paths = env::var_os("PATH").unwrap_or_default();
    let found = env::split_paths(&paths).map(|path| path.join(&named)).find(|file| file.exists());
    found.unwrap_or_else(|| "cc".into())
}

/// Removes a library that is loaded: its pages stay.
pub(crate) fn remove_loaded(file: PathBuf) {
    fs::remove_file(file).expect("the file is this process' own");
}

/// The process' mappings that are both writable and executable.
pub(crate) fn writable_code() -> Vec<String> {
    let maps = fs::read_to_string("/proc/self/maps").expect("Linux shows a process its mappings");
    let access = |row: &str| row.split_whitespace().nth(1).map(str::to_owned).expect("a row has its access");
    assert!(maps.lines().any(|row| access(row).contains('x')), "a running process has code");
    let both = |row: &&str| access(row).contains('w') && access(row).contains('x');
    maps.lines().filter(both).map(str::to_owned).collect()
}

/// Whether a poll loop would go on.
pub(crate) fn is_signalled(event: BorrowedEvent<'_>) -> bool {
    let mut poll = libc::pollfd { fd: event.as_raw_fd(), events: libc::POLLIN, revents: 0 };
    // SAFETY: one descriptor.
    unsafe { libc::poll(&raw mut poll, 1, 0) == 1 }
}

/// The system's number of the running thread.
pub(crate) fn thread_number() -> i32 {
    // SAFETY: the call takes nothing and cannot fail.
    unsafe { libc::gettid() }
}
