//! `cargo xtask dump-asm`: what becomes of a prototype, for any target on any host.

mod drawn;

use std::{
    fmt::Write as _,
    fs,
    io::{IsTerminal as _, Write as _},
    path::PathBuf,
    process::ExitCode,
    str::FromStr,
};

use springboard_abi::{
    Convention, Entry, FastCall, Guard, Ineligible, Narrow, Options, Plan, Target, boxed::BoxedCall, plan,
    plan_boxed, plan_fast_call,
};
use springboard_emit::{Compiler, EmitError, Template, object};
use springboard_ir::{Prototype, Signature, Type};
use target_lexicon::Triple;

use drawn::{Coloured, Drawn, page, side_by_side};

/// Shows what becomes of a prototype: its plan, its CLIF, its machine code. For any target, on any host.
///
/// Without --plan, --clif, --asm, --hex or --object, shows plan, CLIF and assembly. A signature that has no plan
/// prints `ineligible: <reason>`; that is an answer, and the exit code is 0. It is 2 where the arguments are wrong.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    /// C text, with declarations of structures where it needs some: 'struct p { int x, y; }; int f(struct p, double)'
    prototype: String,
    /// The platform, as a target triple, or `all` to see plan and code side by side; the running machine's by default
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
    /// Another convention of the same CPU for the native function: x86_64/win64 on Linux, for one
    #[arg(long, value_name = "CONVENTION")]
    convention: Option<String>,
    /// The convention by which the stub is entered
    #[arg(long, default_value = "slots")]
    entry: String,
    /// For the entry v8, how V8 is to call: each `void *` as a buffer, integers checked, the library's closed flag looked
    /// at, V8's options passed
    #[arg(long, value_name = "WHAT", value_delimiter = ',')]
    fast_call: Vec<FastCallWord>,
    /// For the entry boxed, one of the made-up hosts of tests/src/hosts.rs: objects, objects-with-lock, words, doubles
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
    /// Show the plan: which byte goes where
    #[arg(long)]
    plan: bool,
    /// Show the function handed to Cranelift, annotated with the plan
    #[arg(long)]
    clif: bool,
    /// Show the machine code, disassembled
    #[arg(long)]
    asm: bool,
    /// Show the machine code as bytes
    #[arg(long)]
    hex: bool,
    /// Write a page with registers, stack, plan and code, for the target or for all
    #[arg(long, value_name = "FILE")]
    html: Option<PathBuf>,
    /// Write the stub into an object file, under the prototype's name or `stub`
    #[arg(long, value_name = "FILE")]
    object: Option<PathBuf>,
}

/// What a fast call can have.
#[derive(Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum FastCallWord {
    Buffers,
    Checked,
    Closed,
    Exact,
    Options,
}

/// The made-up hosts that the tests have.
#[path = "../../tests/src/hosts.rs"]
#[expect(dead_code, unreachable_pub, reason = "what tests have of it besides is nothing here")]
mod hosts;

/// Triples to offer to somebody whose target is not known: one per convention.
const KNOWN: [&str; 6] = [
    "x86_64-unknown-linux-gnu",
    "x86_64-pc-windows-gnu",
    "aarch64-unknown-linux-gnu",
    "aarch64-apple-darwin",
    "riscv64gc-unknown-linux-gnu",
    "s390x-unknown-linux-gnu",
];

/// What ends the command before it has shown what was asked for.
#[derive(Debug)]
enum End {
    /// There is no plan; the reason.
    Ineligible(String),
    /// The arguments are wrong.
    Caller(String),
    /// The emitter failed, or a file could not be written.
    Failure(String),
}

pub(crate) fn run(arguments: &Arguments) -> ExitCode {
    match show(arguments) {
        Ok(text) => {
            // A reader that has seen enough, such as `head`, is no failure.
            let _ = std::io::stdout().write_all(text.as_bytes());
            ExitCode::SUCCESS
        }
        Err(End::Ineligible(reason)) => {
            println!("ineligible: {reason}");
            ExitCode::SUCCESS
        }
        Err(End::Caller(why)) => {
            eprintln!("{why}");
            ExitCode::from(2)
        }
        Err(End::Failure(why)) => {
            eprintln!("{why}");
            ExitCode::FAILURE
        }
    }
}

