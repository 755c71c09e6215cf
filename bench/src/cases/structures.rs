//! Functions with structures by value.
//!
//! An argument lies in memory that the callee might change, so every path reads it anew for each call. A result
//! that comes back in memory is read as a whole.

use std::{ffi::c_void, hint::black_box, ptr::NonNull, slice};

use libffi::middle::{Arg, Cif, CodePtr, arg};
use springboard::{Function, Value, Word, ir::Signature};

use super::{bind, bind_native, leak, pointer};
use crate::{
    case::{Bench, Case, DIRECT, Group, Runner, repeat, repeat_slots, write_slots},
    native,
    types::{CaseType, P2, Q4, Structure, signature},
};

pub(super) static CASES: [Case; 2] = [
    Case { group: Group::Struct, name: "p2_scale", runners: p2_scale },
    Case { group: Group::Struct, name: "q4_quad", runners: q4_quad },
];

/// 16 bytes in two vector registers, in and out.
fn p2_scale(bench: &Bench) -> Vec<Runner> {
    let address = native::address(&bench.library, "scale");
    let signature = signature(P2::c(), &[P2::c(), f64::c()], None);
    let cif = leak(Cif::new([P2::ffi(), f64::ffi()], P2::ffi()));
    // SAFETY: the type is that of the C function.
    let direct = unsafe { pointer::<unsafe extern "C" fn(P2, f64) -> P2>(address) };
    let point: *const P2 = black_box(leak(P2 { x: 1.5, y: 2.5 }));
    let mut runners = vec![Runner::new(DIRECT, move |calls| {
        repeat::<P2>(calls, move |index, _| {
            // SAFETY: the point is never freed; the functions of the cases may be called with any values.
            unsafe { direct(point.read(), number(index)) }
        })
    })];
    runners.extend(through_springboard::<P2, 2>(bench, address, &signature, move |index| {
        [point.into_slot(), number(index).into_slot()]
    }));
    let function = bind_native(bench, address, &signature);
    runners.push(checked::<P2, 2>(function, move |index| {
        // SAFETY: the point is never freed, and nobody writes to it.
        let bytes = unsafe { slice::from_raw_parts(point.cast::<u8>(), size_of::<P2>()) };
        [Value::from(bytes), Value::from(number(index))]
    }));
    runners.push(Runner::new("libffi", move |calls| {
        repeat::<P2>(calls, move |index, _| {
            let by = number(index);
            // SAFETY: the point is never freed; the call interface is made for these types.
            unsafe { libffi::<P2>(cif, address, &[arg(&*point), arg(&by)]) }
        })
    }));
    runners
}

/// 32 bytes, returned through memory.
fn q4_quad(bench: &Bench) -> Vec<Runner> {
    let address = native::address(&bench.library, "quad");
    let signature = signature(Q4::c(), &[i64::c()], None);
    let cif = leak(Cif::new([i64::ffi()], Q4::ffi()));
    // SAFETY: the type is that of the C function.
    let direct = unsafe { pointer::<unsafe extern "C" fn(i64) -> Q4>(address) };
    let mut runners = vec![Runner::new(DIRECT, move |calls| {
        repeat::<Q4>(calls, move |index, _| {
            // SAFETY: the functions of the cases may be called with any values.
            let result = unsafe { direct(index as i64) };
            result.read()
        })
    })];
    let slots = move |index| [(index as i64).into_slot()];
    runners.extend(through_springboard::<Q4, 1>(bench, address, &signature, slots));
    let function = bind_native(bench, address, &signature);
    runners.push(checked::<Q4, 1>(function, move |index| [Value::from(index as i64)]));
    runners.push(Runner::new("libffi", move |calls| {
        repeat::<Q4>(calls, move |index, _| {
            let a = index as i64;
            // SAFETY: the call interface is made for these types.
            unsafe { libffi::<Q4>(cif, address, &[arg(&a)]) }
        })
    }));
    runners
}

/// The argument of a call by its number.
fn number(index: u64) -> f64 {
    f64::from(index as i32)
}

/// The paths that are entered with slots; `slots` gives those of the arguments.
fn through_springboard<R: Structure, const N: usize>(
    bench: &Bench,
    address: NonNull<c_void>,
    signature: &Signature,
    slots: impl Fn(u64) -> [u64; N] + Copy + 'static,
) -> [Runner; 2] {
    let native = bind_native(bench, address, signature);
    let fallback = bind(&bench.fallback, address, signature);
    [("slots", native), ("fallback", fallback)].map(|(path, function)| {
        let entry = function.slots::<()>().expect("a structure is returned in memory");
        Runner::new(path, move |calls| {
            let mut result = R::first();
            let result = black_box(&raw mut result);
            let entry = entry.clone();
            repeat_slots::<R>(calls, move |memory, index, _| {
                // SAFETY: the memory is large enough, and gets the slots of these arguments and the address of
                // memory for the result.
                unsafe {
                    write_slots(memory, slots(index));
                    write_slots(memory.add(N), [result.into_slot()]);
                    entry.call_pointer(memory);
                    (*result).read()
                }
            })
        })
    })
}

/// The path with checked values.
fn checked<R: CaseType, const N: usize>(
    function: &'static Function,
    values: impl Fn(u64) -> [Value; N] + Copy + 'static,
) -> Runner {
    Runner::new("call", move |calls| {
        repeat::<R>(calls, move |index, _| {
            // SAFETY: the functions of the cases may be called with any values.
            let result = unsafe { function.call(&values(index)) };
            R::of(result.as_ref().expect("arguments that fit"))
        })
    })
}

/// A call through the libffi crate.
///
/// # Safety
/// As [`Cif::call`].
#[inline(always)]
unsafe fn libffi<R: Structure>(cif: &Cif, address: NonNull<c_void>, arguments: &[Arg<'_>]) -> R {
    // SAFETY: the caller vouches that the interface, the address and the arguments belong together.
    let result = unsafe { cif.call::<R>(CodePtr(address.as_ptr()), arguments) };
    result.read()
}
