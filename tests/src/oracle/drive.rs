//! Many batches: written, compiled, called in processes of their own; what failed is shrunk.

use std::{
    collections::BTreeMap,
    fmt, fs,
    path::{Path as FilePath, PathBuf},
    process::{Command, Stdio},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use crate::oracle::{
    c,
    compile::{Compiler, Level},
    event::{Event, Path},
    suite::{Case, Suite},
};

/// Candidates of one round of shrinking that are compiled together.
const CANDIDATES: usize = 48;

/// How a suite is run.
pub struct Drive<'a> {
    /// What is drawn.
    pub suite: &'a Suite,
    /// The target on the command line, for the runner.
    pub target: &'a [&'a str],
    /// The C compiler for the target.
    pub compiler: &'a Compiler,
    /// A run of the oracle's program on the target.
    pub program: &'a (dyn Fn() -> Command + Sync),
    /// How many batches are run at a time.
    pub jobs: usize,
    /// Where C files and objects lie while they are needed.
    pub folder: &'a FilePath,
}

/// What was found.
#[derive(Default)]
pub struct Tally {
    /// How many signatures were called.
    pub signatures: u64,
    /// Numbers of signatures of which the same can be said.
    pub counts: BTreeMap<String, u64>,
    /// What went wrong, at most one entry per case.
    pub failures: Vec<Failure>,
}

/// A case that went wrong.
#[derive(Clone, Debug)]
pub struct Failure {
    /// The case.
    pub case: Case,
    /// How its callee was compiled.
    pub level: Level,
    /// How it was called.
    pub path: Path,
    /// What was found.
    pub what: String,
}

/// Cases that are compiled together.
pub struct Batch {
    /// The cases.
    pub cases: Vec<Case>,
    /// How much the compiler optimises.
    pub level: Level,
}

impl Batch {
    /// Batches of `size` cases, which take turns in the levels.
    pub fn in_turn(cases: impl Iterator<Item = Case>, size: usize, levels: &[Level]) -> Vec<Batch> {
        let cases = cases.collect::<Vec<_>>();
        let levels = levels.iter().cycle();
        cases
            .chunks(size)
            .zip(levels)
            .map(|(cases, level)| Batch { cases: cases.into(), level: *level })
            .collect()
    }

    /// One batch for each level, of the same cases.
    pub fn of_each(cases: &[Case], levels: &[Level]) -> Vec<Batch> {
        levels.iter().map(|level| Batch { cases: cases.into(), level: *level }).collect()
    }
}