fn show(arguments: &Arguments) -> Result<String, End> {
    let entry = entry(&arguments.entry)?;
    let text = &arguments.prototype;
    let prototype =
        Prototype::parse(text).map_err(|error| End::Caller(format!("{error}\n{}", error.excerpt(text))))?;
    let all = arguments.target.as_deref() == Some("all");
    if all || arguments.html.is_some() {
        let names = if all { KNOWN.map(Some).to_vec() } else { vec![arguments.target.as_deref()] };
        let drawn = names.into_iter().map(|name| drawn(name, &prototype.signature, entry, arguments));
        let drawn = drawn.collect::<Result<Vec<_>, _>>()?;
        return match &arguments.html {
            None => Ok(side_by_side(&drawn, width(), coloured())),
            Some(path) => fs::write(path, page(text, &entry.to_string(), &drawn))
                .map(|()| format!("{}\n", path.display()))
                .map_err(|error| End::Failure(format!("{}: {error}", path.display()))),
        };
    }
    let (triple, target) = target(arguments, arguments.target.as_deref())?;
    let plan = planned(&prototype.signature, &target, entry, arguments)?
        .map_err(|reason| End::Ineligible(format!("{reason} ({})", reason.code())))?;
    let mut compiler = Compiler::new(&triple).map_err(failure)?;
    let template = compiler.emit(&plan).map_err(failure)?;
    let mut sections = Vec::new();
    let all =
        !(arguments.plan || arguments.clif || arguments.asm || arguments.hex) && arguments.object.is_none();
    if all || arguments.plan {
        sections.push(("plan", plan.to_string()));
    }
    if all || arguments.clif {
        sections.push(("clif", compiler.clif(&plan).map_err(failure)?));
    }
    if all || arguments.asm {
        sections.push(("asm", compiler.disassemble(&template).map_err(failure)?));
    }
    if arguments.hex {
        sections.push(("hex", hex(&template)));
    }
    let mut text = headed(sections);
    if all {
        write!(text, "\n{} bytes, {} holes\n", template.code.len(), template.holes.len())
            .expect("a String takes all that is written");
    }
    if let Some(path) = &arguments.object {
        let name = prototype.name.as_deref().unwrap_or("stub");
        write_object(&triple, name, &plan, path)?;
    }
    Ok(text)
}

/// Plan and listing for one target; the reason in place of both where there is no plan.
fn drawn(
    name: Option<&str>,
    signature: &Signature,
    entry: Entry,
    arguments: &Arguments,
) -> Result<Drawn, End> {
    let (triple, target) = target(arguments, name)?;
    let (plan, asm) = match planned(signature, &target, entry, arguments)? {
        Err(reason) => (format!("ineligible: {reason}"), String::new()),
        Ok(plan) => {
            let mut compiler = Compiler::new(&triple).map_err(failure)?;
            let template = compiler.emit(&plan).map_err(failure)?;
            (plan.to_string(), compiler.disassemble(&template).map_err(failure)?)
        }
    };
    Ok(Drawn { title: triple.to_string(), plan, asm })
}

/// The columns of the terminal; 80 where there is none.
fn width() -> usize {
    terminal_size::terminal_size().map_or(80, |(width, _)| width.0.into())
}

/// Colours where somebody looks, unless NO_COLOR is set.
fn coloured() -> Coloured {
    let refused = std::env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty());
    if std::io::stdout().is_terminal() && !refused { Coloured::Yes } else { Coloured::No }
}

fn target(arguments: &Arguments, name: Option<&str>) -> Result<(Triple, Target), End> {
    let triple = match name {
        None => Triple::host(),
        Some(name) => Triple::from_str(name).map_err(|error| unknown_target(name, &error.to_string()))?,
    };
    let target =
        Target::of(&triple).map_err(|error| unknown_target(&triple.to_string(), &error.to_string()))?;
    let Some(name) = &arguments.convention else { return Ok((triple, target)) };
    // A convention's name begins with its CPU.
    let cpu = |convention: Convention| convention.name().split('/').next();
    let mut usable = Convention::ALL.into_iter().filter(|known| cpu(*known) == cpu(target.convention));
    match usable.find(|known| known.name() == *name) {
        Some(convention) => Ok((triple, target.calling(convention))),
        None => {
            let names = Convention::ALL.map(Convention::name).join(", ");
            Err(End::Caller(format!("{triple} has no convention named {name}; there are {names}")))
        }
    }
}

