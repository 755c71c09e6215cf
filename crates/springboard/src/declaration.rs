//! What a function can be declared with.

use springboard_ir::{Prototype, Signature};

use crate::function::BindError;

/// What a function can be declared with: C text, or a [`Prototype`] or [`Signature`] as a value.
pub trait Declaration: sealed::Sealed {
    /// The prototype.
    ///
    /// # Errors
    /// C text that is no prototype.
    fn into_prototype(self) -> Result<Prototype, BindError>;
}

impl Declaration for &str {
    fn into_prototype(self) -> Result<Prototype, BindError> {
        Prototype::parse(self).map_err(BindError::Prototype)
    }
}

impl Declaration for &String {
    fn into_prototype(self) -> Result<Prototype, BindError> {
        self.as_str().into_prototype()
    }
}

impl Declaration for Prototype {
    fn into_prototype(self) -> Result<Prototype, BindError> {
        Ok(self)
    }
}

impl Declaration for &Prototype {
    fn into_prototype(self) -> Result<Prototype, BindError> {
        Ok(self.clone())
    }
}

/// A function type alone: binds by symbol or by address.
impl Declaration for Signature {
    fn into_prototype(self) -> Result<Prototype, BindError> {
        Ok(Prototype { name: None, signature: self })
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