impl Drive<'_> {
    /// Runs batches. `progress` is told whenever one is done.
    ///
    /// # Errors
    /// Where a file cannot be written, the C compiler refuses one, or the program says what it should not.
    pub fn run(&self, batches: &[Batch], progress: &(dyn Fn(&Tally) + Sync)) -> Result<Tally, String> {
        let next = AtomicUsize::new(0);
        let tally = Mutex::new(Ok(Tally::default()));
        let work = || {
            loop {
                let index = next.fetch_add(1, Ordering::Relaxed);
                let Some(batch) = batches.get(index) else { return };
                let done = self.batch(&batch.cases, batch.level, &format!("batch{index}"));
                let mut tally = tally.lock().expect("no worker panicked");
                match (&mut *tally, done) {
                    (Ok(tally), Ok(done)) => {
                        tally.add(done);
                        progress(tally);
                    }
                    (tally @ Ok(_), Err(error)) => *tally = Err(error),
                    (Err(_), _) => {}
                }
                if tally.is_err() {
                    return;
                }
            }
        };
        std::thread::scope(|scope| {
            for _ in 0..self.jobs {
                scope.spawn(work);
            }
        });
        tally.into_inner().expect("no worker panicked")
    }

    /// The simplest case that goes wrong as `failure` does, and how.
    ///
    /// # Errors
    /// As [`Drive::run`].
    pub fn shrink(&self, failure: &Failure) -> Result<Failure, String> {
        let mut simplest = failure.clone();
        'simpler: loop {
            for candidates in self.suite.children(&simplest.case).chunks(CANDIDATES) {
                let same = |found: &Failure| found.path == simplest.path;
                let tally = self.batch_until(candidates, simplest.level, "shrink", &same)?;
                if let Some(found) = tally.failures.into_iter().find(same) {
                    simplest = found;
                    continue 'simpler;
                }
            }
            return Ok(simplest);
        }
    }

    /// The failures that are worth shrinking: the first by each path, but none of a case that was chosen already.
    pub fn worth_shrinking<'t>(&self, tally: &'t Tally) -> Vec<&'t Failure> {
        let mut chosen: Vec<&Failure> = Vec::new();
        for path in Path::ALL {
            let first = tally.failures.iter().find(|failure| failure.path == path);
            chosen.extend(first.filter(|first| chosen.iter().all(|chosen| chosen.case != first.case)));
        }
        chosen
    }

    fn batch(&self, cases: &[Case], level: Level, name: &str) -> Result<Tally, String> {
        self.batch_until(cases, level, name, &|_| false)
    }

    /// Runs a batch, and goes on after a crash unless a failure was found that is `enough`.
    fn batch_until(
        &self,
        cases: &[Case],
        level: Level,
        name: &str,
        enough: &dyn Fn(&Failure) -> bool,
    ) -> Result<Tally, String> {
        let mut tally = Tally { signatures: cases.len() as u64, ..Tally::default() };
        let (left_out, cases) = cases
            .iter()
            .map(|case| {
                (self.compiler.maker.quirk(&self.suite.signature(case), &self.suite.target), case.clone())
            })
            .partition::<Vec<_>, _>(|(quirk, _)| quirk.is_some());
        for quirk in left_out.into_iter().filter_map(|(quirk, _)| quirk) {
            *tally.counts.entry(format!("left out: {quirk}")).or_default() += 1;
        }
        let cases = &*cases.into_iter().map(|(_, case)| case).collect::<Vec<_>>();
        let file = |extension| self.folder.join(format!("{name}.{extension}"));
        let (source, object) = (file("c"), file("so"));
        let text = c::file(self.suite, cases);
        fs::write(&source, text).map_err(|error| format!("{}: {error}", source.display()))?;
        self.compiler.compile(level, &source, &object)?;
        let mut from = 0;
        while from < cases.len() && !tally.failures.iter().any(enough) {
            from = self.called(cases, level, &object, from, &mut tally)?;
        }
        let removed = [&source, &object].into_iter().try_for_each(fs::remove_file);
        removed.map_err(|error| format!("{}: {error}", source.display()))?;
        Ok(tally)
    }

    /// Calls the cases from position `from` on, and gives back the position from which to go on: the one after the
    /// last, or after a crash.
    fn called(
        &self,
        cases: &[Case],
        level: Level,
        object: &PathBuf,
        from: usize,
        tally: &mut Tally,
    ) -> Result<usize, String> {
        let list = cases.iter().map(Case::to_string).collect::<Vec<_>>().join(",");
        let mut command = (self.program)();
        let built_by =
            self.suite.target.model.compiler.map(|compiler| format!("{compiler:?}").to_lowercase());
        command
            .arg("run")
            .args(self.target)
            .args(built_by.iter().flat_map(|name| ["--built-by", name]))
            .args(["--mode", &self.suite.source.to_string()])
            .args(["--seed", &self.suite.seed.to_string()])
            .args(["--from", &from.to_string()])
            .arg("--case")
            .arg(list)
            .arg("--object")
            .arg(object)
            .stderr(Stdio::inherit());
        let output = command.output().map_err(|error| format!("{command:?}: {error}"))?;
        let text = String::from_utf8_lossy(&output.stdout);
        let mut last = None;
        for line in text.lines() {
            match line.parse()? {
                Event::Count(number, what) => *tally.counts.entry(what).or_default() += number,
                Event::Mismatch { position, path, what } => {
                    let case = cases.get(position).ok_or_else(|| format!("`{line}` names no case"))?.clone();
                    last = Some(position);
                    tally.failures.push(Failure { case, level, path, what });
                }
                Event::Done if output.status.success() => return Ok(cases.len()),
                Event::Done => {}
            }
        }
        match last {
            Some(position) if position >= from => Ok(position + 1),
            _ => Err(format!("the program ended without a word: {} ({command:?})", output.status)),
        }
    }
}

impl Tally {
    fn add(&mut self, other: Tally) {
        self.signatures += other.signatures;
        for (what, number) in other.counts {
            *self.counts.entry(what).or_default() += number;
        }
        self.failures.extend(other.failures);
    }

    /// How many signatures went wrong, by whatever path.
    pub fn mismatches(&self) -> usize {
        let mut numbers = self.failures.iter().map(|failure| failure.case.number).collect::<Vec<_>>();
        numbers.sort_unstable();
        numbers.dedup();
        numbers.len()
    }
}

/// The last line of a run.
impl fmt::Display for Tally {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} signatures, {} mismatches", self.signatures, self.mismatches())
    }
}
