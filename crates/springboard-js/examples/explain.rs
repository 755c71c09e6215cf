//! Says whether V8 can call a C function fast, on any target: by Node's rules and by springboard's, and from which
//! register to which each argument goes.

use std::process::ExitCode;

use clap::Parser;
use springboard::{
    abi::{
        DowncallResult, FastCall, FastForm, Fill, Form, Ineligible, Move, Operand, Parameter, Plan, Profile,
        Target, plan_fast_call,
    },
    ir::{Prototype, Type},
};
use target_lexicon::Triple;

/// Explains the fast call of a C function.
///
/// A verdict is an answer, whichever it is, and the exit code is 0. It is 2 where the arguments are wrong.
#[derive(Parser)]
struct Arguments {
    /// C text, with declarations of structures where it needs some: 'int sum(const void *, size_t)'
    prototype: String,
    /// The platform, as a target triple; the running machine's by default
    #[arg(long, value_name = "TRIPLE")]
    target: Option<String>,
    /// A parameter, counted from 1, that JavaScript passes as a buffer; may be given again
    #[arg(long = "buffer", value_name = "N")]
    buffers: Vec<u16>,
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
    let count = prototype.signature.params().len();
    let mut call = FastCall::new(prototype.signature.clone());
    for number in &arguments.buffers {
        if !(1..=count).contains(&usize::from(*number)) {
            return Err(format!("there is no parameter {number} to be a buffer; there are {count}"));
        }
        call.buffers.push(number - 1);
    }
    let plan = plan_fast_call(&call, &target);
    if let Err(mistake @ Ineligible::BufferType { .. }) = plan {
        return Err(mistake.to_string());
    }
    let mut lines = vec![format!("{prototype} on {}", target.convention)];
    for profile in Profile::ALL {
        lines.push(match profile.verdict(&call, &target) {
            Ok(()) => format!("  {profile}: eligible"),
            Err(refusal) => format!("  {profile}: refused: {refusal} ({})", refusal.code()),
        });
    }
    if let Ok(plan) = plan {
        lines.push(String::new());
        lines.extend(table(&rows(&call, &plan)?));
    }
    Ok(lines.join("\n") + "\n")
}

/// One row: which argument, its C type, what V8 makes of it, where that arrives, and where it goes.
type Row = [String; 5];

fn rows(call: &FastCall, plan: &Plan) -> Result<Vec<Row>, String> {
    let Form::V8(fast) = &plan.form else { return Err("not a plan of a fast call".to_owned()) };
    let entered = fast.entered(plan.caller).map_err(|error| error.to_string())?;
    let place = |place, bytes| plan.caller.place_name(place, bytes).to_string();
    let heading = ["argument", "C type", "V8 passes", "in", "goes to"].map(str::to_owned);
    let receiver = ["receiver", "", "value"].map(str::to_owned);
    let [first, second, third] = receiver;
    let mut rows = vec![heading, [first, second, third, place(entered.receiver, 8), "-".to_owned()]];
    let params = call.signature.params();
    for (index, (parameter, arrives)) in fast.parameters.iter().zip(&entered.parameters).enumerate() {
        let (number, ty) = match params.get(index) {
            Some(param) => ((index + 1).to_string(), param.ty.to_string()),
            None if *parameter == Parameter::Options => ("options".to_owned(), String::new()),
            None => ("result at".to_owned(), String::new()),
        };
        let ends: Vec<String> =
            plan.moves.iter().filter(|step| slot(step, plan) == index).map(|step| end(plan, step)).collect();
        let ends = match (ends.is_empty(), *parameter) {
            (true, Parameter::Options) => "the host's helpers".to_owned(),
            (true, _) => "-".to_owned(),
            (false, Parameter::Buffer) => format!("unwrapped, {}", ends.join(", ")),
            (false, _) => ends.join(", "),
        };
        rows.push([number, ty, passed(*parameter).to_owned(), place(*arrives, 8), ends]);
    }
    rows.push([
        "result".to_owned(),
        call.signature.result().to_string(),
        String::new(),
        String::new(),
        result(call, fast),
    ]);
    Ok(rows)
}

/// Where a move ends, with the bytes of the argument where it is not all of it.
fn end(plan: &Plan, step: &Move) -> String {
    let line = plan.describe(step).to_string();
    let (to, from) = line.split_once(" <- ").unwrap_or((&line, ""));
    match step.operand {
        Operand::Memory { offset, .. } => {
            format!("{to} (bytes {offset}..{})", offset + u32::from(step.bytes))
        }
        Operand::Temporary { .. } => format!("{to} ({from})"),
        Operand::Slot { .. } => to.to_owned(),
    }
}

