//! The class `FFI`: declarations, and everything that is done with C data by the names of types.

use std::sync::{Mutex, MutexGuard};

use pyo3::{
    exceptions::{PyKeyError, PyNotImplementedError, PyTypeError, PyValueError},
    prelude::*,
    sync::MutexExt,
    types::{PyDict, PyString, PyTuple, PyType},
};
use springboard::library::Flags;

use crate::{
    buffer::{self, Ask, View},
    call::{self, Errno, Gil},
    callback,
    cdata::{self, CData, Own},
    convert::{self, Memory},
    ctype::{self, CType, Kind},
    error::CDefError,
    library::{self, Library},
    text::{Declared, Options, Spelled},
};

/// C declarations, and C data by the names of their types. The surface is that of cffi's `FFI` in its ABI mode.
#[pyclass(subclass, dict, weakref, frozen, module = "springboard", name = "FFI")]
pub(crate) struct Ffi {
    declared: Mutex<Declared>,
    once: Mutex<Option<Py<PyDict>>>,
    /// What `dlopen` returned: a library lives as long as its `FFI`.
    libraries: Mutex<Vec<Py<Library>>>,
}

impl Ffi {
    /// The declarations. Another thread that has them needs the interpreter to be done with them.
    pub(crate) fn declared(&self, py: Python<'_>) -> MutexGuard<'_, Declared> {
        self.declared.lock_py_attached(py).unwrap_or_else(|poisoned| poisoned.into_inner())
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

    /// The type at a path of members and indices, and its offset in bytes.
    fn part(py: Python<'_>, ctype: &Py<CType>, path: &Bound<'_, PyTuple>) -> PyResult<(Py<CType>, isize)> {
        let mut of = ctype.clone_ref(py);
        let mut offset = 0isize;
        for (index, step) in path.iter().enumerate() {
            let (next, by) = match step.cast::<PyString>() {
                Ok(name) => {
                    // The first step may go through a pointer.
                    let this = of.get();
                    let structure = this.pointee().filter(|_| index == 0).map_or(this, Py::get);
                    let Some(aggregate) = structure.aggregate() else {
                        return Err(PyTypeError::new_err(
                            "with a field name argument, expected a struct or union ctype",
                        ));
                    };
                    let body = aggregate
                        .body
                        .get()
                        .ok_or_else(|| PyTypeError::new_err(format!("'{}' is opaque", structure.text())))?;
                    let field = body
                        .member(convert::utf8(name)?)
                        .ok_or_else(|| PyKeyError::new_err(name.clone().unbind()))?;
                    if field.bitshift >= 0 {
                        return Err(PyTypeError::new_err("not supported for bitfields"));
                    }
                    (field.ctype.clone_ref(py), field.offset as isize)
                }
                Err(_) => {
                    let number = convert::index(&step)
                        .map_err(|_| PyTypeError::new_err("field name or array index expected"))?;
                    let this = of.get();
                    let item = match &this.kind {
                        Kind::Array { item, .. } => item,
                        Kind::Pointer(item) if index == 0 => item,
                        _ => {
                            return Err(PyTypeError::new_err(
                                "with an integer argument, expected an array ctype or a pointer to non-opaque",
                            ));
                        }
                    };
                    let size = item.get().size().ok_or_else(|| {
                        PyTypeError::new_err(
                            "with an integer argument, expected an array ctype or a pointer to non-opaque",
                        )
                    })?;
                    let by = number.checked_mul(size as isize).ok_or_else(|| {
                        pyo3::exceptions::PyOverflowError::new_err("array offset would overflow a Py_ssize_t")
                    })?;
                    (item.clone_ref(py), by)
                }
            };
            of = next;
            offset += by;
        }
        Ok((of, offset))
    }
}

#[pymethods]
impl Ffi {
    /// `backend` is accepted for programs that give one to cffi, and means nothing.
    #[new]
    #[pyo3(signature = (backend=None))]
    fn new(backend: Option<Py<PyAny>>) -> Ffi {
        drop(backend);
        Ffi { declared: Mutex::new(Declared::new()), once: Mutex::new(None), libraries: Mutex::default() }
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
        py.get_type::<crate::error::FFIError>().unbind()
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
    /// `ffi.errno` is not what they left, and calls are faster still.
    #[pyo3(signature = (name, flags=0, *, keep_gil=false, keep_errno=true))]
    fn dlopen(
        slf: &Bound<'_, Self>,
        name: &Bound<'_, PyAny>,
        flags: i32,
        keep_gil: bool,
        keep_errno: bool,
    ) -> PyResult<Py<Library>> {
        let gil = if keep_gil { Gil::Kept } else { Gil::Released };
        let errno = if keep_errno { Errno::Kept } else { Errno::Left };
        let flags = if flags == 0 { Flags::NOW } else { Flags::from_raw(flags) };
        let library = library::open(slf, name, flags, gil, errno)?;
        let libraries = slf.get().libraries.lock_py_attached(slf.py());
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

    /// The type that a text names, or that C data has.
    #[pyo3(name = "typeof")]
    fn type_of<'py>(&self, py: Python<'py>, cdecl: &Bound<'py, PyAny>) -> PyResult<Py<CType>> {
        if let Ok(text) = cdecl.cast::<PyString>() {
            return self.spelled(text);
        }
        match cdecl.cast::<CData>() {
            Ok(cdata) => Ok(cdata.get().ctype.clone_ref(py)),
            Err(_) => Err(PyTypeError::new_err(cdecl.get_type().unbind())),
        }
    }

    /// Size in bytes of a type or of C data.
    fn sizeof(&self, cdecl: &Bound<'_, PyAny>) -> PyResult<usize> {
        if let Ok(cdata) = cdecl.cast::<CData>() {
            let this = cdata.get();
            return this.size().ok_or_else(|| {
                PyTypeError::new_err(format!("don't know the size of cdata '{}'", this.ctype.get().text()))
            });
        }
        let ctype = self.named(cdecl)?;
        let of = ctype.get();
        of.size().ok_or_else(|| PyValueError::new_err(format!("ctype '{}' is of unknown size", of.text())))
    }

    /// Alignment in bytes of a type.
    fn alignof(&self, cdecl: &Bound<'_, PyAny>) -> PyResult<usize> {
        let ctype = self.named(cdecl)?;
        let of = ctype.get();
        of.align()
            .ok_or_else(|| PyValueError::new_err(format!("ctype '{}' is of unknown alignment", of.text())))
    }

    /// Offset in bytes of a member, or of a member of it: names of members, and indices of arrays.
    #[pyo3(signature = (cdecl, *fields_or_indexes))]
    fn offsetof(&self, cdecl: &Bound<'_, PyAny>, fields_or_indexes: &Bound<'_, PyTuple>) -> PyResult<isize> {
        if fields_or_indexes.is_empty() {
            return Err(PyTypeError::new_err("offsetof() takes a type and at least one field name or index"));
        }
        let ctype = self.named(cdecl)?;
        Ffi::part(cdecl.py(), &ctype, fields_or_indexes).map(|(_, offset)| offset)
    }

    /// Allocates memory for what a pointer type points to, or for an array, and returns the pointer or array. The memory
    /// is all zero, or holds `init`, and goes with the object.
    #[pyo3(name = "new", signature = (cdecl, init=None))]
    fn allocate<'py>(
        &self,
        py: Python<'py>,
        cdecl: &Bound<'py, PyAny>,
        init: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, CData>> {
        let ctype = self.named(cdecl)?;
        convert::new(py, &ctype, init, &Memory::Ours)
    }

    /// A function as `new` is, with memory that `alloc` gives and `free` takes back.
    #[pyo3(signature = (alloc=None, free=None, should_clear_after_alloc=true))]
    fn new_allocator(
        slf: &Bound<'_, Self>,
        alloc: Option<Py<PyAny>>,
        free: Option<Py<PyAny>>,
        should_clear_after_alloc: bool,
    ) -> PyResult<Allocator> {
        let py = slf.py();
        let alloc = alloc.filter(|alloc| !alloc.is_none(py));
        let free = free.filter(|free| !free.is_none(py));
        if alloc.is_none() && free.is_some() {
            return Err(PyTypeError::new_err("cannot pass 'free' without 'alloc'"));
        }
        Ok(Allocator { ffi: slf.clone().unbind(), alloc, free, clear: should_clear_after_alloc })
    }

    /// `(cdecl)source`, as C casts.
    fn cast(&self, py: Python<'_>, cdecl: &Bound<'_, PyAny>, source: &Bound<'_, PyAny>) -> PyResult<CData> {
        let ctype = self.named(cdecl)?;
        convert::cast(py, &ctype, source)
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

    /// A C function that calls a Python one, from any thread: or, without `python_callable`, a decorator that makes one.
    ///
    /// The object must be kept for as long as C may call. Where there is an exception, the caller gets `error`, or what
    /// `onerror(exception, value, traceback)` returns.
    #[pyo3(signature = (cdecl, python_callable=None, error=None, onerror=None))]
    fn callback<'py>(
        &self,
        py: Python<'py>,
        cdecl: &Bound<'py, PyAny>,
        python_callable: Option<&Bound<'py, PyAny>>,
        error: Option<&Bound<'py, PyAny>>,
        onerror: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let ctype = match cdecl.cast::<PyString>() {
            Ok(text) => self.declared(py).parse(py, convert::utf8(text)?)?.0,
            Err(_) => ctype::expect(cdecl)?.clone().unbind(),
        };
        match python_callable.filter(|callable| !callable.is_none()) {
            Some(callable) => callback_of(ctype.bind(py), callable, error, onerror).map(Bound::into_any),
            None => {
                let own = |object: Option<&Bound<'py, PyAny>>| object.map(|object| object.clone().unbind());
                Ok(Bound::new(py, Decorator { ctype, error: own(error), on_error: own(onerror) })?.into_any())
            }
        }
    }

    /// The text of a type, with `replace_with` where the name of a declared thing would stand.
    #[pyo3(signature = (cdecl, replace_with=""))]
    fn getctype(&self, cdecl: &Bound<'_, PyAny>, replace_with: &str) -> PyResult<String> {
        let ctype = self.named(cdecl)?;
        let name = &ctype.get().name;
        let declarator = replace_with.trim();
        Ok(match declarator.chars().next() {
            None => name.text().into(),
            Some('*') if name.binds_tighter() => name.with(&format!("({declarator})")),
            Some('[' | '(') => name.with(declarator),
            Some(_) => name.with(&format!(" {declarator}")),
        })
    }

    /// The same address, with a function that is called with `cdata` when the new object goes. `destructor=None` takes
    /// the function away again.
    #[pyo3(signature = (cdata, destructor, size=0))]
    fn gc<'py>(
        &self,
        py: Python<'py>,
        cdata: &Bound<'py, PyAny>,
        destructor: &Bound<'py, PyAny>,
        size: isize,
    ) -> PyResult<Option<Bound<'py, CData>>> {
        let _ = size;
        if destructor.is_none() {
            cdata::forget_destructor(cdata)?;
            return Ok(None);
        }
        let origin = cdata::expect(cdata)?;
        if !destructor.is_callable() {
            return Err(PyTypeError::new_err(format!(
                "destructor must be callable, not {}",
                convert::type_name(destructor)
            )));
        }
        let this = origin.get();
        let ctype = this.ctype.get();
        if !(ctype.is_address() || ctype.aggregate().is_some()) {
            return Err(PyTypeError::new_err(format!(
                "expected a pointer, array, struct or union cdata, got '{}'",
                ctype.text()
            )));
        }
        let own = Own::Guarded { origin: origin.clone().unbind(), destructor: destructor.clone().unbind() };
        let guarded = CData::owning(this.ctype.clone_ref(py), this.address(), this.extent(), own);
        Bound::new(py, guarded).map(Some)
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

    /// A pointer to a structure, to a member of it, to an element of an array; or to a function or variable of a library.
    #[pyo3(signature = (cdata, *fields_or_indexes))]
    fn addressof<'py>(
        &self,
        py: Python<'py>,
        cdata: &Bound<'py, PyAny>,
        fields_or_indexes: &Bound<'py, PyTuple>,
    ) -> PyResult<Bound<'py, PyAny>> {
        if let Ok(library) = cdata.cast::<Library>() {
            let name: String = fields_or_indexes.get_item(0)?.extract()?;
            return library::address_of(library, &name);
        }
        let cdata = cdata::expect(cdata)?.get();
        let ctype = cdata.ctype.get();
        let (of, offset) = match fields_or_indexes.is_empty() {
            true => {
                if !(ctype.aggregate().is_some() || matches!(ctype.kind, Kind::Array { .. })) {
                    return Err(PyTypeError::new_err(match ctype.pointee() {
                        Some(_) => "addressof(pointer)".into(),
                        None => format!("expected a cdata struct/union/array object, got '{}'", ctype.text()),
                    }));
                }
                (cdata.ctype.clone_ref(py), 0)
            }
            false => Ffi::part(py, &cdata.ctype, fields_or_indexes)?,
        };
        if !(ctype.is_address() || ctype.aggregate().is_some()) {
            return Err(PyTypeError::new_err(format!(
                "expected a cdata struct/union/array/pointer object, got '{}'",
                ctype.text()
            )));
        }
        // A pointer to an array of open length points to one of the length that is known.
        let of = match (&of.get().kind, cdata.elements()) {
            (Kind::Array { item, length: None, .. }, Some(length)) if fields_or_indexes.is_empty() => {
                ctype::array_of(py, item, Some(length))?
            }
            _ => of,
        };
        let pointer = ctype::pointer_to(py, &of)?;
        Ok(Bound::new(py, CData::borrowed(pointer, cdata.address().wrapping_offset(offset)))?.into_any())
    }

