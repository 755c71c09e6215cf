//! What Python shows of a C function.

use pyo3::{prelude::*, types::PyDict};

use crate::{
    ctype::{FunctionType, Kind},
    function::{Function, Gil},
};

/// The text of `help`.
pub(crate) fn documentation(function: &Function) -> String {
    let gil = match function.gil {
        Gil::Kept => "The interpreter's lock is kept during the call.",
        Gil::Released => "The interpreter's lock is released during the call.",
    };
    format!("{};\n\n{gil}", function.prototype)
}

/// The text of a built-in function, of which CPython makes `__text_signature__` and `__doc__`.
pub(super) fn builtin(py: Python<'_>, ctype: &FunctionType, function: &Function) -> PyResult<String> {
    let mut parameters = parameter_names(py, ctype, &function.parameters)?;
    if !parameters.is_empty() {
        parameters.push("/".into());
    }
    if ctype.ellipsis {
        parameters.push("*args".into());
    }
    let Function { name, .. } = function;
    Ok(format!("{name}({})\n--\n\n{}", parameters.join(", "), documentation(function)))
}

/// The parameters' names as Python can have them.
fn parameter_names(
    py: Python<'_>,
    function: &FunctionType,
    names: &[Option<String>],
) -> PyResult<Vec<String>> {
    let is_keyword = py.import("keyword")?.getattr("iskeyword")?;
    let mut seen = std::collections::HashSet::new();
    let name = |index: usize| match names.get(index).and_then(Option::as_deref) {
        Some(name) if !seen.insert(name) => Ok(format!("arg{index}")),
        Some(name) if is_keyword.call1((name,))?.extract()? => Ok(format!("{name}_")),
        Some(name) => Ok(name.into()),
        None => Ok(format!("arg{index}")),
    };
    (0..function.arguments.len()).map(name).collect()
}

/// An `inspect.Signature`.
pub(crate) fn python<'py>(
    py: Python<'py>,
    function: &FunctionType,
    names: &[Option<String>],
) -> PyResult<Bound<'py, PyAny>> {
    let inspect = py.import("inspect")?;
    let parameter = inspect.getattr("Parameter")?;
    let (positional, rest) = (parameter.getattr("POSITIONAL_ONLY")?, parameter.getattr("VAR_POSITIONAL")?);
    let mut parameters = Vec::new();
    for (argument, name) in function.arguments.iter().zip(parameter_names(py, function, names)?) {
        let keywords = PyDict::new(py);
        keywords.set_item("annotation", argument.get().text())?;
        parameters.push(parameter.call((name, &positional), Some(&keywords))?);
    }
    if function.ellipsis {
        parameters.push(parameter.call1(("args", rest))?);
    }
    let keywords = PyDict::new(py);
    let result = function.result.get();
    if !matches!(result.kind, Kind::Void) {
        keywords.set_item("return_annotation", result.text())?;
    }
    inspect.getattr("Signature")?.call((parameters,), Some(&keywords))
}
