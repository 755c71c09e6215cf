//! The raw API as Java packs parameters: an argument of eight bytes takes two words, any other one.

use std::ffi::c_void;

use crate::{
    call::ffi_call,
    raw::{self, integer, types},
    types::{Cif, Code, Raw, RawClosure, RawFunction, Status, Type, code},
    words::with_words,
};

/// How many words an argument takes. Java has no aggregates: libffi ends the process.
fn words(ty: &Type) -> usize {
    match ty.code {
        code::UINT64 | code::SINT64 | code::DOUBLE => 2,
        code::STRUCT | code::VECTOR | code::COMPLEX => std::process::abort(),
        _ => 1,
    }
}

/// `ffi_java_raw_size`: bytes of the array of a cif.
///
/// # Safety
/// As libffi has it: the cif is prepared.
#[unsafe(export_name = "springboard_libffi_ffi_java_raw_size")]
pub(crate) unsafe extern "C" fn ffi_java_raw_size(cif: *mut Cif) -> usize {
    // SAFETY: the program vouches, as libffi asks it to, that the cif is prepared and its types are there.
    unsafe { types(cif) }.map(|ty| words(ty) * 8).sum()
}

/// `ffi_java_raw_to_ptrarray`: writes to `args` where each argument is.
///
/// # Safety
/// As libffi has it: the cif is prepared, and the arrays are its.
#[unsafe(export_name = "springboard_libffi_ffi_java_raw_to_ptrarray")]
pub(crate) unsafe extern "C" fn ffi_java_raw_to_ptrarray(
    cif: *mut Cif,
    mut raw: *mut Raw,
    args: *mut *mut c_void,
) {
    // SAFETY: the program vouches, as libffi asks it to, that the cif is prepared and its types are there.
    for (index, ty) in unsafe { types(cif) }.enumerate() {
        // SAFETY: the program vouches that both arrays have room for the cif's arguments, of which this is one.
        unsafe {
            *args.add(index) = raw.cast();
            raw = raw.add(words(ty));
        }
    }
}

/// `ffi_java_ptrarray_to_raw`: writes the arguments to `raw`, integers narrower than a word extended.
///
/// # Safety
/// As libffi has it: the cif is prepared, and the arrays are its.
#[unsafe(export_name = "springboard_libffi_ffi_java_ptrarray_to_raw")]
pub(crate) unsafe extern "C" fn ffi_java_ptrarray_to_raw(
    cif: *mut Cif,
    args: *mut *mut c_void,
    mut raw: *mut Raw,
) {
    // SAFETY: the program vouches, as libffi asks it to, that the cif is prepared and its types are there.
    for (index, ty) in unsafe { types(cif) }.enumerate() {
        // SAFETY: the program vouches that both arrays have room for the cif's arguments, of which this is one.
        unsafe {
            let argument = *args.add(index);
            let word = integer(ty, argument).unwrap_or_else(|| match ty.code {
                code::FLOAT => argument.cast::<u32>().read_unaligned().into(),
                _ => argument.cast::<u64>().read_unaligned(),
            });
            *raw = Raw { word };
            raw = raw.add(words(ty));
        }
    }
}

/// `ffi_java_raw_call`: calls with the arguments in `raw`.
///
/// # Safety
/// As `ffi_call`.
#[unsafe(export_name = "springboard_libffi_ffi_java_raw_call")]
pub(crate) unsafe extern "C-unwind" fn ffi_java_raw_call(
    cif: *mut Cif,
    function: Code,
    rvalue: *mut c_void,
    raw: *mut Raw,
) {
    // SAFETY: the program vouches that the cif is prepared and `raw` has its words; `args` has room for `nargs`.
    with_words(unsafe { (*cif).nargs } as usize, |args| unsafe {
        ffi_java_raw_to_ptrarray(cif, raw, args.cast());
        ffi_call(cif, function, rvalue, args.cast());
    });
}

/// What a Java raw closure's closure calls.
unsafe extern "C-unwind" fn translate(
    cif: *mut Cif,
    result: *mut c_void,
    avalue: *mut *mut c_void,
    closure: *mut c_void,
) {
    // SAFETY: `prepare` gave the closure itself as user data; the rest is libffi's promise to it.
    with_words(unsafe { ffi_java_raw_size(cif) } / 8, |words| unsafe {
        ffi_java_ptrarray_to_raw(cif, avalue, words);
        raw::call(closure, cif, result, words);
    });
}

/// `ffi_prep_java_raw_closure_loc`: as `ffi_prep_closure_loc`, for a function that is handed words.
///
/// # Safety
/// As `ffi_prep_closure_loc`.
#[unsafe(export_name = "springboard_libffi_ffi_prep_java_raw_closure_loc")]
pub(crate) unsafe extern "C" fn ffi_prep_java_raw_closure_loc(
    closure: *mut RawClosure,
    cif: *mut Cif,
    function: Option<RawFunction>,
    user_data: *mut c_void,
    code: *mut c_void,
) -> Status {
    // SAFETY: the program vouches for closure, cif and code, as `raw::prepare` asks.
    unsafe { raw::prepare(closure, cif, (function, user_data), code, translate) }
}

/// `ffi_prep_java_raw_closure`: the same in memory that is writable and executable at one address.
///
/// # Safety
/// As `ffi_prep_closure_loc`.
#[unsafe(export_name = "springboard_libffi_ffi_prep_java_raw_closure")]
pub(crate) unsafe extern "C" fn ffi_prep_java_raw_closure(
    closure: *mut RawClosure,
    cif: *mut Cif,
    function: Option<RawFunction>,
    user_data: *mut c_void,
) -> Status {
    // SAFETY: the program vouches that the closure's memory is writable and executable, and for the cif.
    unsafe { raw::prepare(closure, cif, (function, user_data), closure.cast(), translate) }
}
