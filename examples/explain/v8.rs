//! Fast calls of V8: whether by Node's rules and by springboard's, and from which register to which each argument goes.

use springboard_abi::{FastCall, Form, Ineligible, Parameter, Plan, Profile, Target, plan_fast_call};
use springboard_ir::Signature;

use crate::{
    moves::{downcall_result, places},
    table::table,
};

pub(super) fn explain(
    signature: &Signature,
    target: &Target,
    buffers: &[u16],
) -> Result<Vec<String>, String> {
    let count = signature.params().len();
    let mut call = FastCall::new(signature.clone());
    for number in buffers {
        if !(1..=count).contains(&usize::from(*number)) {
            return Err(format!("there is no parameter {number} to be a buffer; there are {count}"));
        }
        call.buffers.push(number - 1);
    }
    let plan = plan_fast_call(&call, target);
    if let Err(mistake @ Ineligible::BufferType { .. }) = plan {
        return Err(mistake.to_string());
    }
    let mut lines = Vec::new();
    for profile in Profile::ALL {
        lines.push(match profile.verdict(&call, target) {
            Ok(()) => format!("  {profile}: eligible"),
            Err(refusal) => format!("  {profile}: refused: {refusal} ({})", refusal.code()),
        });
    }
    if let Ok(plan) = plan {
        lines.push(String::new());
        lines.extend(table(&rows(signature, &plan)?));
    }
    Ok(lines)
}

/// One row: which argument, its C type, what V8 makes of it, where that arrives, and where it goes.
type Row = [String; 5];

fn rows(signature: &Signature, plan: &Plan) -> Result<Vec<Row>, String> {
    let Form::V8(fast) = &plan.form else { return Err("not a plan of a fast call".to_owned()) };
    let entered = fast.entered(plan.caller).map_err(|error| error.to_string())?;
    let place = |place, bytes| plan.caller.place_name(place, bytes).to_string();
    let heading = ["argument", "C type", "V8 passes", "in", "goes to"].map(str::to_owned);
    let [first, second, third] = ["receiver", "", "value"].map(str::to_owned);
    let mut rows = vec![heading, [first, second, third, place(entered.receiver, 8), "-".to_owned()]];
    let params = signature.params();
    for (index, (parameter, arrives)) in fast.parameters.iter().zip(&entered.parameters).enumerate() {
        let (number, ty) = match params.get(index) {
            Some(param) => ((index + 1).to_string(), param.ty.to_string()),
            None if *parameter == Parameter::Options => ("options".to_owned(), String::new()),
            None => ("result at".to_owned(), String::new()),
        };
        let ends = match (*parameter, places(plan, index)) {
            (Parameter::Options, _) => "the host's helpers".to_owned(),
            (Parameter::Buffer, ends) => format!("unwrapped, {ends}"),
            (_, ends) => ends,
        };
        rows.push([number, ty, passed(*parameter).to_owned(), place(*arrives, 8), ends]);
    }
    let result = downcall_result(plan, &fast.result, signature.result(), "");
    rows.push(["result".to_owned(), signature.result().to_string(), String::new(), String::new(), result]);
    Ok(rows)
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
