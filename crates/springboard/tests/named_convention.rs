//! Functions that are called by another convention than the target's own, because their declarations say so.
#![cfg(target_arch = "x86_64")] // elsewhere there is no such convention

use std::{ffi::c_void, ptr::NonNull};

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
            unsafe { std::mem::transmute(callback.as_ptr()) };
        assert_eq!(native(1, 2.0, 3.0, 4, 5, 6.0), 654_321.0);
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
