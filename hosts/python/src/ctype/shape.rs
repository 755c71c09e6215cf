//! How functions of a type are called, as the type keeps it. Calls fill it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use pyo3::{PyTraverseError, PyVisit, prelude::*};
use springboard::function::Indirect;

use super::CType;

/// How functions of a type are called.
pub(crate) enum Prepared {
    /// All calls alike.
    Fixed(Arc<Shape>),
    /// By the types of the arguments after the declared ones; the key is their addresses, which the shape keeps.
    Variadic(Mutex<HashMap<Vec<usize>, Arc<Shape>>>),
}

/// A call: the types of all arguments and of the result, made ready.
pub(crate) struct Shape {
    pub(crate) indirect: Indirect,
    pub(crate) arguments: Vec<Py<CType>>,
    pub(crate) result: Py<CType>,
}

impl Prepared {
    pub(super) fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        match self {
            Prepared::Fixed(shape) => shape.traverse(visit),
            Prepared::Variadic(known) => match known.try_lock() {
                Ok(known) => known.values().try_for_each(|shape| shape.traverse(visit)),
                Err(_) => Ok(()),
            },
        }
    }
}

impl Shape {
    fn traverse(&self, visit: &PyVisit<'_>) -> Result<(), PyTraverseError> {
        self.arguments.iter().chain([&self.result]).try_for_each(|ctype| visit.call(ctype))
    }
}
