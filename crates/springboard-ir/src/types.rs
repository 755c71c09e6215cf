//! C types as values.

use alloc::{boxed::Box, string::String, sync::Arc, vec::Vec};

use crate::{
    enumeration::Enumeration,
    integer::Integer,
    model::{DataModel, FloatFormat, Scalar},
};

mod signature;

pub use signature::{MAX_PARAMETERS, NamedConvention, Param, Prototype, Signature, SignatureError};

/// A C type.
///
/// Everything below the first level is shared, so a clone is cheap. Two types are equal when C source that declares them is: the same
/// tag, the same members of the same names. What the calling convention sees of them is coarser, and is the
/// plan's business.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Type {
    /// `void`: a result only, or what a pointer points to.
    Void,
    /// `_Bool`.
    Bool,
    /// Any integer type.
    Int(Integer),
    /// `float`.
    Float,
    /// `double`.
    Double,
    /// `long double`.
    LongDouble,
    /// A complex floating point type.
    Complex(Complex),
    /// A short vector.
    Vector(Vector),
    /// A pointer to an object, to `void`, or to a function.
    Pointer(Arc<Pointee>),
    /// An enumeration.
    Enum(Arc<Enumeration>),
    /// A structure or union, complete.
    Aggregate(Arc<Aggregate>),
    /// A structure or union that is declared but not defined. Only pointers to it are usable.
    Incomplete(AggregateKind, Arc<str>),
    /// A fixed array. A member of an aggregate only: C passes no array by value.
    Array(Arc<Array>),
}

/// A complex floating point type, by its parts' type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[allow(missing_docs)] // `float _Complex`, `double _Complex`, `long double _Complex`
pub enum Complex {
    Float,
    Double,
    LongDouble,
}

impl Complex {
    /// The type of the real and of the imaginary part.
    pub const fn part(self) -> Type {
        match self {
            Complex::Float => Type::Float,
            Complex::Double => Type::Double,
            Complex::LongDouble => Type::LongDouble,
        }
    }
}

/// A short vector: `element __attribute__((vector_size(bytes)))`.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Vector {
    /// The type of one lane: an integer of at most 8 bytes, `float` or `double`.
    pub element: Box<Type>,
    /// Size of the whole vector, in bytes: 8 or 16.
    pub bytes: u8,
}

/// What a pointer points to.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub enum Pointee {
    /// An object, or `void`.
    Object(Type),
    /// An object that is not written through the pointer: `const T *`.
    Const(Type),
    /// A function.
    Function(Signature),
}

/// Whether members of an aggregate follow each other or lie on each other.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[allow(missing_docs)]
pub enum AggregateKind {
    Struct,
    Union,
}

impl AggregateKind {
    /// The C keyword.
    pub const fn keyword(self) -> &'static str {
        match self {
            AggregateKind::Struct => "struct",
            AggregateKind::Union => "union",
        }
    }
}

/// A structure or union with its members.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Aggregate {
    /// Structure or union.
    pub kind: AggregateKind,
    /// The tag, where there is one.
    pub tag: Option<String>,
    /// Members in the order of declaration. May be empty (GNU C: size 0).
    pub fields: Vec<Field>,
    /// `__attribute__((packed))`: members are aligned to one byte unless they say otherwise.
    pub packed: bool,
    /// `_Alignas` or `aligned(n)` on the whole type, in bytes. Only ever raises the alignment.
    pub align: Option<u32>,
    /// `#pragma pack(n)`: the most that members are aligned to, in bytes. Without a tag it is written by a name, which
    /// [`Definitions`](crate::Definitions) defines, because C has no place for the pragma within a declaration.
    pub pack: Option<u32>,
}

/// One member of an aggregate.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Field {
    /// The name. Absent for an unnamed bit-field or an anonymous structure or union.
    pub name: Option<String>,
    /// The declared type; for a bit-field the type before the colon.
    pub ty: Type,
    /// Width of a bit-field, in bits. 0 only without a name: it closes the storage unit.
    pub bits: Option<u8>,
    /// `_Alignas` or `aligned(n)` on the member, in bytes. Only ever raises the alignment.
    pub align: Option<u32>,
    /// What the declaration says about the type without making it another one.
    pub declared: Declared,
}

/// What the declaration of a member says about its type without making it another type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Declared {
    /// `__attribute__((packed))` on the member: what its type is aligned to means nothing.
    pub packed: bool,
    /// The alignment that a `typedef` gave the type, in bytes, in place of the type's own.
    pub type_align: Option<u32>,
    /// `_Atomic`, on the member or on the elements of an array.
    pub atomic: bool,
    /// An array without a length, `[]`: an array of length 0 that C calls a flexible array member.
    pub flexible: bool,
}

impl Aggregate {
    /// Whether it ends in an array without a length, itself or within a member.
    pub fn is_flexible(&self) -> bool {
        self.fields.iter().any(|field| match &field.ty {
            Type::Aggregate(inner) => inner.is_flexible(),
            _ => field.declared.flexible,
        })
    }
}

impl Field {
    /// A member with that name and type, and nothing else.
    pub fn new(name: &str, ty: Type) -> Field {
        Field { name: Some(name.into()), ..Field::unnamed(ty) }
    }

    /// A member without a name.
    pub fn unnamed(ty: Type) -> Field {
        Field { name: None, ty, bits: None, align: None, declared: Declared::default() }
    }
}

/// A fixed array.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Array {
    /// The type of one element.
    pub element: Type,
    /// The number of elements.
    pub length: u64,
}

impl Type {
    /// `T *`.
    ///
    /// A pointer knows a structure or union that has a tag by its tag alone, as [`Type::Incomplete`]: whether
    /// the definition stood before the pointer or after it makes no other type, and `struct node` can point to
    /// itself. A pointer to a variadic function knows no call, so arguments passed for `...` are dropped.
    pub fn pointer_to(pointee: Pointee) -> Type {
        let by_tag = |ty: Type| match &ty {
            Type::Aggregate(aggregate) => match &aggregate.tag {
                Some(tag) => Type::Incomplete(aggregate.kind, tag.as_str().into()),
                None => ty,
            },
            _ => ty,
        };
        Type::Pointer(Arc::new(match pointee {
            Pointee::Object(ty) => Pointee::Object(by_tag(ty)),
            Pointee::Const(ty) => Pointee::Const(by_tag(ty)),
            Pointee::Function(signature) => Pointee::Function(signature.declared()),
        }))
    }

    /// `void *`.
    pub fn void_pointer() -> Type {
        Type::pointer_to(Pointee::Object(Type::Void))
    }

    /// What the type comes down to on the machine. `None` for `void`, complex types, aggregates and arrays.
    pub fn scalar(&self, model: &DataModel) -> Option<Scalar> {
        let int = |int: Integer| Scalar::Int { bytes: int.bytes(model), signed: int.is_signed(model) };
        Some(match self {
            Type::Bool => Scalar::Bool,
            Type::Int(integer) => int(*integer),
            Type::Enum(enumeration) => int(enumeration.underlying()),
            Type::Float => Scalar::Float(FloatFormat::F32),
            Type::Double => Scalar::Float(FloatFormat::F64),
            Type::LongDouble => Scalar::Float(model.long_double),
            Type::Pointer(_) => Scalar::Pointer,
            Type::Vector(vector) => Scalar::Vector { bytes: vector.bytes },
            Type::Void | Type::Complex(_) | Type::Aggregate(_) | Type::Incomplete(..) | Type::Array(_) => {
                return None;
            }
        })
    }
}
