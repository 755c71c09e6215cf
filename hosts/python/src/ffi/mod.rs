//! The class `FFI`: declarations, and everything that is done with C data by the names of types.

mod absent;
mod callbacks;
mod handles;
mod lent;
mod library;
mod once;
mod own;
mod path;
mod types;

use std::sync::{Mutex, MutexGuard};

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyTypeError, PyValueError},
    prelude::*,
    sync::MutexExt,
    types::{PyDict, PyString, PyType},
};
use springboard::library::Flags;

pub(crate) use self::library::Library;
use crate::{
    buffer, call,
    cdata::{self, CData},
    convert,
    ctype::{self, CType},
    error::{CDefError, FFIError, type_name},
    function::{Errno, Gil, Object, When},
    text::{Declared, Options, Spelled},
};

/// C declarations, and C data by the names of their types. The surface is that of cffi's `FFI` in its ABI mode.
#[pyclass(subclass, dict, weakref, frozen, module = "springboard", name = "FFI")]
pub(crate) struct Ffi {
    /// Always there, except while CPython 3.11 makes the object: it makes the `__dict__` of an object that the garbage
    /// collector knows already, and whose own bytes are still zero, and the collector may run then.
    told: Option<Box<Told>>,
}

/// What an `FFI` has been told, and what it gave out.
struct Told {
    declared: Mutex<Declared>,
    once: Mutex<Option<Py<PyDict>>>,
    /// What `dlopen` returned: a library lives as long as its `FFI`.
    libraries: Mutex<Vec<Py<Library>>>,
}

impl Ffi {
    fn told(&self) -> &Told {
        self.told.as_ref().expect("the object is made")
    }

