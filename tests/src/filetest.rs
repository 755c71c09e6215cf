//! The files in `tests/filetests`: their headers, and their cases. What is in them: `tests/tests/filetests.rs`.

use std::{
    fs,
    path::{Path, PathBuf},
    str::FromStr,
};

use springboard_abi::{
    Convention, Entry, ErrorSource, FastCall, Guard, Ineligible, Narrow, Options, Plan, Target,
    boxed::{BoxedCall, Host},
    plan, plan_boxed, plan_fast_call, plan_with_last_error,
};
use springboard_ir::{Signature, Type};
use target_lexicon::Triple;

use crate::hosts;

/// The folder of the files, and their paths, in order.
pub fn paths() -> (PathBuf, Vec<PathBuf>) {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("filetests");
    let mut paths = Vec::new();
    collect(&root, &mut paths);
    paths.sort();
    (root, paths)
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
pub struct Header {
    /// Whose code is made.
    pub triple: Triple,
    /// Whom plans are for.
    pub target: Target,
    /// How stubs are entered.
    pub entry: Entry,
    /// Which error is delivered, if one is.
    pub last_error: Option<ErrorSource>,
    /// What is shown of each case.
    pub show: Vec<String>,
    /// How V8 calls.
    pub fast_call: Vec<String>,
    /// Whose objects are unboxed.
    pub host: Option<Host>,
}

/// C text, and what is expected to become of it.
pub struct Case {
    /// The number of its first line, from 1.
    pub line: usize,
    /// C text and comments.
    pub source: Vec<String>,
    /// What becomes of it.
    pub expected: Vec<String>,
}

/// Takes a file apart: the lines of its header, and its cases, which are paragraphs.
pub fn split(text: &str) -> (Vec<String>, Vec<Case>) {
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

/// Reads a header.
///
/// # Errors
/// What is strange in it.
pub fn header(lines: &[String]) -> Result<Header, String> {
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
    ///
    /// # Errors
    /// Why there is none.
    pub fn plan(&self, signature: &Signature) -> Result<Plan, Ineligible> {
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
