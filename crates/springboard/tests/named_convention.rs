//! Functions that are called by another convention than the target's own, because their declarations say so.
#![cfg(target_arch = "x86_64")] // elsewhere there is no such convention

use std::{
    arch::{asm, x86_64::__m128i},
    array,
    ffi::c_void,
    mem,
    ptr::NonNull,
};

use springboard::{Engine, Function, LastError, Value, ir::Prototype};

mod support;

use support::{BOTH, NoWritableCode, bytes, call, engine, load};

#[repr(C)]
struct Pair {
    whole: i64,
    real: f64,
}

#[repr(C)]
struct Small {
    x: f32,
    y: f32,
}

extern "win64" fn weighed(a: i32, b: f64, c: f32, d: u8, e: i64, f: f64) -> f64 {
    f64::from(a) + 10.0 * b + 100.0 * f64::from(c) + 1e3 * f64::from(d) + 1e4 * e as f64 + 1e5 * f
}

extern "win64" fn moved(pair: Pair, small: Small, by: i64) -> Pair {
    Pair { whole: pair.whole + by, real: pair.real + f64::from(small.x - small.y) }
}

extern "win64" fn turned(small: Small) -> Small {
    Small { x: small.y, y: small.x }
}

const MOVED: &str = "struct pair { long long whole; double real; }; struct small { float x, y; };
    struct pair __attribute__((ms_abi)) moved(struct pair, struct small, long long)";

fn bind(engine: &Engine, address: *const c_void, text: &str) -> Function {
    let address = NonNull::new(address.cast_mut()).expect("a function has an address");
    engine.function_at(address, text).unwrap_or_else(|error| panic!("{text}: {error}"))
}

fn floats(x: f32, y: f32) -> Value {
    bytes(&[&x.to_ne_bytes(), &y.to_ne_bytes()])
}

#[test]
fn functions_are_called_as_they_were_declared() {
    let _maps = NoWritableCode;
    for jit in BOTH {
        let engine = engine(jit);
        let text =
            "__attribute__((ms_abi)) double weighed(int, double, float, unsigned char, long long, double)";
        let function = bind(&engine, weighed as *const c_void, text);
        let arguments = [1.into(), 2.0.into(), 3f32.into(), 4u8.into(), 5i64.into(), 6.0.into()];
        assert_eq!(call(&function, &arguments), Value::F64(654_321.0), "{}", function.path());

        let function = bind(&engine, moved as *const c_void, MOVED);
        let pair = |whole: i64, real: f64| bytes(&[&whole.to_ne_bytes(), &real.to_ne_bytes()]);
        let result = call(&function, &[pair(40, 0.5), floats(3.0, 1.0), 2i64.into()]);
        assert_eq!(result, pair(42, 2.5), "{}", function.path());

        let text = "struct small { float x, y; }; struct small (__attribute__((ms_abi)) *)(struct small)";
        let function = bind(&engine, turned as *const c_void, text);
        assert_eq!(call(&function, &[floats(1.0, 2.0)]), floats(2.0, 1.0), "{}", function.path());
    }
}

/// What Rust cannot write: `errno`, and the callee's side of `...`.
const SOURCE: &str = "
    #include <errno.h>
    __attribute__((ms_abi)) double failing(int code, double x) { errno = code; return x; }
    __attribute__((ms_abi)) double total(int count, ...) {
        __builtin_ms_va_list rest;
        __builtin_ms_va_start(rest, count);
        double sum = 0;
        for (int i = 0; i < count; i++) sum = 10 * sum + __builtin_va_arg(rest, double);
        __builtin_ms_va_end(rest);
        return sum;
    }";

#[test]
fn errors_and_variadic_arguments_arrive() {
    let library = load(SOURCE, "named_convention");
    for jit in BOTH {
        let engine = engine(jit);
        let failing =
            engine.function(&library, "__attribute__((ms_abi)) double failing(int, double)").unwrap();
        let failing = engine.with_last_error(&failing, LastError::Errno).unwrap();
        // SAFETY: the function takes any numbers.
        let (result, errno) = unsafe { failing.call_with_last_error(&[17.into(), 0.5.into()]) }.unwrap();
        assert_eq!((result, errno), (Value::F64(0.5), 17), "{}", failing.path());
        let text = "__attribute__((ms_abi)) double total(int, ..., double, double, double, double, double)";
        let total = engine.function(&library, text).unwrap();
        let arguments = [5.into(), 1.0.into(), 2.0.into(), 3.0.into(), 4.0.into(), 5.0.into()];
        assert_eq!(call(&total, &arguments), Value::F64(12_345.0), "{}", total.path());
    }
}

