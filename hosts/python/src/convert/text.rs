//! Characters and their encodings.

use pyo3::{
    ffi,
    prelude::*,
    types::{PyBytes, PyString},
};

/// The codec for units of so many bytes, in this machine's order.
fn codec(unit: usize) -> &'static str {
    match (unit, cfg!(target_endian = "little")) {
        (2, true) => "utf-16-le",
        (2, false) => "utf-16-be",
        (_, true) => "utf-32-le",
        (_, false) => "utf-32-be",
    }
}

/// The units of a string. Surrogates are units as any other.
pub(super) fn encode(string: &Bound<'_, PyString>, unit: usize) -> PyResult<Vec<u8>> {
    let encoded = string.call_method1("encode", (codec(unit), "surrogatepass"))?;
    Ok(encoded.cast::<PyBytes>()?.as_bytes().to_vec())
}

/// The string of units.
pub(super) fn decode<'py>(py: Python<'py>, units: &[u8], unit: usize) -> PyResult<Bound<'py, PyAny>> {
    PyBytes::new(py, units).call_method1("decode", (codec(unit), "surrogatepass"))
}

/// The one unit of a string that has one.
pub(super) fn single(string: &Bound<'_, PyString>, unit: usize) -> PyResult<Option<u32>> {
    let units = encode(string, unit)?;
    Ok(match (unit, &*units) {
        (2, &[a, b]) => Some(u16::from_ne_bytes([a, b]).into()),
        (4, &[a, b, c, d]) => Some(u32::from_ne_bytes([a, b, c, d])),
        _ => None,
    })
}

/// The character that a string of one character is.
pub(super) fn character(string: &Bound<'_, PyString>) -> PyResult<Option<u32>> {
    single(string, 4)
}

unsafe extern "C" {
    /// A part of the stable interface since CPython 3.10, and exported by all since 3.3.
    fn PyUnicode_AsUTF8AndSize(string: *mut ffi::PyObject, size: *mut isize) -> *const std::ffi::c_char;
}

/// The UTF-8 of a string, which the object keeps.
pub(crate) fn utf8<'a>(string: &'a Bound<'_, PyString>) -> PyResult<&'a str> {
    let mut size = 0;
    // SAFETY: the object is a string, and the interpreter is attached.
    let start = unsafe { PyUnicode_AsUTF8AndSize(string.as_ptr(), &raw mut size) };
    if start.is_null() {
        return Err(PyErr::fetch(string.py()));
    }
    // SAFETY: the function gives so many bytes of UTF-8, which live as long as the string, and this does for `'a`.
    Ok(unsafe { str::from_utf8_unchecked(std::slice::from_raw_parts(start.cast(), size as usize)) })
}
