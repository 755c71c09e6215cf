//! The interpreter's lock during a call.

use pyo3::prelude::*;

use super::errno;

/// What becomes of the interpreter's lock while C code runs.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Gil {
    /// Other threads may run Python meanwhile.
    Released,
    /// It is kept: for functions that return soon. They may call back.
    Kept,
}

/// What becomes of `errno` around the calls that a stub makes.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Errno {
    /// It is kept between calls.
    Kept,
    /// It is whatever it is: two calls less.
    Left,
}

impl Gil {
    /// Runs C code.
    pub(super) fn around<T: Send>(self, py: Python<'_>, call: impl FnOnce() -> T + Send) -> T {
        let call = || {
            errno::enter();
            let result = call();
            errno::leave();
            result
        };
        match self {
            Gil::Kept => call(),
            Gil::Released => py.detach(call),
        }
    }
}