#[test]
fn callbacks_are_called_as_they_were_declared() {
    for jit in BOTH {
        let engine = engine(jit);
        let text = "double (int, double, float, int, long long, double) __attribute__((ms_abi))";
        let handler = |a: i32, b: f64, c: f32, d: i32, e: i64, f: f64| weighed(a, b, c, d as u8, e, f);
        let callback = engine.callback(text, handler).unwrap();
        // SAFETY: the callback has this type, and lives.
        let native: extern "win64" fn(i32, f64, f32, i32, i64, f64) -> f64 =
            unsafe { mem::transmute(callback.as_ptr()) };
        assert_eq!(native(1, 2.0, 3.0, 4, 5, 6.0), 654_321.0);
    }
}

/// Leaves other values in the registers that System V gives to whoever is called, and Microsoft's convention to the caller.
fn spoil() {
    // SAFETY: nothing but registers that are named is changed.
    unsafe {
        asm!(
            "xor esi, esi", "xor edi, edi", "pxor xmm6, xmm6", "pxor xmm7, xmm7", "pxor xmm8, xmm8",
            "pxor xmm9, xmm9", "pxor xmm10, xmm10", "pxor xmm11, xmm11", "pxor xmm12, xmm12",
            "pxor xmm13, xmm13", "pxor xmm14, xmm14", "pxor xmm15, xmm15",
            out("rsi") _, out("rdi") _, out("xmm6") _, out("xmm7") _, out("xmm8") _, out("xmm9") _,
            out("xmm10") _, out("xmm11") _, out("xmm12") _, out("xmm13") _, out("xmm14") _, out("xmm15") _,
            options(nomem, nostack),
        );
    }
}

#[test]
fn callbacks_keep_the_registers_of_callers() {
    for jit in BOTH {
        let engine = engine(jit);
        let handler = || -> i32 {
            spoil();
            42
        };
        let callback = engine.callback("int (void) __attribute__((ms_abi))", handler).unwrap();
        let general = [0x1111_2222_3333_4444u64, 0x5555_6666_7777_8888];
        let vector: [u128; 10] = array::from_fn(|index| u128::MAX / (index as u128 + 3));
        // SAFETY: both are plain bits of one size.
        let mut kept_vector = unsafe { mem::transmute::<[u128; 10], [__m128i; 10]>(vector) };
        let mut kept = general;
        let result: u64;
        // SAFETY: the callback has this type, and lives; it is called with an aligned stack and 32 bytes of it for what it wants.
        unsafe {
            asm!(
                "mov r12, rsp", "and rsp, -16", "sub rsp, 32", "call rax", "mov rsp, r12",
                inout("rax") callback.as_ptr() as u64 => result, out("r12") _,
                inout("rsi") kept[0], inout("rdi") kept[1],
                inout("xmm6") kept_vector[0], inout("xmm7") kept_vector[1], inout("xmm8") kept_vector[2],
                inout("xmm9") kept_vector[3], inout("xmm10") kept_vector[4], inout("xmm11") kept_vector[5],
                inout("xmm12") kept_vector[6], inout("xmm13") kept_vector[7], inout("xmm14") kept_vector[8],
                inout("xmm15") kept_vector[9],
                clobber_abi("win64"),
            );
        }
        // SAFETY: both are plain bits of one size.
        let kept_vector = unsafe { mem::transmute::<[__m128i; 10], [u128; 10]>(kept_vector) };
        assert_eq!((result as i32, kept, kept_vector), (42, general, vector), "{jit:?}");
    }
}

#[test]
fn what_is_declared_is_written_back() {
    let prototype = Prototype::parse(MOVED).unwrap();
    let windows = cfg!(windows);
    let written = match windows {
        true => "struct pair moved(struct pair, struct small, long long)",
        false => "struct pair (__attribute__((ms_abi)) moved)(struct pair, struct small, long long)",
    };
    if !windows {
        assert_eq!(prototype.to_string(), written);
    }
    let function = bind(&Engine::new(), moved as *const c_void, MOVED);
    assert_eq!(function.prototype().to_string(), written);
    // A plain function pointer would be called by the target's own convention.
    let function = bind(&Engine::new(), weighed as *const c_void, "__attribute__((ms_abi)) int f(int)");
    assert_eq!(function.typed::<unsafe extern "C" fn(i32) -> i32>().is_ok(), windows);
}
