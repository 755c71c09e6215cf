//! `ffi.init_once`.

use pyo3::{prelude::*, sync::MutexExt, types::PyDict};

use super::Ffi;

#[pymethods]
impl Ffi {
    /// `func()`, called once per `tag` for the life of this object, whatever threads ask.
    fn init_once<'py>(
        &self,
        py: Python<'py>,
        func: &Bound<'py, PyAny>,
        tag: &Bound<'py, PyAny>,
    ) -> PyResult<Bound<'py, PyAny>> {
        let known = {
            let mut once =
                self.told().once.lock_py_attached(py).unwrap_or_else(|poisoned| poisoned.into_inner());
            once.get_or_insert_with(|| PyDict::new(py).unbind()).bind(py).clone()
        };
        let entry = match known.get_item(tag)? {
            Some(entry) => entry,
            None => {
                let lock = py.import("threading")?.getattr("Lock")?.call0()?;
                known.call_method1("setdefault", (tag, (false, lock)))?
            }
        };
        if entry.get_item(0)?.is_truthy()? {
            return entry.get_item(1);
        }
        let lock = entry.get_item(1)?;
        lock.call_method0("acquire")?;
        let result = (|| {
            let entry = known.as_any().get_item(tag)?;
            if entry.get_item(0)?.is_truthy()? {
                return entry.get_item(1);
            }
            let result = func.call0()?;
            known.set_item(tag, (true, &result))?;
            Ok(result)
        })();
        lock.call_method0("release")?;
        result
    }
}
