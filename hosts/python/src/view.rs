//! Memory that Python objects lend. The buffer protocol is a part of the stable interface since CPython 3.11 only, but the
//! functions and the structure have been the same since 3.0, and are what every version exports.

use std::{
    ffi::{CStr, c_char, c_int, c_void},
    mem,
};

use pyo3::{ffi, prelude::*};

/// `Py_buffer` of CPython, as every version since 3.0 has it.
#[repr(C)]
#[derive(Debug)]
pub(crate) struct RawView {
    pub(crate) buf: *mut c_void,
    pub(crate) obj: *mut ffi::PyObject,
    pub(crate) len: isize,
    pub(crate) itemsize: isize,
    pub(crate) readonly: c_int,
    pub(crate) ndim: c_int,
    pub(crate) format: *mut c_char,
    pub(crate) shape: *mut isize,
    pub(crate) strides: *mut isize,
    pub(crate) suboffsets: *mut isize,
    pub(crate) internal: *mut c_void,
}

unsafe extern "C" {
    fn PyObject_GetBuffer(object: *mut ffi::PyObject, view: *mut RawView, flags: c_int) -> c_int;
    fn PyBuffer_Release(view: *mut RawView);
}

/// How a buffer is asked for.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    /// One run of bytes.
    Bytes,
    /// One run of bytes that can be written.
    WritableBytes,
    /// Elements with their format, where their strides may be anything.
    Elements,
    /// The same, that can be written.
    WritableElements,
}

impl Ask {
    const fn flags(self) -> c_int {
        const WRITABLE: c_int = 0x1;
        const FORMAT: c_int = 0x4;
        const STRIDES: c_int = 0x8 | 0x10;
        match self {
            Ask::Bytes => 0,
            Ask::WritableBytes => WRITABLE,
            Ask::Elements => FORMAT | STRIDES,
            Ask::WritableElements => FORMAT | STRIDES | WRITABLE,
        }
    }
}

/// Memory that a Python object lends. The object keeps it in place for as long as this value is there.
pub(crate) struct View {
    /// Boxed: the object may know the structure by its address.
    raw: Box<RawView>,
}

// SAFETY: the memory is the object's, and the pointers are only followed, and the view only released, with the
// interpreter attached.
unsafe impl Send for View {}
// SAFETY: a shared one is used with the interpreter attached, so by one thread at a time.
unsafe impl Sync for View {}

impl View {
    pub(crate) fn of(object: &Bound<'_, PyAny>, ask: Ask) -> PyResult<View> {
        let mut raw: Box<RawView> = Box::new(
            // SAFETY: every field is an integer or a pointer, for which zero is a value.
            unsafe { mem::zeroed() },
        );
        // SAFETY: the interpreter is attached, and `raw` is the structure that the function fills.
        match unsafe { PyObject_GetBuffer(object.as_ptr(), &raw mut *raw, ask.flags()) } {
            0 => Ok(View { raw }),
            _ => Err(PyErr::fetch(object.py())),
        }
    }

    pub(crate) fn start(&self) -> *mut u8 {
        self.raw.buf.cast()
    }

    /// Bytes of the memory.
    pub(crate) fn len(&self) -> usize {
        self.raw.len as usize
    }

    /// The memory of a view that was asked for bytes.
    pub(crate) fn bytes(&self) -> &[u8] {
        match self.len() {
            0 => &[],
            // SAFETY: the view lends that many bytes for as long as it is there.
            length => unsafe { std::slice::from_raw_parts(self.start().cast_const(), length) },
        }
    }

    pub(crate) fn item_size(&self) -> usize {
        self.raw.itemsize as usize
    }

    /// The type of an element, in the notation of the module `struct`. `None` is unsigned bytes.
    pub(crate) fn format(&self) -> Option<&CStr> {
        // SAFETY: where there is a format it is a C string that lives as long as the view.
        (!self.raw.format.is_null()).then(|| unsafe { CStr::from_ptr(self.raw.format) })
    }

    /// The number of elements in each dimension, and the distance between them in bytes. Of a view of elements.
    pub(crate) fn dimensions(&self) -> impl Iterator<Item = (usize, isize)> {
        (0..self.raw.ndim as usize).map(|index| {
            // SAFETY: a view that was asked for strides has `ndim` lengths and distances.
            unsafe { (*self.raw.shape.add(index) as usize, *self.raw.strides.add(index)) }
        })
    }

    /// The object that lends the memory.
    pub(crate) fn object<'py>(&self, py: Python<'py>) -> Option<Bound<'py, PyAny>> {
        // SAFETY: a view that is not released holds a reference to the object.
        unsafe { Bound::from_borrowed_ptr_or_opt(py, self.raw.obj) }
    }
}

impl Drop for View {
    fn drop(&mut self) {
        Python::attach(|_| {
            // SAFETY: the view was filled by `PyObject_GetBuffer`, is released once, and the interpreter is attached.
            unsafe { PyBuffer_Release(&raw mut *self.raw) }
        });
    }
}