/// The slot that a move takes bytes of, or whose copy it takes the address of.
fn slot(step: &Move, plan: &Plan) -> usize {
    usize::from(match step.operand {
        Operand::Slot { index, .. } => index,
        Operand::Memory { slot, .. } => slot,
        Operand::Temporary { index } => plan.temporaries[usize::from(index)].slot,
    })
}

fn passed(parameter: Parameter) -> &'static str {
    match parameter {
        Parameter::Int32 | Parameter::Narrow { .. } => "32 bits",
        Parameter::Int64 => "64 bits",
        Parameter::Float => "float32",
        Parameter::Double => "float64",
        Parameter::Buffer => "value",
        Parameter::Exact { .. } => "an integer as double",
        Parameter::Options => "options",
    }
}

fn result(call: &FastCall, fast: &FastForm) -> String {
    match &fast.result {
        DowncallResult::InPlace if *call.signature.result() == Type::Void => "none".to_owned(),
        DowncallResult::InPlace | DowncallResult::FloatInPlace => "where the function leaves it".to_owned(),
        DowncallResult::Extended { bytes, fill } => {
            let by = if *fill == Fill::Sign { "sign" } else { "zero" };
            format!("{by}-extended from {bytes} bytes")
        }
        _ => "stored to memory".to_owned(),
    }
}

/// Lines of columns as wide as what is in them.
fn table(rows: &[Row]) -> impl Iterator<Item = String> {
    let width = |column: usize| rows.iter().map(|row| row[column].chars().count()).max().unwrap_or(0);
    let widths = [0, 1, 2, 3].map(width);
    rows.iter().map(move |row| {
        let cells =
            row.iter().zip(widths.into_iter().chain([0])).map(|(cell, width)| format!("  {cell:<width$}"));
        cells.collect::<String>().trim_end().to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn explained(prototype: &str, target: &str, buffers: &[u16]) -> String {
        let target = Some(target.to_owned());
        explain(&Arguments { prototype: prototype.to_owned(), target, buffers: buffers.into() }).unwrap()
    }

    #[test]
    fn both_verdicts_and_the_registers_are_shown() {
        let text = explained("int f(int, double)", "x86_64-unknown-linux-gnu", &[]);
        for line in ["  Node: eligible", "  full: eligible"] {
            assert!(text.contains(line), "{text}");
        }
        let words = |start: &str| -> Vec<String> {
            let line = text.lines().find(|line| line.trim_start().starts_with(start));
            line.unwrap_or_default().split_whitespace().map(str::to_owned).collect()
        };
        assert_eq!(words("receiver"), ["receiver", "value", "rdi", "-"]);
        assert_eq!(words("1 "), ["1", "int", "32", "bits", "rsi", "rdi"]);
        assert_eq!(words("2 "), ["2", "double", "float64", "xmm0", "xmm0"]);
    }

    #[test]
    fn what_node_refuses_is_explained() {
        let text = explained("int f(void *, double)", "aarch64-unknown-linux-gnu", &[1]);
        assert!(
            text.contains("Node: refused: a buffer beside a floating point argument (buffer-and-float)"),
            "{text}"
        );
        assert!(text.contains("full: eligible") && text.contains("unwrapped, x0"), "{text}");
        let options = text.lines().find(|line| line.contains("options")).unwrap();
        assert!(options.contains("x2") && options.contains("the host's helpers"), "{text}");
    }

    #[test]
    fn mistakes_are_the_callers() {
        let arguments = |prototype: &str, target: Option<&str>, buffers: &[u16]| Arguments {
            prototype: prototype.to_owned(),
            target: target.map(str::to_owned),
            buffers: buffers.into(),
        };
        assert!(explain(&arguments("int f(", None, &[])).unwrap_err().contains('^'));
        assert!(explain(&arguments("int f(int)", Some("pdp11"), &[])).unwrap_err().contains("pdp11"));
        let error = explain(&arguments("int f(int)", None, &[2])).unwrap_err();
        assert_eq!(error, "there is no parameter 2 to be a buffer; there are 1");
        let error = explain(&arguments("int f(int)", None, &[1])).unwrap_err();
        assert_eq!(error, "parameter 1 is declared a buffer but is not a pointer");
    }
}
