//! C text of definitions: structures and unions with their members, enumerations with their constants.

use alloc::{
    format,
    string::{String, ToString},
};
use core::fmt::{self, Display, Formatter, Write};

use super::{Qualifier, object};
use crate::{
    enumeration::Enumeration,
    types::{Aggregate, Field, Type},
};

impl Aggregate {
    /// The definition, with its semicolon: `struct point { double x; double y; };`. What `#pragma pack` says of it is around
    /// it.
    pub fn definition(&self) -> impl Display + '_ {
        self.in_pragma(fmt::from_fn(|f| self.members(f)))
    }

    /// The `typedef` of the name that it is written by.
    pub(crate) fn name_definition(&self) -> impl Display + '_ {
        self.in_pragma(fmt::from_fn(|f| {
            f.write_str("typedef ")?;
            self.members(f)?;
            write!(f, " {}", self.name_by_members().unwrap_or_default())
        }))
    }

    fn in_pragma<'a>(&self, declaration: impl Display + 'a) -> impl Display + 'a {
        let pack = self.pack;
        fmt::from_fn(move |f| match pack {
            Some(pack) => in_pragma(pack, &declaration, f),
            None => write!(f, "{declaration};"),
        })
    }

    /// The name that it is written by, where it has no tag and `#pragma pack` changes it: in the midst of a declaration C has
    /// no place for the pragma. It is made of what is written of the members, so that one type has one name.
    pub(crate) fn name_by_members(&self) -> Option<String> {
        let (None, Some(pack)) = (&self.tag, self.pack) else { return None };
        let mut digest = Digest::default();
        write!(digest, "{pack}")
            .and_then(|()| write!(digest, "{}", fmt::from_fn(|f| self.members(f))))
            .ok()?;
        Some(format!("__packed_{:016x}", digest.0))
    }

    /// Writes the specifier with its members.
    pub(super) fn members(&self, f: &mut Formatter<'_>) -> fmt::Result {
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
            f.write_char(' ')?;
            let text = field.to_string();
            // What is written with its members is laid out by the pragma that is in force there.
            match field.pack() {
                pack if pack != self.pack && text.contains('{') => in_pragma(pack.unwrap_or(0), &text, f)?,
                _ => write!(f, "{text};")?,
            }
        }
        f.write_str(" }")
    }
}

impl Field {
    /// Whether it is a structure or union without a name: its members are members of what it lies in.
    fn anonymous(&self) -> Option<&Aggregate> {
        match &self.ty {
            Type::Aggregate(aggregate)
                if self.name.is_none() && self.bits.is_none() && aggregate.tag.is_none() =>
            {
                Some(aggregate)
            }
            _ => None,
        }
    }

    /// What `#pragma pack` says of the structures that are written with their members in its declaration.
    fn pack(&self) -> Option<u32> {
        self.anonymous().and_then(|aggregate| aggregate.pack)
    }
}

/// Writes a declaration, with its semicolon, to which `#pragma pack(pack)` applies.
fn in_pragma(pack: u32, declaration: &dyn Display, f: &mut Formatter<'_>) -> fmt::Result {
    write!(f, "_Pragma(\"pack(push, {pack})\") {declaration}; _Pragma(\"pack(pop)\")")
}

/// 64 bits that tell texts apart (FNV-1a).
struct Digest(u64);

impl Default for Digest {
    fn default() -> Digest {
        Digest(0xcbf2_9ce4_8422_2325)
    }
}

impl Write for Digest {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        for byte in text.bytes() {
            self.0 = (self.0 ^ u64::from(byte)).wrapping_mul(0x100_0000_01b3);
        }
        Ok(())
    }
}

impl Enumeration {
    /// The definition, with its semicolon: `enum color { RED = 0, BLUE = 5 };`.
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
            f.write_str(" };")
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
        if self.declared.packed {
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
        let object = |name, f: &mut Formatter<'_>| match self.anonymous() {
            Some(aggregate) => {
                f.write_str(if self.declared.atomic { "_Atomic " } else { "" })?;
                aggregate.members(f)
            }
            None => object(&self.ty, self.declared, Qualifier::None, name, f),
        };
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
