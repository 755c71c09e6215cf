//! Says whether a stub can be made for a C function, on any target, and from where to where each argument goes: called by
//! slots, called back, called by a host that unboxes its own values, or by V8.

mod boxed;
/// The made-up hosts that the tests have.
#[path = "../../tests/src/hosts.rs"]
#[expect(dead_code, unreachable_pub, reason = "what tests have of it besides is nothing here")]
mod hosts;
mod moves;
mod table;
#[cfg(test)]
mod tests;
mod v8;

use std::process::ExitCode;

use clap::Parser;
use springboard_abi::{Entry, Target};
use springboard_ir::Prototype;
use target_lexicon::Triple;

/// Explains the stub of a C function: whether there is one, why not, and what goes where.
///
/// A verdict is an answer, whichever it is, and the exit code is 0. It is 2 where the arguments are wrong.
#[derive(Parser)]
struct Arguments {
    /// C text, with declarations of structures where it needs some: 'int sum(const void *, size_t)'
    prototype: String,
    /// How the function is called: slots, callback, boxed or v8
    #[arg(long, default_value = "v8", value_name = "ENTRY")]
    entry: String,
    /// The platform, as a target triple; the running machine's by default
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
    /// For v8: a parameter, counted from 1, that JavaScript passes as a buffer; may be given again
    #[arg(long = "buffer", value_name = "N")]
    buffers: Vec<u16>,
    /// For boxed: one of the made-up hosts of tests/src/hosts.rs: objects (as CPython's), objects-with-lock, words, doubles
    #[arg(long, value_name = "HOST")]
    host: Option<String>,
}

fn main() -> ExitCode {
    match explain(&Arguments::parse()) {
        Ok(text) => {
            print!("{text}");
            ExitCode::SUCCESS
        }
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::from(2)
        }
    }
}

fn explain(arguments: &Arguments) -> Result<String, String> {
    let text = &arguments.prototype;
    let prototype = Prototype::parse(text).map_err(|error| format!("{error}\n{}", error.excerpt(text)))?;
    let triple = match &arguments.target {
        None => Triple::host(),
        Some(name) => name.parse().map_err(|error| format!("unknown target {name}: {error}"))?,
    };
    let target = Target::of(&triple).map_err(|error| error.to_string())?;
    let entries = [Entry::Slots, Entry::Callback, Entry::Boxed, Entry::V8];
    let entry = entries.into_iter().find(|entry| entry.to_string() == arguments.entry);
    let entry = entry.ok_or_else(|| {
        format!(
            "unknown entry {}; known are {}",
            arguments.entry,
            entries.map(|entry| entry.to_string()).join(", ")
        )
    })?;
    if !arguments.buffers.is_empty() && entry != Entry::V8 {
        return Err(format!("--buffer is for the entry v8, and this is {entry}"));
    }
    if arguments.host.is_some() && entry != Entry::Boxed {
        return Err(format!("--host is for the entry boxed, and this is {entry}"));
    }
    let signature = &prototype.signature;
    let lines = match entry {
        Entry::V8 => v8::explain(signature, &target, &arguments.buffers)?,
        Entry::Boxed => boxed::explain(signature, &target, arguments.host.as_deref().unwrap_or("objects"))?,
        _ => moves::explain(signature, &target, entry),
    };
    Ok(format!("{prototype} on {}\n{}\n", target.convention, lines.join("\n")))
}
