//! The drop-in for libffi, beside the system's libffi, the one that is bundled, and any other: through their C
//! interfaces.

mod library;

use std::{ffi::c_void, process::Command, ptr};

use self::library::{Libffi, Plans};
use crate::{
    case::{Bench, Group, selected},
    measure::{Effort, Samples, cpu_time},
    native,
    report::Row,
};
use libffi::raw::{
    ffi_abi_FFI_DEFAULT_ABI as DEFAULT_ABI, ffi_cif, ffi_closure, ffi_type, ffi_type_sint32, ffi_type_sint64,
};

/// Where the drop-in lies; `cargo xtask bench` sets it where it has built one.
const DROPIN: &str = "SPRINGBOARD_DROPIN";

/// The shared library of one more libffi, for what neither the system's nor the bundled one has: call plans.
const OTHER: &str = "SPRINGBOARD_LIBFFI";

/// Repetitions of something short for one sample: few, so that most samples are not interrupted.
const TIMES: u32 = 2000;

#[repr(C)]
#[derive(Clone, Copy, PartialEq, Debug)]
struct Pair {
    a: i64,
    b: i64,
}

unsafe extern "C" fn closed(_: *mut ffi_cif, result: *mut c_void, values: *mut *mut c_void, _: *mut c_void) {
    // SAFETY: libffi's promise to a closure of type `int(int, int)`.
    unsafe {
        let [a, b] = [0, 1].map(|index| (*values.add(index)).cast::<i32>().read());
        result.cast::<u64>().write(i64::from(a + b) as u64);
    }
}

/// One type of function with arguments: to be prepared, and to be called.
struct Signature {
    name: &'static str,
    function: *const c_void,
    result: *mut ffi_type,
    types: Vec<*mut ffi_type>,
    values: Vec<*mut c_void>,
    expected: [i64; 2],
}

/// The signatures. What they refer to is leaked. The functions are in a shared library, as those are that programs call
/// through libffi.
fn signatures(library: &springboard::Library) -> Vec<Signature> {
    let function = |name| native::address(library, name).as_ptr().cast_const();
    let int = &raw mut ffi_type_sint32;
    let long = &raw mut ffi_type_sint64;
    let members = Box::leak(Box::new([long, long, ptr::null_mut()]));
    let pair: *mut ffi_type = Box::leak(Box::new(ffi_type {
        type_: libffi::raw::ffi_type_enum_STRUCT,
        elements: members.as_mut_ptr(),
        ..ffi_type::default()
    }));
    let value = |value: i64| ptr::from_mut(Box::leak(Box::new(value))).cast::<c_void>();
    let pair_value = ptr::from_mut(Box::leak(Box::new(Pair { a: 3, b: 4 }))).cast();
    vec![
        Signature {
            name: "i32_i32",
            function: function("add_i32"),
            result: int,
            types: vec![int; 2],
            values: vec![value(3), value(4)],
            expected: [7, 0],
        },
        Signature {
            name: "8_i64",
            function: function("sum8_i64"),
            result: long,
            types: vec![long; 8],
            values: (1..=8).map(value).collect(),
            expected: [36, 0],
        },
        Signature {
            name: "struct16",
            function: function("swap_pair"),
            result: pair,
            types: vec![pair],
            values: vec![pair_value],
            expected: [4, 3],
        },
    ]
}

