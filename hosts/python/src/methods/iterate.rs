//! Iteration over arrays.

use std::sync::atomic::{AtomicUsize, Ordering};

use pyo3::prelude::*;

use crate::{cdata::CData, convert};

/// The elements of an array, one after the other.
#[pyclass(frozen, module = "springboard", name = "_CDataIterator")]
pub(crate) struct CDataIterator {
    array: Py<CData>,
    next: AtomicUsize,
    length: usize,
}

impl CDataIterator {
    pub(crate) fn new(array: Py<CData>, length: usize) -> CDataIterator {
        CDataIterator { array, next: AtomicUsize::new(0), length }
    }
}

#[pymethods]
impl CDataIterator {
    fn __iter__(slf: Bound<'_, Self>) -> Bound<'_, Self> {
        slf
    }

    fn __next__<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyAny>>> {
        let index = self.next.load(Ordering::Relaxed);
        let array = self.array.get();
        let Some(item) = array.ctype.get().item().filter(|_| index < self.length) else { return Ok(None) };
        self.next.store(index + 1, Ordering::Relaxed);
        let size = item.get().size().unwrap_or(0);
        convert::from_c(py, item, array.address().wrapping_add(index * size), None).map(Some)
    }

    fn __length_hint__(&self) -> usize {
        self.length - self.next.load(Ordering::Relaxed)
    }

    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        visit.call(&self.array)
    }
}
