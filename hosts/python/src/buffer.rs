//! The memory of C data as Python's bytes: the class `ffi.buffer`.

use std::{
    ffi::{c_int, c_void},
    ptr,
};

use pyo3::{
    exceptions::{PyIndexError, PyTypeError, PyUserWarning, PyValueError},
    ffi,
    prelude::*,
    sync::PyOnceLock,
    types::{PyBytes, PySlice, PyType},
};

use crate::{
    cdata::CData,
    convert,
    ctype::Kind,
    error::type_name,
    view::{Ask, RawView, View},
};

unsafe extern "C" {
    fn PyBuffer_FillInfo(
        view: *mut RawView,
        object: *mut ffi::PyObject,
        memory: *mut c_void,
        length: isize,
        readonly: c_int,
        flags: c_int,
    ) -> c_int;
}

/// The memory of C data as Python's bytes: `ffi.buffer(cdata, size)`.
///
/// The class that Python sees is derived from this one, with the buffer protocol.
#[pyclass(frozen, subclass, weakref, module = "springboard", name = "_Buffer")]
pub(crate) struct Buffer {
    /// Keeps the memory.
    cdata: Py<CData>,
    size: usize,
}

impl Buffer {
    fn start(&self) -> *mut u8 {
        self.cdata.get().data()
    }

    fn bytes(&self) -> &[u8] {
        if self.size == 0 {
            return &[];
        }
        // SAFETY: `cdata` says that its memory has as many bytes, as ever with C data.
        unsafe { std::slice::from_raw_parts(self.start(), self.size) }
    }

    fn index(&self, index: &Bound<'_, PyAny>) -> PyResult<usize> {
        let index: isize = index.extract()?;
        let index = if index < 0 { index + self.size as isize } else { index };
        usize::try_from(index)
            .ok()
            .filter(|index| *index < self.size)
            .ok_or_else(|| PyIndexError::new_err("index out of range"))
    }

    /// Start and length of the bytes that a slice means.
    fn range(&self, slice: &Bound<'_, PySlice>) -> PyResult<(usize, usize)> {
        let indices = slice.indices(self.size as isize)?;
        if indices.step != 1 {
            return Err(PyTypeError::new_err("buffer does not support slices with a step"));
        }
        Ok((indices.start as usize, indices.slicelength))
    }

    fn write(&self, at: usize, bytes: &[u8]) {
        // SAFETY: the callers have found that the range lies within the memory; it may overlap the source.
        unsafe { ptr::copy(bytes.as_ptr(), self.start().add(at), bytes.len()) }
    }
}

#[pymethods]
impl Buffer {
    #[new]
    #[pyo3(signature = (cdata, size=-1))]
    fn new(cdata: &Bound<'_, PyAny>, size: isize) -> PyResult<Buffer> {
        let Ok(cdata) = cdata.cast::<CData>() else {
            let given = type_name(cdata);
            return Err(PyTypeError::new_err(format!("expected a pointer or array cdata, got '{given}'")));
        };
        let this = cdata.get();
        let ctype = this.ctype.get();
        if !(ctype.pointee().is_some() || matches!(ctype.kind, Kind::Array { .. })) {
            return Err(PyTypeError::new_err(format!(
                "expected a pointer or array cdata, got '{}'",
                ctype.text()
            )));
        }
        let size = match usize::try_from(size) {
            Ok(size) => {
                let owned = this.pointed_size().filter(|owned| this.owns_memory() && size > *owned);
                if let Some(owned) = owned {
                    let text = ctype.text();
                    let message = format!("buffer of {size} bytes, but '{text}' owns {owned} bytes");
                    let category = cdata.py().get_type::<PyUserWarning>();
                    PyErr::warn(cdata.py(), &category, &std::ffi::CString::new(message)?, 1)?;
                }
                size
            }
            Err(_) => this.pointed_size().ok_or_else(|| {
                PyTypeError::new_err(format!("don't know the size pointed to by '{}'", ctype.text()))
            })?,
        };
        if this.data().is_null() && size > 0 {
            return Err(convert::null_dereference(ctype.text()));
        }
        Ok(Buffer { cdata: cdata.clone().unbind(), size })
    }

    fn __len__(&self) -> usize {
        self.size
    }

