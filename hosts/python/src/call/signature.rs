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
    let mut seen = std::collections::HashSet::new();
    for (index, argument) in function.arguments.iter().enumerate() {
        let named = names.get(index).and_then(Option::as_deref);
        let usable = named.filter(|name| seen.insert(String::from(*name)));
        let keyword = |name: &str| -> PyResult<bool> {
            py.import("keyword")?.getattr("iskeyword")?.call1((name,))?.extract()
        };
        let name = match usable {
            Some(name) if keyword(name)? => format!("{name}_"),
            Some(name) => name.into(),
            None => format!("arg{index}"),
        };
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