/// Measures the cases that `filters` select. Nothing where there is no drop-in.
pub(crate) fn measure(bench: &Bench, filters: &[String], effort: Effort) -> Vec<Row> {
    let wanted =
        |case: &str| filters.is_empty() || filters.iter().any(|filter| selected(Group::Libffi, case, filter));
    let Some(file) = std::env::var_os(DROPIN) else {
        if filters.iter().any(|filter| filter == "libffi") {
            eprintln!("{DROPIN} names no drop-in: cargo xtask bench --filter libffi builds one");
        }
        return Vec::new();
    };
    let file = file.to_string_lossy();
    // The system's first: asked for by its name, the loader would answer with the drop-in, which has the same.
    let system = Libffi::open("system", "libffi.so.8");
    let all = [Libffi::open("dropin", &file), system, Some(Libffi::bundled()), other()];
    let all: Vec<Libffi> = all.into_iter().flatten().collect();
    let mut rows = Vec::new();
    for mut signature in signatures(&bench.library) {
        for (what, step) in STEPS {
            let case = format!("{what}_{}", signature.name);
            if !wanted(&case) {
                continue;
            }
            eprintln!("{} {case}", Group::Libffi);
            for libffi in &all {
                let samples = step(libffi, &mut signature, effort);
                rows.push(Row::plain(Group::Libffi, &case, libffi.path, &samples));
            }
        }
        let case = format!("plan_{}", signature.name);
        if !wanted(&case) {
            continue;
        }
        eprintln!("{} {case}", Group::Libffi);
        for libffi in &all {
            let samples = libffi.plans.as_ref().map(|plans| plan_call(libffi, plans, &mut signature, effort));
            rows.extend(samples.map(|samples| Row::plain(Group::Libffi, &case, libffi.path, &samples)));
        }
    }
    let mut ints = signatures(&bench.library).remove(0);
    for (case, step) in [("closure_call", closure_call as Step), ("closure_made", closure_made)] {
        if wanted(case) {
            eprintln!("{} {case}", Group::Libffi);
            rows.extend(all.iter().map(|libffi| {
                Row::plain(Group::Libffi, case, libffi.path, &step(libffi, &mut ints, effort))
            }));
        }
    }
    for script in ["ctypes", "cffi"].into_iter().filter(|script| wanted(script)) {
        eprintln!("{} {script}", Group::Libffi);
        rows.extend(python(script, &file, effort));
    }
    rows
}

/// The libffi that [`OTHER`] names.
fn other() -> Option<Libffi> {
    let file = std::env::var(OTHER).ok()?;
    let found = Libffi::open("other", &file);
    if found.is_none() {
        eprintln!("{OTHER}: {file} is no libffi, and is not measured");
    }
    found
}

type Step = fn(&Libffi, &mut Signature, Effort) -> Samples;

const STEPS: [(&str, Step); 3] = [("prepare", prepare), ("call", call), ("prepare_call", prepare_call)];

/// Samples of something that is done [`TIMES`] times.
fn samples(effort: Effort, mut step: impl FnMut()) -> Samples {
    let mut samples = Samples::default();
    for _ in 0..effort.rounds * effort.repetitions * 10 {
        let taken = cpu_time(|| (0..TIMES).for_each(|_| step()));
        samples.push(taken.as_secs_f64() * 1e9 / f64::from(TIMES));
    }
    samples
}

fn prepared(libffi: &Libffi, signature: &mut Signature) -> ffi_cif {
    let mut cif = ffi_cif::default();
    let (count, types) = (signature.types.len() as u32, signature.types.as_mut_ptr());
    // SAFETY: the types live as long as the process.
    let status = unsafe { (libffi.prep_cif)(&mut cif, DEFAULT_ABI, count, signature.result, types) };
    assert_eq!(status, 0, "{} prepares {}", libffi.path, signature.name);
    cif
}

fn prepare(libffi: &Libffi, signature: &mut Signature, effort: Effort) -> Samples {
    samples(effort, || {
        std::hint::black_box(prepared(libffi, signature));
    })
}

/// Calls once.
#[inline(always)]
fn called(libffi: &Libffi, signature: &mut Signature, cif: &mut ffi_cif, result: &mut [i64; 2]) {
    // SAFETY: the cif is the function's, and the values are of its types.
    unsafe {
        (libffi.call)(cif, signature.function, result.as_mut_ptr().cast(), signature.values.as_mut_ptr());
    }
}

/// Sees to it that the answer is right, before anything is timed.
fn check(libffi: &Libffi, signature: &mut Signature) {
    let (mut cif, mut result) = (prepared(libffi, signature), [0; 2]);
    called(libffi, signature, &mut cif, &mut result);
    assert_eq!(result, signature.expected, "{} calls {}", libffi.path, signature.name);
}

