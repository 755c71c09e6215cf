//! Loaded libraries: their functions, variables and constants as attributes.

use std::{ffi::c_void, ptr::NonNull, sync::Mutex};

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyAttributeError, PyNotImplementedError, PyOSError, PyTypeError, PyValueError},
    prelude::*,
    types::{PyDict, PyString},
};
use springboard::library::Flags;

use super::Ffi;
use crate::{
    call,
    cdata::CData,
    convert,
    ctype::{self, CType, Kind},
    error::VerificationMissing,
    function::{Errno, Function, Gil, Object, When},
    text::Named,
};

/// A loaded library. What it has is what its `FFI` has been told of, under the names of C.
#[pyclass(frozen, dict, weakref, module = "springboard", name = "Library")]
pub(crate) struct Library {
    /// Always there, except while CPython 3.11 makes the object, as in an `FFI`.
    ffi: Option<Py<Ffi>>,
    /// `None` once it is closed.
    loaded: Mutex<Option<springboard::Library>>,
    /// As it was asked for.
    name: Option<String>,
    gil: Gil,
    errno: Errno,
    when: When,
    object: Object,
}

/// Loads a library.
pub(crate) fn open(
    ffi: &Bound<'_, Ffi>,
    name: &Bound<'_, PyAny>,
    flags: Flags,
    gil: Gil,
    errno: Errno,
    when: When,
    object: Object,
) -> PyResult<Py<Library>> {
    let py = ffi.py();
    let (loaded, name) = if name.is_none() {
        (springboard::Library::process(), None)
    } else if let Ok(name) = name.cast::<PyString>() {
        let text = convert::utf8(name)?;
        (load(py, text, flags)?, Some(text.into()))
    } else if name.hasattr("__fspath__")? {
        let path: std::path::PathBuf = name.extract()?;
        let text = path.to_string_lossy().into_owned();
        (load(py, &text, flags)?, Some(text))
    } else if let Ok(handle) = name.cast::<CData>()
        && handle.get().ctype.get().pointee().is_some_and(|item| item.get().is_void())
    {
        let handle = NonNull::new(handle.get().address().cast()).ok_or_else(|| {
            pyo3::exceptions::PyRuntimeError::new_err("cannot use dlopen() on a NULL handle")
        })?;
        // SAFETY: that the handle is one of dlopen(3) is what the program says.
        let library = unsafe { springboard::Library::from_handle(handle) };
        // The program closes it, and not we.
        std::mem::forget(library.clone());
        (library, Some(format!("{handle:p}")))
    } else {
        return Err(PyTypeError::new_err(
            "dlopen(name): name must be a file name, None, or an already-opened 'void *' handle",
        ));
    };
    let library = Library {
        ffi: Some(ffi.clone().unbind()),
        loaded: Mutex::new(Some(loaded)),
        name,
        gil,
        errno,
        when,
        object,
    };
    Py::new(py, library)
}

/// Loads by file name, or by the name that a linker finds a library by.
fn load(py: Python<'_>, name: &str, flags: Flags) -> PyResult<springboard::Library> {
    let attempt = |name: &str| {
        // SAFETY: that the library may be loaded, and its constructors run, is what the program says.
        unsafe { springboard::Library::open_with(name, flags) }
    };
    let mut first = None;
    if name.contains(['.', '/']) {
        match attempt(name) {
            Ok(library) => return Ok(library),
            Err(error) => first = Some(error.to_string()),
        }
    }
    let found = py.import("ctypes.util")?.getattr("find_library")?.call1((name,))?;
    match found.extract::<Option<String>>()? {
        Some(path) => attempt(&path).map_err(|error| PyOSError::new_err(error.to_string())),
        None => {
            let missing = format!("no library of the name {name:?} is found");
            Err(PyOSError::new_err(match first {
                Some(first) => format!("{first}.  Additionally, {missing}"),
                None => missing,
            }))
        }
    }
}

/// Closes a library. Functions that the program still has keep it loaded.
pub(crate) fn close(library: &Bound<'_, Library>) -> PyResult<()> {
    let loaded = library.get().loaded.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).take();
    drop(loaded);
    library.getattr("__dict__")?.cast::<PyDict>()?.clear();
    Ok(())
}

/// What a name of a library is found to be.
enum Found<'py> {
    Function(Bound<'py, PyAny>),
    Variable(Py<CType>, NonNull<c_void>),
    Constant(i128),
}

impl Library {
    fn ffi(&self) -> &Ffi {
        self.ffi.as_ref().expect("the object is made").get()
    }

    fn loaded(&self) -> PyResult<springboard::Library> {
        let loaded = self.loaded.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone();
        loaded.ok_or_else(|| {
            let name = self.name.as_deref().unwrap_or("None");
            PyValueError::new_err(format!("library '{name}' has already been closed"))
        })
    }

