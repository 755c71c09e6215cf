//! Functions whose arguments and results are words: integers, floating point numbers and pointers.

use libffi::middle::{Cif, CodePtr, arg};
use springboard::{Path, Value, Word};

use super::{bind, bind_native, leak, pointer};
use crate::{
    case::{Case, DIRECT, Group, Runner, repeat, repeat_slots, write_slots},
    jit_module, native,
    types::{CaseType, signature},
};

/// The text of the case `strlen`, 16 characters.
static TEXT: &[u8; 17] = b"sixteen letters!\0";
/// The buffer of the case `sum_buffer`.
static BUFFER: [u8; 16] = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16];

/// A case: its group and name, the function and its type, and its arguments by the call's number and the result of
/// the call before.
macro_rules! case {
    ($group:ident $name:literal, $symbol:literal: $pointer:ty $(, variadic after $fixed:literal)?;
     |$index:pat_param, $last:pat_param| ($($arg:ident: $ty:ty = $value:expr),*) -> $result:ty) => {
        Case { group: Group::$group, name: $name, runners: |bench| {
            let address = native::address(&bench.library, $symbol);
            #[allow(unused_mut, unused_assignments)]
            let mut fixed: Option<usize> = None;
            $(fixed = Some($fixed);)?
            let signature = signature(<$result>::c(), &[$(<$ty>::c()),*], fixed);

            // SAFETY: the type is that of the C function.
            let direct = unsafe { pointer::<$pointer>(address) };
            let function = bind_native(bench, address, &signature);
            let typed = function.typed::<$pointer>().expect("the type of the case").get();
            let slots = function.slots::<$result>().expect("the type of the case");
            let fallback = bind(&bench.fallback, address, &signature);
            let fallback = fallback.slots::<$result>().expect("the type of the case");
            let packed = bind(&bench.packed, address, &signature);
            let ffi_params = [$(<$ty>::ffi()),*];
            let cif = match fixed {
                None => Cif::new(ffi_params, <$result>::ffi()),
                Some(fixed) => Cif::new_variadic(ffi_params, fixed, <$result>::ffi()),
            };
            let cif = leak(cif);

            let mut runners = vec![
                Runner::new(DIRECT, move |calls| repeat::<$result>(calls, move |$index, $last| {
                    // SAFETY: the functions of the cases may be called with these arguments.
                    unsafe { direct($($value),*) }
                })),
                Runner::new("typed", move |calls| repeat::<$result>(calls, move |$index, $last| {
                    // SAFETY: the functions of the cases may be called with these arguments.
                    unsafe { typed($($value),*) }
                })),
                Runner::new("slots", move |calls| repeat_slots::<$result>(calls, {
                    let slots = slots.clone();
                    move |memory, $index, $last| {
                    // SAFETY: the memory has room for the slots of arguments that the function may be called with.
                    unsafe {
                        write_slots(memory, [$({ let $arg: $ty = $value; $arg.into_slot() }),*]);
                        slots.call_pointer(memory)
                    }
                }})),
                Runner::new("call", move |calls| repeat::<$result>(calls, move |$index, $last| {
                    let values = [$({ let $arg: $ty = $value; Value::from($arg) }),*];
                    // SAFETY: the functions of the cases may be called with these arguments.
                    let result = unsafe { function.call(&values) };
                    <$result>::of(result.as_ref().expect("arguments that fit"))
                })),
                Runner::new("libffi", move |calls| repeat::<$result>(calls, move |$index, $last| {
                    $(let $arg: $ty = $value;)*
                    // SAFETY: the call interface is of these types, and the function takes these arguments.
                    unsafe { cif.call::<$result>(CodePtr(address.as_ptr()), &[$(arg(&$arg)),*]) }
                })),
                Runner::new("fallback", move |calls| repeat_slots::<$result>(calls, {
                    let fallback = fallback.clone();
                    move |memory, $index, $last| {
                    // SAFETY: the memory has room for the slots of arguments that the function may be called with.
                    unsafe {
                        write_slots(memory, [$({ let $arg: $ty = $value; $arg.into_slot() }),*]);
                        fallback.call_pointer(memory)
                    }
                }})),
            ];
            if matches!(packed.path(), Path::Pack) {
                let packed = packed.slots::<$result>().expect("the type of the case");
                runners.push(Runner::new("pack", move |calls| {
                    let packed = packed.clone();
                    repeat_slots::<$result>(calls, move |memory, $index, $last| {
                        // SAFETY: the memory has room for the slots of arguments that the function may be called with.
                        unsafe {
                            write_slots(memory, [$({ let $arg: $ty = $value; $arg.into_slot() }),*]);
                            packed.call_pointer(memory)
                        }
                    })
                }));
            }
            if let Some(entry) = jit_module::compile::<$result>(&signature, address) {
                runners.push(Runner::new("jit-module", move |calls| {
                    repeat_slots::<$result>(calls, move |memory, $index, $last| {
                        // SAFETY: the memory has room for the slots of arguments that the function may be called with.
                        unsafe {
                            write_slots(memory, [$({ let $arg: $ty = $value; $arg.into_slot() }),*]);
                            entry(memory)
                        }
                    })
                }));
            }
            runners
        } }
    };
}

