//! The interpreter's lock during a call.

use pyo3::prelude::*;

use super::errno;
use crate::function::Gil;

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