fn call(libffi: &Libffi, signature: &mut Signature, effort: Effort) -> Samples {
    check(libffi, signature);
    let (mut cif, mut result) = (prepared(libffi, signature), [0; 2]);
    samples(effort, || called(libffi, signature, &mut cif, &mut result))
}

fn plan_call(libffi: &Libffi, plans: &Plans, signature: &mut Signature, effort: Effort) -> Samples {
    let (mut cif, mut result) = (prepared(libffi, signature), [0i64; 2]);
    // SAFETY: the cif outlives the plan.
    let plan = unsafe { (plans.alloc)(&mut cif) };
    let mut called = |result: &mut [i64; 2]| {
        // SAFETY: the cif of the plan is the function's, and the values are of its types.
        unsafe {
            (plans.invoke)(
                plan,
                signature.function,
                result.as_mut_ptr().cast(),
                signature.values.as_mut_ptr(),
            );
        }
    };
    called(&mut result);
    assert_eq!(result, signature.expected, "a plan of {} calls {}", libffi.path, signature.name);
    let samples = samples(effort, || called(&mut result));
    // SAFETY: it is used no more.
    unsafe { (plans.free)(plan) };
    samples
}

fn prepare_call(libffi: &Libffi, signature: &mut Signature, effort: Effort) -> Samples {
    check(libffi, signature);
    let mut result = [0; 2];
    samples(effort, || {
        let mut cif = prepared(libffi, signature);
        called(libffi, signature, &mut cif, &mut result);
    })
}

/// A closure of type `int(int, int)`, and the address by which it is called.
fn closure(libffi: &Libffi, cif: &mut ffi_cif) -> (*mut c_void, *mut c_void) {
    let mut code = ptr::null_mut();
    // SAFETY: the cif outlives the closure, and is of the function's type.
    unsafe {
        let closure = (libffi.closure_alloc)(size_of::<ffi_closure>(), &mut code);
        assert_eq!((libffi.prep_closure)(closure, cif, closed, ptr::null_mut(), code), 0);
        (closure, code)
    }
}

fn closure_call(libffi: &Libffi, signature: &mut Signature, effort: Effort) -> Samples {
    let mut cif = prepared(libffi, signature);
    let (memory, code) = closure(libffi, &mut cif);
    // SAFETY: the closure is of this type.
    let function = unsafe { std::mem::transmute::<*mut c_void, extern "C" fn(i32, i32) -> i32>(code) };
    let function = std::hint::black_box(function);
    let samples = samples(effort, || assert_eq!(function(3, 4), 7));
    // SAFETY: it is called no more.
    unsafe { (libffi.closure_free)(memory) };
    samples
}

fn closure_made(libffi: &Libffi, signature: &mut Signature, effort: Effort) -> Samples {
    let mut cif = prepared(libffi, signature);
    samples(effort, || {
        let (memory, _) = closure(libffi, &mut cif);
        // SAFETY: it was never called.
        unsafe { (libffi.closure_free)(memory) };
    })
}

/// A loop of Debian's Python, with the drop-in and without. Each line that it prints is one sample in nanoseconds.
fn python(script: &str, dropin: &str, effort: Effort) -> Vec<Row> {
    let folder = std::path::Path::new(dropin).parent().map(std::path::Path::to_owned).unwrap_or_default();
    let paths = [("dropin", Some(folder)), ("system", None)];
    let mut rows = Vec::new();
    for (path, folder) in paths {
        let mut command = Command::new("/usr/bin/python3");
        command.arg(concat!(env!("CARGO_MANIFEST_DIR"), "/loop.py")).arg(script);
        command.arg((effort.rounds * effort.repetitions).to_string());
        if let Some(folder) = folder {
            command.env("LD_LIBRARY_PATH", folder);
        }
        let Ok(output) = command.output() else { continue };
        let mut samples = Samples::default();
        String::from_utf8_lossy(&output.stdout)
            .lines()
            .filter_map(|line| line.parse().ok())
            .for_each(|ns| samples.push(ns));
        if samples.count() == 0 {
            eprintln!("{script} of /usr/bin/python3 is not there");
            continue;
        }
        rows.push(Row::plain(Group::Libffi, script, path, &samples));
    }
    rows
}
