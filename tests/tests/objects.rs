//! Stubs as object files, linked to C programs by the system's own tools and run: on this machine, and on others
//! under QEMU.
//!
//! Each prototype of [`cases::CASES`] gets three stubs. One is called with slots and calls a C function, which keeps
//! what it is passed; one is called by C as a function of that type, and calls a handler with slots; one is called as
//! V8 calls, with a receiver and options, and calls the C function. Beside them are functions of hosts with boxed
//! values. So Cranelift's
//! code meets a C compiler's on both sides, and no code of springboard's runtime takes part.
//!
//! Tests for other machines are marked as ignored, because a machine may lack their tools: `cargo xtask test
//! objects-aarch64` runs them and says what is missing.

#[path = "objects/boxed.rs"]
mod boxed;
#[path = "objects/cases.rs"]
mod cases;
#[path = "objects/driver.rs"]
mod driver;
#[path = "objects/v8.rs"]
mod v8;

use std::{fs, path::Path, process::ExitCode};

use libtest_mimic::{Arguments, Failed, Trial};
use springboard_abi::{
    Convention, Entry, FastCall, Guard, Narrow, Options, Plan, Target, plan, plan_fast_call,
};
use springboard_ir::{Prototype, Signature, Type};
use springboard_tests::machine::{MACHINES, Machine, output};

use cases::{CASES, Case};
use driver::WAYS;

/// A machine, and a convention by which C compilers for it can be made to call.
struct Setting {
    machine: &'static Machine,
    convention: Option<(Convention, &'static str)>,
}

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let mut trials = Vec::new();
    for machine in &MACHINES {
        let mut add = |name: String, convention| {
            let setting = Setting { machine, convention };
            let trial = Trial::test(name.clone(), move || run(&setting, &name.replace('/', "-")));
            trials.push(trial.with_ignored_flag(!machine.is_host()));
        };
        add(format!("{}/own", machine.cpu), None);
        if machine.cpu == "x86_64" {
            add("x86_64/win64".to_owned(), Some((Convention::Win64, "__attribute__((ms_abi))")));
        }
        let name = format!("{}/boxed", machine.cpu);
        let trial = Trial::test(name.clone(), move || boxed::run(machine, &name.replace('/', "-")));
        trials.push(trial.with_ignored_flag(!machine.is_host()));
    }
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn run(setting: &Setting, name: &str) -> Result<(), Failed> {
    let machine = setting.machine;
    let triple = machine.triple();
    let mut target = Target::of(&triple)?;
    let mut attribute = "";
    if let Some((convention, spelled)) = setting.convention {
        target = target.calling(convention);
        attribute = spelled;
    }
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("objects").join(name);
    fs::create_dir_all(&folder)?;
    let mut compile = machine.cc();
    compile.current_dir(&folder).args([
        "-O1",
        "-std=gnu11",
        "-Wall",
        "-Werror",
        "-Wno-psabi",
        "-o",
        "driver",
    ]);
    let mut plans = Vec::new();
    for (index, case) in CASES.iter().enumerate() {
        let Case { types, prototype } = case;
        let prototype =
            Prototype::parse(&format!("{types} {prototype}")).map_err(|error| error.to_string())?;
        for (name, entry) in [("slots", Entry::Slots), ("callback", Entry::Callback)] {
            let plan = plan(&prototype.signature, &target, entry)
                .map_err(|reason| format!("{types} {prototype}: {entry}: {reason}"))?;
            plans.push((format!("{name}_{index}"), plan));
        }
        for (name, narrow) in [("fast", Narrow::Check), ("exact", Narrow::Exact)] {
            let plan = plan_fast_call(&fast_call(&prototype.signature, narrow), &target)
                .map_err(|reason| format!("{types} {prototype}: v8: {reason}"))?;
            plans.push((format!("{name}_{index}"), plan));
        }
        let file = format!("case_{index}.c");
        let text = driver::case(index, types, &prototype, attribute, &target.model)?;
        fs::write(folder.join(&file), text)?;
        compile.arg(file);
    }
    let stubs: Vec<(&str, &Plan)> = plans.iter().map(|(name, plan)| (name.as_str(), plan)).collect();
    fs::write(folder.join("stubs.o"), springboard_emit::object(&triple, &stubs)?)?;
    fs::write(folder.join("main.c"), driver::main(CASES.len()) + v8::TARGET + v8::JUMP)?;
    output(compile.args(["main.c", "stubs.o"]))?;
    let report = output(&mut machine.program(&folder.join("driver")))?;
    let ways = CASES.iter().flat_map(|case| WAYS.map(|way| (case, way)));
    let wrong: Vec<String> = ways
        .zip(report.lines())
        .filter(|(_, line)| *line != "ok")
        .map(|((case, way), line)| format!("{} {}: {way}: {line}", case.types, case.prototype))
        .collect();
    if report.lines().count() != CASES.len() * WAYS.len() {
        return Err(format!("{} cases, and the program reported:\n{report}", CASES.len()).into());
    }
    if wrong.is_empty() { Ok(()) } else { Err(wrong.join("\n").into()) }
}

/// A call with all that the entry has: guard, checks, options, and each `void *` a buffer.
fn fast_call(signature: &Signature, narrow: Narrow) -> FastCall {
    let params = signature.params().iter().zip(0..);
    let buffers = params.filter(|(param, _)| param.ty == Type::void_pointer()).map(|(_, index)| index);
    FastCall {
        buffers: buffers.collect(),
        guard: Guard::Closed,
        narrow,
        options: Options::Always,
        signature: signature.clone(),
    }
}
