//! The oracle's command. `drive` draws, compiles and has batches called; `run` calls one batch, on the target.

use std::{
    io::Write as _,
    num::NonZeroUsize,
    path::PathBuf,
    process::ExitCode,
    str::FromStr as _,
    sync::Mutex,
    time::{Duration, Instant},
};

use clap::{Parser, Subcommand};
use springboard_abi::{Convention, Entry, Target};
use springboard_tests::machine::{MACHINES, WINDOWS};
use springboard_tests::oracle::{
    Case, Source, Suite, batch, c,
    compile::{Compiler, Level},
    drive::{Batch, Drive, Failure, Tally},
    report_crashes,
};
use target_lexicon::Triple;

/// The same calls through stubs, through libffi and through compiled C, all bytes compared.
#[derive(Parser)]
struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Draw signatures, compile C for them, have them called, and report
    Drive(DriveArguments),
    /// Call the cases of one compiled file (on the target)
    Run(RunArguments),
    /// Print the C file of given cases
    Print(SuiteArguments),
}

#[derive(clap::Args)]
struct SuiteArguments {
    /// Whose types and convention
    #[arg(long, default_value_t = Triple::host().to_string())]
    target: String,
    /// The convention of Windows instead, by the attribute `ms_abi`, on Linux
    #[arg(long)]
    ms_abi: bool,
    /// scalars, all, matrix, declarations or advisories
    #[arg(long, default_value_t = Source::All)]
    mode: Source,
    /// Every small signature (--mode matrix)
    #[arg(long, conflicts_with = "mode")]
    matrix: bool,
    /// The compiler is named, gcc or clang: what both do in two ways is called as it does it
    #[arg(long)]
    built_by: Option<String>,

    /// So many texts of decorated declarations (--mode declarations)
    #[arg(long, conflicts_with_all = ["mode", "matrix"])]
    declarations: Option<u64>,
    /// What makes one run differ from another
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Cases by number, with their cuts after a colon where they were shrunk
    #[arg(long, value_delimiter = ',')]
    case: Vec<Case>,
}

#[derive(clap::Args)]
struct DriveArguments {
    #[command(flatten)]
    suite: SuiteArguments,
    /// How many signatures [default: 1000, or all that the matrix has]
    #[arg(long)]
    signatures: Option<u64>,
    /// Only each so many-th case
    #[arg(long, default_value = "1")]
    every: NonZeroUsize,
    /// The C compiler for the target, with its arguments
    #[arg(long)]
    cc: Option<String>,
    /// Levels of optimisation; batches take turns, single cases are compiled at each [default: 0,2; the matrix: 1]
    #[arg(long, value_delimiter = ',')]
    levels: Vec<Level>,
    /// Signatures in a C file
    #[arg(long, default_value_t = 300)]
    batch: usize,
    /// Batches at a time
    #[arg(long, default_value_t = 2)]
    jobs: usize,
    /// Report failures as they are drawn, without looking for simpler ones
    #[arg(long)]
    no_shrink: bool,
    /// This program, built for the target, where that is another machine
    #[arg(long)]
    program: Option<PathBuf>,
}

#[derive(clap::Args)]
struct RunArguments {
    #[command(flatten)]
    suite: SuiteArguments,
    /// What the C file of the cases was compiled to
    #[arg(long)]
    object: PathBuf,
    /// The position of the first case that is called
    #[arg(long, default_value_t = 0)]
    from: usize,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().command {
        Command::Drive(arguments) => drive(&arguments),
        Command::Run(arguments) => run(&arguments),
        Command::Print(arguments) => arguments.suite().map(|suite| {
            print!("{}", c::file(&suite, &arguments.case));
            ExitCode::SUCCESS
        }),
    };
    done.unwrap_or_else(|error| {
        eprintln!("{error}");
        ExitCode::from(2)
    })
}

impl SuiteArguments {
    fn suite(&self) -> Result<Suite, String> {
        let target = Target::of(&self.triple()?);
        let target = if self.ms_abi { target.map(|linux| linux.calling(Convention::Win64)) } else { target };
        let source = match self.declarations {
            _ if self.matrix => Source::Matrix,
            Some(_) => Source::Declarations,
            None => self.mode,
        };
        let mut target = target.map_err(|error| error.to_string())?;
        target.model.compiler = match self.built_by.as_deref() {
            None => target.model.compiler,
            Some("gcc") => Some(springboard_ir::Compiler::Gcc),
            Some("clang") => Some(springboard_ir::Compiler::Clang),
            Some(other) => return Err(format!("{other} is neither gcc nor clang")),
        };
        Ok(Suite { source, seed: self.seed, target })
    }

    /// How the target is said on the command line.
    fn words(&self) -> Vec<&str> {
        let ms_abi = self.ms_abi.then_some("--ms-abi");
        ["--target", &self.target].into_iter().chain(ms_abi).collect()
    }

