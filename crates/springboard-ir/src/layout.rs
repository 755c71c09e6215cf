//! Size, alignment and member offsets, under a data model.
//!
//! The rules are those of GCC on System V systems: members in order, each at the next multiple of its alignment;
//! an aggregate is aligned as its strictest member and padded to a multiple of that (System V gABI, chapter 3,
//! "Aggregates and unions"); bit-fields pack into units of their declared type and never straddle one.

use alloc::vec::Vec;
use core::fmt;

use crate::{
    model::DataModel,
    types::{Aggregate, AggregateKind, Type},
};

/// The largest type a layout is given for, in bytes.
pub const MAX_SIZE: u64 = 1 << 30;

/// The largest alignment a type may ask for, in bytes.
const MAX_ALIGN: u32 = 1 << 16;

/// Nesting of aggregates and arrays beyond which no layout is computed.
const MAX_DEPTH: u32 = 64;

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
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum LayoutError {
    /// `void`, or an aggregate without a definition.
    Incomplete,
    /// Larger than [`MAX_SIZE`].
    TooLarge,
    /// An alignment that is zero, no power of two, or too large.
    Alignment(u32),
    /// Aggregates nested too deeply.
    TooDeep,
    /// A bit-field wider than its type, of a type that is no integer, or of width 0 with a name.
    BitField(u8),
}

impl fmt::Display for LayoutError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LayoutError::Incomplete => f.write_str("the type is incomplete and has no size"),
            LayoutError::TooLarge => write!(f, "the type is larger than {MAX_SIZE} bytes"),
            LayoutError::Alignment(align) => {
                write!(f, "alignment {align} is not a power of two from 1 to {MAX_ALIGN}")
            }
            LayoutError::TooDeep => write!(f, "aggregates are nested more than {MAX_DEPTH} deep"),
            LayoutError::BitField(bits) => write!(f, "a bit-field of {bits} bits does not fit its type"),
        }
    }
}

impl core::error::Error for LayoutError {}

impl Type {
    /// Size and alignment under `model`.
    ///
    /// # Errors
    /// Where the type is incomplete, too large, or asks for an impossible alignment.
    pub fn layout(&self, model: &DataModel) -> Result<Layout, LayoutError> {
        type_layout(self, model, 0)
    }
}

impl Aggregate {
    /// Size, alignment and member offsets under `model`.
    ///
    /// # Errors
    /// As [`Type::layout`].
    pub fn layout(&self, model: &DataModel) -> Result<AggregateLayout, LayoutError> {
        aggregate_layout(self, model, 0)
    }
}

fn type_layout(ty: &Type, model: &DataModel, depth: u32) -> Result<Layout, LayoutError> {
    if depth > MAX_DEPTH {
        return Err(LayoutError::TooDeep);
    }
    if let Some(scalar) = ty.scalar(model) {
        return Ok(Layout { size: scalar.bytes(model).into(), align: scalar.align(model).into() });
    }
    match ty {
        Type::Complex(complex) => {
            let part = type_layout(&complex.part(), model, depth)?;
            Ok(Layout { size: part.size * 2, align: part.align })
        }
        Type::Array(array) => {
            let element = type_layout(&array.element, model, depth + 1)?;
            let size = element.size.checked_mul(array.length).filter(|size| *size <= MAX_SIZE);
            Ok(Layout { size: size.ok_or(LayoutError::TooLarge)?, align: element.align })
        }
        Type::Aggregate(aggregate) => Ok(aggregate_layout(aggregate, model, depth + 1)?.layout),
        _ => Err(LayoutError::Incomplete),
    }
}

fn checked_align(align: u32) -> Result<u32, LayoutError> {
    if align.is_power_of_two() && align <= MAX_ALIGN { Ok(align) } else { Err(LayoutError::Alignment(align)) }
}

fn aggregate_layout(
    aggregate: &Aggregate,
    model: &DataModel,
    depth: u32,
) -> Result<AggregateLayout, LayoutError> {
    let mut bit_offsets = Vec::with_capacity(aggregate.fields.len());
    let mut align = 1u32;
    // Where the next member may begin, and where the furthest one ends, in bits.
    let mut next = 0u64;
    let mut end = 0u64;
    for field in &aggregate.fields {
        let own = type_layout(&field.ty, model, depth)?;
        let mut field_align = if aggregate.packed { 1 } else { own.align };
        if let Some(asked) = field.align {
            field_align = field_align.max(checked_align(asked)?);
        }
        let start = if aggregate.kind == AggregateKind::Union { 0 } else { next };
        let (offset, bits) = match field.bits {
            None => {
                align = align.max(field_align);
                (start.next_multiple_of(u64::from(field_align) * 8), own.size * 8)
            }
            Some(bits) => {
                let unit = own.size * 8;
                let integer = matches!(field.ty, Type::Bool | Type::Int(_) | Type::Enum(_));
                if !integer || u64::from(bits) > unit || (bits == 0 && field.name.is_some()) {
                    return Err(LayoutError::BitField(bits));
                }
                let offset = if bits == 0 {
                    start.next_multiple_of(unit)
                } else if let Some(asked) = field.align {
                    start.next_multiple_of(u64::from(asked) * 8)
                } else if !aggregate.packed && start % unit + u64::from(bits) > unit {
                    start.next_multiple_of(unit)
                } else {
                    start
                };
                // An unnamed bit-field does not align the aggregate (System V psABI, "Bit-fields").
                if field.name.is_some() {
                    align = align.max(field_align);
                }
                (offset, u64::from(bits))
            }
        };
        bit_offsets.push(offset);
        next = offset + bits;
        end = end.max(next);
        if end > MAX_SIZE * 8 {
            return Err(LayoutError::TooLarge);
        }
    }
    if let Some(asked) = aggregate.align {
        align = align.max(checked_align(asked)?);
    }
    let size = end.div_ceil(8).next_multiple_of(align.into());
    Ok(AggregateLayout { layout: Layout { size, align }, bit_offsets })
}
