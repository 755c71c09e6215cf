//! The interpreter's lock during a call.

use pyo3::prelude::*;

use super::errno as saved;
use crate::function::{Errno, Gil};

impl Gil {
    /// Runs C code.
    pub(super) fn around<T: Send>(self, py: Python<'_>, errno: Errno, call: impl FnOnce() -> T + Send) -> T {
        let call = || match errno {
            Errno::Left => call(),
            Errno::Kept => {
                saved::enter();
                let result = call();
                saved::leave();
                result
            }
        };
        match self {
            Gil::Kept => call(),
            Gil::Released => py.detach(call),
        }
    }
}
