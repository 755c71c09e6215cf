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
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum ColumnsError {
    /// There is not one column, or input, per parameter.
    Arity {
        /// The number of parameters.
        parameters: usize,
        /// The number of columns or inputs.
        columns: usize,
    },
    /// A parameter that is not a number, `_Bool` or pointer of at most 8 bytes: no array of Rust values stands for it. Or a
    /// result that is neither such a value nor a structure of at most 64 bytes made of them.
    NoWord {
        /// The parameter, counted from 0. `None` for the result.
        index: Option<usize>,
        /// Its type.
        ty: Type,
    },
    /// The function is variadic.
    Variadic,
    /// A column whose type is not the parameter's, or an output whose type is not that of the result or its member.
    Type {
        /// Which of them.
        place: Place,
        /// What its elements have to be.
        wanted: Scalar,
        /// What they are.
        elements: Scalar,
    },
    /// A single value is given for a column, or the like.
    Input {
        /// The parameter, counted from 0.
        index: usize,
        /// What it was prepared for.
        expected: Input,
        /// What is given.
        given: Input,
    },
    /// A column or output whose length is not that of the first output, or of the first column where there is no output.
    Length {
        /// Which of them.
        place: Place,
        /// How many elements it has.
        length: usize,
        /// How many rows there are.
        rows: usize,
    },
    /// There is not one output for a result, or for each member of a structure; or there is one for no result.
    Outputs {
        /// How many the function's result takes.
        wanted: usize,
        /// How many there are.
        given: usize,
    },
    /// There are fewer validity bits than rows.
    Validity {
        /// How many bits there are.
        bits: usize,
        /// How many rows there are.
        rows: usize,
    },
    /// There is not one error per row.
    Errors {
        /// How many there are.
        errors: usize,
        /// How many rows there are.
        rows: usize,
    },
    /// An error of a callback was pending on the thread before anything was called.
    Pending(CallbackError),
    /// A callback that the function called failed. Rows before this one were called, those after it were not.
    Row {
        /// The row, counted from 0.
        row: usize,
        /// What its handler ended with.
        error: CallbackError,
    },
}

impl fmt::Display for ColumnsError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ColumnsError::Arity { parameters, columns } => {
                write!(f, "the function takes {parameters} arguments and is given {columns} columns")
            }
            ColumnsError::NoWord { index: Some(index), ty } => {
                write!(f, "column {}: {ty} is not a number or pointer", index + 1)
            }
            ColumnsError::NoWord { index: None, ty } => {
                write!(f, "the result: {ty} is no number, no pointer and no small structure of them")
            }
            ColumnsError::Variadic => f.write_str("a variadic function is not called over columns"),
            ColumnsError::Type { place, wanted, elements } => {
                write!(f, "{place}: elements of type {} are not {}", name(*elements), name(*wanted))
            }
            ColumnsError::Input { index, expected, given } => {
                write!(f, "column {} was declared {expected} and is {given}", index + 1)
            }
            ColumnsError::Length { place, length, rows } => {
                write!(f, "{place} has {length} elements, and there are {rows} rows")
            }
            ColumnsError::Outputs { wanted, given } => {
                write!(f, "the result takes {wanted} outputs and is given {given}")
            }
            ColumnsError::Validity { bits, rows } => {
                write!(f, "there are {bits} validity bits, and {rows} rows")
            }
            ColumnsError::Errors { errors, rows } => {
                write!(f, "there is room for {errors} errors, and there are {rows} rows")
            }
            ColumnsError::Pending(error) => write!(f, "before the first row: {error}"),
            ColumnsError::Row { row, error } => write!(f, "row {row}: {error}"),
        }
    }
}

impl std::error::Error for ColumnsError {}

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
