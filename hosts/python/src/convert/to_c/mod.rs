//! From Python to C.

pub(super) mod initial;

use pyo3::{
    exceptions::{PyOverflowError, PyTypeError},
    prelude::*,
    types::{PyBytes, PyComplex, PyFloat, PyString},
};

use super::{extended, from_c::bits, integer, text};
use crate::{
    cdata::{self, CData},
    ctype::{CField, CType, Form, Kind, Primitive},
    error::type_name,
};

/// Writes a value to an object of `ctype` at `at`, as an assignment in C would.
pub(crate) fn to_c(ctype: &Py<CType>, at: *mut u8, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let of = ctype.get();
    match &of.kind {
        Kind::Primitive(primitive) => self::primitive(of, primitive, at, value),
        Kind::Enum(enumeration) => self::primitive(of, &enumeration.underlying, at, value),
        Kind::Pointer(_) | Kind::Function(_) => {
            let address = pointer(ctype, value)?;
            // SAFETY: the callers pass the address of an object of the type that they may write.
            unsafe { at.cast::<*mut u8>().write_unaligned(address) };
            Ok(())
        }
        Kind::Array { .. } => initial::array(ctype, at, value),
        Kind::Aggregate(_) => {
            if let Ok(cdata) = value.cast::<CData>() {
                let cdata = cdata.get();
                if let (true, Some(size)) = (cdata.ctype.is(ctype), of.size()) {
                    // SAFETY: both are of the type; they may be the same object.
                    unsafe { std::ptr::copy(cdata.address(), at, size) };
                    return Ok(());
                }
            }
            initial::aggregate(ctype, at, value)
        }
        Kind::Void => Err(refused(value, of, "nothing")),
    }
}

/// The exception for a value that `ctype` does not take.
pub(crate) fn refused(value: &Bound<'_, PyAny>, ctype: &CType, expected: &str) -> PyErr {
    let text = ctype.text();
    PyTypeError::new_err(match value.cast::<CData>() {
        Ok(cdata) => {
            let given = cdata.get().ctype.get();
            match given.text() == text {
                true => format!(
                    "initializer for ctype '{text}' appears indeed to be '{text}', but the types are different (check that you are not e.g. mixing up different ffi instances)"
                ),
                false => format!(
                    "initializer for ctype '{text}' must be a {expected}, not cdata '{}'",
                    given.text()
                ),
            }
        }
        Err(_) => format!("initializer for ctype '{text}' must be a {expected}, not {}", type_name(value)),
    })
}

/// The address that a pointer or function pointer is set to.
pub(crate) fn pointer(ctype: &Py<CType>, value: &Bound<'_, PyAny>) -> PyResult<*mut u8> {
    let of = ctype.get();
    let behind = cdata::behind(value);
    let Ok(cdata) = behind.cast::<CData>() else {
        return Err(refused(value, of, "cdata pointer"));
    };
    address(ctype, cdata.get()).ok_or_else(|| refused(value, of, "pointer to same type"))
}

/// The address that C data is as a pointer type. `None` where C would want a cast.
pub(crate) fn address(ctype: &Py<CType>, cdata: &CData) -> Option<*mut u8> {
    let pointer = match &cdata.ctype.get().kind {
        Kind::Pointer(_) | Kind::Function(_) => &cdata.ctype,
        Kind::Array { decayed, .. } => decayed,
        _ => return None,
    };
    if pointer.is(ctype) {
        return Some(cdata.address());
    }
    // `void *` goes with every pointer, and `char *` with pointers to other bytes.
    let (from, to) = (pointer.get(), ctype.get());
    let points_to =
        |pointer: &CType, is: fn(&CType) -> bool| pointer.pointee().is_some_and(|item| is(item.get()));
    let is_byte = |item: &CType| item.size() == Some(1);
    let is_char = |item: &CType| item.primitive().is_some_and(|item| item.form == Form::Char);
    let is_void = points_to(from, CType::is_void) || points_to(to, CType::is_void);
    let are_bytes = points_to(from, is_byte) && points_to(to, is_byte);
    let goes = is_void || (are_bytes && (points_to(from, is_char) || points_to(to, is_char)));
    goes.then(|| cdata.address())
}

