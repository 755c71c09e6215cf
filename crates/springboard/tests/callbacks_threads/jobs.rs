//! Threads of C that call back: started, and waited for.

use std::{ffi::c_void, sync::OnceLock, time::Duration};

use springboard::{Callback, CallbackType, Engine, Function, Jit, Library, Mailbox, Value};

use crate::support::{call, engine, load};

/// What makes threads.
const SOURCE: &str = include_str!("../fixture/threads.c");

/// The structures of the library.
pub(crate) const STRUCTS: &str =
    "struct three { int64_t a; double b; int c; }; struct wide { int64_t words[12]; };";

pub(crate) fn library() -> Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| load(SOURCE, "callback-threads")).clone()
}

/// A job of the library, running.
pub(crate) struct Job(pub(crate) *mut c_void);

impl Job {
    pub(crate) fn start(declaration: &str, callback: &Callback, arguments: &[i64]) -> Job {
        let arguments: Vec<Value> =
            [callback.into()].into_iter().chain(arguments.iter().map(|word| (*word).into())).collect();
        match call(&function(declaration), &arguments) {
            Value::Pointer(job) => Job(job),
            other => panic!("{other:?}"),
        }
    }

    pub(crate) fn posts(callback: &Callback, first: i64, times: i64) -> Job {
        Job::start("void *start_posts(void *, int64_t, int64_t)", callback, &[first, times])
    }

    pub(crate) fn asks(callback: &Callback, x: i64) -> Job {
        Job::start("void *start_asking(void *, int)", callback, &[x])
    }

    /// Waits for it, in native code.
    pub(crate) fn join(self) -> i32 {
        let Value::Signed(result) = call(&function("int join(void *)"), &[self.0.into()]) else {
            panic!("an int is signed");
        };
        result as i32
    }
}

pub(crate) fn function(declaration: &str) -> Function {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(Engine::new).function(&library(), declaration).expect("the library defines it")
}

pub(crate) fn kind(jit: Jit, declaration: &str) -> CallbackType {
    engine(jit).callback_type(declaration).expect("it can be called")
}

/// Drains until so many records have been delivered.
pub(crate) fn drain_all(mailbox: &Mailbox, mut count: usize) {
    while count != 0 {
        assert!(mailbox.wait(Some(Duration::from_secs(20))), "{count} more were expected");
        count -= mailbox.drain(usize::MAX).expect("no handler fails");
    }
}