pub(super) static CASES: [Case; 10] = [
    case!(Scalar "noop", "noop": unsafe extern "C" fn(); |_, _| () -> ()),
    case!(Scalar "add_i32", "add_i32": unsafe extern "C" fn(i32, i32) -> i32;
        |i, _| (a: i32 = i as i32, b: i32 = 7) -> i32),
    case!(Scalar "add_i32_dependent", "add_i32": unsafe extern "C" fn(i32, i32) -> i32;
        |_, last| (a: i32 = last, b: i32 = 7) -> i32),
    case!(Scalar "sum8_i64",
        "sum8_i64": unsafe extern "C" fn(i64, i64, i64, i64, i64, i64, i64, i64) -> i64;
        |i, _| (a: i64 = i as i64, b: i64 = 2, c: i64 = 3, d: i64 = 4, e: i64 = 5, f: i64 = 6, g: i64 = 7,
            h: i64 = 8) -> i64),
    case!(Scalar "add_f64", "add_f64": unsafe extern "C" fn(f64, f64) -> f64;
        |i, _| (a: f64 = f64::from(i as i32), b: f64 = 7.5) -> f64),
    case!(Scalar "mix", "mix": unsafe extern "C" fn(i32, f64, i64, f32) -> f64;
        |i, _| (a: i32 = i as i32, b: f64 = 2.5, c: i64 = 3, d: f32 = 4.5) -> f64),
    case!(Scalar "strlen", "strlen": unsafe extern "C" fn(*const u8) -> usize;
        |_, _| (text: *const u8 = TEXT.as_ptr()) -> usize),
    case!(Scalar "sum_buffer", "sum_buffer": unsafe extern "C" fn(*const u8, usize) -> u64;
        |_, _| (bytes: *const u8 = BUFFER.as_ptr(), count: usize = BUFFER.len()) -> u64),
    case!(Scalar "sum12_i32",
        "sum12_i32": unsafe extern "C" fn(i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32, i32) -> i32;
        |i, _| (a: i32 = i as i32, b: i32 = 2, c: i32 = 3, d: i32 = 4, e: i32 = 5, f: i32 = 6, g: i32 = 7,
            h: i32 = 8, j: i32 = 9, k: i32 = 10, l: i32 = 11, m: i32 = 12) -> i32),
    case!(Variadic "sum_va", "sum_va": unsafe extern "C" fn(i32, ...) -> i64, variadic after 1;
        |i, _| (count: i32 = 3, a: i64 = i as i64, b: i64 = 2, c: i64 = 3) -> i64),
];