    /// The declarations. Another thread that has them needs the interpreter to be done with them.
    pub(crate) fn declared(&self, py: Python<'_>) -> MutexGuard<'_, Declared> {
        self.told().declared.lock_py_attached(py).unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// The type that a text or a type object names.
    fn named(&self, ctype: &Bound<'_, PyAny>) -> PyResult<Py<CType>> {
        match ctype.cast::<PyString>() {
            Ok(text) => self.spelled(text),
            Err(_) => ctype::expect(ctype).map(|ctype| ctype.clone().unbind()),
        }
    }

    fn spelled(&self, text: &Bound<'_, PyString>) -> PyResult<Py<CType>> {
        let py = text.py();
        match self.declared(py).parse(py, convert::utf8(text)?)? {
            (ctype, Spelled::AsIs) => Ok(ctype),
            (_, Spelled::Function) => Err(CDefError::new_err(format!(
                "the type {} is a function type, not a pointer-to-function type",
                text.repr()?
            ))),
        }
    }
}

#[pymethods]
impl Ffi {
    /// `backend` is accepted for programs that give one to cffi, and means nothing.
    #[new]
    #[pyo3(signature = (backend=None))]
    fn new(backend: Option<Py<PyAny>>) -> Ffi {
        drop(backend);
        let declared = Mutex::new(Declared::new());
        Ffi { told: Some(Box::new(Told { declared, once: Mutex::default(), libraries: Mutex::default() })) }
    }

    #[classattr]
    #[pyo3(name = "NULL")]
    fn null(py: Python<'_>) -> PyResult<Py<CData>> {
        let pointer = ctype::pointer_to(py, &ctype::void(py))?;
        Py::new(py, CData::borrowed(pointer, std::ptr::null_mut()))
    }

    #[classattr]
    #[pyo3(name = "CData")]
    fn cdata_class(py: Python<'_>) -> Py<PyType> {
        py.get_type::<CData>().unbind()
    }

    #[classattr]
    #[pyo3(name = "CType")]
    fn ctype_class(py: Python<'_>) -> Py<PyType> {
        py.get_type::<CType>().unbind()
    }

    #[classattr]
    fn buffer(py: Python<'_>) -> PyResult<Py<PyType>> {
        buffer::class(py).map(Bound::unbind)
    }

    #[classattr]
    fn error(py: Python<'_>) -> Py<PyType> {
        py.get_type::<FFIError>().unbind()
    }

    #[classattr]
    const RTLD_LAZY: i32 = libc::RTLD_LAZY;
    #[classattr]
    const RTLD_NOW: i32 = libc::RTLD_NOW;
    #[classattr]
    const RTLD_GLOBAL: i32 = libc::RTLD_GLOBAL;
    #[classattr]
    const RTLD_LOCAL: i32 = libc::RTLD_LOCAL;
    #[classattr]
    const RTLD_NODELETE: i32 = libc::RTLD_NODELETE;
    #[classattr]
    const RTLD_NOLOAD: i32 = libc::RTLD_NOLOAD;

    /// Reads C declarations: types, functions and variables, and `#define`s of numbers.
    ///
    /// What is wrong raises `CDefError`, with the line and a caret. With `override`, what is declared again takes the
    /// place of what was. `packed`, or `pack=n`, limits the alignment of members to 1 or n bytes.
    #[pyo3(signature = (csource, r#override=false, packed=None, pack=None))]
    fn cdef(
        &self,
        csource: &Bound<'_, PyAny>,
        r#override: bool,
        packed: Option<&Bound<'_, PyAny>>,
        pack: Option<u32>,
    ) -> PyResult<()> {
        let py = csource.py();
        let Ok(source) = csource.cast::<PyString>() else {
            return Err(PyTypeError::new_err("cdef() argument must be a string"));
        };
        let packed = match packed {
            Some(packed) => {
                let number: Option<i64> = packed.extract().ok();
                if number.is_some_and(|number| !(0..=1).contains(&number)) {
                    return Err(PyValueError::new_err(
                        "'packed' should be False or True; use 'pack' to give another value",
                    ));
                }
                packed.is_truthy()?
            }
            None => false,
        };
        if packed && pack.is_some() {
            return Err(PyValueError::new_err("'pack' cannot be used with 'packed=True'"));
        }
        if pack.is_some_and(|pack| !pack.is_power_of_two()) {
            return Err(PyValueError::new_err("'pack' must be a power of two"));
        }
        let pack = if packed { Some(1) } else { pack };
        self.declared(py).read(py, convert::utf8(source)?, Options { replace: r#override, pack })
    }

    /// Reads a whole header as the preprocessor leaves it (`cc -E`): all declarations that can be read. Returns what was
    /// left out, a sentence each.
    fn header(&self, py: Python<'_>, source: &str) -> PyResult<Vec<String>> {
        self.declared(py).scan(py, source)
    }

    /// Loads a library: by file name, by the name that a linker finds it by, or, for `None`, the process itself.
    ///
    /// Its functions and variables are the declared ones. While one of its functions runs, other threads may run Python;
    /// with `keep_gil`, they may not, which is the faster way for functions that return soon. Without `keep_errno`,
    /// `ffi.errno` is not what they left, and calls are faster still. With `builtin`, functions are built-in functions,
    /// which CPython calls in a shorter way than C data; they serve as arguments and in `cast` and `typeof` all the same.
    /// A function that has been called a hundred times is compiled; with `eager`, each is when it is first looked up.
    #[pyo3(signature = (name, flags=0, *, keep_gil=false, keep_errno=true, builtin=false, eager=false))]
    #[expect(clippy::fn_params_excessive_bools, reason = "Python's keywords")]
    fn dlopen(
        slf: &Bound<'_, Self>,
        name: &Bound<'_, PyAny>,
        flags: i32,
        keep_gil: bool,
        keep_errno: bool,
        builtin: bool,
        eager: bool,
    ) -> PyResult<Py<Library>> {
        let gil = if keep_gil { Gil::Kept } else { Gil::Released };
        let errno = if keep_errno { Errno::Kept } else { Errno::Left };
        let object = if builtin { Object::Builtin } else { Object::Data };
        let when = if eager { When::Used } else { When::Called };
        let flags = if flags == 0 { Flags::NOW } else { Flags::from_raw(flags) };
        let library = library::open(slf, name, flags, gil, errno, when, object)?;
        let libraries = slf.get().told().libraries.lock_py_attached(slf.py());
        libraries.unwrap_or_else(|poisoned| poisoned.into_inner()).push(library.clone_ref(slf.py()));
        Ok(library)
    }

    /// Closes a library: its names are gone. Functions that the program still has keep it loaded.
    fn dlclose(&self, lib: &Bound<'_, PyAny>) -> PyResult<()> {
        let Ok(library) = lib.cast::<Library>() else {
            return Err(PyTypeError::new_err("dlclose() argument must be a library object from dlopen()"));
        };
        library::close(library)
    }

    /// `(cdecl)source`, as C casts.
    fn cast(&self, py: Python<'_>, cdecl: &Bound<'_, PyAny>, source: &Bound<'_, PyAny>) -> PyResult<CData> {
        let ctype = self.named(cdecl)?;
        convert::cast(py, &ctype, &cdata::behind(source))
    }

    /// The text that C data holds: `bytes`, or `str` for wide characters, up to the first zero or `maxlen`. Of an
    /// enumeration, the name of the value.
    #[pyo3(signature = (cdata, maxlen=-1))]
    fn string<'py>(&self, cdata: &Bound<'py, PyAny>, maxlen: isize) -> PyResult<Bound<'py, PyAny>> {
        convert::string(cdata::expect(cdata)?, usize::try_from(maxlen).ok())
    }

    /// `length` elements: a list, or `bytes` or `str` for characters.
    fn unpack<'py>(&self, cdata: &Bound<'py, PyAny>, length: isize) -> PyResult<Bound<'py, PyAny>> {
        convert::unpack(cdata::expect(cdata)?, length)
    }

