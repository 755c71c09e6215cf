//! From C to Python.

use pyo3::{
    exceptions::{PyTypeError, PyValueError},
    ffi,
    prelude::*,
    types::{PyBool, PyBytes, PyComplex, PyFloat, PyString},
};

use super::{extended, integer};
use crate::{
    cdata::CData,
    ctype::{self, CField, CType, Form, Kind, Primitive},
};

/// The Python value of the object at `at`. Where `length` is given, an array that its type leaves open has that many
/// elements.
pub(crate) fn from_c<'py>(
    py: Python<'py>,
    ctype: &Py<CType>,
    at: *mut u8,
    length: Option<usize>,
) -> PyResult<Bound<'py, PyAny>> {
    let of = ctype.get();
    let cdata = match &of.kind {
        Kind::Primitive(primitive) => return self::primitive(py, ctype, primitive, at),
        Kind::Enum(enumeration) => return self::primitive(py, ctype, &enumeration.underlying, at),
        Kind::Pointer(_) | Kind::Function(_) => {
            // SAFETY: the callers pass the address of an object of the type, which is a pointer.
            CData::borrowed(ctype.clone_ref(py), unsafe { at.cast::<*mut u8>().read_unaligned() })
        }
        Kind::Array { length: Some(_), .. } | Kind::Aggregate(_) => CData::borrowed(ctype.clone_ref(py), at),
        Kind::Array { item, decayed, .. } => match length {
            Some(length) => {
                let open = ctype::array_of(py, item, None)?;
                CData::array(open, at, length)
            }
            None => CData::borrowed(decayed.clone_ref(py), at),
        },
        Kind::Void => return Err(PyTypeError::new_err(format!("cannot return a cdata '{}'", of.text()))),
    };
    Ok(Bound::new(py, cdata)?.into_any())
}

/// The Python value of what a call returned, in memory that will be gone.
pub(crate) fn result<'py>(py: Python<'py>, ctype: &Py<CType>, at: *mut u8) -> PyResult<Bound<'py, PyAny>> {
    let Kind::Aggregate(_) = &ctype.get().kind else { return from_c(py, ctype, at, None) };
    let structure = CData::returned(py, ctype)?;
    // SAFETY: both have the size of the type, and nobody else has the structure yet.
    unsafe {
        std::ptr::copy_nonoverlapping(at, structure.get().address(), ctype.get().size().unwrap_or(0));
    };
    Ok(structure.into_bound(py).into_any())
}

fn primitive<'py>(
    py: Python<'py>,
    ctype: &Py<CType>,
    primitive: &Primitive,
    at: *mut u8,
) -> PyResult<Bound<'py, PyAny>> {
    Ok(match primitive.form {
        Form::Signed => {
            let value = integer::read(primitive, at) as i64;
            // SAFETY: the interpreter is attached; the result is a new reference, or null with an exception.
            unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyLong_FromLongLong(value)) }?
        }
        Form::Unsigned => {
            let value = integer::read(primitive, at) as u64;
            // SAFETY: the interpreter is attached; the result is a new reference, or null with an exception.
            unsafe { Bound::from_owned_ptr_or_err(py, ffi::PyLong_FromUnsignedLongLong(value)) }?
        }
        Form::Bool => match integer::read(primitive, at) {
            value @ (0 | 1) => PyBool::new(py, value == 1).to_owned().into_any(),
            value => {
                return Err(PyValueError::new_err(format!("got a _Bool of value {value}, expected 0 or 1")));
            }
        },
        Form::Char => PyBytes::new(py, &[integer::read(primitive, at) as u8]).into_any(),
        Form::Wide { .. } => {
            let value = integer::read(primitive, at) as u32;
            if value > 0x10FFFF {
                return Err(PyValueError::new_err(format!(
                    "{} out of range for conversion to unicode: {value:#x}",
                    ctype.get().text()
                )));
            }
            character(py, value)?
        }
        Form::Float => PyFloat::new(py, read_float(at, primitive.size)).into_any(),
        Form::LongDouble => {
            let copy = CData::primitive(ctype.clone_ref(py), |to| {
                // SAFETY: both have the size of the type; the copy is new.
                unsafe { std::ptr::copy_nonoverlapping(at, to, primitive.size) };
                Ok(())
            })?;
            Bound::new(py, copy)?.into_any()
        }
        Form::Complex => {
            let part = primitive.size / 2;
            let (real, imaginary) = (read_float(at, part), read_float(at.wrapping_add(part), part));
            PyComplex::from_doubles(py, real, imaginary).into_any()
        }
    })
}

/// A string of one character, which may be a surrogate.
fn character(py: Python<'_>, value: u32) -> PyResult<Bound<'_, PyAny>> {
    match char::from_u32(value) {
        Some(character) => Ok(PyString::new(py, character.encode_utf8(&mut [0; 4])).into_any()),
        None => super::text::decode(py, &value.to_ne_bytes(), 4),
    }
}

pub(super) fn read_float(at: *const u8, size: usize) -> f64 {
    // SAFETY: the callers pass the address of an object of this size.
    unsafe {
        match size {
            4 => at.cast::<f32>().read_unaligned().into(),
            _ => at.cast::<f64>().read_unaligned(),
        }
    }
}

/// Whether the value of a primitive type is anything except zero.
pub(crate) fn is_nonzero(primitive: &Primitive, at: *const u8) -> bool {
    match primitive.form {
        Form::Float => read_float(at, primitive.size) != 0.0,
        Form::LongDouble => extended::read(at) != 0.0,
        Form::Complex => {
            let part = primitive.size / 2;
            read_float(at, part) != 0.0 || read_float(at.wrapping_add(part), part) != 0.0
        }
        _ => integer::read(primitive, at) != 0,
    }
}

/// The value of a bit-field, of which the integer lies at `at`.
pub(crate) fn from_bits<'py>(py: Python<'py>, field: &CField, at: *mut u8) -> PyResult<Bound<'py, PyAny>> {
    let (shift, width) = (field.bitshift as u32, field.bitsize as u32);
    let word = bits(at, shift, width);
    let primitive = field.ctype.get().primitive();
    match primitive.map(|primitive| primitive.form) {
        Some(Form::Signed) => {
            let unused = 64 - width;
            Ok(((word << unused) as i64 >> unused).into_pyobject(py)?.into_any())
        }
        Some(Form::Bool) => Ok(PyBool::new(py, word != 0).to_owned().into_any()),
        Some(Form::Char) => Ok(PyBytes::new(py, &[word as u8]).into_any()),
        _ => Ok(word.into_pyobject(py)?.into_any()),
    }
}

/// `width` bits from bit `shift` on of the bytes at `at`, counted as little-endian machines do.
pub(super) fn bits(at: *const u8, shift: u32, width: u32) -> u64 {
    let mut word = 0u128;
    for byte in shift / 8..(shift + width).div_ceil(8) {
        // SAFETY: the bits are those of a member of the structure, so their bytes are too.
        word |= u128::from(unsafe { *at.add(byte as usize) }) << (byte * 8 - shift / 8 * 8);
    }
    ((word >> (shift % 8)) as u64) & (u64::MAX >> (64 - width))
}
