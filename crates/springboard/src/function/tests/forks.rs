//! What a forked child has of its parent's engines, callbacks and mailboxes.

use std::{
    ffi::c_void,
    os::fd::AsRawFd,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    thread,
};

use springboard_process::{Child, Ended, alone};

use super::*;
use crate::{CallbackError, Compile, Mailbox, callback::DrainError};

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
    let event = mailbox.event().unwrap().as_raw_fd();
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
        assert!(mailbox.event().is_err());
        thread::spawn(move || post(2)).join().unwrap();
        assert_eq!(posting.counts().refused, 1);
        assert!(Mailbox::unbounded().unwrap().drain(1) == Ok(0));
    });
    assert_eq!(child.wait(), Ended::Well);
    assert!(readable() && !mailbox.is_inherited());
    assert_eq!((mailbox.drain(usize::MAX), posting.counts().refused), (Ok(1), 0));
    assert!(!readable());
}
