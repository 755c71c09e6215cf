//! Panics, C++ exceptions and backtraces cross stubs that have frames.

mod exceptions;
#[path = "../support/mod.rs"]
mod support;

use std::{backtrace::Backtrace, ffi::c_void, panic, ptr::NonNull, sync::Mutex};

use springboard::{Engine, Function, Stubs, function::BoundPointer};

/// A stub that may be left by unwinding, which the type that the library hands out does not allow.
type Unwinding = unsafe extern "C-unwind" fn(*const u64) -> i32;

/// More arguments than there are registers, so that the stub calls, and has a frame.
const TWELVE: &str = "int(int, int, int, int, int, int, int, int, int, int, int, int)";

#[allow(clippy::too_many_arguments)] // that is the point
extern "C-unwind" fn twelve(
    a: i32,
    b: i32,
    c: i32,
    d: i32,
    e: i32,
    f: i32,
    g: i32,
    h: i32,
    i: i32,
    j: i32,
    k: i32,
    l: i32,
) -> i32 {
    *BACKTRACE.lock().unwrap() = Backtrace::force_capture().to_string();
    let sum = a + b + c + d + e + f + g + h + i + j + k + l;
    if sum < 0 {
        panic::resume_unwind(Box::new(sum));
    }
    sum
}

static BACKTRACE: Mutex<String> = Mutex::new(String::new());

fn engine() -> Engine {
    Engine::builder().stubs(Stubs::PerFunction).build()
}

fn unwinding(function: &Function) -> Unwinding {
    let pointer = function.bound_pointer::<i32>().expect("the function has a stub of its own");
    // SAFETY: the types differ in what may leave the function, and a stub with an unwind row lets anything leave.
    unsafe { std::mem::transmute::<BoundPointer<i32>, Unwinding>(pointer) }
}

#[inline(never)]
fn the_caller_of_the_stub(stub: Unwinding, slots: &[u64; 12]) -> i32 {
    // SAFETY: the function takes as many integers.
    unsafe { stub(slots.as_ptr()) }
}

#[test]
fn panics_and_backtraces_cross() {
    let address = NonNull::new(twelve as *mut c_void).expect("a function has an address");
    let function = engine().function_at(address, TWELVE).unwrap();
    let stub = unwinding(&function);
    assert_eq!(the_caller_of_the_stub(stub, &[1; 12]), 12);
    let backtrace = BACKTRACE.lock().unwrap().clone();
    assert!(backtrace.contains("the_caller_of_the_stub"), "beyond the stub: {backtrace}");
    let minus = u64::from_ne_bytes((-1i64).to_ne_bytes());
    for _ in 0..100 {
        let caught = panic::catch_unwind(|| the_caller_of_the_stub(stub, &[minus; 12]));
        assert_eq!(*caught.unwrap_err().downcast::<i32>().unwrap(), -12);
    }
    drop(function);
    // Segments that are unmapped are forgotten, and others known.
    for _ in 0..50 {
        let function = engine().function_at(address, TWELVE).unwrap();
        let stub = unwinding(&function);
        assert!(panic::catch_unwind(|| the_caller_of_the_stub(stub, &[minus; 12])).is_err());
    }
}

/// What is stored after the call: the stub keeps the address for it in its frame.
#[repr(C)]
#[derive(Clone, Copy, PartialEq, Debug)]
struct Pair {
    sum: i64,
    half: f64,
}

extern "C-unwind" fn pair(a: i64) -> Pair {
    if a < 0 {
        panic::resume_unwind(Box::new(a));
    }
    Pair { sum: a + 1, half: a as f64 / 2.0 }
}

#[test]
fn panics_cross_stubs_with_a_result_to_store() {
    let address = NonNull::new(pair as *mut c_void).expect("a function has an address");
    let function = engine().function_at(address, "struct { long sum; double half; }(long)").unwrap();
    let pointer = function.bound_pointer::<()>().expect("the function has a stub of its own");
    // SAFETY: the types differ in what may leave the function, and a stub with an unwind row lets anything leave.
    let stub =
        unsafe { std::mem::transmute::<BoundPointer<()>, unsafe extern "C-unwind" fn(*const u64)>(pointer) };
    let untouched = Pair { sum: 77, half: 7.5 };
    for a in [3i64, -4, 5, -6] {
        let mut result = untouched;
        let slots = [u64::from_ne_bytes(a.to_ne_bytes()), (&raw mut result).expose_provenance() as u64];
        // SAFETY: the function takes an integer, and the second slot has the address of room for its result.
        let caught = panic::catch_unwind(|| unsafe { stub(slots.as_ptr()) });
        match caught {
            Ok(()) => assert_eq!(result, Pair { sum: a + 1, half: a as f64 / 2.0 }),
            Err(panic) => assert_eq!((*panic.downcast::<i64>().unwrap(), result), (a, untouched)),
        }
        assert_eq!(result == untouched, a < 0);
    }
}
