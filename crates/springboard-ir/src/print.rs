//! C text of types, signatures, prototypes and definitions.
//!
//! A C declarator reads from the name outwards: `int (*f)(void)`. So each type is written in two parts, what
//! stands before the name and what stands after it, and both recurse towards the type that everything is
//! derived from.

use alloc::{format, string::String};
use core::fmt::{self, Display, Formatter, Write as _};

mod definition;

use crate::{
    parse::{Built, Shape},
    types::{Complex, Declared, Param, Pointee, Prototype, Signature, Type},
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
                    let qualifier = if *constant { Qualifier::Const } else { Qualifier::None };
                    object(ty, self.declared, qualifier, name, f)?;
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

/// Writes the declaration of `name`, where what was declared of an array is a matter of its elements.
fn object(
    mut ty: &Type,
    declared: Declared,
    qualifier: Qualifier,
    name: &str,
    f: &mut Formatter<'_>,
) -> fmt::Result {
    let Declared { atomic, mut flexible, .. } = declared;
    let mut name = String::from(name);
    while let (Type::Array(array), true) = (ty, flexible || atomic) {
        match core::mem::take(&mut flexible) {
            true => name += "[]",
            false => name += &format!("[{}]", array.length),
        }
        ty = &array.element;
    }
    match (atomic, qualifier) {
        (false, _) => declaration(ty, qualifier, &name, f),
        (true, Qualifier::Const) => write!(f, "const _Atomic({ty}) {name}"),
        (true, Qualifier::None) => write!(f, "_Atomic({ty}) {name}"),
    }
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
            None => match aggregate.name_by_members() {
                Some(name) => f.write_str(&name),
                None => aggregate.members(f),
            },
        },
        Type::Incomplete(kind, tag) => write!(f, "{} {tag}", kind.keyword()),
        Type::Pointer(_) | Type::Array(_) => unreachable!("derived from another type"),
    }
}