    /// Adds the types and constants that another `FFI` has been told of.
    fn include(slf: &Bound<'_, Self>, ffi_to_include: &Bound<'_, PyAny>) -> PyResult<()> {
        let py = slf.py();
        let Ok(other) = ffi_to_include.cast::<Ffi>() else {
            return Err(PyTypeError::new_err(format!(
                "ffi.include() expects an argument that is also of type FFI, not '{}'",
                convert::type_name(ffi_to_include)
            )));
        };
        if other.is(slf) {
            return Err(PyValueError::new_err("self.include(self)"));
        }
        let mut theirs = other.get().declared(py);
        slf.get().declared(py).include(py, &mut theirs)
    }

    /// A `void *` that stands for a Python object, for as long as the returned object lives.
    fn new_handle(&self, py: Python<'_>, x: Py<PyAny>) -> PyResult<Py<CData>> {
        let pointer = ctype::pointer_to(py, &ctype::void(py))?;
        crate::handle::new(py, pointer, x)
    }

    /// The object that a handle stands for.
    #[pyo3(name = "from_handle")]
    fn handled(&self, py: Python<'_>, x: &Bound<'_, PyAny>) -> PyResult<Py<PyAny>> {
        crate::handle::object(py, cdata::expect(x)?.get())
    }

    /// Frees now what goes with the object otherwise: calls the destructor, gives the buffer back.
    fn release(&self, cdata: &Bound<'_, PyAny>) -> PyResult<()> {
        cdata::expect(cdata)?;
        cdata::release(cdata)
    }

