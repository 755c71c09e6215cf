//! C types as Python objects.
//!
//! A type without names of its own is one object for the whole process, so that `is` compares types; structures,
//! unions and enumerations belong to the `FFI` that declared them.

mod aggregate;
mod attributes;
mod derived;
mod name;
mod primitive;
mod shape;

use std::sync::{Mutex, OnceLock};

use pyo3::{PyTraverseError, PyVisit, exceptions::PyTypeError, prelude::*};
use springboard::ir::{Integer, Type};

use self::derived::Derived;
pub(crate) use self::{
    aggregate::{Aggregate, Body, CField, Member},
    derived::{array_of, function_of, pointer_to, void},
    name::Name,
    primitive::{Form, Primitive, named as primitive},
    shape::{Prepared, Shape},
};
use crate::error::type_name;

/// A C type.
#[pyclass(frozen, weakref, module = "springboard", name = "CType")]
pub(crate) struct CType {
    pub(crate) name: Name,
    pub(crate) kind: Kind,
    derived: Mutex<Derived>,
}

/// What a type is.
pub(crate) enum Kind {
    Void,
    Primitive(Primitive),
    Pointer(Py<CType>),
    Array { item: Py<CType>, length: Option<usize>, decayed: Py<CType> },
    Aggregate(Aggregate),
    Enum(Enumeration),
    Function(FunctionType),
}

/// An enumeration: its constants, and the type that its objects have.
pub(crate) struct Enumeration {
    pub(crate) constants: Vec<(String, i128)>,
    pub(crate) underlying: Primitive,
    pub(crate) integer: Integer,
}

impl Enumeration {
    /// The first constant of that value.
    pub(crate) fn named(&self, value: i128) -> Option<&str> {
        self.constants.iter().find(|(_, each)| *each == value).map(|(name, _)| name.as_str())
    }
}

/// A function type; the Python object is that of a pointer to it.
pub(crate) struct FunctionType {
    pub(crate) arguments: Vec<Py<CType>>,
    pub(crate) result: Py<CType>,
    pub(crate) ellipsis: bool,
    /// How it is called. Made at the first call.
    pub(crate) prepared: OnceLock<Prepared>,
}

impl CType {
    pub(crate) fn new(name: Name, kind: Kind) -> CType {
        CType { name, kind, derived: Mutex::default() }
    }

    /// As C writes it.
    pub(crate) fn text(&self) -> &str {
        self.name.text()
    }

    /// Size in bytes, where objects have one.
    pub(crate) fn size(&self) -> Option<usize> {
        match &self.kind {
            Kind::Void => None,
            Kind::Primitive(primitive) => Some(primitive.size),
            Kind::Pointer(_) | Kind::Function(_) => Some(size_of::<usize>()),
            Kind::Array { item, length, .. } => Some(item.get().size()? * (*length)?),
            Kind::Aggregate(aggregate) => aggregate.body.get().map(|body| body.size),
            Kind::Enum(enumeration) => Some(enumeration.underlying.size),
        }
    }

    /// Alignment in bytes, where objects have one.
    pub(crate) fn align(&self) -> Option<usize> {
        match &self.kind {
            Kind::Void => None,
            Kind::Primitive(primitive) => Some(primitive.align),
            Kind::Pointer(_) | Kind::Function(_) => Some(size_of::<usize>()),
            Kind::Array { item, .. } => item.get().align(),
            Kind::Aggregate(aggregate) => aggregate.body.get().map(|body| body.align),
            Kind::Enum(enumeration) => Some(enumeration.underlying.align),
        }
    }

    /// The type as a parameter or result of a call. `None` where it can be neither.
    pub(crate) fn passed(&self) -> Option<Type> {
        Some(match &self.kind {
            Kind::Void => Type::Void,
            Kind::Primitive(primitive) => primitive.ty.clone(),
            Kind::Pointer(_) | Kind::Function(_) | Kind::Array { .. } => Type::void_pointer(),
            Kind::Aggregate(aggregate) => aggregate.body.get()?.ty.clone(),
            Kind::Enum(enumeration) => Type::Int(enumeration.integer),
        })
    }

