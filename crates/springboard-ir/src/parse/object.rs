//! Objects: variables and constants.

use alloc::string::String;
use core::fmt::{self, Display, Formatter};

use crate::types::{Declared, Field, Type};

/// An object that C text declares: a variable, or a constant.
#[derive(Clone, PartialEq, Debug)]
pub struct Object {
    /// Its name.
    pub name: String,
    /// Its type. An array without a length has the length 0, and is `flexible` in [`Object::declared`].
    pub ty: Type,
    /// What the declaration says of the type beside.
    pub declared: Declared,
    /// Whether it is `const`. Of an array, whether its elements are.
    pub constant: bool,
    /// What it is initialised with, where that is an integer constant.
    pub value: Option<i128>,
}

impl Display for Object {
    /// The declaration, without a semicolon.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let Object { name, ty, declared, constant, value } = self;
        let field = |name| Field { name, declared: *declared, ..Field::unnamed(ty.clone()) };
        f.write_str(if value.is_some() { "static " } else { "extern " })?;
        match constant {
            // Of a pointer, before the star `const` would be what it points to.
            true => write!(f, "const __typeof__({}) {name}", field(None))?,
            false => field(Some(name.clone())).fmt(f)?,
        }
        value.map_or(Ok(()), |value| write!(f, " = {value}"))
    }
}
