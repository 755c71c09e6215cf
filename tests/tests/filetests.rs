//! Plans, CLIF and machine code as somebody read and accepted them: one test for each file in `tests/filetests`.
//!
//! A file has a header, then cases. A case is C text, comments included, and below it what becomes of it, each line
//! after `;`:
//!
//! ```text
//! // Why these cases.
//! target: x86_64-unknown-linux-gnu
//! entry: slots
//! show: plan asm
//!
//! double pow(double, double)
//! ; plan:
//! ; x86_64/sysv64 slots
//! ```
//!
//! `show` names sections: `plan`, `clif`, `asm`. `convention` is for callees that do not use the platform's own.
//! `fast-call` says how V8 is to call, where the entry is `v8`: `closed`, `checked` or `exact`, `options`, and `buffers` for
//! every `void *` to be one. `host` names one of the made-up hosts, where the entry is `boxed`. `last-error` (`location` or `function`) is for plans that deliver one. A file lies in the
//! folder of its convention and entry. `BLESS=1` writes what becomes of the cases into the files.

use std::{
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
    str::FromStr,
};

use libtest_mimic::{Arguments, Failed, Trial};
use springboard_abi::{
    Convention, Entry, ErrorSource, FastCall, Guard, Ineligible, Narrow, Options, Plan, Target,
    boxed::{BoxedCall, Host},
    plan, plan_boxed, plan_fast_call, plan_with_last_error,
};
use springboard_emit::Compiler;
use springboard_ir::{Prototype, Signature, Type};
use springboard_tests::hosts;
use target_lexicon::Triple;

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("filetests");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    let mut trials: Vec<Trial> = paths
        .into_iter()
        .map(|path| {
            let name = path.strip_prefix(&root).unwrap_or(&path).display().to_string().replace('\\', "/");
            let folder = name.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned());
            Trial::test(name, move || run(&path, &folder))
        })
        .collect();
    let count = trials.len();
    trials.push(Trial::test("the_files_are_found", move || {
        if count == 0 { Err("no file lies in tests/filetests".into()) } else { Ok(()) }
    }));
    libtest_mimic::run(&arguments, trials).exit_code()
}

fn collect(folder: &Path, paths: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            collect(&path, paths);
        } else {
            paths.push(path);
        }
    }
}

/// What a header says.
struct Header {
    triple: Triple,
    target: Target,
    entry: Entry,
    last_error: Option<ErrorSource>,
    show: Vec<String>,
    fast_call: Vec<String>,
    host: Option<Host>,
}

/// C text, and what is expected to become of it.
struct Case {
    /// The number of its first line, from 1.
    line: usize,
    source: Vec<String>,
    expected: Vec<String>,
}

fn run(path: &Path, folder: &str) -> Result<(), Failed> {
    let text = fs::read_to_string(path)?;
    let (header_lines, cases) = split(&text);
    let header = header(&header_lines)?;
    let wanted = format!("{}/{}", header.target.convention, header.entry);
    if folder != wanted {
        return Err(format!("the file lies in {folder}, and its header says {wanted}").into());
    }
    if cases.is_empty() {
        return Err("the file has no case".into());
    }
    let mut fresh = header_lines.join("\n") + "\n";
    let mut failures = Vec::new();
    for case in &cases {
        let actual = outcome(&header, case).map_err(|why| format!("line {}: {why}", case.line))?;
        if actual != case.expected {
            failures.push(difference(case, &actual));
        }
        let behind = actual.iter().map(|line| format!("; {line}").trim_end().to_owned());
        let lines: Vec<String> = case.source.iter().cloned().chain(behind).collect();
        fresh += &format!("\n{}\n", lines.join("\n"));
    }
    if std::env::var_os("BLESS").is_some_and(|value| value == "1") {
        if fresh != text {
            fs::write(path, fresh)?;
        }
        return Ok(());
    }
    if failures.is_empty() { Ok(()) } else { Err(failures.join("\n").into()) }
}

/// Takes a file apart: the lines of its header, and its cases, which are paragraphs.
fn split(text: &str) -> (Vec<String>, Vec<Case>) {
    let mut lines = text.lines().enumerate();
    let mut header: Vec<String> =
        lines.by_ref().map(|(_, line)| line.to_owned()).take_while(|line| !line.is_empty()).collect();
    // A header may have a paragraph of comments before it.
    while !header.iter().any(|line| line.starts_with("target:")) {
        let more: Vec<String> =
            lines.by_ref().map(|(_, line)| line.to_owned()).take_while(|line| !line.is_empty()).collect();
        if more.is_empty() {
            break;
        }
        header.push(String::new());
        header.extend(more);
    }
    let mut cases: Vec<Case> = Vec::new();
    let mut between = true;
    for (index, line) in lines {
        let comments = |case: &Case| case.source.iter().all(|line| line.is_empty() || line.starts_with("//"));
        match cases.last_mut().filter(|_| !between) {
            None if line.is_empty() => {}
            None => {
                cases.push(Case { line: index + 1, source: vec![line.to_owned()], expected: Vec::new() });
                between = false;
            }
            Some(case) => match line.strip_prefix(';') {
                Some(expected) => {
                    case.expected.push(expected.strip_prefix(' ').unwrap_or(expected).to_owned())
                }
                None if line.is_empty() && !comments(case) => between = true,
                None => case.source.push(line.to_owned()),
            },
        }
    }
    (header, cases)
}

