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

use std::{fs, path::Path, process::ExitCode};

use libtest_mimic::{Arguments, Failed, Trial};
use springboard_emit::Compiler;
use springboard_ir::Prototype;
use springboard_tests::filetest::{self, Case, Header};

fn main() -> ExitCode {
    let arguments = Arguments::from_args();
    let (root, paths) = filetest::paths();
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

fn run(path: &Path, folder: &str) -> Result<(), Failed> {
    let text = fs::read_to_string(path)?;
    let (header_lines, cases) = filetest::split(&text);
    let header = filetest::header(&header_lines)?;
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
