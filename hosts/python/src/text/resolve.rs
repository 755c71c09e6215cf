//! From the types that `springboard-ir` reads to those of Python.

use std::sync::{Arc, OnceLock};

use pyo3::{
    exceptions::{PyNotImplementedError, PyTypeError},
    prelude::*,
    sync::PyOnceLock,
};
use springboard::ir::{Aggregate, AggregateKind, Complex, Enumeration, Field, Integer, Pointee, Type};

use super::{
    declared::{Declared, Tag},
    dialect::{OPAQUE, OPEN, REST, UNTAGGED, written},
};
use crate::{
    ctype::{self, Body, CField, CType, Kind, Member, Name, Primitive},
    engine,
};

/// The tag of what is behind a `FILE *`.
const FILE: &str = "__springboard_opaque_FILE";

impl Declared {
    /// The Python type of a type that was read; `flexible` says that an array has no length.
    pub(super) fn resolve(&mut self, py: Python<'_>, ty: &Type, flexible: bool) -> PyResult<Py<CType>> {
        let named = |name: &str| {
            ctype::primitive(py, name).ok_or_else(|| {
                PyNotImplementedError::new_err(format!("values of type '{name}' are not supported"))
            })
        };
        match ty {
            Type::Void => Ok(ctype::void(py)),
            Type::Bool => named("_Bool"),
            Type::Int(integer) => named(integer.name()),
            Type::Float => named("float"),
            Type::Double => named("double"),
            Type::LongDouble => named("long double"),
            Type::Complex(Complex::Float) => named("float _Complex"),
            Type::Complex(Complex::Double) => named("double _Complex"),
            Type::Complex(Complex::LongDouble) => named("long double _Complex"),
            Type::Vector(_) => named(&ty.to_string()),
            Type::Pointer(pointee) => match &**pointee {
                Pointee::Object(ty) | Pointee::Const(ty) => {
                    let item = self.resolve(py, ty, false)?;
                    ctype::pointer_to(py, &item)
                }
                Pointee::Function(signature) => {
                    let signature = self.declarations.complete(signature);
                    self.resolve_function(py, &signature)
                }
            },
            Type::Array(array) => {
                let item = self.resolve(py, &array.element, false)?;
                ctype::array_of(py, &item, (!flexible).then_some(array.length as usize))
            }
            Type::Incomplete(kind, tag) => self.tagged(py, *kind, tag),
            Type::Aggregate(aggregate) => match &aggregate.tag {
                Some(tag) => self.tagged(py, aggregate.kind, tag),
                None => self.untagged(py, aggregate),
            },
            Type::Enum(enumeration) => self.enumeration(py, enumeration),
        }
    }

    fn tagged(&mut self, py: Python<'_>, kind: AggregateKind, tag: &str) -> PyResult<Py<CType>> {
        match tag {
            "__springboard_char16_t" => return Ok(ctype::primitive(py, "char16_t").expect("C has the type")),
            "__springboard_char32_t" => return Ok(ctype::primitive(py, "char32_t").expect("C has the type")),
            // One type for all, as there is one C library.
            FILE => {
                static TYPE: PyOnceLock<Py<CType>> = PyOnceLock::new();
                let made = TYPE.get_or_try_init(py, || empty(py, kind, "FILE", None))?;
                return Ok(made.clone_ref(py));
            }
            _ => {}
        }
        let key = (Tag::Aggregate(kind), String::from(tag));
        let definition = match self.declarations.tagged(tag) {
            Some(Type::Aggregate(aggregate)) if aggregate.kind == kind => Some(aggregate),
            _ => None,
        };
        if let Some(ctype) = self.tagged.get(&key) {
            return Ok(ctype.clone_ref(py));
        }
        let name = match tag.strip_prefix(OPAQUE) {
            Some(name) => name.into(),
            None => format!("{} {}", kind.keyword(), written(tag)),
        };
        let ctype = empty(py, kind, &name, definition.as_deref())?;
        // It may be a part of itself, by a pointer.
        self.tagged.insert(key, ctype.clone_ref(py));
        if let Some(aggregate) = definition {
            self.complete(py, &ctype, &aggregate)?;
        }
        Ok(ctype)
    }

