//! Calls of C functions.
//!
//! The way that serves everything is the *slow twin*: [`slow`] converts the arguments by the rules of `convert`, calls
//! through a prepared signature, and converts the result. A function of a library gets a stub of its own when it has been called
//! some times ([`object`], [`boxed`]): machine code that does the same for the values that it recognises, and jumps to the slow twin with all
//! others.

mod arguments;
mod boxed;
mod entry;
mod errno;
mod gil;
mod map;
mod object;
mod signature;

use std::{
    ffi::c_void,
    ptr::NonNull,
    sync::{Arc, Mutex},
};

use pyo3::{
    exceptions::{PyNotImplementedError, PyOverflowError, PyRuntimeError, PyTypeError},
    prelude::*,
};
use springboard::ir::{Param, Signature};

use self::arguments::{Arguments, Temporaries};
pub(crate) use self::{
    arguments::{is_in_memory, loaded},
    entry::slow as entry,
    errno::{enter as enter_errno, leave as leave_errno, saved as saved_errno, set_saved as set_saved_errno},
    map::map,
    object::function,
    signature::{documentation, python as python_signature},
};
use crate::{
    cdata::CData,
    convert,
    ctype::{self, CType, FunctionType, Kind, Prepared, Shape},
    engine,
    error::{self, type_name},
    function::{Errno, Gil},
};

/// The address of a function, which means the same on every thread.
struct Callee(NonNull<c_void>);

// SAFETY: an address may be known anywhere.
unsafe impl Send for Callee {}

/// Makes a call with arguments of these types ready.
fn prepare(
    name: &str,
    arguments: Vec<Py<CType>>,
    fixed: Option<usize>,
    result: &Py<CType>,
    py: Python<'_>,
) -> PyResult<Arc<Shape>> {
    let signature = self::signature(&arguments, fixed, result).ok_or_else(|| {
        PyNotImplementedError::new_err(format!("ctype '{name}' passes or returns what has no size"))
    })??;
    let indirect = engine().indirect(signature).map_err(|error| error::of_binding(name, &error))?;
    Ok(Arc::new(Shape { indirect, arguments, result: result.clone_ref(py) }))
}

/// The signature of a call. `None` where a type has no size.
pub(crate) fn signature(
    arguments: &[Py<CType>],
    fixed: Option<usize>,
    result: &Py<CType>,
) -> Option<PyResult<Signature>> {
    let parameters =
        arguments.iter().map(|argument| Some(Param { name: None, ty: argument.get().passed()? }));
    let parameters = parameters.collect::<Option<Vec<_>>>()?;
    let result = result.get().passed()?;
    let signature = match fixed {
        Some(fixed) => Signature::variadic(result, parameters, fixed),
        None => Signature::new(result, parameters),
    };
    Some(signature.map_err(|error| PyNotImplementedError::new_err(error.to_string())))
}

pub(crate) fn no_keywords() -> PyErr {
    PyTypeError::new_err("a cdata function cannot be called with keyword arguments")
}

