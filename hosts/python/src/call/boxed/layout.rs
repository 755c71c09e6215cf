//! Where CPython's objects have what stubs read, looked at on objects made for it.

use std::ffi::c_void;

use pyo3::{
    ffi,
    prelude::*,
    sync::PyOnceLock,
    types::{PyBytes, PyFloat},
};
use springboard::abi::boxed::DigitSign;

use crate::cdata::CData;

/// Offset of an object's class: after its reference count.
pub(super) const CLASS: i32 = 8;
/// Offset of a float's double, and of what counts an integer's digits.
pub(super) const FLOAT: i32 = 16;
/// Offset of an integer's first digit.
pub(super) const DIGIT: i32 = 24;
/// Offset of the bytes of a `bytes`: after their number and their hash.
pub(super) const BYTES: i32 = 32;

/// What was found.
pub(super) struct Layout {
    /// How integers of one digit are told. `None` where they do not look as they are known to.
    pub(super) digit: Option<DigitSign>,
    /// Whether the payload of a float is where it is known to be.
    pub(super) float: bool,
    /// Whether that of `bytes` is.
    pub(super) bytes: bool,
    /// Whether `None`, `True` and `False` are counted when they are returned; since CPython 3.12 they live for ever.
    pub(super) counts_constants: bool,
    /// The class of C data.
    pub(super) cdata: *const c_void,
    /// Offsets in C data, in bytes.
    pub(super) cdata_ctype: i32,
    pub(super) cdata_address: i32,
}

// SAFETY: the class lives for ever, and its address is compared only.
unsafe impl Send for Layout {}
// SAFETY: the class lives for ever, and its address is compared only.
unsafe impl Sync for Layout {}

/// What is known of this interpreter.
pub(super) fn known(py: Python<'_>) -> &'static Layout {
    static KNOWN: PyOnceLock<Layout> = PyOnceLock::new();
    KNOWN.get_or_init(py, || look(py))
}

/// # Safety
/// `object` has at least `offset + 8` bytes.
unsafe fn word(object: &Bound<'_, PyAny>, offset: i32) -> u64 {
    // SAFETY: the caller says that the object has bytes as far as that.
    unsafe { object.as_ptr().cast::<u8>().offset(offset as isize).cast::<u64>().read() }
}

fn look(py: Python<'_>) -> Layout {
    let probe = CData::borrowed(crate::ctype::void(py), std::ptr::null_mut());
    let probe = Bound::new(py, probe).expect("the class exists");
    let offset = |field: *const u8| (field as isize - probe.as_ptr() as isize) as i32;
    let this = probe.get();
    let float = [0.0, -1.5, 1e300].into_iter().all(|value| {
        let object = PyFloat::new(py, value);
        // SAFETY: a float is larger than its head by a double, wherever that is.
        unsafe {
            word(object.as_any(), FLOAT) == value.to_bits()
                && word(object.as_any(), CLASS) == object.get_type().as_ptr() as u64
        }
    });
    let bytes = [&b""[..], b"springboard"].into_iter().all(|value| {
        let object = PyBytes::new(py, value);
        let at = object.as_ptr().cast::<u8>().wrapping_offset(BYTES as isize);
        object.as_bytes().as_ptr() == at.cast_const()
    });
    // SAFETY: the function is a part of the stable interface.
    let counted = unsafe {
        let none = Bound::from_borrowed_ptr(py, ffi::Py_None());
        let before = word(&none, 0);
        let second = none.clone();
        let after = word(&none, 0);
        drop(second);
        before != after
    };
    Layout {
        digit: [DigitSign::Size { offset: FLOAT }, DigitSign::Tag { offset: FLOAT, below: 16, mask: 3 }]
            .into_iter()
            .find(|sign| digits_are(py, *sign)),
        float,
        bytes,
        counts_constants: counted,
        cdata: probe.get_type().as_ptr().cast_const().cast(),
        cdata_ctype: offset((&raw const this.ctype).cast()),
        cdata_address: offset(this.address_field().cast()),
    }
}

/// Whether integers look as `sign` says.
fn digits_are(py: Python<'_>, sign: DigitSign) -> bool {
    const MOST: i64 = (1 << 30) - 1;
    // Integers of two digits and more, which must not be taken for one.
    let large = [MOST + 1, -MOST - 1, i64::MAX, i64::MIN];
    let small = [0, 1, -1, 2, 255, 256, 257, -5, -6, 65_536, -65_536, MOST, -MOST];
    small.into_iter().chain(large).all(|value| {
        let Ok(object) = value.into_pyobject(py);
        // SAFETY: an integer has a head of three words, and one digit of 4 bytes or more; CPython allocates it in whole
        // words.
        let (tag, digit) = unsafe {
            let digit = object.as_ptr().cast::<u8>().offset(DIGIT as isize).cast::<u32>().read();
            (word(object.as_any(), FLOAT), i64::from(digit))
        };
        let (one, sign) = match sign {
            DigitSign::Size { .. } => (matches!(tag as i64, -1..=1), tag as i64),
            DigitSign::Tag { below, mask, .. } => (tag < below, 1 - (tag & mask) as i64),
        };
        // Zero may have any digit where its sign is zero.
        if value.unsigned_abs() > MOST as u64 { !one } else { one && sign.wrapping_mul(digit) == value }
    })
}
