//! What Python sees of a C type.

use pyo3::{
    exceptions::PyAttributeError,
    prelude::*,
    types::{PyDict, PyList, PyTuple},
};
use springboard::ir::AggregateKind;

use super::{Aggregate, CType, FunctionType, Kind, Member};

impl CType {
    fn without(&self, attribute: &str) -> PyErr {
        PyAttributeError::new_err(format!("ctype '{}' has no attribute '{attribute}'", self.text()))
    }

    fn function(&self, attribute: &str) -> PyResult<&FunctionType> {
        match &self.kind {
            Kind::Function(function) => Ok(function),
            _ => Err(self.without(attribute)),
        }
    }
}

#[pymethods]
impl CType {
    fn __repr__(&self) -> String {
        format!("<ctype '{}'>", self.text())
    }

    fn __dir__(&self) -> Vec<&'static str> {
        let mut names = vec!["cname", "kind"];
        names.extend_from_slice(match &self.kind {
            Kind::Void | Kind::Primitive(_) => &[],
            Kind::Pointer(_) => &["item"],
            Kind::Array { .. } => &["item", "length"],
            Kind::Aggregate(_) => &["fields"],
            Kind::Enum(_) => &["elements", "relements"],
            Kind::Function(_) => &["abi", "args", "ellipsis", "result"],
        });
        names
    }

    /// The type as C writes it.
    #[getter]
    fn cname(&self) -> &str {
        self.text()
    }

    /// `void`, `primitive`, `pointer`, `array`, `struct`, `union`, `enum` or `function`.
    #[getter]
    pub(crate) fn kind(&self) -> &'static str {
        match &self.kind {
            Kind::Void => "void",
            Kind::Primitive(_) => "primitive",
            Kind::Pointer(_) => "pointer",
            Kind::Array { .. } => "array",
            Kind::Aggregate(Aggregate { kind: AggregateKind::Struct, .. }) => "struct",
            Kind::Aggregate(Aggregate { kind: AggregateKind::Union, .. }) => "union",
            Kind::Enum(_) => "enum",
            Kind::Function(_) => "function",
        }
    }

    /// What a pointer points to, or an array is made of.
    #[getter(item)]
    fn item_attribute(&self, py: Python<'_>) -> PyResult<Py<CType>> {
        self.item().map(|item| item.clone_ref(py)).ok_or_else(|| self.without("item"))
    }

    /// The number of elements of an array; `None` where the type leaves it open.
    #[getter]
    fn length(&self) -> PyResult<Option<usize>> {
        match &self.kind {
            Kind::Array { length, .. } => Ok(*length),
            _ => Err(self.without("length")),
        }
    }

    /// Names and descriptions of the members, in their order; `None` where the type is opaque.
    #[getter]
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyList>>> {
        let aggregate = self.aggregate().ok_or_else(|| self.without("fields"))?;
        aggregate.check_whole(self.text())?;
        let Some(body) = aggregate.body.get() else { return Ok(None) };
        let fields = PyList::empty(py);
        for Member { name, field } in &body.members {
            fields.append((name.as_str(), field.clone_ref(py)))?;
        }
        Ok(Some(fields))
    }

    /// The types of a function's parameters.
    #[getter]
    fn args<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let arguments = &self.function("args")?.arguments;
        PyTuple::new(py, arguments.iter().map(|argument| argument.clone_ref(py)))
    }

    /// The type of a function's result.
    #[getter]
    fn result(&self, py: Python<'_>) -> PyResult<Py<CType>> {
        Ok(self.function("result")?.result.clone_ref(py))
    }

    /// Whether a function takes more arguments than it declares.
    #[getter]
    fn ellipsis(&self) -> PyResult<bool> {
        Ok(self.function("ellipsis")?.ellipsis)
    }

    /// The calling convention of a function: the platform's own.
    #[getter]
    fn abi(&self) -> PyResult<i32> {
        self.function("abi").map(|_| 2)
    }

    /// The names of an enumeration's constants, by value.
    #[getter]
    fn elements<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let Kind::Enum(enumeration) = &self.kind else { return Err(self.without("elements")) };
        let elements = PyDict::new(py);
        for (name, value) in enumeration.constants.iter().rev() {
            elements.set_item(value, name)?;
        }
        Ok(elements)
    }

    /// The values of an enumeration's constants, by name.
    #[getter]
    fn relements<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let Kind::Enum(enumeration) = &self.kind else { return Err(self.without("relements")) };
        let elements = PyDict::new(py);
        for (name, value) in &enumeration.constants {
            elements.set_item(name, value)?;
        }
        Ok(elements)
    }
}