    fn triple(&self) -> Result<Triple, String> {
        Triple::from_str(&self.target).map_err(|error| format!("{}: {error}", self.target))
    }
}

fn run(arguments: &RunArguments) -> Result<ExitCode, String> {
    let suite = arguments.suite.suite()?;
    report_crashes();
    let mut stdout = std::io::stdout();
    let mut report = |event| {
        writeln!(stdout, "{event}").and_then(|()| stdout.flush()).expect("whoever started us listens");
    };
    batch::run(&suite, &arguments.suite.case, &arguments.object, arguments.from, &mut report);
    Ok(ExitCode::SUCCESS)
}

fn drive(arguments: &DriveArguments) -> Result<ExitCode, String> {
    let suite = arguments.suite.suite()?;
    let triple = arguments.suite.triple()?;
    let machine = MACHINES.iter().chain([&WINDOWS]).find(|machine| machine.triple() == triple);
    let machine = machine.ok_or_else(|| format!("nothing runs programs for {}", arguments.suite.target))?;
    let program = match &arguments.program {
        Some(program) => program.clone(),
        None if machine.is_host() => std::env::current_exe().map_err(|error| error.to_string())?,
        None => return Err(format!("--program is missing: this one does not run on {}", machine.cpu)),
    };
    let compiler = match &arguments.cc {
        Some(command) => Compiler::new(command),
        None => Compiler::new(&machine.cc().get_program().to_string_lossy()),
    }?;
    let folder = std::env::temp_dir().join(format!("springboard-oracle-{}", std::process::id()));
    std::fs::create_dir_all(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let drive = Drive {
        suite: &suite,
        target: &arguments.suite.words(),
        compiler: &compiler,
        program: &|| machine.program(&program),
        jobs: arguments.jobs,
        folder: &folder,
    };
    let levels = match (&*arguments.levels, suite.source) {
        ([], Source::Matrix) => &[Level::Some],
        ([], _) => [Level::None, Level::More].as_slice(),
        (levels, _) => levels,
    };
    let cases = &arguments.suite.case;
    let (count, batches) = if cases.is_empty() {
        let all = suite.source.cases();
        let count = arguments
            .signatures
            .or(arguments.suite.declarations)
            .or(all)
            .unwrap_or(1000)
            .min(all.unwrap_or(u64::MAX));
        let numbers = (0..count).step_by(arguments.every.get());
        (numbers.clone().count() as u64, Batch::in_turn(numbers.map(Case::whole), arguments.batch, levels))
    } else {
        (cases.len() as u64, Batch::of_each(cases, levels))
    };
    let progress = Progress::new(count);
    let mut tally = drive.run(&batches, &|tally| progress.show(tally))?;
    tally.signatures = count;
    report(&tally);
    if !arguments.no_shrink {
        for failure in drive.worth_shrinking(&tally) {
            explain(&drive, &drive.shrink(failure)?);
        }
    }
    std::fs::remove_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    println!("{tally}");
    Ok(if tally.failures.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// One line every two seconds.
struct Progress {
    count: u64,
    started: Instant,
    shown: Mutex<Instant>,
}

impl Progress {
    fn new(count: u64) -> Progress {
        let now = Instant::now();
        Progress { count, started: now, shown: Mutex::new(now) }
    }

    fn show(&self, tally: &Tally) {
        let mut shown = self.shown.lock().expect("showing does not panic");
        if shown.elapsed() >= Duration::from_secs(2) {
            *shown = Instant::now();
            println!(
                "{:5.0} s: {} of {}: {tally}",
                self.started.elapsed().as_secs_f64(),
                tally.signatures,
                self.count
            );
        }
    }
}

/// Prints counts, and the first failures.
fn report(tally: &Tally) {
    for (what, number) in &tally.counts {
        println!("{number:>9} {what}");
    }
    for failure in tally.failures.iter().take(20) {
        println!("case {} at -O{} by {}: {}", failure.case, failure.level, failure.path, failure.what);
    }
}

/// Prints everything there is to know of a failure.
fn explain(drive: &Drive<'_>, failure: &Failure) {
    let Failure { case, level, path, what } = failure;
    let Drive { suite, target, compiler, .. } = drive;
    let signature = suite.signature(case);
    println!("\n==== shrunk to case {case} at -O{level} by {path}: {what}");
    let text = c::file(suite, std::slice::from_ref(case));
    let own = text.find("/* case").map_or(&*text, |start| &text[start..]);
    println!("{own}");
    match springboard_abi::plan(&signature, &suite.target, Entry::Slots) {
        Ok(plan) => println!("{plan}"),
        Err(reason) => println!("no plan: {reason}"),
    }
    let target = target.join(" ");
    println!(
        "cargo xtask dump-asm {} '{signature}'",
        target.replace("unknown-linux-gnu --ms-abi", "pc-windows-gnu")
    );
    println!(
        "cargo xtask oracle {target} --mode {} --seed {} --case {case} --levels {level} --cc '{compiler}'",
        suite.source, suite.seed
    );
}
