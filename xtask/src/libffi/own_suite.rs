//! `cargo xtask libffi-suite`: libffi's own programs, linked to the drop-in.

use std::{
    fs,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
    sync::{
        Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
};

use super::{Built, build, tool};
use crate::{
    cross::{CPUS, Cpu},
    project,
};

/// Builds the drop-in and every program of libffi's own test suite with it, and runs them: on this machine, or for
/// another CPU under QEMU.
///
/// The suite is that of the libffi which the crate `libffi-sys` bundles, or another one's.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// The CPU: aarch64, riscv64 or s390x; this machine's without
    #[arg(long, value_name = "CPU")]
    cpu: Option<String>,
    /// Cargo's profile for the drop-in
    #[arg(long, default_value = "dev")]
    profile: String,
    /// The folder `testsuite` of another libffi
    #[arg(long, value_name = "DIR")]
    sources: Option<PathBuf>,
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    project::exit(all(arguments))
}

fn all(arguments: &Arguments) -> Result<(), String> {
    let cpu = match &arguments.cpu {
        None => None,
        Some(name) => Some(
            *CPUS.iter().find(|cpu| cpu.name == name).ok_or_else(|| format!("no CPU is called {name}"))?,
        ),
    };
    let folder = project::root().join("target/libffi-suite").join(cpu.map_or("host", |cpu| cpu.name));
    let built = build(&folder, &arguments.profile, cpu)?;
    let sources = arguments.sources.clone().unwrap_or_else(|| built.bundle.join("testsuite"));
    let includes = includes(&built)?;
    let programs = programs(&sources, cpu)?;
    let setup = Setup { cpu, folder, includes };
    println!("running {} programs of {} …", programs.len(), sources.display());
    let (next, outcomes) = (AtomicUsize::new(0), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
            scope.spawn(|| {
                while let Some(program) = programs.get(next.fetch_add(1, Relaxed)) {
                    let outcome = setup.run(program);
                    if let Err(why) = &outcome {
                        println!("{}: {why}", program.name);
                    }
                    outcomes.lock().expect("no thread panicked").push(outcome);
                }
            });
        }
    });
    let outcomes = outcomes.into_inner().expect("no thread panicked");
    let failed = outcomes.iter().filter(|outcome| outcome.is_err()).count();
    let mut counted = [0; 4];
    for traced in outcomes.iter().flatten().flatten() {
        counted.iter_mut().zip(traced).for_each(|(sum, one)| *sum += one);
    }
    let [native, libffi, closures, others] = counted;
    println!("counted: calls native={native} libffi={libffi}, closures native={closures} libffi={others}");
    println!("{} passed, {failed} failed", outcomes.len() - failed);
    if failed == 0 { Ok(()) } else { Err(format!("{failed} of {} programs failed", outcomes.len())) }
}

/// Where libffi's headers are, as its `configure` made them for this CPU.
fn includes(built: &Built) -> Result<Vec<PathBuf>, String> {
    let root = built.bundle_built.join("libffi-build");
    let folders = fs::read_dir(&root).map_err(|error| format!("{}: {error}", root.display()))?;
    let made = folders
        .filter_map(|entry| Some(entry.ok()?.path()))
        .find(|folder| folder.join("fficonfig.h").exists())
        .ok_or_else(|| format!("{}: no fficonfig.h", root.display()))?;
    Ok(vec![made.join("include"), made, built.bundle.join("include")])
}

/// A program of the suite, compiled in one way.
struct Program {
    name: String,
    source: PathBuf,
    flags: Vec<&'static str>,
    /// Whether it prints each line twice, by the compiler and by libffi, or what the source says.
    twice: bool,
    /// Whether the drop-in counts for it, which disables its fast path.
    traced: bool,
}

/// All of them, each without optimisation and with.
fn programs(sources: &Path, cpu: Option<&Cpu>) -> Result<Vec<Program>, String> {
    let mut programs = Vec::new();
    let mut folders: Vec<PathBuf> = files(sources)?;
    folders.retain(|folder| folder.is_dir());
    for folder in folders {
        for source in files(&folder)? {
            let extension = source.extension().and_then(|extension| extension.to_str());
            let (Some("c" | "cc"), Ok(text)) = (extension, fs::read_to_string(&source)) else { continue };
            let twice = folder.ends_with("libffi.bhaible");
            if !(text.contains("dg-do run") || twice && text.contains("main (")) {
                continue;
            }
            // Unsupported, as docs/libffi.md says: they have no plan, and libffi has no complex types there.
            if cpu.is_some_and(|cpu| cpu.name == "riscv64") && source.ends_with("complex_int.c") {
                println!("unsupported on riscv64, see docs/libffi.md: {}", source.display());
                continue;
            }
            let abis: &[&[&str]] = match cpu {
                None if text.contains("ABI_NUM") => &[&[], &["-DABI_NUM=FFI_GNUW64", "-DABI_ATTR=__MSABI__"]],
                // libffi has no complex types there, and says so in its header.
                Some(cpu) if cpu.name == "riscv64" => &[&["-DFFI_TARGET_HAS_COMPLEX_TYPE"]],
                _ => &[&[]],
            };
            for (optimised, traced) in [("-O0", true), ("-O2", false)] {
                for flags in abis {
                    let flags = [&[optimised], *flags].concat();
                    let path = source.strip_prefix(sources).unwrap_or(&source).display();
                    let name = format!("{path} {}", flags.join(" "));
                    programs.push(Program { name, source: source.clone(), flags, twice, traced });
                }
            }
        }
    }
    if programs.is_empty() { Err(format!("{}: no programs", sources.display())) } else { Ok(programs) }
}

