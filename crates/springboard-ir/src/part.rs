//! Parts of types: where the member of a member's element lies.

use alloc::string::{String, ToString};

use thiserror::Error;

use crate::{
    layout::{AggregateLayout, LayoutError},
    model::DataModel,
    types::{Aggregate, Type},
};

/// A part of a type: a member, an element, or one of one of them.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Part {
    /// The part's own type; for a bit-field the declared one.
    pub ty: Type,
    /// Where it begins, in *bits* from the start of the whole. A multiple of 8 for everything but bit-fields. On
    /// big-endian targets bits are counted from the most significant one.
    pub bit_offset: u64,
    /// Width of a bit-field, in bits.
    pub bits: Option<u8>,
}

/// Why a path leads to no part of a type.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[non_exhaustive]
pub enum PathError {
    /// The path is no path: a name was wanted, or a number in brackets.
    #[error("the path wants a name or `[number]` at byte {at}")]
    Syntax {
        /// Offset in the path, in bytes.
        at: usize,
    },
    /// A type that has members has none of that name.
    #[error("{aggregate} has no member {field}")]
    UnknownField {
        /// The type, as C writes it.
        aggregate: String,
        /// The name.
        field: String,
    },
    /// A name after a type that has no members.
    #[error("{ty} has no members, and so no {field}")]
    NoMembers {
        /// The type, as C writes it.
        ty: String,
        /// The name.
        field: String,
    },
    /// An index after a type that is no array.
    #[error("{ty} is no array, and has no element {index}")]
    NoArray {
        /// The type, as C writes it.
        ty: String,
        /// The index.
        index: u64,
    },
    /// An index that the array does not have.
    #[error("element {index} is out of range for an array of {length}")]
    Index {
        /// The index.
        index: u64,
        /// The number of elements.
        length: u64,
    },
    /// A type on the way has no layout.
    #[error(transparent)]
    Layout(#[from] LayoutError),
}

impl Type {
    /// Finds a part by its path: names of members, `[index]` of elements, as C writes both: `corners[2].x`. The
    /// members of an anonymous structure or union are members of what it lies in (C11 6.7.2.1, 13). An empty path is
    /// the whole.
    ///
    /// # Errors
    /// A step that leads nowhere.
    pub fn part(&self, path: &str, model: &DataModel) -> Result<Part, PathError> {
        let mut part = Part { ty: self.clone(), bit_offset: 0, bits: None };
        let mut rest = path;
        while !rest.is_empty() {
            let at = path.len() - rest.len();
            let step;
            (step, rest) = first_step(rest, at == 0).ok_or(PathError::Syntax { at })?;
            let next = match step {
                Step::Field(name) => part.ty.field(name, model)?,
                Step::Index(index) => part.ty.element(index, model)?,
            };
            part = Part { bit_offset: part.bit_offset + next.bit_offset, ..next };
        }
        Ok(part)
    }

    /// One element of an array.
    fn element(&self, index: u64, model: &DataModel) -> Result<Part, PathError> {
        let Type::Array(array) = self else {
            return Err(PathError::NoArray { ty: self.to_string(), index });
        };
        if index >= array.length {
            return Err(PathError::Index { index, length: array.length });
        }
        let size = array.element.layout(model)?.size;
        // The array has a layout, so that the product is in range; one without members has none of its own.
        self.layout(model)?;
        Ok(Part { ty: array.element.clone(), bit_offset: index * size * 8, bits: None })
    }

    fn field(&self, name: &str, model: &DataModel) -> Result<Part, PathError> {
        match self {
            Type::Aggregate(aggregate) => {
                // Anonymous members within each other are as deep as a layout allows, or there is none.
                aggregate.layout(model)?;
                aggregate.member(name, model)?.ok_or_else(|| PathError::UnknownField {
                    aggregate: self.to_string(),
                    field: name.into(),
                })
            }
            Type::Incomplete(..) => Err(PathError::Layout(LayoutError::Incomplete)),
            _ => Err(PathError::NoMembers { ty: self.to_string(), field: name.into() }),
        }
    }
}

impl Aggregate {
    /// The member of that name, those of anonymous members included.
    fn member(&self, name: &str, model: &DataModel) -> Result<Option<Part>, LayoutError> {
        let AggregateLayout { bit_offsets, .. } = self.layout(model)?;
        for (field, bit_offset) in self.fields.iter().zip(bit_offsets) {
            match (&field.name, &field.ty) {
                (Some(own), _) if own == name => {
                    return Ok(Some(Part { ty: field.ty.clone(), bit_offset, bits: field.bits }));
                }
                (None, Type::Aggregate(inner)) => {
                    if let Some(part) = inner.member(name, model)? {
                        return Ok(Some(Part { bit_offset: bit_offset + part.bit_offset, ..part }));
                    }
                }
                _ => {}
            }
        }
        Ok(None)
    }
}

/// One step of a path.
enum Step<'a> {
    Field(&'a str),
    Index(u64),
}

/// The first step of a path and what is after it.
fn first_step(path: &str, is_first: bool) -> Option<(Step<'_>, &str)> {
    if let Some(inside) = path.strip_prefix('[') {
        let (number, rest) = inside.split_once(']')?;
        let digits = !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
        return Some((Step::Index(number.parse().ok().filter(|_| digits)?), rest));
    }
    let path = if is_first { path } else { path.strip_prefix('.')? };
    let end = path.find(['.', '[']).unwrap_or(path.len());
    let (name, rest) = path.split_at(end);
    let is_name = !name.is_empty()
        && !name.starts_with(|first: char| first.is_ascii_digit())
        && name.chars().all(|each| each.is_alphanumeric() || each == '_' || each == '$');
    is_name.then_some((Step::Field(name), rest))
}
