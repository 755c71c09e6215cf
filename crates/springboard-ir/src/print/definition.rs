//! C text of definitions: structures and unions with their members, enumerations with their constants.

use core::fmt::{self, Display, Formatter, Write as _};

use super::{Qualifier, object};
use crate::{
    enumeration::Enumeration,
    types::{Aggregate, Field, Packed},
};

impl Aggregate {
    /// The definition, without a semicolon: `struct point { double x; double y; }`.
    pub fn definition(&self) -> impl Display + '_ {
        fmt::from_fn(move |f| {
            f.write_str(self.kind.keyword())?;
            match (self.packed, self.align) {
                (true, None) => f.write_str(" __attribute__((packed))")?,
                (packed, Some(align)) => {
                    write!(f, " __attribute__(({}aligned({align})))", if packed { "packed, " } else { "" })?;
                }
                (false, None) => {}
            }
            if let Some(tag) = &self.tag {
                write!(f, " {tag}")?;
            }
            f.write_str(" {")?;
            for field in &self.fields {
                write!(f, " {field};")?;
            }
            f.write_str(" }")
        })
    }
}

impl Enumeration {
    /// The definition, without a semicolon: `enum color { RED = 0, BLUE = 5 }`.
    pub fn definition(&self) -> impl Display + '_ {
        fmt::from_fn(move |f| {
            f.write_str("enum ")?;
            if self.is_packed() {
                f.write_str("__attribute__((packed)) ")?;
            }
            if let Some(tag) = self.tag() {
                write!(f, "{tag} ")?;
            }
            if self.is_fixed() {
                write!(f, ": {} ", self.underlying().name())?;
            }
            f.write_char('{')?;
            for (index, (name, value)) in self.constants().iter().enumerate() {
                write!(f, "{} {name} = {}", if index == 0 { "" } else { "," }, Literal(*value))?;
            }
            f.write_str(" }")
        })
    }
}

/// An integer constant expression of a value. C has no negative literals, and no decimal one of 64 bits.
struct Literal(i128);

impl Display for Literal {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self.0 {
            value if value > i64::MAX.into() => write!(f, "{value:#x}"),
            value if value == i64::MIN.into() => write!(f, "{} - 1", value + 1),
            value => write!(f, "{value}"),
        }
    }
}

impl Display for Field {
    /// The member's declaration, without a semicolon.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        if self.declared.packed != Packed::No {
            f.write_str("__attribute__((packed)) ")?;
        }
        match self.align {
            // GCC ignores the attribute where no name follows.
            Some(align) if self.name.is_none() && self.bits.is_none() => write!(f, "_Alignas({align}) ")?,
            // Not `_Alignas`, which C refuses on bit-fields and where it would lower an alignment.
            Some(align) => write!(f, "__attribute__((aligned({align}))) ")?,
            None => {}
        }
        let name = self.name.as_deref().unwrap_or("");
        let object = |name, f: &mut Formatter<'_>| object(&self.ty, self.declared, Qualifier::None, name, f);
        match self.declared.type_align {
            Some(align) => {
                write!(f, "__typeof__(__attribute__((aligned({align}))) ")?;
                object("", f)?;
                write!(f, ") {name}")?;
            }
            None => object(name, f)?,
        }
        if let Some(bits) = self.bits {
            write!(f, " : {bits}")?;
        }
        Ok(())
    }
}
