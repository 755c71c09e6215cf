//! Structures and unions: their members, and where these lie.

use std::{collections::HashMap, sync::OnceLock};

use pyo3::prelude::*;
use springboard::ir::{AggregateKind, Type};

use super::CType;
use crate::error::VerificationMissing;

/// A structure or union.
pub(crate) struct Aggregate {
    pub(crate) kind: AggregateKind,
    /// Whether the declaration leaves members to the C compiler.
    pub(crate) partial: bool,
    /// `None` until it is defined.
    pub(crate) body: OnceLock<Body>,
}

impl Aggregate {
    /// Refuses a declaration that only a compiler could complete.
    pub(crate) fn check_whole(&self, name: &str) -> PyResult<()> {
        match self.partial {
            true => Err(VerificationMissing::new_err(format!(
                "'{name}' is declared with '...', which needs a C compiler"
            ))),
            false => Ok(()),
        }
    }
}

/// The definition of a structure or union.
pub(crate) struct Body {
    /// Size and alignment in bytes.
    pub(crate) size: usize,
    pub(crate) align: usize,
    /// The members, those of anonymous members in their place.
    pub(crate) members: Vec<Member>,
    /// The place of each in `members`.
    pub(crate) by_name: HashMap<String, usize>,
    /// Whether it ends in an array without a length.
    pub(crate) flexible: bool,
    /// The type as a parameter of a call.
    pub(crate) ty: Type,
}

impl Body {
    /// The member of that name.
    pub(crate) fn member(&self, name: &str) -> Option<&CField> {
        self.by_name.get(name).map(|index| self.members[*index].field.get())
    }

    /// The members that a list gives values for, in order.
    pub(crate) fn initialised(&self) -> impl Iterator<Item = &CField> {
        self.members
            .iter()
            .map(|member| member.field.get())
            .filter(|field| field.flags & CField::OVERLAID == 0)
    }
}

/// A member with its name.
pub(crate) struct Member {
    pub(crate) name: String,
    pub(crate) field: Py<CField>,
}

/// A member of a structure or union.
#[pyclass(frozen, module = "springboard", name = "CField")]
pub(crate) struct CField {
    /// The type; of a bit-field the declared one.
    #[pyo3(get, name = "type")]
    pub(crate) ctype: Py<CType>,
    /// Where it begins, in bytes; of a bit-field, where the integer does that it is a part of.
    #[pyo3(get)]
    pub(crate) offset: usize,
    /// The lowest bit of a bit-field in that integer; -1 for other members.
    #[pyo3(get)]
    pub(crate) bitshift: i32,
    /// The width of a bit-field in bits; -1 for other members.
    #[pyo3(get)]
    pub(crate) bitsize: i32,
    /// 1 where a list of initial values leaves it out, because another member lies there.
    #[pyo3(get)]
    pub(crate) flags: u32,
}

impl CField {
    /// The flag of a member that lies where another one does, and comes after it.
    pub(crate) const OVERLAID: u32 = 1;
}

#[pymethods]
impl CField {
    fn __traverse__(&self, visit: pyo3::PyVisit<'_>) -> Result<(), pyo3::PyTraverseError> {
        visit.call(&self.ctype)
    }
}
