//! What the tags and names of a text stand for, and its declarations in order.

use alloc::string::String;

use super::{
    arithmetic::Value,
    built::{Built, Shape},
};
use crate::{
    definitions::Definition,
    integer::Integer,
    types::{AggregateKind, Type},
};

/// One declaration, as it is written out again.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Item {
    Definition(Definition),
    /// `typedef`.
    Type(String, Built),
    /// The function of this name.
    Function(String),
}

impl Item {
    /// Whether it only declares the tag that `next` defines.
    pub(crate) fn begins(&self, next: Option<&Item>) -> bool {
        match (self, next) {
            (
                Item::Definition(Definition::Forward(_, tag)),
                Some(Item::Definition(Definition::Aggregate(aggregate))),
            ) => aggregate.tag.as_ref() == Some(tag),
            _ => false,
        }
    }
}

/// What a tag stands for.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Tag {
    /// Declared, and not defined yet.
    Forward(AggregateKind),
    Aggregate(AggregateKind, Built),
    Enumeration(Built),
}

impl Tag {
    /// The C keyword that it was declared with.
    pub(crate) fn keyword(&self) -> &'static str {
        match self {
            Tag::Forward(kind) | Tag::Aggregate(kind, _) => kind.keyword(),
            Tag::Enumeration(_) => "enum",
        }
    }

    /// The integer type that an enumeration names.
    pub(crate) fn names_integer(&self) -> Option<Integer> {
        match self.definition() {
            Some(Type::Enum(enumeration)) if enumeration.is_fixed() => Some(enumeration.underlying()),
            _ => self.announced(),
        }
    }

    /// The type of an enumeration of which that alone has been said.
    pub(crate) fn announced(&self) -> Option<Integer> {
        match self {
            Tag::Enumeration(Built { shape: Shape::Object { ty: Type::Int(integer), .. }, .. }) => {
                Some(*integer)
            }
            _ => None,
        }
    }

    /// The type, where it is defined.
    pub(crate) fn definition(&self) -> Option<&Type> {
        match self {
            Tag::Forward(_) => None,
            Tag::Aggregate(_, built) | Tag::Enumeration(built) => match &built.shape {
                Shape::Object { ty, .. } => Some(ty),
                Shape::Function(_) => None,
            },
        }
    }

    /// `named`, which is of this tag and was given its name before the definition, with the definition.
    pub(crate) fn completing(&self, named: &Built) -> Built {
        match self {
            Tag::Aggregate(kind, definition) if named.incomplete().is_some_and(|(of, _)| of == *kind) => {
                definition.clone().qualified_as(named)
            }
            _ => named.clone(),
        }
    }
}

/// What a name other than a function's stands for.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Name {
    Type(Built),
    /// An enumeration constant.
    Constant(Value),
}
