//! Calls.

use std::{
    ffi::c_void,
    mem::{MaybeUninit, transmute},
    ptr::NonNull,
    sync::atomic::Ordering::Acquire,
};

use crate::{
    real,
    shape::Shape,
    table,
    trace::{self, COUNTERS},
    types::{Cif, Code, Stub},
    words::with_words,
};

/// The largest result that is received on the stack where the caller wants none.
const UNWANTED: usize = 4096;

/// A stub by its address.
///
/// # Safety
/// The address is that of a stub of the `avalue` entry.
#[inline(always)]
pub(crate) unsafe fn stub(address: NonNull<c_void>) -> Stub {
    // SAFETY: a function pointer has a data pointer's size and form, and the caller vouches for the type.
    unsafe { transmute::<NonNull<c_void>, Stub>(address) }
}

/// `ffi_call`: calls `function`, which is of the type that `cif` describes, with the arguments that `avalue` points to,
/// and writes the result to `rvalue`: an integer narrower than a word as a whole word. `rvalue` may be null.
///
/// # Safety
/// As libffi has it: the cif is prepared, there is one pointer per argument, and room for the result.
#[unsafe(export_name = "springboard_libffi_ffi_call")]
pub(crate) unsafe extern "C-unwind" fn ffi_call(
    cif: *mut Cif,
    function: Code,
    rvalue: *mut c_void,
    avalue: *mut *mut c_void,
) {
    // SAFETY: readable: the program vouches for it, as libffi asks.
    if let Some(entry) = table::entry(unsafe { &*cif })
        && let Some(address) = NonNull::new(entry.stub.load(Acquire))
        && !rvalue.is_null()
    {
        // SAFETY: the entry's stub is that of the cif's shape; the program vouches for function, result and arguments.
        return unsafe { stub(address)(function, rvalue, avalue) };
    }
    // SAFETY: the program's promise to `ffi_call` (prepared cif, an argument per parameter) is what this asks.
    unsafe { call_otherwise(cif, function, rvalue, avalue) }
}

/// Calls where something is missing: the stub, the plan, or memory for the result.
///
/// # Safety
/// As [`ffi_call`].
#[cold]
#[inline(never)]
unsafe extern "C-unwind" fn call_otherwise(
    cif: *mut Cif,
    function: Code,
    rvalue: *mut c_void,
    avalue: *mut *mut c_void,
) {
    // SAFETY: readable: the program vouches for it, as libffi asks.
    let described = unsafe { &*cif };
    let Some((entry, shape)) = table::shape(described) else {
        trace::count(&COUNTERS.libffi_calls);
        // SAFETY: libffi has prepared the cif itself.
        return unsafe {
            with_copy(described, avalue, |avalue| real::ffi_call(cif, function, rvalue, avalue));
        };
    };
    let Some(address) = compiled(shape, entry) else {
        // SAFETY: the cif is prepared, and the program vouches for function, result and arguments.
        return unsafe { call_anew(described, function, rvalue, avalue) };
    };
    trace::count(&COUNTERS.native_calls);
    // SAFETY: the address is that of a stub for calls.
    let stub = unsafe { stub(address) };
    if !rvalue.is_null() || shape.result.size == 0 {
        // SAFETY: the program vouches for function, result and arguments, as libffi asks; where there is no result, nothing is written.
        return unsafe { enter(stub, shape, function, rvalue, avalue) };
    }
    if shape.result.size as usize > UNWANTED || shape.result.align > 16 {
        let (bytes, align) = (shape.result.size as usize, shape.result.align as usize);
        let mut memory = Vec::<u8>::with_capacity(bytes + align);
        let result = memory.as_mut_ptr();
        // SAFETY: the program vouches for function and arguments; the memory has room for the result wherever it is aligned.
        return unsafe {
            enter(stub, shape, function, result.add(result.align_offset(align)).cast(), avalue)
        };
    }
    // SAFETY: the program vouches for function and arguments; nobody wants the result, for which there is room.
    unsafe { call_unwanted(stub, shape, function, avalue) }
}

