//! Closures: C functions that call a function of the program's with pointers to their arguments.

use std::{
    ffi::c_void,
    ptr::{self, NonNull},
    sync::atomic::Ordering::Acquire,
};

use springboard_code::synchronise_instructions;

use crate::{
    adapted::Adapted,
    machine::{self, MACHINE},
    pool, real,
    shape::Shape,
    table,
    trace::{self, COUNTERS},
    types::{Cif, Closure, ClosureFunction, DESTINATION, GoClosure, Status},
};

/// `ffi_closure_alloc`: memory for a closure of `size` bytes, and, in `code`, the address by which it is called. Null
/// where there is none.
///
/// # Safety
/// `code` is writable.
#[unsafe(export_name = "springboard_libffi_ffi_closure_alloc")]
pub(crate) unsafe extern "C" fn ffi_closure_alloc(size: usize, code: *mut *mut c_void) -> *mut c_void {
    if code.is_null() {
        return ptr::null_mut();
    }
    let Some(place) = pool::take(size) else { return ptr::null_mut() };
    // SAFETY: writable: the program vouches for it, as libffi asks.
    unsafe { *code = place.code };
    place.data
}

/// `ffi_closure_free`. Null is nothing.
///
/// # Safety
/// The memory came from [`ffi_closure_alloc`], and is not called any more.
#[unsafe(export_name = "springboard_libffi_ffi_closure_free")]
pub(crate) unsafe extern "C" fn ffi_closure_free(closure: *mut c_void) {
    if let Some(closure) = NonNull::new(closure) {
        // SAFETY: the program vouches that the closure came from `ffi_closure_alloc`, and frees it once.
        unsafe { pool::give(closure) };
    }
}

/// `ffi_prep_closure_loc`: makes calls of `code` call `function` with the cif, memory for the result, pointers to the
/// arguments, and `user_data`. The closure is memory from [`ffi_closure_alloc`], or the program's own at whose
/// executable view `code` points.
///
/// # Safety
/// As libffi has it: the cif is prepared and outlives the closure, and the memory is writable.
#[unsafe(export_name = "springboard_libffi_ffi_prep_closure_loc")]
pub(crate) unsafe extern "C" fn ffi_prep_closure_loc(
    closure: *mut Closure,
    cif: *mut Cif,
    function: ClosureFunction,
    user_data: *mut c_void,
    code: *mut c_void,
) -> Status {
    // SAFETY: the program vouches for the cif, as libffi asks.
    let known = match unsafe { described(closure.cast(), cif) } {
        Ok(cif) => table::shape(cif),
        Err(status) => return status,
    };
    let compiled = |(entry, shape): (&table::Entry, &'static Shape)| {
        let stub = NonNull::new(entry.closure.load(Acquire)).or_else(|| entry.closure_stub(shape));
        stub.map(|stub| (stub, shape.numbers))
    };
    let Some((stub, numbers)) = known.and_then(compiled) else {
        trace::count(&COUNTERS.libffi_closures);
        // SAFETY: the program vouches for closure, cif and code; a cif without a shape was prepared by libffi itself.
        return unsafe {
            match known {
                None => by_libffi(closure, cif, function, user_data, code),
                Some(_) => match Adapted::new(cif, function, user_data) {
                    Ok(kept) => by_libffi(closure, &raw mut (*kept).cif, call_adapted, kept.cast(), code),
                    Err(status) => status,
                },
            }
        };
    };
    let (mut function, mut user_data) = (function, user_data);
    if let Some(numbers) = numbers {
        // SAFETY: the program vouches for the cif.
        let described = unsafe { *cif };
        user_data = Adapted::kept(described, cif, function, user_data).cast();
        function = numbers.returning();
    }
    trace::count(&COUNTERS.native_closures);
    // SAFETY: the program vouches that the closure is writable, of which this is the first word.
    let has_code = unsafe { pool::is_place(closure.cast(), code) };
    // SAFETY: writable: the program vouches for it, as libffi asks.
    let closure = unsafe { &mut *closure };
    closure.trampoline[DESTINATION..].copy_from_slice(&stub.addr().get().to_ne_bytes());
    closure.cif = cif;
    closure.function = Some(function);
    closure.user_data = user_data;
    if !has_code {
        let its_own = machine::code(0).expect("a closure is in its own reach");
        closure.trampoline[..MACHINE.place].copy_from_slice(&its_own);
        synchronise_instructions(code.cast(), MACHINE.place);
    }
    Status::Ok
}

