//! The interpreter's end.
//!
//! While the interpreter ends, a thread that wants its lock never gets it. CPython before 3.14 ends such a thread by
//! `pthread_exit`, which glibc does by unwinding the thread's stack, frame by frame; Rust's frames take part in that only
//! where C code is declared to unwind, and no Python function is. So a thread that is in Python code, called from a
//! callback or by a conversion, hangs instead, as CPython 3.14 has it do and as pyo3 does where it takes the lock.

use std::sync::atomic::{AtomicBool, Ordering};

use pyo3::{ffi, prelude::*, types::PyCFunction};

/// Whether the interpreter has begun to end: other threads than the one that ends it cannot run Python any more.
static ENDING: AtomicBool = AtomicBool::new(false);

/// Marks that the interpreter ends, when it does.
pub(crate) fn watch(py: Python<'_>) -> PyResult<()> {
    let mark = PyCFunction::new_closure(py, None, None, |_, _| ENDING.store(true, Ordering::SeqCst))?;
    py.import("atexit")?.call_method1("register", (mark,))?;
    Ok(())
}

/// Whether Python cannot be called from this thread any more.
pub(crate) fn is_gone() -> bool {
    // SAFETY: both may be called at any time.
    unsafe {
        ffi::Py_IsInitialized() == 0
            || (ENDING.load(Ordering::SeqCst) && ffi::PyGILState_GetThisThreadState().is_null())
    }
}

#[cfg(unwinds_ended_threads)]
mod personality {
    use std::{
        ffi::{c_int, c_void},
        sync::atomic::Ordering,
    };

    /// `_UA_FORCE_UNWIND` (Itanium C++ ABI: Exception Handling, 1.5.2).
    const FORCE_UNWIND: c_int = 8;

    unsafe extern "C" {
        /// The personality of Rust's frames. The linker gives it this name, and the one below its own.
        fn __real_rust_eh_personality(
            version: c_int,
            actions: c_int,
            class: u64,
            exception: *mut c_void,
            context: *mut c_void,
        ) -> c_int;
    }

    /// What the unwinder asks at each frame of Rust that has something to do when it is unwound.
    ///
    /// # Safety
    /// As for the personality that it stands for.
    #[unsafe(no_mangle)]
    unsafe extern "C" fn __wrap_rust_eh_personality(
        version: c_int,
        actions: c_int,
        class: u64,
        exception: *mut c_void,
        context: *mut c_void,
    ) -> c_int {
        if actions & FORCE_UNWIND != 0 && super::ENDING.load(Ordering::SeqCst) {
            loop {
                // The process ends without this thread, which holds no lock of the interpreter's.
                std::thread::park();
            }
        }
        // SAFETY: the unwinder passes what it asks a personality for, and this hands it on as it is.
        unsafe { __real_rust_eh_personality(version, actions, class, exception, context) }
    }
}
