//! From declarations to functions, and the mistakes on the way.

use std::{ffi::c_void, mem};

use springboard::abi::{Convention, Ineligible};
use springboard::ir::Signature;
use springboard_process::together;

use super::{OPTIONS, RECEIVER, code, host, libc};
use springboard::{Engine, Jit, Library as Native, Stubs};
use springboard_js::v8::*;

#[test]
fn many_are_bound_at_once() {
    let _process = together();
    for stubs in [Stubs::PerShape, Stubs::PerFunction] {
        let engine = Engine::builder().stubs(stubs).build();
        let library = Library::new(&engine, &Native::process(), host());
        let plain = Settings::default();
        let buffer = Settings { buffers: vec![0], ..Settings::default() };
        let functions = library.functions([
            ("int abs(int)", &plain),
            ("int abs(", &plain),
            ("unsigned long strlen(const char *)", &buffer),
            ("int no_such_thing(int)", &plain),
            ("int abs(int)", &buffer),
            ("long double fabsl(long double)", &plain),
            ("int abs(int)", &plain),
        ]);
        let compiles = engine.stats().compiles;
        assert_eq!(library.functions([("int abs(int)", &plain)]).len(), 1);
        assert_eq!(engine.stats().compiles, compiles, "each shape has been compiled");
        let [abs, syntax, length, symbol, no_pointer, no_plan, again] = &*functions else {
            panic!("one each")
        };
        for abs in [abs, again] {
            let abs = code!(abs.as_ref().unwrap(), extern "C" fn(*const c_void, i32) -> i32);
            assert_eq!(abs(RECEIVER, -5), 5);
        }
        let length = length.as_ref().unwrap();
        type Code = extern "C" fn(*const c_void, *const c_void, *mut c_void) -> u64;
        #[repr(align(2))]
        struct Text([u8; 6]);
        let text = Text(*b"seven\0");
        assert_eq!(code!(length, Code)(RECEIVER, text.0.as_ptr().cast(), OPTIONS), 5);
        assert!(matches!(syntax, Err(BindError::Bind(springboard::BindError::Prototype(_)))));
        assert!(matches!(symbol, Err(BindError::Bind(springboard::BindError::Symbol(_)))));
        assert!(matches!(no_pointer, Err(BindError::Types(Ineligible::BufferType { index: 0 }))));
        let no_plan = no_plan.as_ref().unwrap();
        match springboard::abi::Target::host().unwrap().convention {
            Convention::Sysv64 => {
                let Err(NoFast::Reason(reason)) = no_plan.fast() else { panic!("{no_plan:?}") };
                assert_eq!(reason.code(), "x87-result");
            }
            _ => assert!(no_plan.fast().is_ok()),
        }
    }
}

#[test]
fn mistakes_are_found_when_a_function_is_bound() {
    let _process = together();
    let mistake = |host: Host, declaration: &str, settings: Settings| {
        let library = Library::new(&Engine::new(), &Native::process(), host);
        library.function(declaration, &settings).unwrap_err()
    };
    let missing = |host, settings| match mistake(host, "int puts(const char *)", settings) {
        BindError::MissingHelper { helper } => helper,
        other => panic!("{other}"),
    };
    let buffers = || Settings { buffers: vec![0], ..Settings::default() };
    assert_eq!(missing(Host { closed: None, ..host() }, Settings::default()), Helper::Closed);
    assert_eq!(missing(Host { range: None, ..host() }, Settings::default()), Helper::Range);
    assert_eq!(missing(Host { buffer: None, ..host() }, buffers()), Helper::Buffer);
    let error =
        mistake(host(), "int puts(const char *)", Settings { buffers: vec![1], ..Settings::default() });
    assert_eq!(error.to_string(), "parameter 2 is named a buffer, and there are 1");
    let error = mistake(host(), "int abs(int)", buffers());
    assert_eq!(error.to_string(), "parameter 1 is declared a buffer but is not a pointer");
    assert!(matches!(mistake(host(), "int abs(", Settings::default()), BindError::Bind(_)));
    assert!(matches!(mistake(host(), "int (*)(int)", Settings::default()), BindError::Bind(_)));
    assert!(matches!(mistake(host(), "int no_such_thing(int)", Settings::default()), BindError::Bind(_)));
}