/// Calls C data with Python values.
pub(crate) fn slow<'py>(
    callee: &Bound<'py, CData>,
    arguments: &[Bound<'py, PyAny>],
) -> PyResult<Bound<'py, PyAny>> {
    let py = callee.py();
    let this = callee.get();
    let ctype = this.ctype.get();
    let Kind::Function(function) = &ctype.kind else {
        return Err(PyTypeError::new_err(format!("cdata '{}' is not callable", ctype.text())));
    };
    let address = NonNull::new(this.address().cast::<c_void>()).ok_or_else(|| {
        PyRuntimeError::new_err(format!("cannot call null function pointer from cdata '{}'", ctype.text()))
    })?;
    let bound = this.function.get();
    let count = function.arguments.len();
    let wrong = if function.ellipsis { arguments.len() < count } else { arguments.len() != count };
    if wrong {
        let least = if function.ellipsis { "at least " } else { "" };
        let name = bound.map_or_else(|| format!("'{}'", ctype.text()), |bound| format!("{}()", bound.name));
        return Err(PyTypeError::new_err(format!(
            "{name} expects {least}{count} arguments, got {}",
            arguments.len()
        )));
    }
    object::count(py, this);
    let shape = shape(py, ctype, function, arguments)?;
    let mut temporaries = Temporaries::default();
    let mut words = Arguments::new(shape.arguments.len() + 1);
    for (index, (argument, value)) in shape.arguments.iter().zip(arguments).enumerate() {
        let word = arguments::word(argument, value, &mut temporaries);
        let word = word.map_err(|error| match bound {
            Some(bound) => in_argument(py, &error, &bound.name, index),
            None => error,
        })?;
        words.push(word);
    }
    let result = shape.result.get();
    let mut memory = None;
    if arguments::is_in_memory(result) {
        let place = temporaries.allocate(result.size().unwrap_or(0));
        words.push(place as u64);
        memory = Some(place);
    }
    let (gil, errno) = bound.map_or((Gil::Released, Errno::Kept), |bound| (bound.gil, bound.errno));
    let (indirect, words, address) = (&shape.indirect, words.as_slice(), Callee(address));
    let word = gil.around(py, errno, || {
        let Callee(address) = { address };
        // SAFETY: the words are those of the shape's signature, each as `Slots` describes it; what they point to lives in
        // the Python objects that the caller holds, or in `temporaries`. That the function may be called with them is
        // what the program says, as ever with C.
        unsafe { indirect.call_slots(address, words) }
    });
    match memory {
        Some(place) => convert::result(py, &shape.result, place),
        None if result.is_void() => Ok(py.None().into_bound(py)),
        None => {
            let word = word.to_ne_bytes();
            let unused = if cfg!(target_endian = "big") { 8 - result.size().unwrap_or(8) } else { 0 };
            let mut bytes = word;
            convert::from_c(py, &shape.result, bytes[unused..].as_mut_ptr(), None)
        }
    }
}

/// The same exception, with the function and the argument in front of its message.
fn in_argument(py: Python<'_>, error: &PyErr, function: &str, index: usize) -> PyErr {
    let class = error.get_type(py);
    let plain = [py.get_type::<PyTypeError>(), py.get_type::<PyOverflowError>()];
    match plain.iter().any(|each| each.is(&class)) {
        true => PyErr::from_type(class, format!("{function}() argument {}: {}", index + 1, error.value(py))),
        false => error.clone_ref(py),
    }
}

/// The shape of a call with these arguments.
fn shape(
    py: Python<'_>,
    ctype: &CType,
    function: &FunctionType,
    arguments: &[Bound<'_, PyAny>],
) -> PyResult<Arc<Shape>> {
    let declared = || function.arguments.iter().map(|argument| argument.clone_ref(py)).collect::<Vec<_>>();
    let prepared = match function.prepared.get() {
        Some(prepared) => prepared,
        None => {
            let made = match function.ellipsis {
                false => Prepared::Fixed(prepare(ctype.text(), declared(), None, &function.result, py)?),
                true => Prepared::Variadic(Mutex::default()),
            };
            function.prepared.get_or_init(|| made)
        }
    };
    let known = match prepared {
        Prepared::Fixed(shape) => return Ok(Arc::clone(shape)),
        Prepared::Variadic(known) => known,
    };
    let mut types = declared();
    let fixed = types.len();
    for (index, value) in arguments.iter().enumerate().skip(fixed) {
        let cdata = value.cast::<CData>().map_err(|_| {
            PyTypeError::new_err(format!(
                "argument {} passed in the variadic part needs to be a cdata object (got {})",
                index + 1,
                type_name(value)
            ))
        })?;
        types.push(promoted(py, &cdata.get().ctype));
    }
    let key: Vec<usize> = types[fixed..].iter().map(|each| each.as_ptr() as usize).collect();
    let lock = || known.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
    let found = lock().get(&key).cloned();
    if let Some(shape) = found {
        return Ok(shape);
    }
    let shape = prepare(ctype.text(), types, Some(fixed), &function.result, py)?;
    lock().insert(key, Arc::clone(&shape));
    Ok(shape)
}

/// The type as which C passes an argument after the declared ones.
fn promoted(py: Python<'_>, ctype: &Py<CType>) -> Py<CType> {
    let named = |name| ctype::primitive(py, name).expect("C has the type");
    match &ctype.get().kind {
        Kind::Array { decayed, .. } => decayed.clone_ref(py),
        Kind::Primitive(primitive) if primitive.is_integral() && primitive.size < 4 => named("int"),
        Kind::Primitive(primitive) if primitive.form == ctype::Form::Float && primitive.size < 8 => {
            named("double")
        }
        _ => ctype.clone_ref(py),
    }
}
