//! Size, alignment and member offsets, under a data model.
//!
//! Members in order, each at the next multiple of its alignment; an aggregate is aligned as its strictest member
//! and padded to a multiple of that (System V gABI, chapter 3, "Aggregates and unions"). Where members go is
//! in `members`; what differs between targets is in the [`DataModel`]. The measure is GCC: tests/tests/layout.rs
//! compares with it.

mod members;

pub(crate) use members::Placement;

use alloc::vec::Vec;

use thiserror::Error;

use crate::{
    model::DataModel,
    types::{Aggregate, Field, Type},
};

/// The largest type a layout is given for, in bytes.
pub const MAX_SIZE: u64 = 1 << 30;

/// The largest alignment a type may ask for, in bytes.
pub const MAX_ALIGN: u32 = 1 << 16;

/// The most members an aggregate may have, those of nested aggregates included. An array counts as one element:
/// the limit is on the time a layout takes.
pub const MAX_MEMBERS: u32 = 4096;

/// Types within each other beyond which no layout is computed and no type is parsed.
pub(crate) const MAX_DEPTH: u32 = 128;

/// Size and alignment of a type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Layout {
    /// Size in bytes, a multiple of `align`.
    pub size: u64,
    /// Alignment in bytes, a power of two.
    pub align: u32,
}

/// Layout of an aggregate with where its members lie.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AggregateLayout {
    /// Size and alignment of the whole.
    pub layout: Layout,
    /// Offset of each member in *bits* from the start, in the order of declaration. A multiple of 8 for
    /// everything but bit-fields.
    pub bit_offsets: Vec<u64>,
}

/// Why a type has no layout.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum LayoutError {
    /// `void`, or an aggregate without a definition.
    #[error("the type is incomplete and has no size")]
    Incomplete,
    /// Larger than [`MAX_SIZE`].
    #[error("the type is larger than {MAX_SIZE} bytes")]
    TooLarge,
    /// An alignment that is zero, no power of two, or too large.
    #[error("alignment {0} is not a power of two from 1 to {MAX_ALIGN}")]
    Alignment(u32),
    /// Aggregates nested too deeply.
    #[error("aggregates are nested more than {MAX_DEPTH} deep")]
    TooDeep,
    /// More members than [`MAX_MEMBERS`].
    #[error("the type has more than {MAX_MEMBERS} members")]
    TooManyMembers,
    /// A bit-field whose type has an alignment by its name: GCC and Clang put it in two places, and the data model names
    /// neither.
    #[error(
        "GCC and Clang put a bit-field of a type that its name aligns in two places, and nothing says which of them is at work"
    )]
    Compilers,
    /// A bit-field wider than its type, of a type that is not an integer, or of width 0 with a name.
    #[error("a bit-field of {0} bits does not fit its type")]
    BitField(u8),
}

impl Type {
    /// Size and alignment under `model`.
    ///
    /// # Errors
    /// Where the type is incomplete, too large, or asks for an impossible alignment.
    pub fn layout(&self, model: &DataModel) -> Result<Layout, LayoutError> {
        Walk { model, members: 0 }.ty(self, 0)
    }
}

impl Aggregate {
    /// Size, alignment and member offsets under `model`.
    ///
    /// # Errors
    /// As [`Type::layout`].
    pub fn layout(&self, model: &DataModel) -> Result<AggregateLayout, LayoutError> {
        Walk { model, members: 0 }.aggregate(self, 0)
    }
}

/// A walk over everything that lies inside a type.
struct Walk<'a> {
    model: &'a DataModel,
    /// Members met so far.
    members: u32,
}

impl Walk<'_> {
    fn ty(&mut self, ty: &Type, depth: u32) -> Result<Layout, LayoutError> {
        if depth > MAX_DEPTH {
            return Err(LayoutError::TooDeep);
        }
        if let Some(scalar) = ty.scalar(self.model) {
            let align = scalar.align(self.model);
            return Ok(Layout { size: scalar.bytes(self.model).into(), align: align.into() });
        }
        match ty {
            Type::Complex(complex) => {
                let part = self.ty(&complex.part(), depth)?;
                Ok(Layout { size: part.size * 2, align: part.align })
            }
            Type::Array(array) => {
                let element = self.ty(&array.element, depth + 1)?;
                let size = element.size.checked_mul(array.length).filter(|size| *size <= MAX_SIZE);
                Ok(Layout { size: size.ok_or(LayoutError::TooLarge)?, align: element.align })
            }
            Type::Aggregate(aggregate) => Ok(self.aggregate(aggregate, depth + 1)?.layout),
            _ => Err(LayoutError::Incomplete),
        }
    }

    fn aggregate(&mut self, aggregate: &Aggregate, depth: u32) -> Result<AggregateLayout, LayoutError> {
        let mut bit_offsets = Vec::with_capacity(aggregate.fields.len());
        let mut placement = Placement::new(aggregate, self.model);
        for field in &aggregate.fields {
            self.members += 1;
            if self.members > MAX_MEMBERS {
                return Err(LayoutError::TooManyMembers);
            }
            let own = self.ty(&field.ty, depth)?;
            check_bit_field(field, own)?;
            bit_offsets.push(placement.place(field, own)?);
        }
        Ok(AggregateLayout { layout: placement.finish(aggregate.align)?, bit_offsets })
    }
}

/// Whether the field is no bit-field, or a possible one (C11 6.7.2.1, 4 and 5).
fn check_bit_field(field: &Field, own: Layout) -> Result<(), LayoutError> {
    let Some(bits) = field.bits else { return Ok(()) };
    let widest = match field.ty {
        Type::Bool => 1,
        Type::Int(_) | Type::Enum(_) => own.size * 8,
        _ => return Err(LayoutError::BitField(bits)),
    };
    if u64::from(bits) > widest || (bits == 0 && field.name.is_some()) {
        return Err(LayoutError::BitField(bits));
    }
    Ok(())
}

/// `align`, if a type can ask for it.
fn checked_align(align: u32) -> Result<u32, LayoutError> {
    if align.is_power_of_two() && align <= MAX_ALIGN { Ok(align) } else { Err(LayoutError::Alignment(align)) }
}
