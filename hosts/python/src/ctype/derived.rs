//! Types derived from others: each is one object, kept by the type that it is derived from.

use std::{collections::HashMap, sync::OnceLock};

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyOverflowError, PyTypeError},
    prelude::*,
    sync::PyOnceLock,
};

use super::{CType, FunctionType, Kind, Name};

/// What has been derived from a type.
#[derive(Default)]
pub(super) struct Derived {
    pointer: Option<Py<CType>>,
    arrays: HashMap<Option<usize>, Py<CType>>,
    functions: HashMap<FunctionKey, Py<CType>>,
}

/// A function type by the addresses of the types that it is made of, which it keeps.
#[derive(PartialEq, Eq, Hash)]
struct FunctionKey {
    types: Vec<usize>,
    ellipsis: bool,
}

impl Derived {
    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        let derived = self.pointer.iter().chain(self.arrays.values()).chain(self.functions.values());
        for each in derived {
            visit.call(each)?;
        }
        Ok(())
    }
}

/// `void`.
pub(crate) fn void(py: Python<'_>) -> Py<CType> {
    static VOID: PyOnceLock<Py<CType>> = PyOnceLock::new();
    let make = || Py::new(py, CType::new(Name::simple("void"), Kind::Void)).expect("the class exists");
    VOID.get_or_init(py, make).clone_ref(py)
}

fn lock(ctype: &CType) -> std::sync::MutexGuard<'_, Derived> {
    ctype.derived.lock().expect("nothing panics under this lock")
}

/// A pointer to `item`.
pub(crate) fn pointer_to(py: Python<'_>, item: &Py<CType>) -> PyResult<Py<CType>> {
    if let Some(pointer) = &lock(item.get()).pointer {
        return Ok(pointer.clone_ref(py));
    }
    let made = Py::new(py, CType::new(item.get().name.pointer(), Kind::Pointer(item.clone_ref(py))))?;
    Ok(lock(item.get()).pointer.get_or_insert(made).clone_ref(py))
}

/// An array of `item`s, of a length that is known or not.
pub(crate) fn array_of(py: Python<'_>, item: &Py<CType>, length: Option<usize>) -> PyResult<Py<CType>> {
    if let Some(array) = lock(item.get()).arrays.get(&length) {
        return Ok(array.clone_ref(py));
    }
    let Some(size) = item.get().size() else {
        return Err(PyTypeError::new_err(format!("array item of unknown size: '{}'", item.get().text())));
    };
    if length.is_some_and(|length| size.checked_mul(length).is_none_or(|size| size > isize::MAX as usize)) {
        return Err(PyOverflowError::new_err("array size would overflow a Py_ssize_t"));
    }
    let decayed = pointer_to(py, item)?;
    let kind = Kind::Array { item: item.clone_ref(py), length, decayed };
    let made = Py::new(py, CType::new(item.get().name.array(length), kind))?;
    Ok(lock(item.get()).arrays.entry(length).or_insert(made).clone_ref(py))
}

/// A pointer to a function. Arrays among the arguments have become pointers before.
pub(crate) fn function_of(
    py: Python<'_>,
    arguments: Vec<Py<CType>>,
    result: Py<CType>,
    ellipsis: bool,
) -> PyResult<Py<CType>> {
    let types = arguments.iter().chain([&result]).map(|each| each.as_ptr() as usize).collect();
    let key = FunctionKey { types, ellipsis };
    // What belongs to one FFI keeps what is made of it, so that both go together.
    let nominal = arguments.iter().find(|argument| argument.get().is_nominal());
    let keeper = nominal.unwrap_or(&result).clone_ref(py);
    if let Some(function) = lock(keeper.get()).functions.get(&key) {
        return Ok(function.clone_ref(py));
    }
    let texts = arguments.iter().map(|argument| argument.get().text());
    let name = result.get().name.function(texts, ellipsis);
    let function = FunctionType { arguments, result, ellipsis, prepared: OnceLock::new() };
    let made = Py::new(py, CType::new(name, Kind::Function(function)))?;
    Ok(lock(keeper.get()).functions.entry(key).or_insert(made).clone_ref(py))
}