/// Calls by the stub of a shape.
///
/// # Safety
/// As [`ffi_call`]; the result is not null where there is one.
#[inline(always)]
unsafe fn enter(stub: Stub, shape: &Shape, function: Code, rvalue: *mut c_void, avalue: *mut *mut c_void) {
    match shape.numbers {
        // SAFETY: the caller vouches for function, result and arguments; the stub is that of the shape.
        None => unsafe { stub(function, rvalue, avalue) },
        // SAFETY: likewise.
        Some(numbers) => unsafe { numbers.call(stub, function, rvalue, avalue) },
    }
}

/// Calls a function whose result nobody wants.
///
/// # Safety
/// As [`ffi_call`]; the result has at most [`UNWANTED`] bytes.
#[inline(never)]
unsafe extern "C-unwind" fn call_unwanted(
    stub: Stub,
    shape: &Shape,
    function: Code,
    avalue: *mut *mut c_void,
) {
    #[repr(align(16))]
    struct Result([MaybeUninit<u8>; UNWANTED]);
    let mut result = Result([MaybeUninit::uninit(); UNWANTED]);
    // SAFETY: the result fits into `UNWANTED` bytes, and the program vouches for function and arguments.
    unsafe { enter(stub, shape, function, result.0.as_mut_ptr().cast(), avalue) };
}

/// Calls by a copy of the cif that libffi prepares.
///
/// # Safety
/// As [`ffi_call`].
#[inline(never)]
unsafe extern "C-unwind" fn call_anew(
    cif: &Cif,
    function: Code,
    rvalue: *mut c_void,
    avalue: *mut *mut c_void,
) {
    trace::count(&COUNTERS.libffi_calls);
    // SAFETY: the program prepared the cif, and keeps its types for as long as it calls with it.
    let mut copy = unsafe { real::prepared(cif) }.unwrap_or(*cif);
    // SAFETY: `avalue` has `nargs` pointers, and `copy` describes the call that the program vouches for.
    unsafe { with_copy(cif, avalue, |avalue| real::ffi_call(&mut copy, function, rvalue, avalue)) }
}

/// Calls with a copy of `avalue`: libffi 3.6, as it is linked in, makes it point to copies of large structures, which
/// are gone after the call. Newer ones leave it as it is, and programs call with it again.
///
/// # Safety
/// `avalue` has one pointer per argument of the cif.
unsafe fn with_copy(cif: &Cif, avalue: *mut *mut c_void, call: impl FnOnce(*mut *mut c_void)) {
    let count = cif.nargs as usize;
    with_words(count, |words| {
        let words = words.cast::<*mut c_void>();
        if count != 0 {
            // SAFETY: `words` has room for `count` pointers, and the caller vouches that `avalue` has as many.
            unsafe { words.copy_from_nonoverlapping(avalue, count) };
        }
        call(words);
    });
}

/// The stub of a shape. Not `C-unwind`: a panic of the compiler's ends the process, and crosses nobody's frames.
extern "C" fn compiled(shape: &Shape, entry: &table::Entry) -> Option<NonNull<c_void>> {
    entry.call_stub(shape)
}

/// `ffi_call_go`: a call with an address in the register of the static chain, for functions of gccgo.
///
/// # Safety
/// As [`ffi_call`].
#[unsafe(export_name = "springboard_libffi_ffi_call_go")]
pub(crate) unsafe extern "C-unwind" fn ffi_call_go(
    cif: *mut Cif,
    function: Code,
    rvalue: *mut c_void,
    avalue: *mut *mut c_void,
    closure: *mut c_void,
) {
    trace::count(&COUNTERS.libffi_calls);
    // SAFETY: readable: the program vouches for it, as libffi asks.
    let mut copy = unsafe { *cif };
    if table::shape(&copy).is_some() {
        // SAFETY: the program prepared the cif, and keeps its types for as long as it calls with it.
        copy = unsafe { real::prepared(&copy) }.unwrap_or(copy);
    }
    // SAFETY: `avalue` has `nargs` pointers, and `copy` describes the call that the program vouches for.
    unsafe {
        with_copy(&*cif, avalue, |avalue| real::ffi_call_go(&mut copy, function, rvalue, avalue, closure));
    }
}