    /// `func()`, called once per `tag` for the life of this object, whatever threads ask.
    fn init_once<'py>(
        &self,
        py: Python<'py>,
        func: &Bound<'py, PyAny>,
        tag: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let known = {
            let mut once = self.once.lock_py_attached(py).unwrap_or_else(|poisoned| poisoned.into_inner());
            once.get_or_insert_with(|| PyDict::new(py).unbind()).bind(py).clone()
        };
        let entry = match known.get_item(tag)? {
            Some(entry) => entry,
            None => {
                let lock = py.import("threading")?.getattr("Lock")?.call0()?;
                known.call_method1("setdefault", (tag, (false, lock)))?
            }
        };
        if entry.get_item(0)?.is_truthy()? {
            return entry.get_item(1);
        }
        let lock = entry.get_item(1)?;
        lock.call_method0("acquire")?;
        let result = (|| {
            let entry = known.as_any().get_item(tag)?;
            if entry.get_item(0)?.is_truthy()? {
                return entry.get_item(1);
            }
            let result = func.call0()?;
            known.set_item(tag, (true, &result))?;
            Ok(result)
        })();
        lock.call_method0("release")?;
        result
    }

    /// The names of declared types, of structures and of unions.
    fn list_types(&self, py: Python<'_>) -> (Vec<String>, Vec<String>, Vec<String>) {
        let [types, structures, unions] = self.declared(py).types();
        (types, structures, unions)
    }

    /// Windows has this.
    #[pyo3(signature = (code=-1))]
    fn getwinerror(&self, code: i32) -> PyResult<()> {
        let _ = code;
        Err(PyNotImplementedError::new_err("getwinerror() is for Windows"))
    }

    /// Declares `TCHAR` and its like, as wide characters or as bytes.
    fn set_unicode(slf: &Bound<'_, Self>, enabled_flag: bool) -> PyResult<()> {
        let unit = if enabled_flag { "wchar_t" } else { "char" };
        let text = format!(
            "typedef {unit} TBYTE, TCHAR; typedef const {unit} *LPCTSTR, *PCTSTR; typedef {unit} *LPTSTR, *PTSTR; typedef TBYTE *PTBYTE; typedef TCHAR *PTCHAR;"
        );
        slf.get().declared(slf.py()).read(slf.py(), &text, Options::default())
    }

    /// Needs a C compiler: cffi has it.
    #[pyo3(signature = (*_args, **_kwds))]
    fn verify(&self, _args: &Bound<'_, PyTuple>, _kwds: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        Err(compiled("verify"))
    }

    /// Needs a C compiler: cffi has it.
    #[pyo3(signature = (*_args, **_kwds))]
    fn set_source(&self, _args: &Bound<'_, PyTuple>, _kwds: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        Err(compiled("set_source"))
    }

    /// Needs a C compiler: cffi has it.
    #[pyo3(signature = (*_args, **_kwds))]
    fn compile(&self, _args: &Bound<'_, PyTuple>, _kwds: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        Err(compiled("compile"))
    }

    /// For functions of a compiled module.
    #[pyo3(signature = (*_args, **_kwds))]
    fn def_extern(&self, _args: &Bound<'_, PyTuple>, _kwds: Option<&Bound<'_, PyDict>>) -> PyResult<()> {
        Err(PyValueError::new_err("ffi.def_extern() is only available on API-mode FFI objects"))
    }
}