    fn __getitem__<'py>(&self, py: Python<'py>, key: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyBytes>> {
        let (at, length) = match key.cast::<PySlice>() {
            Ok(slice) => self.range(slice)?,
            Err(_) => (self.index(key)?, 1),
        };
        Ok(PyBytes::new(py, &self.bytes()[at..][..length]))
    }

    fn __setitem__(&self, key: &Bound<'_, PyAny>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        let view = View::of(value, Ask::Bytes)?;
        let bytes = view.bytes();
        let (at, length) = match key.cast::<PySlice>() {
            Ok(slice) => self.range(slice)?,
            Err(_) => (self.index(key)?, 1),
        };
        if bytes.len() != length {
            return Err(PyValueError::new_err("right operand length must match slice length"));
        }
        self.write(at, bytes);
        Ok(())
    }

    fn __delitem__(&self, _key: &Bound<'_, PyAny>) -> PyResult<()> {
        Err(PyTypeError::new_err("buffer does not support item deletion"))
    }

    fn __richcmp__(
        &self,
        py: Python<'_>,
        other: &Bound<'_, PyAny>,
        how: pyo3::pyclass::CompareOp,
    ) -> PyResult<Py<PyAny>> {
        let Ok(view) = View::of(other, Ask::Bytes) else { return Ok(py.NotImplemented()) };
        let bytes = view.bytes();
        let answer = how.matches(self.bytes().cmp(bytes));
        Ok(pyo3::types::PyBool::new(py, answer).to_owned().into_any().unbind())
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        visit.call(&self.cdata)
    }
}

/// The slot of the buffer protocol.
///
/// # Safety
/// As CPython calls `bf_getbuffer`: attached, with an object of the class and a view to fill.
unsafe extern "C" fn get_buffer(object: *mut ffi::PyObject, view: *mut RawView, flags: c_int) -> c_int {
    Python::attach(|py| {
        // SAFETY: the slot is called with an object of the class that has it, which is derived from `Buffer`.
        let buffer = unsafe { Bound::from_borrowed_ptr(py, object).cast_into_unchecked::<Buffer>() };
        let buffer = buffer.get();
        // SAFETY: the view is CPython's to fill, and the memory is the object's for as long as it lives.
        unsafe { PyBuffer_FillInfo(view, object, buffer.start().cast(), buffer.size as isize, 0, flags) }
    })
}

/// The class `ffi.buffer`.
pub(crate) fn class(py: Python<'_>) -> PyResult<Bound<'_, PyType>> {
    static CLASS: PyOnceLock<Py<PyType>> = PyOnceLock::new();
    /// `Py_bf_getbuffer`; CPython takes the slot by number since 3.9.
    const GET_BUFFER: c_int = 1;
    let class = CLASS.get_or_try_init(py, || {
        let mut slots = [
            ffi::PyType_Slot {
                slot: GET_BUFFER,
                pfunc: get_buffer as unsafe extern "C" fn(*mut ffi::PyObject, *mut RawView, c_int) -> c_int as *mut c_void,
            },
            ffi::PyType_Slot {
                slot: ffi::Py_tp_doc,
                pfunc: c"buffer(cdata, size=-1)\n--\n\nThe memory that `cdata` points to, as bytes that can be read and written."
                    .as_ptr()
                    .cast_mut()
                    .cast(),
            },
            ffi::PyType_Slot { slot: 0, pfunc: ptr::null_mut() },
        ];
        let mut spec = ffi::PyType_Spec {
            name: c"springboard.buffer".as_ptr(),
            basicsize: 0,
            itemsize: 0,
            flags: ffi::Py_TPFLAGS_DEFAULT as _,
            slots: slots.as_mut_ptr(),
        };
        let bases = pyo3::types::PyTuple::new(py, [py.get_type::<Buffer>()])?;
        // SAFETY: the specification is complete and ends in an empty slot; CPython copies what it needs.
        let class = unsafe {
            Bound::from_owned_ptr_or_err(py, ffi::PyType_FromSpecWithBases(&raw mut spec, bases.as_ptr()))
        }?;
        Ok::<_, PyErr>(class.cast_into::<PyType>()?.unbind())
    })?;
    Ok(class.bind(py).clone())
}
