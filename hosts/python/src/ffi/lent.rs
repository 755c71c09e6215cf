//! Memory that Python objects lend.

use pyo3::{
    exceptions::{PyTypeError, PyValueError, PyZeroDivisionError},
    prelude::*,
    types::PyString,
};

use super::Ffi;
use crate::{
    cdata::{CData, Own},
    ctype::{self, CType, Kind},
    view::{Ask, View},
};

#[pymethods]
impl Ffi {
    /// C data whose memory is that of a Python object with the buffer protocol, which stays locked until the data goes.
    #[pyo3(signature = (cdecl, python_buffer=None, require_writable=false))]
    #[pyo3(name = "from_buffer")]
    fn lent<'py>(
        &self,
        py: Python<'py>,
        cdecl: &Bound<'py, PyAny>,
        python_buffer: Option<&Bound<'py, PyAny>>,
        require_writable: bool,
    ) -> PyResult<CData> {
        let (ctype, lender) = match python_buffer {
            Some(lender) => (self.named(cdecl)?, lender),
            None => {
                let char = ctype::primitive(py, "char").expect("C has the type");
                (ctype::array_of(py, &char, None)?, cdecl)
            }
        };
        from_buffer(&ctype, lender, require_writable)
    }

    /// Copies `n` bytes; the memories may overlap. Either may be a Python object with the buffer protocol.
    fn memmove(&self, dest: &Bound<'_, PyAny>, src: &Bound<'_, PyAny>, n: isize) -> PyResult<()> {
        let bytes = usize::try_from(n).map_err(|_| PyValueError::new_err("negative size"))?;
        let source = memory(src, Ask::Bytes, bytes)?;
        let target = memory(dest, Ask::WritableBytes, bytes)?;
        // SAFETY: views are long enough, and of addresses the program says so.
        unsafe { std::ptr::copy(source.start, target.start, bytes) };
        Ok(())
    }
}

/// C data whose memory is lent.
fn from_buffer(ctype: &Py<CType>, lender: &Bound<'_, PyAny>, writable: bool) -> PyResult<CData> {
    let py = lender.py();
    let of = ctype.get();
    if lender.is_instance_of::<PyString>() {
        return Err(PyTypeError::new_err(
            "from_buffer() cannot return the address of the raw string within a str object",
        ));
    }
    let view = View::of(lender, if writable { Ask::WritableBytes } else { Ask::Bytes })?;
    let length = match &of.kind {
        Kind::Array { length: Some(_), .. } => {
            let size = of.size().unwrap_or(0);
            if view.len() < size {
                return Err(PyValueError::new_err(format!(
                    "buffer is too small ({} bytes) for '{}' ({size} bytes)",
                    view.len(),
                    of.text()
                )));
            }
            None
        }
        Kind::Array { item, .. } => match item.get().size() {
            Some(0) | None => {
                return Err(PyZeroDivisionError::new_err(format!(
                    "from_buffer('{}', ..): the actual length of the array cannot be computed",
                    of.text()
                )));
            }
            Some(size) => Some(view.len() / size),
        },
        // That there is one element is what the program says, as cffi has it.
        Kind::Pointer(_) => None,
        _ => {
            return Err(PyTypeError::new_err(format!(
                "expected a pointer or array ctype, got '{}'",
                of.text()
            )));
        }
    };
    let start = view.start();
    Ok(CData::owning(ctype.clone_ref(py), start, length, Own::Lent(view)))
}

/// Memory to copy from or to.
struct Place {
    start: *mut u8,
    _view: Option<View>,
}

fn memory(object: &Bound<'_, PyAny>, ask: Ask, bytes: usize) -> PyResult<Place> {
    if let Ok(cdata) = object.cast::<CData>() {
        let this = cdata.get();
        let ctype = this.ctype.get();
        if !matches!(ctype.kind, Kind::Pointer(_) | Kind::Array { .. }) {
            return Err(PyTypeError::new_err(format!(
                "expected a pointer or array ctype, got '{}'",
                ctype.text()
            )));
        }
        return Ok(Place { start: this.address(), _view: None });
    }
    let view = View::of(object, ask)?;
    if view.len() < bytes {
        return Err(PyValueError::new_err(format!("the buffer has {} bytes, not {bytes}", view.len())));
    }
    Ok(Place { start: view.start(), _view: Some(view) })
}