fn files(folder: &Path) -> Result<Vec<PathBuf>, String> {
    let entries = fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut files: Vec<PathBuf> = entries.filter_map(|entry| Some(entry.ok()?.path())).collect();
    files.sort();
    Ok(files)
}

/// With what programs are compiled and run.
struct Setup<'a> {
    cpu: Option<&'a Cpu>,
    folder: PathBuf,
    includes: Vec<PathBuf>,
}

impl Setup<'_> {
    /// What the drop-in counted, if it did.
    fn run(&self, program: &Program) -> Result<Option<[u64; 4]>, String> {
        let compiler = if program.source.extension().is_some_and(|it| it == "cc") { "g++" } else { "cc" };
        let binary = self.folder.join(program.name.replace(['/', ' '], "_"));
        let mut compile = tool(self.cpu, compiler);
        compile.args(&program.flags).args(["-w", "-Wno-psabi"]);
        compile.args(self.includes.iter().map(|folder| format!("-I{}", folder.display())));
        compile.arg(&program.source).arg("-o").arg(&binary).arg(self.folder.join(super::SONAME));
        compile.arg(format!("-Wl,-rpath,{}", self.folder.display())).args(["-lpthread", "-lm"]);
        let compiled = compile.output().map_err(|error| format!("{compiler}: {error}"))?;
        if !compiled.status.success() {
            let said = String::from_utf8_lossy(&compiled.stderr);
            return Err(format!("not compiled: {}", said.lines().next().unwrap_or_default()));
        }
        let mut command = match self.cpu {
            None => Command::new(&binary),
            Some(cpu) => {
                let mut command = Command::new(format!("qemu-{}-static", cpu.name));
                command.args(["-L", &format!("/usr/{}", cpu.gnu)]).arg(&binary);
                command
            }
        };
        if program.traced {
            command.env("SPRINGBOARD_FFI_TRACE", "1");
        }
        let output = command.output().map_err(|error| error.to_string())?;
        let printed = String::from_utf8_lossy(&output.stdout);
        let said = String::from_utf8_lossy(&output.stderr);
        if !output.status.success() {
            return Err(format!("{}: {printed}{said}", output.status));
        }
        if program.twice {
            let lines: Vec<&str> = printed.lines().collect();
            let unlike = lines.chunks(2).find(|two| two.len() != 2 || two[0] != two[1]);
            if lines.is_empty() || unlike.is_some() {
                return Err(format!("not twice: {unlike:?}"));
            }
        } else {
            let expected = expected(&program.source)?;
            if !printed.contains(&expected) {
                return Err(format!("printed {printed:?}, not {expected:?}"));
            }
        }
        let _ = fs::remove_file(&binary);
        Ok(program.traced.then(|| counters(&said)).flatten())
    }
}

/// What a source says that its program prints: the texts of its `dg-output`, one after another.
fn expected(source: &Path) -> Result<String, String> {
    let text = fs::read_to_string(source).map_err(|error| format!("{}: {error}", source.display()))?;
    let texts = text.lines().filter_map(|line| {
        let (_, after) = line.split_once("dg-output \"")?;
        Some(&after[..after.rfind('"')?]).filter(|_| !after.contains("xfail"))
    });
    let texts: String = texts.collect();
    Ok(texts.replace("\\n", "\n").replace("\\\"", "\"").replace("\\\\", "\\").replace('\\', ""))
}

/// The counters of a drop-in's last line.
fn counters(said: &str) -> Option<[u64; 4]> {
    let line = said.lines().find(|line| line.starts_with("springboard-libffi: calls "))?;
    let mut numbers = line.split(['=', ' ', ',']).filter_map(|word| word.parse().ok());
    Some([numbers.next()?, numbers.next()?, numbers.next()?, numbers.next()?])
}
