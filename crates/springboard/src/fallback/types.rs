//! C types in libffi's terms.

use libffi::{low, middle::Type as FfiType};
use springboard_abi::Target;
use springboard_ir::{Aggregate, Complex, DataModel, LayoutError, Scalar, Type};

use super::equivalent::{equivalent, is_plain, sole_number};
use crate::{declaration::Position, system};

/// Why libffi cannot call a function.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Unsupported {
    /// A type that libffi has no description for.
    #[error("{position} is {ty}, and libffi has no {what}")]
    Type {
        /// Where it stands.
        position: Position,
        /// The type, as it stands there.
        ty: Type,
        /// What of it libffi cannot express.
        what: UnsupportedType,
    },
    /// libffi itself refused the signature.
    #[error("libffi refused the signature: {0}")]
    Refused(Refusal),
}

/// What libffi says of a signature that it refuses.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A bad or unsupported type.
    #[error("a bad or unsupported type")]
    Type,
    /// A bad or unsupported convention.
    #[error("a bad or unsupported convention")]
    Convention,
    /// A type that an argument may not have: of a variadic function, for one.
    #[error("a bad or unsupported type of an argument")]
    Argument,
    /// It had no memory for a description.
    #[error("no memory")]
    Memory,
    /// Something that this crate has no word for.
    #[error("an unknown status")]
    Unknown,
}

impl From<low::Error> for Refusal {
    fn from(error: low::Error) -> Refusal {
        match error {
            low::Error::Typedef => Refusal::Type,
            low::Error::Abi => Refusal::Convention,
            low::Error::ArgType => Refusal::Argument,
            low::Error::Allocation => Refusal::Memory,
            _ => Refusal::Unknown,
        }
    }
}

/// What libffi has no description for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UnsupportedType {
    /// `__int128`.
    #[error("integers of 16 bytes")]
    Int128,
    /// A short vector.
    #[error("short vectors")]
    Vector,
    /// A union, packed or over-aligned structure, or one with bit-fields, that is passed as no plain structure is.
    #[error("structure that is passed as this one")]
    Aggregate,
    /// A structure of more than [`MAX_ELEMENTS`](UnsupportedType::MAX_ELEMENTS) scalars.
    #[error("structures of more than {} scalars", UnsupportedType::MAX_ELEMENTS)]
    Elements,
    /// A type that has no layout, or of which there are no values.
    #[error("values of a type without a size")]
    Incomplete,
}

impl UnsupportedType {
    /// The most scalars, arrays counted by their elements, that a structure passed by value is described with.
    pub const MAX_ELEMENTS: u64 = 1 << 16;

    pub(super) fn at(self, position: Position, ty: &Type) -> Unsupported {
        Unsupported::Type { position, ty: ty.clone(), what: self }
    }
}

impl From<LayoutError> for UnsupportedType {
    fn from(_: LayoutError) -> UnsupportedType {
        UnsupportedType::Incomplete
    }
}

/// Writes types in libffi's terms, as the machine this runs on sees them.
pub(super) struct Writer<'a> {
    pub(super) model: &'a DataModel,
    /// `None` where no convention is known: then only what libffi expresses as it stands is supported.
    pub(super) target: Option<&'a Target>,
}

impl Writer<'_> {
    /// `ty` as a parameter or result. `None` where it has no bytes and is not passed at all.
    pub(super) fn ty(&self, ty: &Type) -> Result<Option<FfiType>, UnsupportedType> {
        if *ty == Type::Void {
            return Ok(None);
        }
        let layout = ty.layout(self.model)?;
        if layout.size == 0 {
            return Ok(None);
        }
        if is_plain(ty, self.model, self.target) {
            return self.plain(ty).map(Some);
        }
        let equivalent = self.target.and_then(|target| equivalent(ty, target));
        self.plain(&equivalent.ok_or(UnsupportedType::Aggregate)?).map(Some)
    }

    fn plain(&self, ty: &Type) -> Result<FfiType, UnsupportedType> {
        Ok(match ty {
            Type::Void | Type::Incomplete(..) | Type::Array(_) => return Err(UnsupportedType::Incomplete),
            Type::Vector(_) => return Err(UnsupportedType::Vector),
            Type::Float => FfiType::f32(),
            Type::Double => FfiType::f64(),
            Type::LongDouble => FfiType::longdouble(),
            Type::Complex(complex) => self.complex(*complex)?,
            Type::Bool => FfiType::u8(),
            Type::Pointer(_) => FfiType::pointer(),
            Type::Int(_) | Type::Enum(_) => match ty.scalar(self.model) {
                Some(Scalar::Int { bytes: 1, signed: true }) => FfiType::i8(),
                Some(Scalar::Int { bytes: 2, signed: true }) => FfiType::i16(),
                Some(Scalar::Int { bytes: 4, signed: true }) => FfiType::i32(),
                Some(Scalar::Int { bytes: 8, signed: true }) => FfiType::i64(),
                Some(Scalar::Int { bytes: 1, signed: false }) => FfiType::u8(),
                Some(Scalar::Int { bytes: 2, signed: false }) => FfiType::u16(),
                Some(Scalar::Int { bytes: 4, signed: false }) => FfiType::u32(),
                Some(Scalar::Int { bytes: 8, signed: false }) => FfiType::u64(),
                _ => return Err(UnsupportedType::Int128),
            },
            Type::Aggregate(aggregate) => {
                if let Some(number) = self.target.and_then(|target| sole_number(ty, target)) {
                    return self.plain(number);
                }
                let mut elements = Vec::new();
                self.members(aggregate, &mut elements)?;
                FfiType::structure(elements)
            }
        })
    }

    /// A complex number; where libffi has none, the structure of its parts as which the psABI passes it.
    fn complex(&self, complex: Complex) -> Result<FfiType, UnsupportedType> {
        match system::fallback::complex(complex) {
            Some(ty) => Ok(ty),
            None => {
                let part = self.plain(&complex.part())?;
                Ok(FfiType::structure([part.clone(), part]))
            }
        }
    }

    fn members(&self, aggregate: &Aggregate, elements: &mut Vec<FfiType>) -> Result<(), UnsupportedType> {
        for field in &aggregate.fields {
            self.member(&field.ty, elements)?;
        }
        Ok(())
    }

    /// Appends one member: an array as its elements, which lie the same.
    fn member(&self, ty: &Type, elements: &mut Vec<FfiType>) -> Result<(), UnsupportedType> {
        let Type::Array(array) = ty else {
            if elements.len() as u64 >= UnsupportedType::MAX_ELEMENTS {
                return Err(UnsupportedType::Elements);
            }
            elements.push(self.plain(ty)?);
            return Ok(());
        };
        (0..array.length).try_for_each(|_| self.member(&array.element, elements))
    }
}
