//! Callbacks, called by C in a loop.

use std::{
    ffi::c_void,
    ptr::{self, NonNull},
};

use springboard::{Callback, Engine, Word, callback::RawHandler};

use super::{leak, pointer};
use crate::{
    case::{Bench, Case, DIRECT, Group, Runner},
    native,
    types::P2,
};

/// The type of what is called.
const ADD: &str = "int (int, int)";
const MOVE: &str = "struct p2 { double x, y; }; struct p2 (struct p2)";

pub(super) static CASES: [Case; 2] = [
    Case { group: Group::Callback, name: "callback_add", runners: add },
    Case { group: Group::Callback, name: "callback_struct16", runners: moved },
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

/// What a host would hand out that has compiled the function: it lies as far from the library as any code of the
/// host's does.
fn own(function: *const ()) -> NonNull<c_void> {
    NonNull::new(function.cast_mut().cast()).expect("functions have addresses")
}

unsafe extern "C" fn add_own(a: i32, b: i32) -> i32 {
    a.wrapping_add(b)
}

unsafe extern "C" fn move_own(from: P2) -> P2 {
    P2 { x: from.x + 1.0, y: from.y + 1.0 }
}

fn add(bench: &Bench) -> Vec<Runner> {
    let calls = |path, back| caller::<i32>(bench, path, "calls_add", back);
    vec![
        calls(DIRECT, native::address(&bench.library, "add_back")),
        calls("own", own(add_own as *const ())),
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
        calls("own", own(move_own as *const ())),
        calls("stub", moving(&bench.engine)),
        calls("libffi", moving(&bench.fallback)),
    ]
}
