//! Callbacks as C data keeps them. What happens when C calls one is in `callback`.

use std::sync::Arc;

use pyo3::{PyTraverseError, PyVisit, prelude::*};
use springboard::callback::Callback;

use crate::ctype::CType;

/// What a callback calls, and how.
pub(crate) struct State {
    pub(crate) ctype: Py<CType>,
    pub(crate) callable: Py<PyAny>,
    /// Told of exceptions; what it returns is the result then.
    pub(crate) on_error: Option<Py<PyAny>>,
    /// The bytes of the result where there is an exception.
    pub(crate) error: Box<[u128]>,
}

/// A callback that C data keeps.
pub(crate) struct Closure {
    state: Arc<State>,
    callback: Callback,
}

impl Closure {
    /// What `callback` calls is `state`.
    pub(crate) fn new(state: Arc<State>, callback: Callback) -> Closure {
        Closure { state, callback }
    }

    pub(crate) fn callable(&self, py: Python<'_>) -> Py<PyAny> {
        self.state.callable.clone_ref(py)
    }

    pub(crate) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        visit.call(&self.state.ctype)?;
        visit.call(&self.state.callable)?;
        self.state.on_error.as_ref().map_or(Ok(()), |on_error| visit.call(on_error))
    }
}

impl Drop for Closure {
    fn drop(&mut self) {
        self.callback.close();
    }
}
