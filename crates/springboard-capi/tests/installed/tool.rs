//! Compilers, programs, and where the library is.

use std::{
    env, fs, io,
    path::{Path, PathBuf},
    process::{Command, Output, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

/// How long a program may take: valgrind on a loaded machine.
const LIMIT: Duration = Duration::from_secs(300);

/// The prefix under which the library is installed.
pub(crate) fn prefix() -> PathBuf {
    env::var_os("SPRINGBOARD_PREFIX").expect("SPRINGBOARD_PREFIX says where: cargo xtask test capi").into()
}

/// A file of this crate.
pub(crate) fn source(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(path)
}

/// Where programs are built.
pub(crate) fn built(name: &str) -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join(name)
}

/// The C compiler: another system's where `SPRINGBOARD_CC` names one, whose programs `SPRINGBOARD_RUNNER` then runs.
fn compiler() -> Command {
    Command::new(env::var_os("SPRINGBOARD_CC").unwrap_or_else(|| "cc".into()))
}

/// A run of a program.
pub(crate) fn running(program: &Path) -> Command {
    let Some(runner) = env::var_os("SPRINGBOARD_RUNNER") else { return Command::new(program) };
    let mut command = Command::new(runner);
    command.arg(program);
    command
}

/// The options by which a compiler finds the header.
pub(crate) fn include() -> String {
    format!("-I{}", prefix().join("include").display())
}

/// The options by which a linker finds the shared library, and the loader as well.
pub(crate) fn library() -> [String; 3] {
    let folder = prefix().join("lib");
    let folder = folder.display();
    [format!("-L{folder}"), "-lspringboard".to_owned(), format!("-Wl,-rpath,{folder}")]
}

/// The libraries that the static one needs, as its file for pkg-config lists them.
pub(crate) fn private_libraries() -> Vec<String> {
    let file = prefix().join("lib/pkgconfig/springboard.pc");
    let text = fs::read_to_string(&file).unwrap_or_else(|error| panic!("{}: {error}", file.display()));
    let line = text.lines().find_map(|line| line.strip_prefix("Libs.private:"));
    line.expect("the file lists them").split_whitespace().map(str::to_owned).collect()
}

/// What pkg-config says.
pub(crate) fn pkg_config(arguments: &[&str]) -> Vec<String> {
    let mut command = Command::new("pkg-config");
    command.env("PKG_CONFIG_PATH", prefix().join("lib/pkgconfig")).args(arguments).arg("springboard");
    let output = succeed(command);
    String::from_utf8(output.stdout).expect("words").split_whitespace().map(str::to_owned).collect()
}

/// What all of the project's C is compiled with.
pub(crate) const STRICT: [&str; 8] = [
    "-std=c11",
    "-Wall",
    "-Wextra",
    "-Werror",
    "-pedantic",
    "-pthread",
    "-g",
    // The formats of C11 in mingw, whose C library has none for size_t.
    "-D__USE_MINGW_ANSI_STDIO=1",
];

/// Compiles a program of C, which finds the library where it is installed.
pub(crate) fn compile(source: &Path, name: &str) -> PathBuf {
    let program = built(name).with_extension("exe");
    let mut command = compiler();
    command.args(STRICT).arg("-o").args([&program, source]);
    command.arg(include()).args(library());
    succeed(command);
    program
}

/// Runs a command that must succeed in time.
pub(crate) fn succeed(command: Command) -> Output {
    let shown = format!("{command:?}");
    let output = run(command);
    assert!(
        output.status.success(),
        "{shown}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output
}

/// Runs a command that must end in time.
pub(crate) fn run(mut command: Command) -> Output {
    let shown = format!("{command:?}");
    let mut child = command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("{shown}: {error}"));
    // Both are read while it runs, so that it never waits for room.
    let out = read(child.stdout.take().expect("it is piped"));
    let err = read(child.stderr.take().expect("it is piped"));
    let end = Instant::now() + LIMIT;
    let [stdout, stderr] = [out, err].map(|output| {
        let left = end.saturating_duration_since(Instant::now());
        output.recv_timeout(left).unwrap_or_else(|_| {
            child.kill().expect("it is our child");
            panic!("{shown}: still running after {LIMIT:?}");
        })
    });
    Output { status: child.wait().expect("it is our child"), stdout, stderr }
}

/// All that comes, once there is no more to come.
fn read(mut from: impl io::Read + Send + 'static) -> mpsc::Receiver<Vec<u8>> {
    let (send, receive) = mpsc::channel();
    thread::spawn(move || {
        let mut bytes = Vec::new();
        from.read_to_end(&mut bytes).expect("a pipe can be read");
        send.send(bytes)
    });
    receive
}