    /// What a pointer points to.
    pub(crate) fn pointee(&self) -> Option<&Py<CType>> {
        match &self.kind {
            Kind::Pointer(item) => Some(item),
            _ => None,
        }
    }

    /// What a pointer points to, or an array is made of.
    pub(crate) fn item(&self) -> Option<&Py<CType>> {
        match &self.kind {
            Kind::Pointer(item) | Kind::Array { item, .. } => Some(item),
            _ => None,
        }
    }

    /// The primitive type that objects of a primitive type or an enumeration have.
    pub(crate) fn primitive(&self) -> Option<&Primitive> {
        match &self.kind {
            Kind::Primitive(primitive) => Some(primitive),
            Kind::Enum(enumeration) => Some(&enumeration.underlying),
            _ => None,
        }
    }

    /// Whether a value is an address: a pointer, a pointer to a function, or an array.
    pub(crate) fn is_address(&self) -> bool {
        matches!(self.kind, Kind::Pointer(_) | Kind::Function(_) | Kind::Array { .. })
    }

    /// The structure or union that this is.
    pub(crate) fn aggregate(&self) -> Option<&Aggregate> {
        match &self.kind {
            Kind::Aggregate(aggregate) => Some(aggregate),
            _ => None,
        }
    }

    /// The structure or union that this is or points to.
    pub(crate) fn members(&self) -> Option<&Body> {
        let aggregate = match &self.kind {
            Kind::Pointer(item) => item.get().aggregate(),
            _ => self.aggregate(),
        };
        aggregate?.body.get()
    }

    pub(crate) fn is_void(&self) -> bool {
        matches!(self.kind, Kind::Void)
    }

    /// Whether it is made of a type that belongs to one `FFI`.
    pub(crate) fn is_nominal(&self) -> bool {
        match &self.kind {
            Kind::Void | Kind::Primitive(_) => false,
            Kind::Pointer(item) | Kind::Array { item, .. } => item.get().is_nominal(),
            Kind::Aggregate(_) | Kind::Enum(_) => true,
            Kind::Function(function) => {
                let mut made_of = function.arguments.iter().chain([&function.result]);
                made_of.any(|each| each.get().is_nominal())
            }
        }
    }
}

#[pymethods]
impl CType {
    fn __traverse__(&self, visit: PyVisit<'_>) -> Result<(), PyTraverseError> {
        match &self.kind {
            Kind::Void | Kind::Primitive(_) | Kind::Enum(_) => {}
            Kind::Pointer(item) => visit.call(item)?,
            Kind::Array { item, decayed, .. } => {
                visit.call(item)?;
                visit.call(decayed)?;
            }
            Kind::Aggregate(aggregate) => {
                for member in aggregate.body.get().into_iter().flat_map(|body| &body.members) {
                    visit.call(&member.field)?;
                }
            }
            Kind::Function(function) => {
                function.arguments.iter().try_for_each(|argument| visit.call(argument))?;
                visit.call(&function.result)?;
                function.prepared.get().map_or(Ok(()), |prepared| prepared.traverse(&visit))?;
            }
        }
        match self.derived.try_lock() {
            Ok(derived) => derived.traverse(&visit),
            Err(_) => Ok(()),
        }
    }

    fn __clear__(&self) {
        if let Ok(mut derived) = self.derived.try_lock() {
            let _dropped_after_the_lock = std::mem::take(&mut *derived);
            drop(derived);
        }
    }
}

/// The type that an object is.
pub(crate) fn expect<'a, 'py>(object: &'a Bound<'py, PyAny>) -> PyResult<&'a Bound<'py, CType>> {
    object.cast::<CType>().map_err(|_| {
        let given = type_name(object);
        PyTypeError::new_err(format!("expected a ctype object, got '{given}'"))
    })
}
