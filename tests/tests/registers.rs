//! Where a C compiler puts arguments, beside where plans have them.
//!
//! Random signatures are called by compiled C, with random bytes for arguments. The callee is written in assembly: it
//! keeps every argument register and the stack area, and prints them. Each byte of a value that a plan moves has to be
//! there, in the place that the plan names. No stub takes part, and no code of springboard's runtime: what is tested
//! is the plan, and with it the reading of the ABI documents that the planner and the checker share.
//!
//! `SPRINGBOARD_SIGNATURES` is the number of signatures for each convention, `SPRINGBOARD_SEED` the first seed. Other
//! machines' tests are ignored where `cargo test` runs alone: `cargo xtask test objects-aarch64` runs one's, too.

#[path = "registers/callee.rs"]
mod callee;
#[path = "registers/caller.rs"]
mod caller;
#[path = "registers/dump.rs"]
mod dump;
#[path = "registers/random.rs"]
mod random;

use std::{fs, path::Path, process::ExitCode};

use libtest_mimic::{Arguments, Failed, Trial};
use springboard_abi::{Convention, Entry, Plan, Target, plan};
use springboard_ir::Signature;
use springboard_tests::machine::{MACHINES, Machine, output};

/// Signatures in one C file.
const BATCH: u64 = 200;

/// A machine, and a convention by which C compilers for it can be made to call.
#[derive(Clone, Copy)]
struct Setting {
    machine: &'static Machine,
    convention: Option<(Convention, &'static str)>,
}

/// A call that is planned and compiled.
struct Case {
    seed: u64,
    signature: Signature,
    plan: Plan,
    /// The bytes of each argument.
    values: Vec<Vec<u8>>,
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for machine in &MACHINES {
        let mut add = |name: String, convention| {
            let setting = Setting { machine, convention };
            let trial = Trial::test(name.clone(), move || run(setting, &name.replace('/', "-")));
            trials.push(trial.with_ignored_flag(!machine.is_host()));
        };
        add(format!("{}/own", machine.cpu), None);
        if machine.cpu == "x86_64" {
            add("x86_64/win64".to_owned(), Some((Convention::Win64, "__attribute__((ms_abi))")));
        }
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn number(variable: &str, default: u64) -> Result<u64, Failed> {
    match std::env::var(variable) {
        Ok(number) => Ok(number.parse().map_err(|error| format!("{variable}={number}: {error}"))?),
        Err(_) => Ok(default),
    }
}

fn run(setting: Setting, name: &str) -> Result<(), Failed> {
    let mut target = Target::of(&setting.machine.triple())?;
    let mut attribute = "";
    if let Some((convention, spelled)) = setting.convention {
        target = target.calling(convention);
        attribute = spelled;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("registers").join(name);
    fs::create_dir_all(&folder)?;
    let (count, first) = (number("SPRINGBOARD_SIGNATURES", 200)?, number("SPRINGBOARD_SEED", 1)?);
    let (mut compared, mut wrong) = (0, Vec::new());
    for batch in (first..first + count).step_by(BATCH as usize) {
        let seeds = batch..(batch + BATCH).min(first + count);
        let cases: Vec<Case> = seeds.filter_map(|seed| case(seed, &target)).collect();
        compared += compare(&cases, setting, attribute, &target, &folder, &mut wrong)?;
    }
    println!("{name}: {compared} bytes of {count} signatures compared");
    if compared < count {
        return Err(format!("{count} signatures, and only {compared} bytes were compared").into());
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

/// A random call, the same for the same seed. `None` where there is no plan.
fn case(seed: u64, target: &Target) -> Option<Case> {
    let signature = random::signature(seed);
    let plan = plan(&signature, target, Entry::Slots).ok()?;
    let values = random::values(seed, &signature, &target.model);
    Some(Case { seed, signature, plan, values })
}

/// Compiles and runs the calls, adds to `wrong` what is not where it should be, and returns how many bytes were
/// compared.
fn compare(
    cases: &[Case],
    setting: Setting,
    attribute: &str,
    target: &Target,
    folder: &Path,
    wrong: &mut Vec<String>,
) -> Result<u64, Failed> {
    fs::write(folder.join("callers.c"), caller::file(cases, attribute))?;
    fs::write(folder.join("callee.h"), callee::HEADER)?;
    fs::write(folder.join("callee.c"), callee::file(target.convention))?;
    let mut compile = setting.machine.cc();
    compile.current_dir(folder).args(["-O1", "-std=gnu11", "-w", "-Wno-psabi", "-no-pie", "-fno-pie"]);
    output(compile.args(["-o", "registers", "callers.c", "callee.c"]))?;
    let program = folder.join("registers");
    let ran = setting.machine.program(&program).output();
    let ran = ran.map_err(|error| format!("{}: {error} (cargo xtask tools --install)", program.display()))?;
    let report = String::from_utf8_lossy(&ran.stdout);
    let mut lines = report.lines();
    let mut compared = 0;
    for case in cases {
        // What is no address, where the plan has one, ends the program.
        let Some(line) = lines.next() else {
            wrong.push(format!("seed {}: {}\n{}\n{}", case.seed, ran.status, case.signature, case.plan));
            break;
        };
        let dump = dump::Dump::parse(line, &case.plan)?;
        match dump.compare(case, target) {
            Ok(bytes) => compared += bytes,
            Err(why) => {
                wrong.push(format!("seed {}: {why}\n{}\n{}", case.seed, case.signature, case.plan));
            }
        }
    }
    Ok(compared)
}