fn compiled(name: &str) -> PyErr {
    PyNotImplementedError::new_err(format!(
        "ffi.{name}() needs a C compiler; springboard has the ABI mode, which needs none"
    ))
}

fn callback_of<'py>(
    ctype: &Bound<'py, CType>,
    callable: &Bound<'py, PyAny>,
    error: Option<&Bound<'py, PyAny>>,
    on_error: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, CData>> {
    if !callable.is_callable() {
        return Err(PyTypeError::new_err("the 'python_callable' argument is not callable"));
    }
    callback::new(ctype, callable, error, on_error)
}

/// What `ffi.callback` without a function is.
#[pyclass(frozen, module = "springboard", name = "_CallbackDecorator")]
struct Decorator {
    ctype: Py<CType>,
    error: Option<Py<PyAny>>,
    on_error: Option<Py<PyAny>>,
}

#[pymethods]
impl Decorator {
    fn __call__<'py>(&self, py: Python<'py>, callable: &Bound<'py, PyAny>) -> PyResult<Bound<'py, CData>> {
        let error = self.error.as_ref().map(|error| error.bind(py));
        let on_error = self.on_error.as_ref().map(|on_error| on_error.bind(py));
        callback_of(self.ctype.bind(py), callable, error, on_error)
    }
}

/// What `ffi.new_allocator` makes.
#[pyclass(frozen, module = "springboard", name = "_Allocator")]
struct Allocator {
    ffi: Py<Ffi>,
    alloc: Option<Py<PyAny>>,
    free: Option<Py<PyAny>>,
    clear: bool,
}

