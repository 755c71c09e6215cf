//! Calls by a host that has values of its own: how each is unboxed, and where it goes then.

use springboard_abi::{Entry, Form, Ineligible, Target, boxed::BoxedCall, plan_boxed};
use springboard_ir::Signature;

use crate::{
    hosts,
    moves::{places, refused},
    table::table,
};

pub(super) fn explain(signature: &Signature, target: &Target, name: &str) -> Result<Vec<String>, String> {
    let host = hosts::named(name).ok_or_else(|| format!("no host is named {name}"))?;
    let call = BoxedCall::new(signature.clone(), &host, &target.model).map_err(Ineligible::from);
    let plan = match call.and_then(|call| plan_boxed(&call, target)) {
        Ok(plan) => plan,
        Err(reason) => return Ok(vec![refused(Entry::Boxed, "every call by the slow twin", &reason)]),
    };
    let Form::Boxed(form) = &plan.form else { return Err("not a plan of a boxed call".to_owned()) };
    let text = plan.to_string();
    let line = |start: &str| text.lines().map(str::trim).find(|line| line.starts_with(start));
    let mut lines = vec!["  boxed: compiled; values that are none of these go to the slow twin".to_owned()];
    lines.extend(["entered", "before", "after"].into_iter().filter_map(line).map(|line| format!("  {line}")));
    let mut rows = vec![["argument", "C type", "the host's value", "goes to"].map(str::to_owned)];
    for (index, (param, argument)) in signature.params().iter().zip(&form.arguments).enumerate() {
        let ways = argument.ways.iter().map(ToString::to_string).collect::<Vec<_>>().join(", or ");
        rows.push([(index + 1).to_string(), param.ty.to_string(), ways, places(&plan, index)]);
    }
    let given = line("return").unwrap_or_default().trim_start_matches("return ").to_owned();
    rows.push(["result".to_owned(), signature.result().to_string(), given, String::new()]);
    lines.push(String::new());
    lines.extend(table(&rows));
    Ok(lines)
}
