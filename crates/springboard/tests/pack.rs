//! Thunks that were compiled with the program: what they serve, and that no executable memory is asked for.

use std::{ffi::c_void, ptr::NonNull};

use springboard::{Compile, Engine, Function, Jit, Pack, Path, Stubs, Value};

mod support;

use support::{BOTH, call, enter};

extern "C" fn add(a: i64, b: i64) -> i64 {
    a + b
}

fn bind(engine: &Engine, declaration: &str) -> Function {
    let address = NonNull::new(add as *mut c_void).expect("a function has an address");
    engine.function_at(address, declaration).expect("there is always a way")
}

fn is_packed(function: &Function) -> bool {
    matches!(function.path(), Path::Pack)
}

/// How many of the process' mappings hold code that was made here.
fn made_code() -> usize {
    springboard_process::code_mappings().len()
}

#[test]
fn common_functions_need_no_code_at_run_time() {
    for jit in BOTH {
        for compile in [Compile::Eager, Compile::Lazy, Compile::Background] {
            let engine = Engine::builder().jit(jit).compile(compile).build();
            let add = bind(&engine, "int64_t add(int64_t, int64_t)");
            assert!(is_packed(&add), "{}", add.path());
            assert_eq!(call(&add, &[2i64.into(), 3i64.into()]), Value::from(5i64));
            assert_eq!(enter(&add.slots::<i64>().expect("it returns a long"), &[40, 2]), 42);
            let stats = engine.stats();
            assert_eq!((stats.packed, stats.compiles, stats.stamps, stats.mapped_bytes), (1, 0, 0, 0));
        }
    }
}

#[test]
fn many_functions_are_common() {
    let mut packed = 0;
    for jit in BOTH {
        let engine = Engine::builder().jit(jit).build();
        let bound = engine.bind_all(&support::fixture(), support::declarations().functions());
        packed += bound.iter().flatten().filter(|function| is_packed(function)).count();
        assert_eq!(engine.stats().packed, bound.iter().flatten().filter(|one| is_packed(one)).count() as u64);
    }
    assert!(packed >= 10, "{packed} of the library's functions are common");
}

#[test]
fn what_is_not_common_goes_its_other_ways() {
    let seven = "int64_t f(int64_t, int64_t, int64_t, int64_t, int64_t, int64_t, int64_t)";
    let jit = bind(&Engine::builder().jit(Jit::On).build(), seven);
    assert!(matches!(jit.path(), Path::Native), "{}", jit.path());
    let off = bind(&Engine::builder().jit(Jit::Off).build(), seven);
    assert_eq!(off.path().to_string(), "libffi: compiling is turned off");
}

#[test]
fn it_can_be_turned_off() {
    let without = |jit| Engine::builder().jit(jit).pack(Pack::Off).build();
    let declaration = "int64_t add(int64_t, int64_t)";
    assert!(matches!(bind(&without(Jit::On), declaration).path(), Path::Native));
    assert!(matches!(bind(&without(Jit::Off), declaration).path(), Path::Libffi(_)));
}

/// An engine whose functions have stubs of their own takes the pack where it can make none.
#[test]
fn own_stubs_come_first() {
    let own = |jit| Engine::builder().jit(jit).stubs(Stubs::PerFunction).build();
    let (on, off) = (own(Jit::On), own(Jit::Off));
    assert!(matches!(bind(&on, "int64_t add(int64_t, int64_t)").path(), Path::Native));
    let before = made_code();
    let packed = bind(&off, "int64_t add(int64_t, int64_t)");
    assert!(is_packed(&packed), "{}", packed.path());
    assert_eq!(call(&packed, &[2i64.into(), 3i64.into()]), Value::from(5i64));
    assert!(packed.bound_pointer::<i64>().is_err(), "it has no code of its own");
    assert!(made_code() <= before);
}
