//! Calls of RustPython's layer below ctypes, and of the crate `libffi` itself: what they give, and what they take.
//!
//! It runs on whichever `libffi-sys` it is built with. `cargo xtask libffi-crates` builds it with both.

use std::{
    ffi::{c_int, c_long, c_void},
    hint::black_box,
    time::Instant,
};

use libffi::{
    low,
    middle::{Arg, Cif, CodePtr, Type},
};
use rustpython_host_env::ctypes::{
    CTypeLayout, CallArg, CallOptions, CallRet, CallValue, CallbackThunk, DecodedValue, call,
    decode_type_code, ffi_i32_type, ffi_pointer_type,
};

// Their addresses alone are used.
unsafe extern "C" {
    fn labs();
    fn ldexp();
    fn ldiv();
    fn qsort();
}

fn scalar(address: usize, arguments: &[CallArg<'_>], code: &str) -> DecodedValue {
    match call(address, arguments, CallRet::Code(code), CallOptions::default()) {
        Ok(CallValue::Scalar(bytes)) => decode_type_code(code, &bytes),
        other => panic!("{other:?}"),
    }
}

/// How `qsort` has two numbers compared.
unsafe extern "C" fn compare(
    _: &low::ffi_cif,
    result: &mut c_void,
    arguments: *const *const c_void,
    (): &(),
) {
    // SAFETY: two arguments, each the address of a pointer to an `int`, and room for a whole word.
    unsafe {
        let number = |index| **(*arguments.add(index)).cast::<*const c_int>();
        (&raw mut *result).cast::<low::ffi_arg>().write((number(0) - number(1)) as low::ffi_arg);
    }
}

fn values() {
    let minus = (-5 as c_long).to_ne_bytes();
    let DecodedValue::Signed(five) =
        scalar(labs as *const () as usize, &[CallArg::Typed { code: "l", buffer: &minus }], "l")
    else {
        panic!("no integer")
    };
    assert_eq!(five, 5);
    let DecodedValue::Float(twelve) =
        scalar(ldexp as *const () as usize, &[CallArg::Double(1.5), CallArg::Int(3)], "d")
    else {
        panic!("no number")
    };
    assert_eq!(twelve, 12.0);
    let layout =
        CTypeLayout::Struct { fields: vec![CTypeLayout::Simple('l'), CTypeLayout::Simple('l')], size: 16 };
    let [seventeen, three] = [17 as c_long, 3].map(c_long::to_ne_bytes);
    let arguments =
        [CallArg::Typed { code: "l", buffer: &seventeen }, CallArg::Typed { code: "l", buffer: &three }];
    let divided =
        call(ldiv as *const () as usize, &arguments, CallRet::Aggregate(&layout), CallOptions::default());
    let Ok(CallValue::Aggregate(bytes)) = divided else { panic!("no structure") };
    assert_eq!(bytes, [(5 as c_long).to_ne_bytes(), (2 as c_long).to_ne_bytes()].concat());
}

/// Sorts numbers by a closure.
fn sort() {
    let mut numbers: Vec<c_int> =
        (0..COUNT as c_int).map(|number| number.wrapping_mul(7919) % 10_007).collect();
    let thunk = CallbackThunk::new(
        vec![ffi_pointer_type(), ffi_pointer_type()],
        ffi_i32_type(),
        Box::new(()),
        compare,
    );
    let calls = CallArg::Pointer(thunk.code_ptr().as_ptr() as usize);
    let [count, size] = [numbers.len(), size_of::<c_int>()].map(usize::to_ne_bytes);
    let arguments = [
        CallArg::Pointer(numbers.as_mut_ptr() as usize),
        CallArg::Typed { code: "L", buffer: &count },
        CallArg::Typed { code: "L", buffer: &size },
        calls,
    ];
    call(qsort as *const () as usize, &arguments, CallRet::Void, CallOptions::default()).expect("qsort");
    assert!(numbers.is_sorted());
}

/// Prints how long one of `COUNT` takes in the fastest of many rounds, each shorter than what a busy machine lets run.
fn figure(name: &str, mut round: impl FnMut()) {
    let fastest = (0..500)
        .map(|_| {
            let begin = Instant::now();
            round();
            begin.elapsed()
        })
        .min();
    println!("{name}: {:.1} ns", fastest.expect("some rounds").as_nanos() as f64 / COUNT as f64);
}

/// Calls, or numbers, of a round.
const COUNT: usize = 1000;

fn main() {
    values();
    sort();
    println!("values are right");
    let minus = (-5 as c_long).to_ne_bytes();
    figure("labs by RustPython's ctypes layer, which prepares each call", || {
        for _ in 0..COUNT {
            let argument = CallArg::Typed { code: "l", buffer: black_box(&minus) };
            black_box(scalar(labs as *const () as usize, &[argument], "l"));
        }
    });
    let cif = Cif::new([Type::i64()], Type::i64());
    figure("labs by libffi::middle, prepared once", || {
        for _ in 0..COUNT {
            let number: c_long = black_box(-5);
            // SAFETY: the function is of the type that was prepared.
            black_box(unsafe { cif.call::<c_long>(CodePtr(labs as *mut c_void), &[Arg::new(&number)]) });
        }
    });
    figure("qsort of 1000 numbers through a closure, per number", || {
        sort();
    });
}
