//! Engines whose system calls fail, whose process forks, and whose memory runs out.

use std::{
    ffi::c_void,
    os::fd::AsRawFd,
    ptr::NonNull,
    sync::{
        Barrier,
        atomic::{AtomicBool, Ordering::Relaxed},
    },
    thread,
};

use springboard_code::testing::{
    Child, Ended, alone, code_mappings, descriptors,
    faults::{self, Failing, Fault},
    together,
};

use crate::{
    CallbackError, Compile, Engine, Function, Jit, Mailbox, Path, Reason, Stubs, Value, callback::DrainError,
    function::PointerError,
};

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
fn parent_and_child_go_on() {
    let _process = alone();
    for stubs in [Stubs::PerShape, Stubs::PerFunction] {
        let engine = Engine::builder().stubs(stubs).build();
        let mut kept = bind_and_call(&engine);
        let stop = AtomicBool::new(false);
        let started = Barrier::new(3);
        thread::scope(|scope| {
            // Threads that create and free at the moment of the fork, shapes that nobody has had included.
            for thread in 0..2 {
                let (engine, stop, started) = (&engine, &stop, &started);
                scope.spawn(move || {
                    started.wait();
                    let mut params = String::from("long");
                    for round in 0.. {
                        if stop.load(Relaxed) {
                            break;
                        }
                        drop(bind_and_call(engine));
                        if round % 50 == thread && params.len() < 800 {
                            params.push_str(", double, long");
                            let declaration = format!("int({params})");
                            engine.function_at(address(add as *const ()), &*declaration).unwrap();
                        }
                    }
                });
            }
            started.wait();
            for round in 0..500 {
                let child = Child::fork(|| {
                    check_all(&kept);
                    check_all(&bind_and_call(&engine));
                    let other = format!("int(int{})", ", float".repeat(round % 7));
                    let float = engine.function_at(address(add as *const ()), &*other);
                    assert!(float.is_ok());
                    kept.clear();
                    check_all(&bind_and_call(&engine));
                });
                kept.pop();
                kept.extend(bind_and_call(&engine).pop());
                check_all(&kept);
                assert_eq!(child.wait(), Ended::Well, "child {round}");
            }
            stop.store(true, Relaxed);
        });
        assert!(engine.stats().mapped_bytes <= 1 << 20, "{:?}", engine.stats());
    }
}

/// The thread that compiles is not in the child, whatever it was doing.
#[test]
fn a_child_compiles_what_its_parent_had_begun() {
    let _process = alone();
    let settle = |bound: &[Function]| {
        let started = std::time::Instant::now();
        while bound.iter().any(|function| !matches!(function.path(), Path::Native)) {
            check_all(bound);
            assert!(started.elapsed().as_secs() < 60, "compiled in time");
        }
    };
    for round in 0..100 {
        let engine = Engine::builder().compile(Compile::Background).build();
        let bound: Vec<_> = functions()
            .into_iter()
            .map(|(declaration, address, ..)| engine.function_at(address, declaration).unwrap())
            .collect();
        // At another moment of its work each time.
        (0..round * 100).for_each(|_| std::hint::spin_loop());
        let child = Child::fork(|| {
            settle(&bound);
            let more = engine.function_at(address(add as *const ()), "int(int, float)").unwrap();
            settle(&bound);
            drop(more);
        });
        settle(&bound);
        assert_eq!(child.wait(), Ended::Well, "child {round}");
        assert_eq!(engine.stats().pending, 0);
    }
}

/// Other threads may be making and closing callbacks at the moment of the fork: the child can all the same.
#[test]
fn a_child_makes_callbacks() {
    let _process = alone();
    let engine = Engine::new();
    let round = || {
        let callback = engine.callback("int(int, int)", |a: i32, b: i32| a * b).expect("there is memory");
        // SAFETY: it is of this type.
        let call =
            unsafe { std::mem::transmute::<*mut c_void, extern "C" fn(i32, i32) -> i32>(callback.as_ptr()) };
        assert_eq!(call(6, 7), 42);
    };
    let stop = AtomicBool::new(false);
    let ends: Vec<_> = thread::scope(|scope| {
        for _ in 0..2 {
            scope.spawn(|| {
                while !stop.load(Relaxed) {
                    round();
                }
            });
        }
        let child = |_| {
            let child = Child::fork(|| {
                // A child that waits for ever is ended.
                // SAFETY: the call takes no pointers.
                unsafe { libc::alarm(60) };
                (0..20).for_each(|_| round());
            });
            child.wait()
        };
        let ends = (0..300).map(child).collect();
        stop.store(true, Relaxed);
        ends
    });
    assert_eq!(ends, [Ended::Well; 300]);
}

/// What waits in a mailbox is the parent's, and so is what makes its event readable.
#[test]
fn a_child_leaves_mailboxes_to_its_parent() {
    let _process = alone();
    let mailbox = Mailbox::unbounded().unwrap();
    let event = mailbox.event_fd().unwrap().as_raw_fd();
    let posting = Engine::new().callback_type("void(int)").unwrap().post(&mailbox).unwrap();
    let callback = posting.callback(|_: i32| {}).unwrap();
    // SAFETY: it is of this type.
    let post = unsafe { std::mem::transmute::<*mut c_void, extern "C" fn(i32)>(callback.as_ptr()) };
    let readable = || {
        let mut poll = libc::pollfd { fd: event, events: libc::POLLIN, revents: 0 };
        // SAFETY: one structure, and no waiting.
        unsafe { libc::poll(&mut poll, 1, 0) == 1 }
    };
    thread::spawn(move || post(1)).join().unwrap();
    let child = Child::fork(|| {
        let refused = DrainError { delivered: 0, error: CallbackError::Forked };
        assert!(mailbox.is_inherited() && !mailbox.is_empty() && mailbox.wait(None));
        assert_eq!(mailbox.drain(usize::MAX), Err(refused));
        assert!(mailbox.event_fd().is_err());
        thread::spawn(move || post(2)).join().unwrap();
        assert_eq!(posting.counts().refused, 1);
        assert!(Mailbox::unbounded().unwrap().drain(1) == Ok(0));
    });
    assert_eq!(child.wait(), Ended::Well);
    assert!(readable() && !mailbox.is_inherited());
    assert_eq!((mailbox.drain(usize::MAX), posting.counts().refused), (Ok(1), 0));
    assert!(!readable());
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
