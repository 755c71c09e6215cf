//! Python's files as C's.

use pyo3::{prelude::*, sync::PyOnceLock};

use crate::ctype::CType;

/// A C file that a Python file keeps, with a descriptor of its own.
#[pyclass(frozen, module = "springboard", name = "_File")]
struct File(*mut libc::FILE);

// SAFETY: the C library locks its files, and any thread may close one.
unsafe impl Send for File {}
// SAFETY: the C library locks its files.
unsafe impl Sync for File {}

impl Drop for File {
    fn drop(&mut self) {
        // SAFETY: the file is open: only this closes it, once, when the Python file that C could be given is gone.
        unsafe { libc::fclose(self.0) };
    }
}

/// The `FILE *` of a Python file, where `item` is `FILE`: made once for each, and closed when the Python file goes. `None`
/// for other objects.
pub(crate) fn file(item: &CType, value: &Bound<'_, PyAny>) -> PyResult<Option<*mut u8>> {
    static FILES: PyOnceLock<Py<PyAny>> = PyOnceLock::new();
    let py = value.py();
    // By its own name where nobody declares it, and by the tag that glibc's and musl's headers give it.
    if !matches!(item.text(), "FILE" | "struct _IO_FILE") {
        return Ok(None);
    }
    if !value.is_instance(&py.import("io")?.getattr("IOBase")?)? {
        return Ok(None);
    }
    let files = FILES.get_or_try_init(py, || {
        Ok::<_, PyErr>(py.import("weakref")?.getattr("WeakKeyDictionary")?.call0()?.unbind())
    })?;
    let files = files.bind(py);
    value.call_method0("flush")?;
    let known = match files.get_item(value) {
        Ok(known) => known.cast_into::<File>()?,
        Err(_) => {
            let made = Bound::new(py, open(value)?)?;
            files.set_item(value, &made)?;
            made
        }
    };
    Ok(Some(known.get().0.cast()))
}

/// Opens the file of a Python file's descriptor a second time.
fn open(value: &Bound<'_, PyAny>) -> PyResult<File> {
    let descriptor: i32 = value.call_method0("fileno")?.extract()?;
    let mode = std::ffi::CString::new(value.getattr("mode")?.extract::<String>()?)?;
    // SAFETY: duplicated, so that each side closes its own; `fdopen` refuses what is no descriptor.
    let (own, file) = unsafe {
        let own = libc::dup(descriptor);
        (own, libc::fdopen(own, mode.as_ptr()))
    };
    if file.is_null() {
        let error = std::io::Error::last_os_error();
        // SAFETY: nobody has the number, or it is -1.
        unsafe { libc::close(own) };
        return Err(error.into());
    }
    // SAFETY: the file is open. What C writes is to come in order with what Python writes.
    unsafe { libc::setvbuf(file, std::ptr::null_mut(), libc::_IONBF, 0) };
    Ok(File(file))
}
