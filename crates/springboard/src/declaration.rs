//! What a function can be declared with.

use std::fmt;

use springboard_ir::{ParseError, Prototype, Signature};

/// What a function can be declared with: C text, or a [`Prototype`] or [`Signature`] as a value.
pub trait Declaration: sealed::Sealed {
    /// The prototype.
    ///
    /// # Errors
    /// Text that is not a prototype in C.
    fn into_prototype(self) -> Result<Prototype, ParseError>;
}

impl Declaration for &str {
    fn into_prototype(self) -> Result<Prototype, ParseError> {
        Prototype::parse(self)
    }
}

impl Declaration for &String {
    fn into_prototype(self) -> Result<Prototype, ParseError> {
        self.as_str().into_prototype()
    }
}

impl Declaration for Prototype {
    fn into_prototype(self) -> Result<Prototype, ParseError> {
        Ok(self)
    }
}

impl Declaration for &Prototype {
    fn into_prototype(self) -> Result<Prototype, ParseError> {
        Ok(self.clone())
    }
}

/// A function type alone: binds by symbol or by address.
impl Declaration for Signature {
    fn into_prototype(self) -> Result<Prototype, ParseError> {
        Ok(Prototype { name: None, signature: self })
    }
}

/// Where in a signature a type stands.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Position {
    /// A parameter, counted from 0.
    Parameter(usize),
    /// The result.
    Result,
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Position::Parameter(index) => write!(f, "parameter {}", index + 1),
            Position::Result => f.write_str("the result"),
        }
    }
}

mod sealed {
    /// Keeps the trait ours, so that it may grow.
    pub trait Sealed {}

    impl Sealed for &str {}
    impl Sealed for &String {}
    impl Sealed for springboard_ir::Prototype {}
    impl Sealed for &springboard_ir::Prototype {}
    impl Sealed for springboard_ir::Signature {}
}