    fn symbol(&self, kind: &str, name: &str) -> PyResult<NonNull<c_void>> {
        let loaded = self.loaded()?;
        loaded.symbol(name).map_err(|error| {
            let library = self.name.as_deref().unwrap_or("None");
            PyAttributeError::new_err(format!("{kind} '{name}' not found in library '{library}': {error}"))
        })
    }

    /// What the name stands for; a function as `object`.
    fn find<'py>(&self, py: Python<'py>, name: &str, object: Object) -> PyResult<Found<'py>> {
        let named = self.ffi().declared(py).named(py, name)?;
        match named {
            Some(Named::Function { ctype, prototype }) => {
                let address = self.symbol("function", name)?;
                let library = self.loaded()?;
                let names = prototype.signature.params().iter().map(|param| param.name.clone()).collect();
                let bound = Function {
                    name: name.into(),
                    prototype: prototype.to_string(),
                    parameters: names,
                    gil: self.gil,
                    errno: self.errno,
                    when: self.when,
                    calls: Default::default(),
                    object,
                    stub: Default::default(),
                    method: None,
                    columns: Default::default(),
                    _library: library,
                };
                call::function(py, ctype, address, bound).map(Found::Function)
            }
            Some(Named::Variable(ctype)) => {
                let address = self.symbol("variable", name)?;
                Ok(Found::Variable(ctype, address))
            }
            Some(Named::Constant(value)) => Ok(Found::Constant(value)),
            Some(Named::Opaque) => Err(PyNotImplementedError::new_err(format!(
                "non-integer constant '{name}' cannot be accessed from a dlopen() library"
            ))),
            Some(Named::Partial) => Err(VerificationMissing::new_err(format!(
                "the enumeration of '{name}' is declared with '...', which needs a C compiler"
            ))),
            None => Err(PyAttributeError::new_err(String::from(name))),
        }
    }
}

/// A pointer to a function or variable.
pub(crate) fn address_of<'py>(library: &Bound<'py, Library>, name: &str) -> PyResult<Bound<'py, PyAny>> {
    let py = library.py();
    match library.get().find(py, name, Object::Data)? {
        Found::Function(function) => Ok(function),
        Found::Variable(ctype, address) => {
            let pointer = match &ctype.get().kind {
                Kind::Array { length: None, decayed, .. } => decayed.clone_ref(py),
                _ => ctype::pointer_to(py, &ctype)?,
            };
            Ok(Bound::new(py, CData::borrowed(pointer, address.as_ptr().cast()))?.into_any())
        }
        Found::Constant(_) => Err(PyAttributeError::new_err(format!(
            "cffi library has no function or global variable named '{name}'"
        ))),
    }
}

#[pymethods]
impl Library {
    /// Called where the name has not been found before; functions and constants are kept then.
    fn __getattr__<'py>(slf: &Bound<'py, Self>, name: &Bound<'py, PyString>) -> PyResult<Bound<'py, PyAny>> {
        let py = slf.py();
        let text = convert::utf8(name)?;
        if text.starts_with("__") && text.ends_with("__") {
            return Err(PyAttributeError::new_err(String::from(text)));
        }
        let found = match slf.get().find(py, text, slf.get().object)? {
            Found::Variable(ctype, address) => {
                return convert::from_c(py, &ctype, address.as_ptr().cast(), None);
            }
            Found::Function(function) => function,
            Found::Constant(value) => value.into_pyobject(py)?.into_any(),
        };
        slf.getattr("__dict__")?.set_item(name, &found)?;
        Ok(found)
    }

    fn __setattr__(&self, name: &Bound<'_, PyString>, value: &Bound<'_, PyAny>) -> PyResult<()> {
        match self.find(name.py(), convert::utf8(name)?, self.object)? {
            Found::Variable(ctype, address) => convert::to_c(&ctype, address.as_ptr().cast(), value),
            Found::Function(_) | Found::Constant(_) => {
                Err(PyAttributeError::new_err(format!("cannot write to function or constant '{name}'")))
            }
        }
    }

    fn __delattr__(&self, name: &Bound<'_, PyString>) -> PyResult<()> {
        Err(PyAttributeError::new_err(format!("cannot delete '{name}'")))
    }

    fn __dir__(&self, py: Python<'_>) -> Vec<String> {
        self.ffi().declared(py).names().into_iter().map(String::from).collect()
    }

    fn __repr__(&self) -> String {
        let name = self.name.as_deref().map_or("None".into(), |name| format!("{name:?}"));
        format!("<springboard library {name}>")
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.ffi.as_ref().map_or(Ok(()), |ffi| visit.call(ffi))
    }
}
