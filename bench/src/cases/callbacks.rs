//! Callbacks: called by C in a loop, made, and posted. A row's unit is one call, one callback, or one record.

use std::{
    ffi::c_void,
    ptr::{self, NonNull},
};

use springboard::{Callback, Engine, Mailbox, RawHandler, Word};

use super::{leak, pointer};
use crate::{
    case::{Bench, Case, DIRECT, Group, Runner},
    native,
};

/// The type of what is called.
const ADD: &str = "int (int, int)";
const MOVE: &str = "struct p2 { double x, y; }; struct p2 (struct p2)";

pub(super) static CASES: [Case; 4] = [
    Case { group: Group::Callback, name: "callback_add", runners: add },
    Case { group: Group::Callback, name: "callback_struct16", runners: moved },
    Case { group: Group::Callback, name: "callback_create_close", runners: create },
    Case { group: Group::Callback, name: "callback_post", runners: post },
];

/// Has a function of the C library call back so many times.
fn caller<R: Word + 'static>(
    bench: &Bench,
    path: &'static str,
    symbol: &str,
    back: NonNull<c_void>,
) -> Runner {
    // SAFETY: the functions that call back have this type, each for its result.
    let calls = unsafe {
        pointer::<unsafe extern "C" fn(*mut c_void, i64) -> R>(native::address(&bench.library, symbol))
    };
    // SAFETY: what is called back is of the type that the function calls, and lives as long as the program.
    Runner::new(path, move |times| unsafe { calls(back.as_ptr(), times as i64) }.into_slot())
}

fn adding(engine: &Engine) -> &'static Callback {
    leak(engine.callback(ADD, |a: i32, b: i32| a.wrapping_add(b)).expect("there is memory"))
}

fn add(bench: &Bench) -> Vec<Runner> {
    let calls = |path, back| caller::<i32>(bench, path, "calls_add", back);
    vec![
        calls(DIRECT, native::address(&bench.library, "add_back")),
        calls("stub", adding(&bench.engine).address()),
        calls("libffi", adding(&bench.fallback).address()),
    ]
}

fn moved(bench: &Bench) -> Vec<Runner> {
    unsafe fn step(_: *const c_void, slots: *mut u64) {
        // SAFETY: a structure of two doubles, and the address for another.
        unsafe {
            let [x, y] = <*const [f64; 2]>::from_slot(*slots).read();
            <*mut [f64; 2]>::from_slot(*slots.add(1)).write([x + 1.0, y + 1.0]);
        }
    }
    let moving = |engine: &Engine| {
        let kind = engine.callback_type(MOVE).expect("the type is C");
        let handler = RawHandler { context: ptr::null(), call: step, release: None };
        // SAFETY: the handler is for calls of this type, from any thread.
        leak(unsafe { kind.raw(handler) }.expect("there is memory")).address()
    };
    let calls = |path, back| caller::<f64>(bench, path, "calls_move", back);
    vec![
        calls(DIRECT, native::address(&bench.library, "move_back")),
        calls("stub", moving(&bench.engine)),
        calls("libffi", moving(&bench.fallback)),
    ]
}

/// The least that making one can cost: an allocation, taken back.
fn create(bench: &Bench) -> Vec<Runner> {
    let making = |path, engine: &Engine| {
        let kind = engine.callback_type(ADD).expect("the type is C");
        Runner::new(path, move |times| {
            (0..times).for_each(|time| {
                let add = time as i32;
                drop(kind.callback(move |a: i32, b: i32| a + b + add).expect("there is memory"));
            });
            times
        })
    };
    let allocate = |times| {
        (0..times).for_each(|time| drop(std::hint::black_box(Box::new(time))));
        times
    };
    vec![Runner::new(DIRECT, allocate), making("stub", &bench.engine), making("libffi", &bench.fallback)]
}

/// One record put into the mailbox by another thread and taken out by this one, in turns of 4096.
fn post(bench: &Bench) -> Vec<Runner> {
    let posting = |path, engine: &Engine| {
        let mailbox = Mailbox::unbounded().expect("a thread with its thread-locals");
        let kind = engine.callback_type("void (long)").and_then(|kind| kind.post(&mailbox));
        let callback = leak(kind.and_then(|kind| kind.callback(|_: i64| ())).expect("there is memory"));
        // SAFETY: the callback is of this type, and lives as long as the program.
        let call = unsafe { pointer::<unsafe extern "C" fn(i64)>(callback.address()) };
        Runner::new(path, move |times| {
            let mut delivered = 0;
            while delivered < times {
                let turn = (times - delivered).min(4096) as i64;
                // SAFETY: as above.
                let post = || (0..turn).for_each(|record| unsafe { call(record) });
                std::thread::scope(|scope| scope.spawn(post).join().expect("it only posts"));
                delivered += mailbox.drain(usize::MAX).expect("handlers do not fail") as u64;
            }
            delivered
        })
    };
    let count = |times| (0..times).fold(0, |sum: u64, time| std::hint::black_box(sum ^ time));
    vec![Runner::new(DIRECT, count), posting("stub", &bench.engine)]
}
