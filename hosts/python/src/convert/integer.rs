//! Integers.

use std::ffi::c_longlong;

use pyo3::{
    exceptions::{PyOverflowError, PyTypeError},
    ffi,
    prelude::*,
    types::{PyFloat, PyInt},
};

use crate::{
    cdata::CData,
    ctype::{CType, Form, Primitive},
    error::type_name,
};

/// The value of an integer or character in memory.
pub(crate) fn read(primitive: &Primitive, at: *const u8) -> i128 {
    let signed = match primitive.form {
        Form::Signed => true,
        Form::Wide { signed } => signed,
        _ => false,
    };
    macro_rules! of {
        ($signed:ty, $unsigned:ty) => {
            // SAFETY: the callers pass the address of an object of the type, which has this size.
            unsafe {
                match signed {
                    true => at.cast::<$signed>().read_unaligned().into(),
                    false => at.cast::<$unsigned>().read_unaligned().into(),
                }
            }
        };
    }
    match primitive.size {
        1 => of!(i8, u8),
        2 => of!(i16, u16),
        4 => of!(i32, u32),
        _ => of!(i64, u64),
    }
}

/// Writes the low bytes of an integer.
pub(crate) fn write(value: u64, size: usize, at: *mut u8) {
    // SAFETY: the callers pass the address of an object of this size that they may write.
    unsafe {
        match size {
            1 => at.write(value as u8),
            2 => at.cast::<u16>().write_unaligned(value as u16),
            4 => at.cast::<u32>().write_unaligned(value as u32),
            _ => at.cast::<u64>().write_unaligned(value),
        }
    }
}

/// What `index` gives: a number of elements.
pub(crate) fn index(object: &Bound<'_, PyAny>) -> PyResult<isize> {
    if let Ok(cdata) = object.cast::<CData>() {
        let cdata = cdata.get();
        return match cdata.ctype.get().primitive() {
            Some(primitive) if primitive.is_integral() && !primitive.is_character() => {
                Ok(read(primitive, cdata.data()) as isize)
            }
            _ => Err(PyTypeError::new_err(format!(
                "integer expected, got cdata '{}'",
                cdata.ctype.get().text()
            ))),
        };
    }
    object.extract()
}

/// The integer that an object is, refusing what would lose a fraction.
fn integer<'py>(object: &Bound<'py, PyAny>) -> PyResult<Bound<'py, PyInt>> {
    let refuse = || PyTypeError::new_err(format!("an integer is required, got '{}'", type_name(object)));
    if object.is_instance_of::<PyFloat>() {
        return Err(refuse());
    }
    if let Ok(cdata) = object.cast::<CData>()
        && !cdata.get().ctype.get().primitive().is_some_and(Primitive::is_integral)
    {
        return Err(PyTypeError::new_err(format!(
            "an integer is required, got cdata '{}'",
            cdata.get().ctype.get().text()
        )));
    }
    for method in ["__index__", "__int__"] {
        if let Ok(method) = object.get_type().getattr(method) {
            return method.call1((object,))?.cast_into::<PyInt>().map_err(|_| refuse());
        }
    }
    Err(refuse())
}

/// The word of an integer that fits `ctype`, of `size` bytes: extended by its sign or by zeros.
pub(crate) fn strict(object: &Bound<'_, PyAny>, ctype: &CType, form: Form, size: usize) -> PyResult<u64> {
    let converted;
    let number = match object.cast::<PyInt>() {
        Ok(number) => number,
        Err(_) => {
            converted = integer(object)?;
            &converted
        }
    };
    let does_not_fit =
        || PyOverflowError::new_err(format!("integer {number} does not fit '{}'", ctype.text()));
    let mut overflow = 0;
    // SAFETY: the object is an integer, and the interpreter is attached.
    let value = unsafe { ffi::PyLong_AsLongLongAndOverflow(number.as_ptr(), &raw mut overflow) };
    let unused = 64 - size as u32 * 8;
    let word = match form {
        Form::Signed if overflow == 0 && value << unused >> unused == value => value as u64,
        Form::Bool if overflow == 0 && (value == 0 || value == 1) => value as u64,
        Form::Unsigned
            if overflow == 0 && value >= 0 && (value as u64) << unused >> unused == value as u64 =>
        {
            value as u64
        }
        Form::Unsigned if overflow > 0 && size == 8 => {
            // SAFETY: the object is an integer, and the interpreter is attached.
            let value = unsafe { ffi::PyLong_AsUnsignedLongLong(number.as_ptr()) };
            if value == u64::MAX && PyErr::take(object.py()).is_some() {
                return Err(does_not_fit());
            }
            value
        }
        _ => return Err(does_not_fit()),
    };
    Ok(word)
}

/// The low 64 bits of a number, as a cast takes them: fractions go.
pub(crate) fn wrapped(object: &Bound<'_, PyAny>) -> PyResult<u64> {
    let py = object.py();
    let converted;
    let number = match object.cast::<PyInt>() {
        Ok(number) => number,
        Err(_) => {
            let value = match object.cast::<CData>() {
                Ok(cdata) => cdata.call_method0("__int__")?,
                Err(_) => {
                    let class = object.get_type();
                    let method =
                        ["__int__", "__index__"].into_iter().find_map(|name| class.getattr(name).ok());
                    let Some(method) = method else {
                        return Err(PyTypeError::new_err(format!(
                            "an integer is required, got '{}'",
                            type_name(object)
                        )));
                    };
                    method.call1((object,))?
                }
            };
            converted = value.cast_into::<PyInt>()?;
            &converted
        }
    };
    // SAFETY: the object is an integer, and the interpreter is attached.
    let value = unsafe { ffi::PyLong_AsUnsignedLongLongMask(number.as_ptr()) };
    match value {
        u64::MAX => PyErr::take(py).map_or(Ok(value), Err),
        _ => Ok(value),
    }
}

const _: () = assert!(size_of::<c_longlong>() == 8);
