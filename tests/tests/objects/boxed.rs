//! Functions of hosts in C programs: a heap in C, the hosts that [`hosts`] describes, and functions that a C compiler
//! compiled.

use std::{fs, path::Path};

use crate::v8::JUMP;
use libtest_mimic::Failed;
use springboard_abi::{
    Plan, Target,
    boxed::{BoxedCall, Host},
    check_boxed, plan_boxed,
};
use springboard_ir::Signature;
use springboard_tests::{
    hosts,
    machine::{Machine, output},
};

/// The functions of the host with objects: those of `boxed_objects.c`, in order.
const OBJECTS: [&str; 12] = [
    "void(void)",
    "int(int, int)",
    "double(double, float)",
    "float(float)",
    "short(short)",
    "unsigned char(unsigned char)",
    "_Bool(_Bool)",
    "void *(char *)",
    "long(long, long, long, long, long, long, long, long, long)",
    "double(int, double, float, unsigned, double)",
    "struct { double x, y; }(struct { double x, y; })",
    "struct { long words[5]; }(struct { long words[5]; }, int)",
];

/// The functions of the host with words: those of `boxed_words.c`, in order.
const WORDS: [&str; 6] = [
    "long(long)",
    "short(short, double)",
    "unsigned long(unsigned long)",
    "struct { long words[5]; }(struct { long words[5]; }, int)",
    "double(long, double, long, float, long, long, long, long, long)",
    "_Bool(_Bool)",
];

/// Builds and runs both programs.
pub(crate) fn run(machine: &Machine, name: &str) -> Result<(), Failed> {
    let target = Target::of(&machine.triple())?;
    let mut stubs = Vec::new();
    plans("stub", &OBJECTS, &hosts::objects(), &target, &mut stubs)?;
    plans("lock", &OBJECTS, &hosts::objects_with_lock(), &target, &mut stubs)?;
    program(machine, name, "objects", include_str!("boxed_objects.c"), &stubs)?;
    let mut stubs = Vec::new();
    plans("stub", &WORDS, &hosts::words(), &target, &mut stubs)?;
    program(machine, name, "words", include_str!("boxed_words.c"), &stubs)
}

fn plans(
    prefix: &str,
    declarations: &[&str],
    host: &Host,
    target: &Target,
    stubs: &mut Vec<(String, Plan)>,
) -> Result<(), Failed> {
    for (index, declaration) in declarations.iter().enumerate() {
        let signature = Signature::parse(declaration)?;
        let call = BoxedCall::new(signature, host, &target.model)?;
        let plan = plan_boxed(&call, target)?;
        check_boxed(&plan, &call, target).map_err(|violation| format!("{violation}\n{plan}"))?;
        stubs.push((format!("{prefix}_{index}"), plan));
    }
    Ok(())
}

fn program(
    machine: &Machine,
    name: &str,
    host: &str,
    text: &str,
    stubs: &[(String, Plan)],
) -> Result<(), Failed> {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join("objects").join(format!("{name}-{host}"));
    fs::create_dir_all(&folder)?;
    let stubs: Vec<(&str, &Plan)> = stubs.iter().map(|(name, plan)| (name.as_str(), plan)).collect();
    fs::write(folder.join("stubs.o"), springboard_emit::object(&machine.triple(), &stubs)?)?;
    fs::write(folder.join("host.c"), text.to_owned() + JUMP)?;
    let mut compile = machine.cc();
    compile.current_dir(&folder).args(["-O1", "-std=gnu11", "-Wall", "-Wno-psabi", "-no-pie", "-fno-pie"]);
    output(compile.args(["-o", "host", "host.c", "stubs.o"]))?;
    match output(&mut machine.program(&folder.join("host")))?.trim_end() {
        "ok" => Ok(()),
        report => Err(format!("{host}: {report}").into()),
    }
}