fn primitive(of: &CType, primitive: &Primitive, at: *mut u8, value: &Bound<'_, PyAny>) -> PyResult<()> {
    match primitive.form {
        Form::Bool | Form::Signed | Form::Unsigned => {
            let word = integer::strict(value, of, primitive.form, primitive.size)?;
            integer::write(word, primitive.size, at);
        }
        Form::Char => {
            let byte = match (value.cast::<PyBytes>().map(|bytes| bytes.as_bytes()), character_of(value)) {
                (Ok([byte]), _) => *byte,
                (_, Some((Form::Char, _, value))) => value as u8,
                _ => return Err(refused(value, of, "bytes of length 1")),
            };
            integer::write(byte.into(), 1, at);
        }
        Form::Wide { .. } => {
            let character = match value.cast::<PyString>() {
                Ok(string) => text::single(string, primitive.size)?,
                Err(_) => match character_of(value) {
                    Some((Form::Wide { .. }, size, value)) if size == primitive.size => Some(value),
                    _ => None,
                },
            };
            let character = character.ok_or_else(|| refused(value, of, "unicode string of length 1"))?;
            integer::write(character.into(), primitive.size, at);
        }
        Form::Float => write_float(float(value)?, primitive.size, at),
        Form::LongDouble => match value.cast::<CData>() {
            Ok(cdata) if long_double(cdata.get()) => {
                // SAFETY: both are of the type; they may be the same object.
                unsafe { std::ptr::copy(cdata.get().data(), at, primitive.size) };
            }
            _ => extended::write(float(value)?, at),
        },
        Form::Complex => {
            let (real, imaginary) = complex(value)?;
            let part = primitive.size / 2;
            write_float(real, part, at);
            write_float(imaginary, part, at.wrapping_add(part));
        }
    }
    Ok(())
}

/// Form, size in bytes and value of C data that is one character.
fn character_of(value: &Bound<'_, PyAny>) -> Option<(Form, usize, u32)> {
    let cdata = value.cast::<CData>().ok()?.get();
    let primitive = cdata.ctype.get().primitive().filter(|primitive| primitive.is_character())?;
    Some((primitive.form, primitive.size, integer::read(primitive, cdata.data()) as u32))
}

pub(super) fn long_double(cdata: &CData) -> bool {
    cdata.ctype.get().primitive().is_some_and(|primitive| primitive.form == Form::LongDouble)
}

pub(super) fn write_float(value: f64, size: usize, at: *mut u8) {
    // SAFETY: the callers pass the address of an object of this size that they may write.
    unsafe {
        match size {
            4 => at.cast::<f32>().write_unaligned(value as f32),
            _ => at.cast::<f64>().write_unaligned(value),
        }
    }
}

/// The double that an object is.
pub(crate) fn float(value: &Bound<'_, PyAny>) -> PyResult<f64> {
    if let Ok(float) = value.cast::<PyFloat>() {
        return Ok(float.value());
    }
    value.extract::<f64>().map_err(|error| match error.is_instance_of::<PyTypeError>(value.py()) {
        true => match value.cast::<CData>() {
            Ok(_) => error,
            Err(_) => PyTypeError::new_err(format!("must be real number, not {}", type_name(value))),
        },
        false => error,
    })
}

pub(super) fn complex(value: &Bound<'_, PyAny>) -> PyResult<(f64, f64)> {
    let converted;
    let complex = match value.cast::<PyComplex>() {
        Ok(complex) => complex,
        Err(_) => {
            let class = value.py().get_type::<PyComplex>();
            if value.is_instance_of::<PyString>() {
                return Err(PyTypeError::new_err("must be complex number, not str"));
            }
            converted = class.call1((value,))?.cast_into::<PyComplex>()?;
            &converted
        }
    };
    use pyo3::types::PyComplexMethods;
    Ok((complex.real(), complex.imag()))
}

/// Writes a bit-field, of which the integer lies at `at`.
pub(crate) fn to_bits(field: &CField, at: *mut u8, value: &Bound<'_, PyAny>) -> PyResult<()> {
    let (shift, width) = (field.bitshift as u32, field.bitsize as u32);
    let of = field.ctype.get();
    let form = of.primitive().map_or(Form::Unsigned, |primitive| primitive.form);
    let number: i128 = match form {
        Form::Char => match value.cast::<PyBytes>().map(|bytes| bytes.as_bytes()) {
            Ok([byte]) => (*byte).into(),
            _ => return Err(refused(value, of, "bytes of length 1")),
        },
        _ => {
            let word = integer::strict(value, of, if form == Form::Bool { Form::Unsigned } else { form }, 8)?;
            if form == Form::Signed { (word as i64).into() } else { word.into() }
        }
    };
    let (least, greatest) = match form {
        // A bit with a sign takes 1 too, and is -1 then.
        Form::Signed => (-(1i128 << (width - 1)), ((1i128 << (width - 1)) - 1).max(1)),
        _ => (0, (1i128 << width) - 1),
    };
    if number < least || number > greatest {
        return Err(PyOverflowError::new_err(format!(
            "value {number} outside the range allowed by the bit field width: {least} <= x <= {greatest}"
        )));
    }
    // Bits around it stay as they are.
    let first = shift / 8;
    let bytes = (shift + width).div_ceil(8) - first;
    let around = bits(at, first * 8, (bytes * 8).min(64));
    let mask = (u64::MAX >> (64 - width)) as u128;
    let within = shift % 8;
    let mut all = u128::from(around);
    if bytes > 8 {
        all |= u128::from(bits(at, (first + 8) * 8, 8)) << 64;
    }
    let all = all & !(mask << within) | ((number as u128 & mask) << within);
    for byte in 0..bytes {
        // SAFETY: the bytes are those of the member, which the callers may write.
        unsafe { *at.add((first + byte) as usize) = (all >> (byte * 8)) as u8 };
    }
    Ok(())
}
