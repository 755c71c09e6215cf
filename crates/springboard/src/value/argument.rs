//! What is wrong with an argument.

use springboard_ir::Type;

use super::Value;

/// Why a value cannot be passed for a parameter.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ArgumentError {
    /// The value is of another kind than the type: a number for a pointer, an integer for a `double`.
    #[error("{value} is no value of type {ty}")]
    Kind {
        /// The value.
        value: Box<Value>,
        /// The parameter's type.
        ty: Type,
    },
    /// The integer is beyond the type's range.
    #[error("{value} is out of range for {ty}, which holds {min} to {max}")]
    Range {
        /// The value.
        value: Box<Value>,
        /// The parameter's type.
        ty: Type,
        /// The least value of the type.
        min: i128,
        /// The greatest value of the type.
        max: u128,
    },
    /// There are more or fewer bytes than the type has.
    #[error("{bytes} bytes are given for {ty}, which has {size}")]
    Size {
        /// The number of bytes given.
        bytes: usize,
        /// The parameter's type.
        ty: Type,
        /// Its size, in bytes.
        size: u64,
    },
}