    /// Gives every type its definition that has one by now.
    pub(super) fn complete_tags(&mut self, py: Python<'_>) -> PyResult<()> {
        let open: Vec<_> = self
            .tagged
            .iter()
            .filter(|(_, ctype)| {
                ctype.get().aggregate().is_some_and(|aggregate| aggregate.body.get().is_none())
            })
            .map(|((_, tag), ctype)| (tag.clone(), ctype.clone_ref(py)))
            .collect();
        for (tag, ctype) in open {
            if let Some(Type::Aggregate(aggregate)) = self.declarations.tagged(&tag) {
                self.complete(py, &ctype, &aggregate)?;
            }
        }
        Ok(())
    }

    fn untagged(&mut self, py: Python<'_>, aggregate: &Arc<Aggregate>) -> PyResult<Py<CType>> {
        let key = Arc::as_ptr(aggregate) as usize;
        if let Some((_, ctype)) = self.untagged.get(&key) {
            return Ok(ctype.clone_ref(py));
        }
        let name = match self.untagged_names.get(&key) {
            Some(name) => name.clone(),
            None => {
                let nameless = self.untagged.keys().filter(|key| !self.untagged_names.contains_key(*key));
                format!("{} ${}", aggregate.kind.keyword(), nameless.count() + 1)
            }
        };
        let ctype = empty(py, aggregate.kind, &name, Some(aggregate))?;
        self.untagged.insert(key, (Arc::clone(aggregate), ctype.clone_ref(py)));
        self.complete(py, &ctype, aggregate)?;
        Ok(ctype)
    }

    fn enumeration(&mut self, py: Python<'_>, enumeration: &Arc<Enumeration>) -> PyResult<Py<CType>> {
        // The dialect gives a tag to those that have none.
        let tag = enumeration.tag().unwrap_or_default();
        let key = (Tag::Enum, String::from(tag));
        if let Some(ctype) = self.tagged.get(&key) {
            return Ok(ctype.clone_ref(py));
        }
        let name = match (tag.strip_prefix(UNTAGGED), self.untagged_enums.get(tag)) {
            (None, _) => format!("enum {}", written(tag)),
            (Some(_), Some(name)) => name.clone(),
            (Some(number), None) => format!("enum ${number}"),
        };
        let mut constants = enumeration.constants().to_vec();
        constants.retain(|(name, _)| !name.starts_with(REST));
        if constants.is_empty() {
            let message = format!(
                "'{name}' has no values explicitly defined; guessing that it is equivalent to 'unsigned int'"
            );
            let category = py.get_type::<pyo3::exceptions::PyUserWarning>();
            PyErr::warn(py, &category, &std::ffi::CString::new(message)?, 1)?;
        }
        let integer: Integer = enumeration.underlying();
        let kind = Kind::Enum(ctype::Enumeration {
            constants,
            underlying: Primitive::integer(integer, engine().data_model()),
            integer,
        });
        let ctype = Py::new(py, CType::new(Name::simple(&name), kind))?;
        self.tagged.insert(key, ctype.clone_ref(py));
        Ok(ctype)
    }

    /// Whether a name is a constant of an enumeration of which a compiler would have to find values.
    pub(super) fn is_partial(&self, name: &str) -> bool {
        let mut types = self.declarations.tagged_types().chain(self.declarations.named_types());
        types.any(|(_, ty)| match ty {
            Type::Enum(enumeration) => {
                let names = || enumeration.constants().iter().map(|(name, _)| name.as_str());
                names().any(|each| each == name)
                    && names().any(|each| each.starts_with(REST) && !each.starts_with(OPEN))
            }
            _ => false,
        })
    }

