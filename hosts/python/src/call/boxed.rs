//! Functions of libraries, with a stub where there can be one.

use std::{ffi::c_void, ptr::NonNull};

use pyo3::prelude::*;

use super::Bound;
use crate::{cdata::CData, ctype::CType};

/// The C data for a function of a library.
pub(crate) fn function(
    py: Python<'_>,
    ctype: Py<CType>,
    address: NonNull<c_void>,
    bound: Bound,
) -> PyResult<Py<CData>> {
    let function = CData::borrowed(ctype, address.as_ptr().cast());
    let _ = function.function.set(Box::new(bound));
    Py::new(py, function)
}
