//! Exceptions, and how the library's own errors become them.

use pyo3::{
    create_exception,
    exceptions::{PyException, PyNotImplementedError, PyRuntimeError},
    prelude::*,
};
use springboard::{BindError, callback::CreateError};

create_exception!(
    springboard,
    FFIError,
    PyException,
    "What is declared twice, or used in a way that it cannot be."
);
create_exception!(springboard, CDefError, FFIError, "C text that cannot be read: what is wrong, and where.");
create_exception!(springboard, VerificationError, PyException, "What only a C compiler could find out.");
create_exception!(
    springboard,
    VerificationMissing,
    PyException,
    "A declaration that leaves a part to the C compiler (`...`) is used, and there is no compiler."
);

/// The exception for a signature that cannot be called.
pub(crate) fn of_binding(name: &str, error: &BindError) -> PyErr {
    PyNotImplementedError::new_err(format!("{name}: {error}"))
}

/// The exception for a callback that cannot be made.
pub(crate) fn of_callback(name: &str, error: &CreateError) -> PyErr {
    match error {
        CreateError::Bind(_) => PyNotImplementedError::new_err(format!(
            "{name}: callback with unsupported argument or return type or with '...': {error}"
        )),
        _ => PyRuntimeError::new_err(format!("{name}: {error}")),
    }
}

/// The name of an object's type, for messages.
pub(crate) fn type_name(object: &Bound<'_, PyAny>) -> String {
    object.get_type().name().map_or_else(|_| "object".into(), |name| name.to_string())
}
