//! Windows, under Wine: the compiler is a program of the system around it.

use std::{
    ffi::OsStr,
    io::Read,
    net::TcpListener,
    os::windows::io::AsRawHandle,
    path::PathBuf,
    process::{Command, Output},
};

use springboard::{Library, callback::BorrowedEvent, library::Flags};
use windows_sys::Win32::{
    Foundation::WAIT_OBJECT_0,
    System::Threading::{GetCurrentThreadId, WaitForSingleObject},
};

/// Whether the loader knows versions of symbols.
pub(crate) const SYMBOLS_HAVE_VERSIONS: bool = false;

/// Whether a library that nobody uses is unloaded.
pub(crate) const LIBRARIES_UNLOAD: bool = true;

/// What the loader says of a library that is not there: `ERROR_MOD_NOT_FOUND`.
pub(crate) const NO_LIBRARY: &str = "os error 126";

/// Whether a library can be linked that lacks a symbol.
pub(crate) const LIBRARIES_MAY_LACK_SYMBOLS: bool = false;

/// Whether the library that was loaded from `path` still is.
pub(crate) fn is_mapped(path: &OsStr) -> bool {
    // SAFETY: nothing is loaded.
    unsafe { Library::open_with(path, Flags::NOLOAD) }.is_ok()
}

/// Whether the loader says which kind of symbol something is.
pub(crate) const SYMBOLS_HAVE_KINDS: bool = false;

/// The same of what any library finds.
pub(crate) const KINDS_BY_ANY_LIBRARY: bool = false;

/// Whether what a library keeps to itself is not found in the process.
pub(crate) const LIBRARIES_KEEP_SYMBOLS: bool = false;

/// Whether the convention is System V's on x86_64.
pub(crate) const SYSTEM_V: bool = false;

/// Whether an argument's position decides its register, whatever its type.
pub(crate) const POSITIONS_COUNT: bool = true;

/// How names of shared libraries end.
pub(crate) const SUFFIX: &str = "dll";

/// Runs mingw's GCC. Wine starts programs of the system around it, but does not wait for them; so this one says by a
/// connection how it ended.
pub(crate) fn run_compiler(arguments: &[String]) -> Output {
    const SCRIPT: &str = r#"port=$1; shift; said=$(x86_64-w64-mingw32-gcc "$@" -lpthread 2>&1); status=$?
        exec 3<>/dev/tcp/127.0.0.1/$port; printf '%s\n%s' "$status" "$said" >&3"#;
    let listener = TcpListener::bind("127.0.0.1:0").expect("the machine has a loopback");
    let arguments = arguments.iter().map(|argument| argument.replace('\\', "/"));
    let port = listener.local_addr().expect("it is bound").port().to_string();
    let started = Command::new(r"Z:\bin\bash")
        .args(["-c", SCRIPT, "compile", &port, "-static"])
        .args(arguments)
        .spawn();
    started.expect("Wine starts bash");
    let (mut connection, _) = listener.accept().expect("the script connects");
    let mut text = String::new();
    connection.read_to_string(&mut text).expect("text");
    let (status, said) = text.split_once('\n').expect("a line with the status");
    let status = std::os::windows::process::ExitStatusExt::from_raw(status.parse().expect("a number"));
    Output { status, stdout: Vec::new(), stderr: said.into() }
}

/// A library that is loaded cannot be removed here; it lies in cargo's folder for tests.
pub(crate) fn remove_loaded(_file: PathBuf) {}

/// The process' views of sections that are both writable and executable. libffi's closures, which lie in private pages
/// (`MEM_PRIVATE`), are both here, and no doing of code memory's.
pub(crate) fn writable_code() -> Vec<String> {
    const MEM_MAPPED: &str = " 40000";
    let rows = springboard_process::writable_and_executable();
    rows.into_iter().filter(|row| row.ends_with(MEM_MAPPED)).collect()
}

/// Whether a poll loop would go on.
pub(crate) fn is_signalled(event: BorrowedEvent<'_>) -> bool {
    // SAFETY: the handle is open while it is borrowed.
    unsafe { WaitForSingleObject(event.as_raw_handle(), 0) == WAIT_OBJECT_0 }
}

/// The system's number of the running thread.
pub(crate) fn thread_number() -> i32 {
    // SAFETY: the call takes nothing.
    unsafe { GetCurrentThreadId() }.cast_signed()
}
