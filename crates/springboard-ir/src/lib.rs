//! C signatures as values: the types of C, their layout on a target, and prototypes as text.
//!
//! This crate knows what a C declaration *says*. It does not know how anything is passed: that is the
//! calling convention's business, and lives in `springboard-abi`.
//!
//! * [`Type`] is one C type, [`Signature`] one C function type.
//! * [`DataModel`] holds what a target decides about types: the size of `long`, the sign of `char`, the format
//!   of `long double`, byte order. [`Type::layout`] and [`Type::scalar`] answer under one.
//! * [`Prototype::parse`] reads C text; [`core::fmt::Display`] writes it back. One is the inverse of the other.
//! * [`Declarations`] holds the types that prototypes may name; [`Definitions`] writes those that types need.
//!
//! ```
//! use springboard_ir::{DataModel, Prototype};
//!
//! let text = "struct point { double x, y; }; double dist(struct point a, struct point b)";
//! let prototype = Prototype::parse(text)?;
//! assert_eq!(prototype.to_string(), "double dist(struct point a, struct point b)");
//! let layout = prototype.signature.params()[0].ty.layout(&DataModel::LP64)?;
//! assert_eq!((layout.size, layout.align), (16, 8));
//!
//! let text = "double dist(struct pointe a)";
//! let error = Prototype::parse(text).unwrap_err();
//! assert_eq!(
//!     format!("{error}\n{}", error.excerpt(text)),
//!     "line 1, column 13: `struct pointe` is not defined here; only a pointer to it can be used\n\
//!      double dist(struct pointe a)\n\
//!      \u{20}           ^"
//! );
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod constant;
mod definitions;
mod enumeration;
mod header;
mod integer;
mod layout;
mod model;
mod parse;
mod part;
mod print;
mod types;

pub use constant::Constant;
pub use definitions::{DefinitionConflict, Definitions};
pub use enumeration::{Enumeration, EnumerationError};
pub use header::{Header, HeaderFunction, HeaderMacro, Linkage, Place, Skipped};
pub use integer::Integer;
pub use layout::{AggregateLayout, Layout, LayoutError, MAX_ALIGN, MAX_MEMBERS, MAX_SIZE};
pub use model::{BitFields, Compiler, DataModel, FloatFormat, Scalar};
pub use parse::{ConstantError, Declarations, Expected, NotConstant, Object, ParseError, ParseErrorKind};
pub use part::{Part, PathError};
/// What names a machine, of the crate target-lexicon: part of this interface on purpose, so that a host need not name that
/// crate in the same version.
pub use target_lexicon::{Architecture, Triple};
pub use types::{
    Aggregate, AggregateKind, Array, Complex, Declared, Field, MAX_PARAMETERS, NamedConvention, Param,
    Pointee, Prototype, Signature, SignatureError, Type, Vector,
};
