//! C data as functions.

use pyo3::{
    exceptions::PyAttributeError,
    prelude::*,
    types::{PyDict, PyTuple},
};

use crate::{call, cdata::CData, ctype::Kind, function::Function};

impl CData {
    fn lacks(&self, attribute: &str) -> PyErr {
        PyAttributeError::new_err(format!(
            "cdata '{}' has no attribute '{attribute}'",
            self.ctype.get().text()
        ))
    }

    fn bound(&self, attribute: &str) -> PyResult<&Function> {
        self.function.get().map(|bound| &**bound).ok_or_else(|| self.lacks(attribute))
    }
}

#[pymethods]
impl CData {
    #[pyo3(signature = (*arguments, **keywords))]
    fn __call__<'py>(
        slf: &Bound<'py, Self>,
        arguments: &Bound<'py, PyTuple>,
        keywords: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if keywords.is_some_and(|keywords| !keywords.is_empty()) {
            return Err(call::no_keywords());
        }
        let arguments: Vec<_> = arguments.iter().collect();
        call::slow(slf, &arguments)
    }

    /// Calls a function of a library once per element of arrays: numpy's, any with the buffer protocol, or C data. All have
    /// one shape, and elements of the parameter's own type; a number serves every call. Results go to `out`, or to a new
    /// array, of numpy where an argument is.
    #[pyo3(signature = (*arguments, out=None))]
    fn map<'py>(
        slf: &Bound<'py, Self>,
        arguments: &Bound<'py, PyTuple>,
        out: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        call::map(slf, arguments, out)
    }

    /// The name of a function of a library.
    #[getter]
    fn __name__(&self) -> PyResult<&str> {
        self.bound("__name__").map(|bound| bound.name.as_str())
    }

    /// The declaration of a function of a library.
    #[getter]
    fn __doc__(&self) -> Option<String> {
        self.function.get().map(|bound| call::documentation(bound))
    }

    /// What `inspect.signature` says of a function.
    #[getter]
    fn __signature__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let Kind::Function(function) = &self.ctype.get().kind else {
            return Err(self.lacks("__signature__"));
        };
        let names = self.function.get().map_or(&[][..], |bound| &bound.parameters);
        call::python_signature(py, function, names)
    }
}
