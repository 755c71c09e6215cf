//! A command that hangs is ended, and everything that it started with it.
//!
//! Its processes are known by a variable of their environment, which children inherit, daemons included; where a program
//! clears its children's environment, by their parents. They stay in the group of processes of the terminal, so that
//! Ctrl-C reaches them.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    process::Command,
    sync::{
        atomic::{AtomicBool, AtomicU32, Ordering},
        mpsc::{self, RecvTimeoutError},
    },
    thread,
    time::Duration,
};

/// The variable that marks the processes of one command.
const MARK: &str = "SPRINGBOARD_STEP";

/// Whether a command ended by itself.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum End {
    Own,
    Expired,
}

/// Has `run` run the command. Once `limit` is over, kills all processes of the command until `run` returns.
pub(crate) fn limited<T>(
    command: &mut Command,
    limit: Duration,
    run: impl FnOnce(&mut Command) -> T,
) -> (T, End) {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let mark = format!("{}.{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed));
    command.env(MARK, &mark);
    let expired = AtomicBool::new(false);
    let (over, watch) = mpsc::channel::<()>();
    let result = thread::scope(|scope| {
        let (expired, mark) = (&expired, &mark);
        scope.spawn(move || {
            let mut wait = limit;
            // Again and again: a process may start another while the list is read.
            while watch.recv_timeout(wait) == Err(RecvTimeoutError::Timeout) {
                expired.store(true, Ordering::Relaxed);
                kill_all(mark);
                wait = Duration::from_millis(100);
            }
        });
        let result = run(command);
        drop(over);
        result
    });
    let expired = expired.load(Ordering::Relaxed);
    if expired {
        kill_all(&mark);
    }
    (result, if expired { End::Expired } else { End::Own })
}

/// The processes that have the mark, and their descendants.
fn of_mark(mark: &str) -> BTreeSet<u32> {
    let variable = format!("{MARK}={mark}");
    let mut parents = BTreeMap::new();
    let mut found = BTreeSet::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse::<u32>().ok()) else {
            continue;
        };
        // Those of others cannot be read; those that have ended have no environment.
        let environment = fs::read(entry.path().join("environ")).unwrap_or_default();
        if environment.split(|byte| *byte == 0).any(|one| one == variable.as_bytes()) {
            found.insert(process);
        }
        let status = fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        // pid (name) state ppid …: the name may hold anything.
        let after_name = status.rsplit(')').next().unwrap_or_default();
        if let Some(parent) = after_name.split_whitespace().nth(1).and_then(|word| word.parse::<u32>().ok()) {
            parents.insert(process, parent);
        }
    }
    loop {
        let children: Vec<u32> = parents
            .iter()
            .filter(|(process, parent)| found.contains(parent) && !found.contains(process))
            .map(|(process, _)| *process)
            .collect();
        if children.is_empty() {
            return found;
        }
        found.extend(children);
    }
}

/// Kills all of them. They are stopped first, until there are no more: a child whose parent is gone may be known by nothing.
fn kill_all(mark: &str) {
    let mut stopped = BTreeSet::new();
    loop {
        let found = of_mark(mark);
        if found.is_subset(&stopped) {
            break;
        }
        signal("STOP", &found);
        stopped.extend(found);
    }
    signal("KILL", &stopped);
}

fn signal(name: &str, processes: &BTreeSet<u32>) {
    if processes.is_empty() {
        return;
    }
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"signal=$1; shift; kill -s "$signal" "$@" 2>/dev/null"#, "sh", name]);
    // A process that has ended by itself is no failure.
    let _ = shell.args(processes.iter().map(u32::to_string)).status();
}

#[cfg(test)]
mod tests {
    use std::{process::Command, time::Duration};

    use super::{End, limited, of_mark};

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    /// The mark that the command was given.
    fn mark(command: &Command) -> String {
        let (_, value) = command.get_envs().find(|(name, _)| *name == super::MARK).expect("it is set");
        value.expect("it has a value").to_str().expect("it is text").to_owned()
    }

    #[test]
    fn what_ends_is_left_alone() {
        let (status, end) =
            limited(&mut shell("exit 3"), Duration::from_secs(3600), |command| command.status());
        assert_eq!((status.unwrap().code(), end), (Some(3), End::Own));
    }

    #[test]
    fn what_hangs_is_killed_with_its_children() {
        // Children that outlive the shell and hold its output, one with no terminal, one with no environment.
        for script in [
            "exec tail -f /dev/null",
            "tail -f /dev/null & tail -f /dev/null",
            "setsid tail -f /dev/null & exit 0",
            "env -i tail -f /dev/null",
        ] {
            let mut command = shell(script);
            let (output, end) = limited(&mut command, Duration::ZERO, |command| command.output());
            assert_eq!(end, End::Expired, "{script}");
            output.unwrap();
            let left = of_mark(&mark(&command));
            let alive = left.iter().filter(|process| {
                let state = std::fs::read_to_string(format!("/proc/{process}/stat")).unwrap_or_default();
                !state.is_empty() && !state.contains(") Z ")
            });
            assert_eq!(alive.count(), 0, "{script}");
        }
    }
}