fn planned(
    signature: &Signature,
    target: &Target,
    entry: Entry,
    arguments: &Arguments,
) -> Result<Result<Plan, Ineligible>, End> {
    let words = &*arguments.fast_call;
    if entry == Entry::Boxed {
        let name = arguments.host.as_deref().unwrap_or("objects");
        let host = hosts::named(name).ok_or_else(|| End::Caller(format!("no host is named {name}")))?;
        let call = BoxedCall::new(signature.clone(), &host, &target.model).map_err(Ineligible::from);
        return Ok(call.and_then(|call| plan_boxed(&call, target)));
    }
    if arguments.host.is_some() {
        return Err(End::Caller(format!("--host is for the entry boxed, and this is {entry}")));
    }
    if entry != Entry::V8 {
        return match words {
            [] => Ok(plan(signature, target, entry)),
            _ => Err(End::Caller(format!("--fast-call is for the entry v8, and this is {entry}"))),
        };
    }
    let asked = |word| words.contains(&word);
    let params = signature.params().iter().zip(0..);
    let buffers =
        params.filter(|(param, _)| asked(FastCallWord::Buffers) && param.ty == Type::void_pointer());
    let call = FastCall {
        signature: signature.clone(),
        buffers: buffers.map(|(_, index)| index).collect(),
        guard: if asked(FastCallWord::Closed) { Guard::Closed } else { Guard::None },
        narrow: match (asked(FastCallWord::Checked), asked(FastCallWord::Exact)) {
            (true, _) => Narrow::Check,
            (_, true) => Narrow::Exact,
            _ => Narrow::Trust,
        },
        options: if asked(FastCallWord::Options) { Options::Always } else { Options::ForBuffers },
    };
    Ok(plan_fast_call(&call, target))
}

fn unknown_target(name: &str, why: &str) -> End {
    End::Caller(format!("unknown target {name}: {why}\nknown targets: {}", KNOWN.join(", ")))
}

fn entry(name: &str) -> Result<Entry, End> {
    Entry::ALL.into_iter().find(|entry| entry.to_string() == name).ok_or_else(|| {
        let names = Entry::ALL.map(|entry| entry.to_string()).join(", ");
        End::Caller(format!("unknown entry {name}; known entries: {names}"))
    })
}

fn failure(error: EmitError) -> End {
    End::Failure(error.to_string())
}

/// One section as it is; several under their names.
fn headed(sections: Vec<(&str, String)>) -> String {
    if let [(_, text)] = &sections[..] {
        return text.clone();
    }
    sections.iter().map(|(name, text)| format!("{name}:\n{text}")).collect::<Vec<_>>().join("\n")
}

/// Sixteen bytes a line, each line with its offset.
fn hex(template: &Template) -> String {
    let mut text = String::new();
    for (index, line) in template.code.chunks(16).enumerate() {
        let bytes: Vec<String> = line.iter().map(|byte| format!("{byte:02x}")).collect();
        writeln!(text, "{:4x}:  {}", 16 * index, bytes.join(" "))
            .expect("a String takes all that is written");
    }
    text
}

