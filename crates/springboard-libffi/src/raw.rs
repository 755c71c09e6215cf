//! The raw API: arguments in one array of words, each in as many as its size takes; aggregates by their address.

use std::{ffi::c_void, mem::offset_of, ptr};

use crate::{
    call::ffi_call,
    closure::ffi_prep_closure_loc,
    types::{Cif, Closure, ClosureFunction, Code, Raw, RawClosure, RawFunction, Status, Type, code},
    words::with_words,
};

/// The types of a cif's arguments.
///
/// # Safety
/// The cif is prepared, and its types are there.
pub(crate) unsafe fn types<'a>(cif: *const Cif) -> impl Iterator<Item = &'a Type> {
    // SAFETY: the caller vouches that the cif is prepared, so it can be read.
    let Cif { nargs, arg_types, .. } = unsafe { *cif };
    // SAFETY: a prepared cif has `nargs` addresses of types, and the caller vouches that they are there.
    (0..nargs as usize).map(move |index| unsafe { &**arg_types.add(index) })
}

/// `ffi_raw_size`: bytes of the array of a cif.
///
/// # Safety
/// As libffi has it: the cif is prepared.
#[unsafe(export_name = "springboard_libffi_ffi_raw_size")]
pub(crate) unsafe extern "C" fn ffi_raw_size(cif: *mut Cif) -> usize {
    // SAFETY: the program vouches, as libffi asks it to, that the cif is prepared and its types are there.
    unsafe { types(cif) }
        .map(|ty| match ty.code {
            code::STRUCT | code::VECTOR => 8,
            _ => ty.size.next_multiple_of(8),
        })
        .sum()
}

/// `ffi_raw_to_ptrarray`: writes to `args` where each argument is.
///
/// # Safety
/// As libffi has it: the cif is prepared, and the arrays are its.
#[unsafe(export_name = "springboard_libffi_ffi_raw_to_ptrarray")]
pub(crate) unsafe extern "C" fn ffi_raw_to_ptrarray(
    cif: *mut Cif,
    mut raw: *mut Raw,
    args: *mut *mut c_void,
) {
    // SAFETY: the program vouches, as libffi asks it to, that the cif is prepared and its types are there.
    for (index, ty) in unsafe { types(cif) }.enumerate() {
        let by_address = matches!(ty.code, code::STRUCT | code::VECTOR | code::COMPLEX);
        let words = if by_address { 1 } else { ty.size.div_ceil(8) };
        // SAFETY: the program vouches that both arrays have room for the cif's arguments, of which this is one.
        unsafe {
            *args.add(index) = if by_address { (*raw).pointer } else { raw.cast() };
            raw = raw.add(words);
        }
    }
}

/// `ffi_ptrarray_to_raw`: writes the arguments to `raw`, integers narrower than a word extended.
///
/// # Safety
/// As libffi has it: the cif is prepared, and the arrays are its.
#[unsafe(export_name = "springboard_libffi_ffi_ptrarray_to_raw")]
pub(crate) unsafe extern "C" fn ffi_ptrarray_to_raw(
    cif: *mut Cif,
    args: *mut *mut c_void,
    mut raw: *mut Raw,
) {
    // SAFETY: the program vouches, as libffi asks it to, that the cif is prepared and its types are there.
    for (index, ty) in unsafe { types(cif) }.enumerate() {
        // SAFETY: the program vouches that both arrays have room for the cif's arguments, of which this is one.
        unsafe {
            let argument = *args.add(index);
            match (integer(ty, argument), ty.code) {
                (Some(word), _) => *raw = Raw { word },
                (None, code::STRUCT | code::VECTOR | code::COMPLEX) => *raw = Raw { pointer: argument },
                (None, _) => {
                    ptr::copy_nonoverlapping(argument.cast::<u8>(), raw.cast(), ty.size);
                    raw = raw.add(ty.size.div_ceil(8));
                    continue;
                }
            }
            raw = raw.add(1);
        }
    }
}

/// An integer of at most four bytes as a whole word. `None` for any other type.
///
/// # Safety
/// The argument is of that type.
pub(crate) unsafe fn integer(ty: &Type, argument: *const c_void) -> Option<u64> {
    // SAFETY: the caller vouches that the argument has this type; reads are unaligned, so any address will do.
    unsafe {
        Some(match ty.code {
            code::UINT8 => argument.cast::<u8>().read_unaligned().into(),
            code::SINT8 => i64::from(argument.cast::<i8>().read_unaligned()) as u64,
            code::UINT16 => argument.cast::<u16>().read_unaligned().into(),
            code::SINT16 => i64::from(argument.cast::<i16>().read_unaligned()) as u64,
            code::UINT32 => argument.cast::<u32>().read_unaligned().into(),
            code::SINT32 => i64::from(argument.cast::<i32>().read_unaligned()) as u64,
            _ => return None,
        })
    }
}

