//! C text of types, signatures, prototypes and definitions.
//!
//! A C declarator reads from the name outwards: `int (*f)(void)`. So each type is written in two parts, what
//! stands before the name and what stands after it, and both recurse towards the type that everything is
//! derived from.

use alloc::{format, string::String};
use core::fmt::{self, Display, Formatter, Write as _};

use crate::{
    enumeration::Enumeration,
    parse::{Built, Shape},
    types::{Aggregate, Complex, Declared, Field, Param, Pointee, Prototype, Signature, Type},
};

impl Display for Type {
    /// The abstract declarator: `const char *`, `int (*)(void)`, `double [2]`.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.declaration("").fmt(f)
    }
}

impl Display for Signature {
    /// A pointer to such a function: `double (*)(double, double)`.
    ///
    /// Arguments passed for `...` come after it: `int (*)(const char *, ..., int, double)`.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        function(self, &format!("({}*)", convention(self)), f)
    }
}

impl Display for Prototype {
    /// `double pow(double x, double y)`; without a name as the [`Signature`].
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match &self.name {
            Some(name) => named_function(&self.signature, name, f),
            None => self.signature.fmt(f),
        }
    }
}

impl Type {
    /// The declaration of `name` with this type: `int (*name)(void)`, `double name[2]`.
    pub fn declaration<'a>(&'a self, name: &'a str) -> impl Display + 'a {
        fmt::from_fn(move |f| declaration(self, Qualifier::None, name, f))
    }
}

impl Built {
    /// The declaration of `name` with this type, as after `typedef`.
    pub(crate) fn declaration<'a>(&'a self, name: &'a str) -> impl Display + 'a {
        fmt::from_fn(move |f| {
            match &self.shape {
                Shape::Object { ty, constant } => {
                    let (element, dimensions) = dimensions(ty, self.declared);
                    let name = format!("{name}{dimensions}");
                    match (constant, self.declared.atomic) {
                        (true, true) => write!(f, "const _Atomic({element}) {name}")?,
                        (false, true) => write!(f, "_Atomic({element}) {name}")?,
                        (true, false) => declaration(element, Qualifier::Const, &name, f)?,
                        (false, false) => declaration(element, Qualifier::None, &name, f)?,
                    }
                }
                Shape::Function(signature) => named_function(signature, name, f)?,
            }
            if self.is_transparent() {
                f.write_str(" __attribute__((transparent_union))")?;
            }
            match self.declared.type_align {
                Some(align) => write!(f, " __attribute__((aligned({align})))"),
                None => Ok(()),
            }
        })
    }
}

impl Aggregate {
    /// The definition, without a semicolon: `struct point { double x; double y; }`.
    pub fn definition(&self) -> impl Display + '_ {
        fmt::from_fn(move |f| {
            f.write_str(self.kind.keyword())?;
            match (self.packed, self.align) {
                (true, None) => f.write_str(" __attribute__((packed))")?,
                (true, Some(align)) => write!(f, " __attribute__((packed, aligned({align})))")?,
                (false, Some(align)) => write!(f, " __attribute__((aligned({align})))")?,
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
        let (element, dimensions) = dimensions(&self.ty, self.declared);
        let inside = match self.declared.type_align {
            Some(_) => dimensions.clone(),
            None => format!("{name}{dimensions}"),
        };
        if let Some(align) = self.declared.type_align {
            write!(f, "__typeof__(__attribute__((aligned({align}))) ")?;
        }
        match self.declared.atomic {
            true => write!(f, "_Atomic({element}) {inside}")?,
            false => element.declaration(&inside).fmt(f)?,
        }
        if self.declared.type_align.is_some() {
            write!(f, ") {name}")?;
        }
        if let Some(bits) = self.bits {
            write!(f, " : {bits}")?;
        }
        Ok(())
    }
}

impl Display for Param {
    /// `double x`, or the type alone where there is no name.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.ty.declaration(self.name.as_deref().unwrap_or("")).fmt(f)
    }
}

/// The qualifier of the type being written.
#[derive(Clone, Copy)]
enum Qualifier {
    None,
    Const,
}

/// The type and the brackets around a name, where what was declared of an array is a matter of its elements.
fn dimensions(mut ty: &Type, declared: Declared) -> (&Type, String) {
    let Declared { atomic, flexible, .. } = declared;
    let mut dimensions = String::new();
    while let (Type::Array(array), true) = (ty, flexible || atomic) {
        dimensions += &match flexible && dimensions.is_empty() {
            true => String::from("[]"),
            false => format!("[{}]", array.length),
        };
        ty = &array.element;
    }
    (ty, dimensions)
}

/// What separates what has been written from a name or an opening bracket.
#[derive(Clone, Copy)]
enum Gap {
    None,
    Space,
}

impl Gap {
    fn write(self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Gap::None => Ok(()),
            Gap::Space => f.write_char(' '),
        }
    }
}

fn declaration(ty: &Type, qualifier: Qualifier, name: &str, f: &mut Formatter<'_>) -> fmt::Result {
    let gap = before(ty, qualifier, f)?;
    if !name.is_empty() || matches!(ty, Type::Array(_)) {
        gap.write(f)?;
    }
    f.write_str(name)?;
    after(ty, f)
}

