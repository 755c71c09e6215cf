//! Engines whose system calls fail, whose process forks, and whose memory runs out.

use std::{ffi::c_void, ptr::NonNull, sync::Barrier, thread};

use springboard_process::{
    alone, code_mappings, descriptors,
    faults::{self, Failing, Fault},
    together,
};

use crate::{Engine, Function, Jit, Path, Reason, Stubs, Value, function::PointerError};

#[cfg(unix)]
mod forks;

extern "C" fn add(a: i32, b: i32) -> i32 {
    a + b
}

extern "C" fn scale(a: f64, b: i64, c: f64) -> f64 {
    a * b as f64 + c
}

#[allow(clippy::too_many_arguments)] // more than there are registers
extern "C" fn sum(a: i64, b: i64, c: i64, d: i64, e: i64, f: i64, g: i64, h: i64, i: i64, j: i64) -> i64 {
    a + b + c + d + e + f + g + h + i + j
}

fn address(function: *const ()) -> NonNull<c_void> {
    NonNull::new(function.cast_mut().cast()).expect("a function has an address")
}

/// Three functions of three shapes, with arguments and what they return then.
fn functions() -> [(&'static str, NonNull<c_void>, Vec<Value>, Value); 3] {
    [
        ("int(int, int)", address(add as *const ()), vec![2.into(), 3.into()], 5.into()),
        (
            "double(double, long, double)",
            address(scale as *const ()),
            vec![1.5.into(), 4i64.into(), 0.25.into()],
            6.25.into(),
        ),
        (
            "long(long, long, long, long, long, long, long, long, long, long)",
            address(sum as *const ()),
            (1..=10).map(|value: i64| value.into()).collect(),
            55i64.into(),
        ),
    ]
}

/// Binds and calls all of them, and says by which path.
fn bind_and_call(engine: &Engine) -> Vec<Function> {
    let bind = |(declaration, address, arguments, expected): (&str, _, Vec<Value>, Value)| {
        let function = engine.function_at(address, declaration).expect("there is always a way");
        check(&function, &arguments, &expected);
        function
    };
    functions().into_iter().map(bind).collect()
}

fn check(function: &Function, arguments: &[Value], expected: &Value) {
    // SAFETY: the functions of these tests are safe, and have the types they are declared with.
    let result = unsafe { function.call(arguments) }.expect("the arguments fit");
    assert_eq!(result, *expected);
}

fn check_all(bound: &[Function]) {
    for (function, (_, _, arguments, expected)) in bound.iter().zip(functions()) {
        check(function, &arguments, &expected);
    }
}

#[test]
fn any_system_call_may_fail() {
    let _process = alone();
    // What a process has once.
    drop(bind_and_call(&Engine::new()));
    for (failing, falls_back) in [(Failing::Nth as fn(u64) -> Failing, false), (Failing::From, true)] {
        for stubs in [Stubs::PerShape, Stubs::PerFunction] {
            let before = (descriptors(), code_mappings());
            let mut fell_back = 0;
            for nth in 0.. {
                let (fallbacks, fault) = faults::with(failing(nth), || {
                    let engine = Engine::builder().stubs(stubs).build();
                    let bound = bind_and_call(&engine);
                    for function in &bound {
                        let refused = matches!(function.path(), Path::Libffi(Reason::NoExecutableMemory(_)));
                        assert!(refused || matches!(function.path(), Path::Native));
                    }
                    engine.stats().fallbacks.total()
                });
                // One more mapping tries again to unmap what could not be.
                drop(bind_and_call(&Engine::new()));
                assert_eq!((descriptors(), code_mappings()), before, "after call {nth} failed");
                fell_back += fallbacks;
                if fault == Fault::NotReached {
                    assert_eq!(fallbacks, 0);
                    assert!(nth > 5, "binding makes system calls");
                    break;
                }
            }
            assert_eq!(fell_back > 0, falls_back, "one failing call has a next way, all of them have libffi");
        }
    }
}

#[test]
fn own_stubs_are_called_through_one_pointer_and_freed() {
    let _process = together();
    let engine = Engine::builder().stubs(Stubs::PerFunction).build();
    let mut bound = bind_and_call(&engine);
    // One of them leaves its moves to the stub of its shape.
    let stats = engine.stats();
    assert_eq!((stats.live, stats.stamps, stats.shared), (4, 4, 1));
    let add = bound[0].bound_pointer::<i32>().expect("it has code of its own");
    // SAFETY: `add` takes two integers.
    assert_eq!(unsafe { add([40, 2].as_ptr()) }, 42);
    assert!(matches!(bound[0].bound_pointer::<f64>(), Err(PointerError::Result(_))));
    let clone = bound[0].clone();
    bound.clear();
    assert_eq!(engine.stats().live, 2, "a clone is left, and what is shared");
    // SAFETY: `add` takes two integers, and `clone` keeps its code.
    assert_eq!(unsafe { add([40, 3].as_ptr()) }, 43);
    drop(clone);
    assert_eq!((engine.stats().live, engine.stats().shared), (1, 1));
    let shared = Engine::new().function_at(address(super::tests::add as *const ()), "int(int, int)").unwrap();
    assert!(matches!(shared.bound_pointer::<i32>(), Err(PointerError::Shared)));
    let off = Engine::builder().stubs(Stubs::PerFunction).jit(Jit::Off).build();
    let off = off.function_at(address(super::tests::add as *const ()), "int(int, int)").unwrap();
    assert!(matches!(off.bound_pointer::<i32>(), Err(PointerError::Libffi(Reason::JitOff))));
}

#[test]
fn beyond_the_limit_is_libffi() {
    let _process = together();
    let engine = Engine::builder().stubs(Stubs::PerFunction).code_limit(8192).build();
    let bind = || engine.function_at(address(add as *const ()), "int(int, int)").unwrap();
    let mut bound: Vec<_> = (0..300).map(|_| bind()).collect();
    let stats = engine.stats();
    assert_eq!(stats.native + stats.fallbacks.code_limit, 300);
    assert!(stats.native >= 100 && stats.fallbacks.code_limit > 0 && stats.mapped_bytes <= 8192, "{stats:?}");
    assert!(matches!(bound[299].path(), Path::Libffi(Reason::CodeLimit { bytes: 8192 })));
    for function in &bound {
        check(function, &[1.into(), 2.into()], &3.into());
    }
    bound.clear();
    assert!(matches!(bind().path(), Path::Native), "what was freed counts no more");
    let none = Engine::builder().code_limit(0).build();
    assert_eq!(none.stats().mapped_bytes, 0);
    check_all(&bind_and_call(&none));
    assert_eq!(none.stats().fallbacks.code_limit, 3);
}

#[test]
fn a_shape_is_compiled_once_for_many_threads() {
    let _process = together();
    let engine = Engine::new();
    for round in 0..20 {
        let declaration = format!("int(int{})", ", double".repeat(round));
        let barrier = Barrier::new(8);
        thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| {
                    barrier.wait();
                    engine.function_at(address(add as *const ()), &*declaration).unwrap();
                });
            }
        });
    }
    let stats = engine.stats();
    assert_eq!((stats.compiles, stats.native, stats.live), (20, 160, 20));
    assert_eq!(stats.hits + stats.misses, 160);
}
