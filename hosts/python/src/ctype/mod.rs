//! C types as Python objects.
//!
//! A type without names of its own is one object for the whole process, so that `is` compares types; structures,
//! unions and enumerations belong to the `FFI` that declared them.

mod aggregate;
mod derived;
mod name;
mod primitive;

use std::sync::{Mutex, OnceLock};

use pyo3::{
    PyTraverseError, PyVisit,
    exceptions::{PyAttributeError, PyTypeError},
    prelude::*,
    types::{PyDict, PyList, PyTuple},
};
use springboard::ir::{AggregateKind, Integer, Type};

use self::derived::Derived;
pub(crate) use self::{
    aggregate::{Aggregate, Body, CField, Member},
    derived::{array_of, function_of, pointer_to, void},
    name::Name,
    primitive::{Form, Primitive, named as primitive},
};
use crate::call::Prepared;

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

    fn without(&self, attribute: &str) -> PyErr {
        PyAttributeError::new_err(format!("ctype '{}' has no attribute '{attribute}'", self.text()))
    }
}

#[pymethods]
impl CType {
    fn __repr__(&self) -> String {
        format!("<ctype '{}'>", self.text())
    }

    fn __dir__(&self) -> Vec<&'static str> {
        let mut names = vec!["cname", "kind"];
        names.extend_from_slice(match &self.kind {
            Kind::Void | Kind::Primitive(_) => &[],
            Kind::Pointer(_) => &["item"],
            Kind::Array { .. } => &["item", "length"],
            Kind::Aggregate(_) => &["fields"],
            Kind::Enum(_) => &["elements", "relements"],
            Kind::Function(_) => &["abi", "args", "ellipsis", "result"],
        });
        names
    }

    /// The type as C writes it.
    #[getter]
    fn cname(&self) -> &str {
        self.text()
    }

    /// `void`, `primitive`, `pointer`, `array`, `struct`, `union`, `enum` or `function`.
    #[getter]
    pub(crate) fn kind(&self) -> &'static str {
        match &self.kind {
            Kind::Void => "void",
            Kind::Primitive(_) => "primitive",
            Kind::Pointer(_) => "pointer",
            Kind::Array { .. } => "array",
            Kind::Aggregate(Aggregate { kind: AggregateKind::Struct, .. }) => "struct",
            Kind::Aggregate(Aggregate { kind: AggregateKind::Union, .. }) => "union",
            Kind::Enum(_) => "enum",
            Kind::Function(_) => "function",
        }
    }

    /// What a pointer points to, or an array is made of.
    #[getter(item)]
    fn item_attribute(&self, py: Python<'_>) -> PyResult<Py<CType>> {
        self.item().map(|item| item.clone_ref(py)).ok_or_else(|| self.without("item"))
    }

    /// The number of elements of an array; `None` where the type leaves it open.
    #[getter]
    fn length(&self) -> PyResult<Option<usize>> {
        match &self.kind {
            Kind::Array { length, .. } => Ok(*length),
            _ => Err(self.without("length")),
        }
    }

    /// Names and descriptions of the members, in their order; `None` where the type is opaque.
    #[getter]
    fn fields<'py>(&self, py: Python<'py>) -> PyResult<Option<Bound<'py, PyList>>> {
        let aggregate = self.aggregate().ok_or_else(|| self.without("fields"))?;
        aggregate.check_whole(self.text())?;
        let Some(body) = aggregate.body.get() else { return Ok(None) };
        let fields = PyList::empty(py);
        for Member { name, field } in &body.members {
            fields.append((name.as_str(), field.clone_ref(py)))?;
        }
        Ok(Some(fields))
    }

    /// The types of a function's parameters.
    #[getter]
    fn args<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyTuple>> {
        let arguments = &self.function("args")?.arguments;
        PyTuple::new(py, arguments.iter().map(|argument| argument.clone_ref(py)))
    }

    /// The type of a function's result.
    #[getter]
    fn result(&self, py: Python<'_>) -> PyResult<Py<CType>> {
        Ok(self.function("result")?.result.clone_ref(py))
    }

    /// Whether a function takes more arguments than it declares.
    #[getter]
    fn ellipsis(&self) -> PyResult<bool> {
        Ok(self.function("ellipsis")?.ellipsis)
    }

    /// The calling convention of a function: the platform's own.
    #[getter]
    fn abi(&self) -> PyResult<i32> {
        self.function("abi").map(|_| 2)
    }

    /// The names of an enumeration's constants, by value.
    #[getter]
    fn elements<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let Kind::Enum(enumeration) = &self.kind else { return Err(self.without("elements")) };
        let elements = PyDict::new(py);
        for (name, value) in enumeration.constants.iter().rev() {
            elements.set_item(value, name)?;
        }
        Ok(elements)
    }

    /// The values of an enumeration's constants, by name.
    #[getter]
    fn relements<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        let Kind::Enum(enumeration) = &self.kind else { return Err(self.without("relements")) };
        let elements = PyDict::new(py);
        for (name, value) in &enumeration.constants {
            elements.set_item(name, value)?;
        }
        Ok(elements)
    }

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

impl CType {
    fn function(&self, attribute: &str) -> PyResult<&FunctionType> {
        match &self.kind {
            Kind::Function(function) => Ok(function),
            _ => Err(self.without(attribute)),
        }
    }
}

/// The type that an object is.
pub(crate) fn expect<'a, 'py>(object: &'a Bound<'py, PyAny>) -> PyResult<&'a Bound<'py, CType>> {
    object.cast::<CType>().map_err(|_| {
        let given = crate::convert::type_name(object);
        PyTypeError::new_err(format!("expected a ctype object, got '{given}'"))
    })
}