    /// Gives a structure or union its members.
    fn complete(&mut self, py: Python<'_>, ctype: &Py<CType>, aggregate: &Arc<Aggregate>) -> PyResult<()> {
        let model = engine().data_model();
        let layout = aggregate
            .layout(model)
            .map_err(|error| PyTypeError::new_err(format!("{}: {error}", ctype.get().text())))?;
        let mut members = Vec::new();
        for (index, (field, bit_offset)) in aggregate.fields.iter().zip(&layout.bit_offsets).enumerate() {
            if field.name.as_ref().is_some_and(|name| name.starts_with(REST)) {
                continue;
            }
            let overlaid = aggregate.kind == AggregateKind::Union && index > 0;
            let flags = if overlaid { CField::OVERLAID } else { 0 };
            self.member(py, field, *bit_offset, flags, &mut members)?;
        }
        let by_name =
            members.iter().enumerate().map(|(index, member)| (member.name.clone(), index)).collect();
        let body = Body {
            size: layout.layout.size as usize,
            align: layout.layout.align as usize,
            members,
            by_name,
            flexible: aggregate.is_flexible() || ends_open(aggregate),
            ty: Type::Aggregate(Arc::clone(aggregate)),
        };
        if let Kind::Aggregate(of) = &ctype.get().kind {
            // Another thread has made the same.
            let _ = of.body.set(body);
        }
        Ok(())
    }

    fn member(
        &mut self,
        py: Python<'_>,
        field: &Field,
        bit_offset: u64,
        flags: u32,
        members: &mut Vec<Member>,
    ) -> PyResult<()> {
        let flexible =
            field.declared.flexible || matches!(&field.ty, Type::Array(array) if array.length == 0);
        let ctype = self.resolve(py, &field.ty, flexible)?;
        let byte = (bit_offset / 8) as usize;
        let Some(name) = &field.name else {
            // The members of an anonymous structure or union are members of what it lies in.
            let inner = ctype.get().members().filter(|_| field.bits.is_none());
            for Member { name, field } in inner.into_iter().flat_map(|body| &body.members) {
                let inner = field.get();
                let field = CField {
                    ctype: inner.ctype.clone_ref(py),
                    offset: byte + inner.offset,
                    flags: flags | inner.flags,
                    ..*inner
                };
                members.push(Member { name: name.clone(), field: Py::new(py, field)? });
            }
            return Ok(());
        };
        let (offset, bitshift, bitsize) = match field.bits {
            None => (byte, -1, -1),
            Some(bits) => {
                // The integer of the declared type that the bits lie in; where they lie in two, the bytes themselves.
                let unit = ctype.get().size().unwrap_or(1) as u64 * 8;
                let within = bit_offset % unit;
                match within + u64::from(bits) <= unit {
                    true => ((bit_offset / unit * unit / 8) as usize, within as i32, i32::from(bits)),
                    false => (byte, (bit_offset % 8) as i32, i32::from(bits)),
                }
            }
        };
        let field = CField { ctype, offset, bitshift, bitsize, flags };
        members.push(Member { name: name.clone(), field: Py::new(py, field)? });
        Ok(())
    }
}

/// Whether the last member is an array of length zero, which is one without a length in older C.
fn ends_open(aggregate: &Aggregate) -> bool {
    match aggregate.fields.last().map(|field| &field.ty) {
        Some(Type::Array(array)) => array.length == 0,
        Some(Type::Aggregate(inner)) => ends_open(inner),
        _ => false,
    }
}

/// A structure or union without members yet.
fn empty(
    py: Python<'_>,
    kind: AggregateKind,
    name: &str,
    definition: Option<&Aggregate>,
) -> PyResult<Py<CType>> {
    let is_rest = |field: &Field| field.name.as_ref().is_some_and(|name| name.starts_with(REST));
    let partial = definition.is_some_and(|aggregate| aggregate.fields.iter().any(is_rest));
    let kind = Kind::Aggregate(ctype::Aggregate { kind, partial, body: OnceLock::new() });
    Py::new(py, CType::new(Name::simple(name), kind))
}
