//! Where the project lies, and commands that run in it.

use std::{
    path::{Path, PathBuf},
    process::{Command, ExitCode, Stdio},
    time::Instant,
};

/// The workspace's folder. Compiled in: `cargo xtask` is always built in the workspace it works on.
pub(crate) fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("xtask lies in a folder of the workspace")
}

/// The members of the workspace that are built together: all but the examples in DataFusion and on its cluster, whose
/// dependencies take longer than everything else, and the pack, which builds the compiler for itself.
pub(crate) const MEMBERS: [&str; 7] =
    ["--workspace", "--exclude", DATAFUSION, "--exclude", BALLISTA, "--exclude", "springboard-pack"];

/// The examples in query engines.
pub(crate) const DATAFUSION: &str = "springboard-datafusion";
pub(crate) const BALLISTA: &str = "springboard-ballista-example";
pub(crate) const DUCKDB: &str = "springboard-duckdb";

/// Cargo's own name for the folder of one of its profiles.
pub(crate) fn folder_of(profile: &str) -> &str {
    if profile == "dev" { "debug" } else { profile }
}

/// The `cargo` that runs us, in the workspace's folder.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments).current_dir(root());
    command
}

/// Where a program of this name lies, by `PATH`.
pub(crate) fn find_program(name: &str) -> Option<PathBuf> {
    std::env::split_paths(&std::env::var_os("PATH")?)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file())
}

/// Whether the system's loader finds a shared library of this name, by its cache.
pub(crate) fn loader_knows(name: &str) -> bool {
    // Not in the search path of everybody.
    let output = Command::new("/sbin/ldconfig").arg("-p").output();
    output.is_ok_and(|output| {
        let text = String::from_utf8_lossy(&output.stdout);
        text.lines().any(|line| line.split_whitespace().next() == Some(name))
    })
}

/// Whether the C compiler finds a header of this name.
pub(crate) fn compiler_finds(header: &str) -> bool {
    let mut command = Command::new("cc");
    command.args(["-E", "-x", "c", "-include", header, "/dev/null"]);
    command.output().is_ok_and(|output| output.status.success())
}

/// A command as one could type it into a shell: its environment first.
pub(crate) fn shown(command: &Command) -> String {
    let mut words = Vec::new();
    for (name, value) in command.get_envs() {
        let Some(value) = value else { continue };
        // The search path is long, and says nothing that matters.
        if name != "PATH" {
            words.push(format!("{}={}", name.display(), quoted(&value.to_string_lossy())));
        }
    }
    let program = Path::new(command.get_program());
    words.push(program.file_name().unwrap_or(command.get_program()).to_string_lossy().into_owned());
    words.extend(command.get_args().map(|word| quoted(&word.to_string_lossy())));
    words.join(" ")
}

fn quoted(word: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_=./:,@+".contains(c);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

/// What a command of ours ends with. What went wrong is said.
pub(crate) fn exit(ended: Result<(), String>) -> ExitCode {
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

/// Runs a command of which one wants to see only that it goes on, and all if it fails.
pub(crate) fn quietly(what: &str, command: &mut Command) -> Result<(), String> {
    println!("{what} …");
    let started = Instant::now();
    command.env("DEBIAN_FRONTEND", "noninteractive").stdin(Stdio::null());
    let output = command.output().map_err(|error| format!("{}: {error}", shown(command)))?;
    if output.status.success() {
        println!("  done in {:.0} s", started.elapsed().as_secs_f64());
        return Ok(());
    }
    Err(format!(
        "{}\n{}{}: {}",
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr),
        shown(command),
        output.status
    ))
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    #[test]
    fn the_loader_knows_the_c_library() {
        assert!(super::loader_knows("libc.so.6"));
        assert!(!super::loader_knows("libc.so"));
    }

    #[test]
    fn commands_are_shown_as_typed() {
        let mut command = Command::new("/usr/bin/cargo");
        command.env("RUNNER", "qemu -L /usr/x").env("PATH", "/usr/bin").args(["test", "it's", ""]);
        assert_eq!(super::shown(&command), r"RUNNER='qemu -L /usr/x' cargo test 'it'\''s' ''");
    }
}