/// `ffi_raw_call`: calls with the arguments in `raw`.
///
/// # Safety
/// As `ffi_call`.
#[unsafe(export_name = "springboard_libffi_ffi_raw_call")]
pub(crate) unsafe extern "C-unwind" fn ffi_raw_call(
    cif: *mut Cif,
    function: Code,
    rvalue: *mut c_void,
    raw: *mut Raw,
) {
    // SAFETY: the program vouches that the cif is prepared and `raw` has its words; `args` has room for `nargs`.
    with_words(unsafe { (*cif).nargs } as usize, |args| unsafe {
        ffi_raw_to_ptrarray(cif, raw, args.cast());
        ffi_call(cif, function, rvalue, args.cast());
    });
}

/// What a raw closure's closure calls.
unsafe extern "C-unwind" fn translate(
    cif: *mut Cif,
    result: *mut c_void,
    avalue: *mut *mut c_void,
    closure: *mut c_void,
) {
    // SAFETY: `prepare` gave the closure itself as user data; the rest is libffi's promise to it.
    with_words(unsafe { ffi_raw_size(cif) } / 8, |raw| unsafe {
        ffi_ptrarray_to_raw(cif, avalue, raw);
        call(closure, cif, result, raw);
    });
}

/// Calls the function of a raw closure.
///
/// # Safety
/// The closure is a raw closure, prepared; the rest is its function's.
pub(crate) unsafe fn call(closure: *mut c_void, cif: *mut Cif, result: *mut c_void, raw: *mut Raw) {
    // SAFETY: the caller vouches that this is the address of a prepared raw closure.
    let RawClosure { function, user_data, .. } = unsafe { &*closure.cast::<RawClosure>() };
    if let Some(function) = function {
        // SAFETY: the program gave the function for this cif; result and words are those of a call by it.
        unsafe { function(cif, result, raw, *user_data) };
    }
}

/// Prepares a closure that calls `translate`, which finds the function and its data in the closure at `code`.
///
/// # Safety
/// As `ffi_prep_closure_loc`.
pub(crate) unsafe fn prepare(
    closure: *mut RawClosure,
    cif: *mut Cif,
    (function, user_data): (Option<RawFunction>, *mut c_void),
    code: *mut c_void,
    translate: ClosureFunction,
) -> Status {
    const { assert!(offset_of!(RawClosure, closure) == 0) };
    // The memory that is written: where it executes need not be readable as data.
    // SAFETY: the program vouches for closure, cif and code; `translate` is handed the raw closure that it expects.
    let status =
        unsafe { ffi_prep_closure_loc(closure.cast::<Closure>(), cif, translate, closure.cast(), code) };
    if status == Status::Ok {
        // SAFETY: the program vouches that the closure is writable; nothing calls it before this returns.
        unsafe { ((*closure).function, (*closure).user_data) = (function, user_data) };
    }
    status
}

/// `ffi_prep_raw_closure_loc`: as `ffi_prep_closure_loc`, for a function that is handed words.
///
/// # Safety
/// As `ffi_prep_closure_loc`.
#[unsafe(export_name = "springboard_libffi_ffi_prep_raw_closure_loc")]
pub(crate) unsafe extern "C" fn ffi_prep_raw_closure_loc(
    closure: *mut RawClosure,
    cif: *mut Cif,
    function: Option<RawFunction>,
    user_data: *mut c_void,
    code: *mut c_void,
) -> Status {
    // SAFETY: the program vouches for closure, cif and code, as `prepare` asks.
    unsafe { prepare(closure, cif, (function, user_data), code, translate) }
}

/// `ffi_prep_raw_closure`: the same in memory that is writable and executable at one address.
///
/// # Safety
/// As `ffi_prep_closure_loc`.
#[unsafe(export_name = "springboard_libffi_ffi_prep_raw_closure")]
pub(crate) unsafe extern "C" fn ffi_prep_raw_closure(
    closure: *mut RawClosure,
    cif: *mut Cif,
    function: Option<RawFunction>,
    user_data: *mut c_void,
) -> Status {
    // SAFETY: the program vouches that the closure's memory is writable and executable, and for the cif.
    unsafe { prepare(closure, cif, (function, user_data), closure.cast(), translate) }
}