fn header(lines: &[String]) -> Result<Header, String> {
    let value = |key: &str| {
        let mut values = lines.iter().filter_map(|line| line.strip_prefix(key)?.strip_prefix(": "));
        values.next().map(str::trim)
    };
    let required = |key: &str| value(key).ok_or_else(|| format!("the header has no `{key}`"));
    for line in lines {
        let key = line.split(':').next().unwrap_or_default();
        let known =
            ["target", "convention", "entry", "show", "fast-call", "host", "last-error"].contains(&key);
        if !known && !line.starts_with("//") && !line.is_empty() {
            return Err(format!("the header has a strange line: {line}"));
        }
    }
    let triple = Triple::from_str(required("target")?).map_err(|error| error.to_string())?;
    let mut target = Target::of(&triple).map_err(|error| error.to_string())?;
    if let Some(name) = value("convention") {
        let known = Convention::ALL.into_iter().find(|convention| convention.name() == name);
        target = target.calling(known.ok_or_else(|| format!("no convention is named {name}"))?);
    }
    let name = required("entry")?;
    let entry = Entry::ALL.into_iter().find(|entry| entry.to_string() == name);
    let show: Vec<String> = required("show")?.split_whitespace().map(str::to_owned).collect();
    if let Some(unknown) = show.iter().find(|name| !["plan", "clif", "asm"].contains(&name.as_str())) {
        return Err(format!("there is nothing named {unknown} to show"));
    }
    let entry = entry.ok_or_else(|| format!("no entry is named {name}"))?;
    let fast_call: Vec<String> =
        value("fast-call").into_iter().flat_map(str::split_whitespace).map(str::to_owned).collect();
    let known = ["closed", "checked", "exact", "options", "buffers"];
    if let Some(unknown) = fast_call.iter().find(|word| !known.contains(&word.as_str())) {
        return Err(format!("a fast call has no {unknown}"));
    }
    if entry != Entry::V8 && !fast_call.is_empty() {
        return Err(format!("the entry {entry} has no fast calls"));
    }
    let last_error = match value("last-error") {
        None => None,
        Some("location") => Some(ErrorSource::Location),
        Some("thread-local") => Some(ErrorSource::ThreadLocal),
        Some("function") => Some(ErrorSource::Function),
        Some(other) => return Err(format!("no source of a last error is named {other}")),
    };
    let host = match value("host") {
        Some(name) => Some(hosts::named(name).ok_or_else(|| format!("no host is named {name}"))?),
        None => None,
    };
    if host.is_some() != (entry == Entry::Boxed) {
        return Err(String::from("a host belongs to the entry boxed, and to no other"));
    }
    Ok(Header { triple, target, entry, last_error, show, fast_call, host })
}

impl Header {
    /// The plan of a case.
    fn plan(&self, signature: &Signature) -> Result<Plan, Ineligible> {
        if let Some(source) = self.last_error {
            let plan = plan_with_last_error(signature, &self.target, source)?;
            return Ok(if self.entry == Entry::Bound { plan.bound() } else { plan });
        }
        if let Some(host) = &self.host {
            return plan_boxed(&BoxedCall::new(signature.clone(), host, &self.target.model)?, &self.target);
        }
        if self.entry != Entry::V8 {
            return plan(signature, &self.target, self.entry);
        }
        let asked = |word| self.fast_call.iter().any(|asked| asked == word);
        let params = signature.params().iter().zip(0..);
        let buffers = params.filter(|(param, _)| asked("buffers") && param.ty == Type::void_pointer());
        let call = FastCall {
            signature: signature.clone(),
            buffers: buffers.map(|(_, index)| index).collect(),
            guard: if asked("closed") { Guard::Closed } else { Guard::None },
            narrow: match (asked("checked"), asked("exact")) {
                (true, _) => Narrow::Check,
                (_, true) => Narrow::Exact,
                _ => Narrow::Trust,
            },
            options: if asked("options") { Options::Always } else { Options::ForBuffers },
        };
        plan_fast_call(&call, &self.target)
    }
}

/// What becomes of a case, in lines.
fn outcome(header: &Header, case: &Case) -> Result<Vec<String>, String> {
    let text = case.source.join("\n");
    let prototype = Prototype::parse(&text).map_err(|error| format!("{error}\n{}", error.excerpt(&text)))?;
    let plan = match header.plan(&prototype.signature) {
        Ok(plan) => plan,
        Err(reason) => return Ok(vec![format!("ineligible: {reason} ({})", reason.code())]),
    };
    let mut compiler = Compiler::new(&header.triple).map_err(|error| error.to_string())?;
    let mut lines = Vec::new();
    for name in &header.show {
        let text = match name.as_str() {
            "plan" => Ok(plan.to_string()),
            "clif" => compiler.clif(&plan),
            _ => compiler.emit(&plan).and_then(|template| compiler.disassemble(&template)),
        };
        if header.show.len() > 1 {
            lines.push(format!("{name}:"));
        }
        lines.extend(text.map_err(|error| error.to_string())?.lines().map(|line| line.trim_end().to_owned()));
    }
    Ok(lines)
}

/// The first line in which a case differs from what is expected of it, and where that is.
fn difference(case: &Case, actual: &[String]) -> String {
    let same = case.expected.iter().zip(actual).take_while(|(expected, actual)| expected == actual).count();
    let line = |lines: &[String]| lines.get(same).map_or("(nothing)".to_owned(), |line| format!("`{line}`"));
    format!(
        "line {}: {}\n  expected {}\n  but it is {}\n(cargo xtask bless, then git diff, shows all of it)",
        case.line + case.source.len() + same,
        case.source.last().map_or("", String::as_str),
        line(&case.expected),
        line(actual),
    )
}