/// The cif of a closure to be made.
///
/// # Safety
/// The cif is null, or readable.
unsafe fn described<'a>(closure: *const c_void, cif: *const Cif) -> Result<&'a Cif, Status> {
    // SAFETY: the caller vouches for the cif.
    match unsafe { cif.as_ref() } {
        Some(cif) if !MACHINE.has_abi(cif.abi) => Err(Status::BadAbi),
        Some(cif) if !closure.is_null() => Ok(cif),
        _ => Err(Status::BadTypedef),
    }
}

/// `ffi_prep_closure`: the same in memory that is writable and executable at one address.
///
/// # Safety
/// As [`ffi_prep_closure_loc`].
#[unsafe(export_name = "springboard_libffi_ffi_prep_closure")]
pub(crate) unsafe extern "C" fn ffi_prep_closure(
    closure: *mut Closure,
    cif: *mut Cif,
    function: ClosureFunction,
    user_data: *mut c_void,
) -> Status {
    // SAFETY: the program vouches for closure and cif; the code's address is the closure's own.
    unsafe { ffi_prep_closure_loc(closure, cif, function, user_data, closure.cast()) }
}

unsafe extern "C-unwind" fn call_adapted(
    _: *mut Cif,
    result: *mut c_void,
    avalue: *mut *mut c_void,
    adapted: *mut c_void,
) {
    // SAFETY: this is called with what `by_libffi` has given libffi.
    let adapted = unsafe { &*adapted.cast::<Adapted>() };
    // SAFETY: the program's function, with what libffi promises it.
    unsafe { (adapted.function)(adapted.theirs, result, avalue, adapted.user_data) }
}

/// A closure as libffi makes it. It writes its code into the closure, and the address that its code jumps to lies
/// where ours does.
///
/// # Safety
/// As [`ffi_prep_closure_loc`]; libffi itself has prepared the cif.
#[cold]
unsafe fn by_libffi(
    closure: *mut Closure,
    cif: *mut Cif,
    function: ClosureFunction,
    user_data: *mut c_void,
    code: *mut c_void,
) -> Status {
    // Where this word is not zero, libffi takes it for an address of its own.
    // SAFETY: writable: the program vouches for it, as libffi asks.
    unsafe { closure.cast::<u64>().write(0) };
    // SAFETY: libffi prepared the cif; the program vouches that closure and code are one writable closure.
    unsafe { real::ffi_prep_closure_loc(closure, cif, function, user_data, code) }
}

/// `ffi_prep_go_closure`: makes calls of the closure's entry, with the closure's address in the register of the static
/// chain, call `function` with that address as user data.
///
/// # Safety
/// As [`ffi_prep_closure_loc`].
#[unsafe(export_name = "springboard_libffi_ffi_prep_go_closure")]
pub(crate) unsafe extern "C" fn ffi_prep_go_closure(
    closure: *mut GoClosure,
    cif: *mut Cif,
    function: ClosureFunction,
) -> Status {
    // SAFETY: the program vouches for the cif, as libffi asks.
    let known = match unsafe { described(closure.cast(), cif) } {
        Ok(cif) => table::shape(cif),
        Err(status) => return status,
    };
    if let Some(stub) = known.and_then(|(_, shape)| shape.go_stub()) {
        trace::count(&COUNTERS.native_closures);
        // SAFETY: writable: the program vouches for it, as libffi asks.
        unsafe { *closure = GoClosure { entry: stub.as_ptr(), cif, function: Some(function) } };
        return Status::Ok;
    }
    trace::count(&COUNTERS.libffi_closures);
    let cif = if known.is_some() {
        // SAFETY: the program vouches that the cif is prepared. Its function is handed the copy, and cannot tell.
        match unsafe { Adapted::new(cif, function, ptr::null_mut()) } {
            // SAFETY: kept for good.
            Ok(adapted) => unsafe { &raw mut (*adapted).cif },
            Err(status) => return status,
        }
    } else {
        cif
    };
    // SAFETY: prepared by libffi.
    unsafe { real::ffi_prep_go_closure(closure, cif, function) }
}
