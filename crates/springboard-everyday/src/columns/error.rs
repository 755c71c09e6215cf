//! What goes wrong with columns.

use std::fmt;

use springboard::CallbackError;
use springboard_ir::{FloatFormat, Scalar, Type};

use super::Input;

/// A column or an output of a call, counted from 0.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Place {
    /// What a parameter gets.
    Column(usize),
    /// Where the result goes, or one of its members.
    Output(usize),
}

/// Why a call over columns was not made, or ended early.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // parameters (`index`) and rows are counted from 0
pub enum ColumnsError {
    /// There is not one column, or input, per parameter.
    #[error("the function takes {parameters} arguments and is given {columns} columns")]
    Arity { parameters: usize, columns: usize },
    /// A parameter that is not a number, `_Bool` or pointer of at most 8 bytes: no array of Rust values stands for it.
    #[error("{}: {ty} is not a number or pointer", Place::Column(*.index))]
    NoWord { index: usize, ty: Type },
    /// A result that is neither such a value nor a structure of at most 64 bytes that is made of them.
    #[error("the result: {ty} is no number, no pointer and no small structure of them")]
    NoWords { ty: Type },
    /// The function is variadic.
    #[error("a variadic function is not called over columns")]
    Variadic,
    /// A column whose type is not the parameter's, or an output whose type is not that of the result or its member.
    #[error("{place}: elements of type {} are not {}", name(*.elements), name(*.wanted))]
    Type { place: Place, wanted: Scalar, elements: Scalar },
    /// A single value is given for a column, or the like.
    #[error("{} was declared {expected} and is {given}", Place::Column(*.index))]
    Input { index: usize, expected: Input, given: Input },
    /// A column or output whose length is not that of the first output, or of the first column where there is no output.
    #[error("{place} has {length} elements, and there are {rows} rows")]
    Length { place: Place, length: usize, rows: usize },
    /// There is not one output for a result, or for each member of a structure; or there is one for no result.
    #[error("the result takes {wanted} outputs and is given {given}")]
    Outputs { wanted: usize, given: usize },
    /// There are fewer validity bits than rows.
    #[error("there are {bits} validity bits, and {rows} rows")]
    Validity { bits: usize, rows: usize },
    /// There is not one error per row.
    #[error("there is room for {errors} errors, and there are {rows} rows")]
    Errors { errors: usize, rows: usize },
    /// An error of a callback was pending on the thread before anything was called.
    #[error("before the first row: {0}")]
    Pending(CallbackError),
    /// A callback that the function called failed. Rows before this one were called, those after it were not.
    #[error("row {row}: {error}")]
    Row { row: usize, error: CallbackError },
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Place::Column(index) => write!(f, "column {}", index + 1),
            Place::Output(index) => write!(f, "output {}", index + 1),
        }
    }
}

/// What Rust calls a scalar.
fn name(scalar: Scalar) -> String {
    match scalar {
        Scalar::Bool => "bool".to_owned(),
        Scalar::Int { bytes, signed } => format!("{}{}", if signed { 'i' } else { 'u' }, bytes * 8),
        Scalar::Pointer => "pointer".to_owned(),
        Scalar::Float(FloatFormat::F32) => "f32".to_owned(),
        Scalar::Float(FloatFormat::F64) => "f64".to_owned(),
        Scalar::Float(_) => "long double".to_owned(),
        Scalar::Vector { bytes } => format!("vector of {bytes} bytes"),
    }
}

impl fmt::Display for Input {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Input::Column => "a column",
            Input::Strided => "a column with a stride",
            Input::Scalar => "one value",
        })
    }
}