#[test]
fn a_profile_refuses() {
    let _process = together();
    let library = libc();
    let settings = Settings { profile: Profile::Node, ..Settings::default() };
    let function =
        library.function("double frexp(double, int *)", &Settings { buffers: vec![1], ..settings.clone() });
    let convention = library.function("int abs(int)", &settings);
    match springboard::abi::Target::host().unwrap().convention {
        Convention::Sysv64 | Convention::Aapcs64 => {
            let function = function.unwrap();
            let Err(NoFast::Refused(refusal)) = function.fast() else { panic!("{function:?}") };
            assert_eq!(refusal.code(), "buffer-and-float");
            // The slow twin serves it all the same.
            let mut exponent = 0i32;
            let buffer = Any::Bytes((&raw mut exponent).cast(), 4);
            // SAFETY: the buffer has room for an int.
            assert_eq!(unsafe { function.call_slow(&[Any::Number(8.0), buffer]) }, Ok(Any::Number(0.5)));
            assert_eq!(exponent, 4);
            assert!(convention.unwrap().fast().is_ok());
        }
        other => {
            let function = convention.unwrap();
            let Err(NoFast::Refused(refusal)) = function.fast() else { panic!("{function:?}") };
            assert_eq!(*refusal, Refusal::Node(NodeRefusal::Platform(other)));
            // SAFETY: abs takes any integer but the smallest.
            assert_eq!(unsafe { function.call_slow(&[Any::Number(-5.0)]) }, Ok(Any::Number(5.0)));
        }
    }
}

#[test]
fn node_refuses_platforms_that_it_does_not_know() {
    for (triple, convention) in [
        ("riscv64gc-unknown-linux-gnu", Convention::Lp64d),
        ("s390x-unknown-linux-gnu", Convention::S390x),
        ("x86_64-pc-windows-gnu", Convention::Win64),
    ] {
        let target = springboard::abi::Target::of(&triple.parse().unwrap()).unwrap();
        let call = springboard::abi::FastCall::new(Signature::parse("int(int)").unwrap());
        let refusal = Profile::Node.verdict(&call, &target).unwrap_err();
        assert_eq!(refusal, Refusal::Node(NodeRefusal::Platform(convention)));
        assert_eq!(Profile::Full.verdict(&call, &target), Ok(()));
    }
}

#[test]
fn without_code_the_slow_twin_serves() {
    let _process = together();
    let engine = Engine::builder().jit(Jit::Off).build();
    let library = Library::new(&engine, &Native::process(), host());
    let function = library.function("int abs(int)", &Settings::default()).unwrap();
    assert!(matches!(function.fast(), Err(NoFast::Reason(springboard::Reason::JitOff))));
    // SAFETY: abs takes any integer but the smallest.
    assert_eq!(unsafe { function.call_slow(&[Any::Number(-5.0)]) }, Ok(Any::Number(5.0)));
}

#[test]
fn functions_for_which_there_is_no_room_have_slow_twins() {
    let _process = together();
    let engine = Engine::builder().code_limit(16 << 10).build();
    let library = Library::new(&engine, &Native::process(), host());
    let settings = Settings::default();
    // A guarded stub takes 64 bytes or more.
    let functions = library.functions((0..1000).map(|_| ("int abs(int)", &settings)));
    let functions: Vec<Function> = functions.into_iter().map(Result::unwrap).collect();
    let fast = functions.iter().filter(|function| function.fast().is_ok()).count();
    assert!((64..1000).contains(&fast), "{fast} have code");
    let without = functions.iter().find(|function| function.fast().is_err()).unwrap();
    let Err(NoFast::Reason(reason)) = without.fast() else { panic!("{without:?}") };
    assert_eq!(reason.code(), "code-limit");
    // SAFETY: abs takes any integer but the smallest.
    assert_eq!(unsafe { without.call_slow(&[Any::Number(-5.0)]) }, Ok(Any::Number(5.0)));
}