fn write_object(triple: &Triple, name: &str, plan: &Plan, path: &PathBuf) -> Result<(), End> {
    let bytes = object(triple, &[(name, plan)]).map_err(failure)?;
    fs::write(path, bytes).map_err(|error| End::Failure(format!("{}: {error}", path.display())))
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    fn arguments(prototype: &str) -> Arguments {
        Arguments {
            prototype: prototype.to_owned(),
            target: None,
            convention: None,
            entry: "slots".to_owned(),
            fast_call: Vec::new(),
            host: None,
            plan: false,
            clif: false,
            asm: false,
            hex: false,
            html: None,
            object: None,
        }
    }

    #[test]
    fn every_convention_has_a_known_triple() {
        let of =
            |name: &str| Target::of(&Triple::from_str(name).expect("a triple")).expect("a target").convention;
        let known: HashSet<_> = KNOWN.into_iter().map(of).collect();
        assert_eq!(known, HashSet::from(Convention::ALL));
    }

    #[test]
    fn a_listing_has_all_sections() {
        let linux = Some("x86_64-unknown-linux-gnu".to_owned());
        let text = show(&Arguments { target: linux, ..arguments("double pow(double, double)") }).unwrap();
        for word in
            ["plan:\nx86_64/sysv64 slots\n", "xmm0 <- slot 0", "clif:\nfunction", "asm:\n", " bytes, 0 holes"]
        {
            assert!(text.contains(word), "{word:?} is not in:\n{text}");
        }
    }

    #[test]
    fn a_fast_call_has_what_is_asked_for() {
        let fast = |words: &[FastCallWord], entry: &str| {
            let target = Some("x86_64-unknown-linux-gnu".to_owned());
            let all = Arguments {
                target,
                entry: entry.to_owned(),
                fast_call: words.into(),
                ..arguments("int f(char, void *)")
            };
            show(&all)
        };
        use FastCallWord::{Buffers, Checked, Closed};
        let text = fast(&[Buffers, Checked, Closed], "v8").unwrap();
        for line in ["guard: closed", "slot 0: in range of int8_t", "slot 1: buffer", "; Helper", "; Range"] {
            assert!(text.contains(line), "{line:?} is not in:\n{text}");
        }
        assert!(!fast(&[], "v8").unwrap().contains("guard"));
        assert!(matches!(fast(&[Closed], "slots"), Err(End::Caller(why)) if why.contains("slots")));
    }

    #[test]
    fn a_host_has_its_own_ways() {
        let boxed = |host: Option<&str>, entry: &str| {
            let (target, host) = (Some("x86_64-unknown-linux-gnu".to_owned()), host.map(str::to_owned));
            show(&Arguments { target, host, entry: entry.to_owned(), ..arguments("long f(long)") })
        };
        let objects = boxed(None, "boxed").unwrap();
        for line in ["slot 0 <- [8] == @0: digit", "return @7(rax)", "; Slow"] {
            assert!(objects.contains(line), "{line:?} is not in:\n{objects}");
        }
        assert!(boxed(Some("words"), "boxed").unwrap().contains("word & 0x1 == 0x1"));
        assert!(matches!(boxed(Some("lisp"), "boxed"), Err(End::Caller(why)) if why.contains("lisp")));
        assert!(matches!(boxed(Some("words"), "slots"), Err(End::Caller(why)) if why.contains("slots")));
    }

    #[test]
    fn one_section_stands_alone() {
        let text = show(&Arguments { plan: true, ..arguments("void f(void)") }).unwrap();
        assert!(!text.contains("plan:") && text.contains("slots"), "{text}");
    }

    #[test]
    fn all_targets_are_shown() {
        let text =
            show(&Arguments { target: Some("all".to_owned()), ..arguments("long double f(void)") }).unwrap();
        assert!(KNOWN.iter().all(|target| text.contains(target)), "{text}");
        assert!(text.contains("ineligible: ") && text.contains("aarch64/aapcs64 slots"), "{text}");
    }

    #[test]
    fn mistakes_are_the_callers() {
        let caller = |arguments: Arguments| match show(&arguments) {
            Err(End::Caller(why)) => why,
            other => panic!("{other:?}"),
        };
        assert!(caller(arguments("int f(int")).contains('^'));
        let unknown =
            |name: &str| caller(Arguments { target: Some(name.to_owned()), ..arguments("int f(int)") });
        assert!(unknown("pdp11-dec-unix").contains("known targets: x86_64-unknown-linux-gnu, "));
        assert!(unknown("i686-unknown-linux-gnu").contains("known targets: "));
        let entry = Arguments { entry: "front".to_owned(), ..arguments("int f(int)") };
        assert!(caller(entry).contains("known entries: slots, bound, relay, callback"));
        let convention = Arguments { convention: Some("vms".to_owned()), ..arguments("int f(int)") };
        assert!(caller(convention).contains("x86_64/sysv64"));
    }

    #[test]
    fn a_signature_without_a_plan_is_an_answer() {
        let target = Some("x86_64-unknown-linux-gnu".to_owned());
        match show(&Arguments { target, ..arguments("long double f(void)") }) {
            Err(End::Ineligible(reason)) => assert!(reason.contains("x87-result"), "{reason}"),
            other => panic!("{other:?}"),
        }
    }
}