/// The attribute that names the convention, if it is not the target's own, with a space after it.
fn convention(signature: &Signature) -> String {
    signature
        .convention()
        .map_or_else(String::new, |named| format!("__attribute__(({})) ", named.attribute()))
}

/// In brackets the attribute cannot be another function's: `int (*(__attribute__((ms_abi)) f)(void))(int)`.
fn named_function(signature: &Signature, name: &str, f: &mut Formatter<'_>) -> fmt::Result {
    match signature.convention() {
        Some(_) => function(signature, &format!("({}{name})", convention(signature)), f),
        None => function(signature, name, f),
    }
}

fn function(signature: &Signature, name: &str, f: &mut Formatter<'_>) -> fmt::Result {
    before_function(signature, f)?;
    f.write_str(name)?;
    after_function(signature, f)
}

/// Writes what stands before the name.
fn before(ty: &Type, qualifier: Qualifier, f: &mut Formatter<'_>) -> Result<Gap, fmt::Error> {
    let pointee = match ty {
        Type::Pointer(pointee) => pointee,
        Type::Array(array) => return before(&array.element, qualifier, f),
        _ => {
            if let Qualifier::Const = qualifier {
                f.write_str("const ")?;
            }
            specifier(ty, f)?;
            return Ok(Gap::Space);
        }
    };
    match &**pointee {
        Pointee::Object(ty) => before_star(ty, Qualifier::None, f)?,
        Pointee::Const(ty) => before_star(ty, Qualifier::Const, f)?,
        Pointee::Function(signature) => {
            before_function(signature, f)?;
            write!(f, "({}", convention(signature))?;
        }
    }
    match qualifier {
        Qualifier::None => f.write_char('*').map(|()| Gap::None),
        Qualifier::Const => f.write_str("*const").map(|()| Gap::Space),
    }
}

fn before_star(ty: &Type, qualifier: Qualifier, f: &mut Formatter<'_>) -> fmt::Result {
    before(ty, qualifier, f)?.write(f)?;
    if matches!(ty, Type::Array(_)) { f.write_char('(') } else { Ok(()) }
}

fn before_function(signature: &Signature, f: &mut Formatter<'_>) -> fmt::Result {
    before(signature.result(), Qualifier::None, f)?.write(f)
}

/// Writes what stands after the name.
fn after(ty: &Type, f: &mut Formatter<'_>) -> fmt::Result {
    match ty {
        Type::Array(array) => {
            write!(f, "[{}]", array.length)?;
            after(&array.element, f)
        }
        Type::Pointer(pointee) => match &**pointee {
            Pointee::Object(ty) | Pointee::Const(ty) => {
                if matches!(ty, Type::Array(_)) {
                    f.write_char(')')?;
                }
                after(ty, f)
            }
            Pointee::Function(signature) => {
                f.write_char(')')?;
                after_function(signature, f)
            }
        },
        _ => Ok(()),
    }
}

fn after_function(signature: &Signature, f: &mut Formatter<'_>) -> fmt::Result {
    f.write_char('(')?;
    let params = signature.params();
    if params.is_empty() && signature.fixed().is_none() {
        f.write_str("void")?;
    }
    for (index, param) in params.iter().enumerate() {
        if index > 0 {
            f.write_str(", ")?;
        }
        if signature.fixed() == Some(index) {
            f.write_str("..., ")?;
        }
        param.fmt(f)?;
    }
    if signature.fixed() == Some(params.len()) {
        f.write_str(if params.is_empty() { "..." } else { ", ..." })?;
    }
    f.write_char(')')?;
    after(signature.result(), f)
}

/// Writes a type that is derived from no other.
fn specifier(ty: &Type, f: &mut Formatter<'_>) -> fmt::Result {
    match ty {
        Type::Void => f.write_str("void"),
        Type::Bool => f.write_str("_Bool"),
        Type::Int(integer) => f.write_str(integer.name()),
        Type::Float => f.write_str("float"),
        Type::Double => f.write_str("double"),
        Type::LongDouble => f.write_str("long double"),
        Type::Complex(Complex::Float) => f.write_str("float _Complex"),
        Type::Complex(Complex::Double) => f.write_str("double _Complex"),
        Type::Complex(Complex::LongDouble) => f.write_str("long double _Complex"),
        Type::Vector(vector) => {
            specifier(&vector.element, f)?;
            write!(f, " __attribute__((vector_size({})))", vector.bytes)
        }
        Type::Enum(enumeration) => match enumeration.tag() {
            Some(tag) => write!(f, "enum {tag}"),
            // Its constants may be declared once; the type is compatible with this one (C11 6.7.2.2, 4).
            None => f.write_str(enumeration.underlying().name()),
        },
        Type::Aggregate(aggregate) => match &aggregate.tag {
            Some(tag) => write!(f, "{} {tag}", aggregate.kind.keyword()),
            None => aggregate.definition().fmt(f),
        },
        Type::Incomplete(kind, tag) => write!(f, "{} {tag}", kind.keyword()),
        Type::Pointer(_) | Type::Array(_) => unreachable!("derived from another type"),
    }
}