    /// `errno` as the last call on this thread left it, and as the next one finds it.
    #[getter]
    fn errno(&self) -> i32 {
        call::saved_errno()
    }

    #[setter]
    fn set_errno(&self, errno: i32) {
        call::set_saved_errno(errno);
    }

    /// Adds the types and constants that another `FFI` has been told of.
    fn include(slf: &Bound<'_, Self>, ffi_to_include: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let Ok(other) = ffi_to_include.cast::<Ffi>() else {
            return Err(PyTypeError::new_err(format!(
                "ffi.include() expects an argument that is also of type FFI, not '{}'",
                type_name(ffi_to_include)
            )));
        };
        if other.is(slf) {
            return Err(PyValueError::new_err("self.include(self)"));
        }
        let mut theirs = other.get().declared(py);
        slf.get().declared(py).include(py, &mut theirs)
    }

    /// The names of declared types, of structures and of unions.
    fn list_types(&self, py: Python<'_>) -> (Vec<String>, Vec<String>, Vec<String>) {
        let [types, structures, unions] = self.declared(py).types();
        (types, structures, unions)
    }

    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        let Some(told) = &self.told else { return Ok(()) };
        if let Ok(once) = told.once.try_lock() {
            once.as_ref().map_or(Ok(()), |once| visit.call(once))?;
        }
        if let Ok(libraries) = told.libraries.try_lock() {
            libraries.iter().try_for_each(|library| visit.call(library))?;
        }
        told.declared.try_lock().map_or(Ok(()), |declared| declared.traverse(&visit))
    }

    fn __clear__(&self) {
        let Some(told) = &self.told else { return };
        let once = told.once.try_lock().map(|mut once| once.take());
        let libraries = told.libraries.try_lock().map(|mut libraries| std::mem::take(&mut *libraries));
        let types = told.declared.try_lock().map(|mut declared| declared.take_types());
        // What is dropped may run Python, so no lock is held.
        drop((once, libraries, types));
    }

    /// Declares `TCHAR` and its like, as wide characters or as bytes.
    fn set_unicode(slf: &Bound<'_, Self>, enabled_flag: bool) -> PyResult<()> {
        let unit = if enabled_flag { "wchar_t" } else { "char" };
        let text = format!(
            "typedef {unit} TBYTE, TCHAR; typedef const {unit} *LPCTSTR, *PCTSTR; typedef {unit} *LPTSTR, *PTSTR; typedef TBYTE *PTBYTE; typedef TCHAR *PTCHAR;"
        );
        slf.get().declared(slf.py()).read(slf.py(), &text, Options::default())
    }
}
