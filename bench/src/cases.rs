//! The cases: one line each for those whose arguments and results are words, one file for structures.

mod callbacks;
mod everyday;
mod structures;
pub(crate) mod v8;
mod words;

use std::{ffi::c_void, mem, ptr::NonNull};

use springboard::{Engine, Function, Path, ir::Signature};

use crate::case::{Bench, Case};

/// Every case of calling, in the order of the report.
pub(crate) fn all() -> impl Iterator<Item = &'static Case> {
    words::CASES
        .iter()
        .chain(&structures::CASES)
        .chain(&callbacks::CASES)
        .chain(&everyday::CASES)
        .chain(&v8::CASES)
}

/// Binds the function at `address`, for as long as the program runs.
fn bind(engine: &Engine, address: NonNull<c_void>, signature: &Signature) -> &'static Function {
    let function = engine.function_at(address, signature.clone()).expect("a case can be called");
    leak(function)
}

/// Keeps a value for as long as the program runs.
fn leak<T>(value: T) -> &'static T {
    Box::leak(Box::new(value))
}

/// As [`bind`], where calls go through a stub.
fn bind_native(bench: &Bench, address: NonNull<c_void>, signature: &Signature) -> &'static Function {
    let function = bind(&bench.engine, address, signature);
    if let Path::Libffi(reason) = function.path() {
        panic!("there is no stub to measure for {:?}: {reason}", function.prototype());
    }
    function
}

/// The address of a native function as a function pointer.
///
/// # Safety
/// `F` is a function pointer; to call it, it must be of the function's type.
pub(crate) unsafe fn pointer<F: Copy>(address: NonNull<c_void>) -> F {
    assert_eq!(size_of::<F>(), size_of_val(&address));
    // SAFETY: both are pointers of one size, and neither is null.
    unsafe { mem::transmute_copy::<NonNull<c_void>, F>(&address) }
}