#[pymethods]
impl Allocator {
    #[pyo3(signature = (cdecl, init=None))]
    fn __call__<'py>(
        &self,
        py: Python<'py>,
        cdecl: &Bound<'py, PyAny>,
        init: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, CData>> {
        let ctype = self.ffi.get().named(cdecl)?;
        let memory = match &self.alloc {
            Some(alloc) => {
                Memory::Theirs { allocate: alloc.bind(py), free: self.free.as_ref(), clear: self.clear }
            }
            None => Memory::Ours,
        };
        convert::new(py, &ctype, init, &memory)
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
    let too_small = |least: usize| {
        PyValueError::new_err(format!(
            "buffer is too small ({} bytes) for '{}' ({least} bytes)",
            view.len(),
            of.text()
        ))
    };
    let length = match &of.kind {
        Kind::Array { length: Some(_), .. } => {
            let size = of.size().unwrap_or(0);
            if view.len() < size {
                return Err(too_small(size));
            }
            None
        }
        Kind::Array { item, .. } => match item.get().size() {
            Some(0) | None => {
                return Err(pyo3::exceptions::PyZeroDivisionError::new_err(format!(
                    "from_buffer('{}', ..): the actual length of the array cannot be computed",
                    of.text()
                )));
            }
            Some(size) => Some(view.len() / size),
        },
        Kind::Pointer(item) => {
            let size = item
                .get()
                .size()
                .ok_or_else(|| PyTypeError::new_err(format!("'{}' points to what has no size", of.text())))?;
            if view.len() < size {
                return Err(too_small(size));
            }
            None
        }
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
