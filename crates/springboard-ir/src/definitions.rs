//! What C source has to say before it can use a type.

use alloc::{
    collections::{BTreeMap, BTreeSet},
    string::String,
    sync::Arc,
    vec::Vec,
};
use core::fmt::{self, Display, Formatter};

use thiserror::Error;

use crate::{
    enumeration::Enumeration,
    types::{Aggregate, AggregateKind, Pointee, Signature, Type},
};

/// The definitions that types need, each before its first use.
///
/// Displays as C text, one definition a line. That text and a prototype that uses the types, parsed as one, give
/// the prototype's signature again; in a C file it may stand before any number of prototypes.
#[derive(Clone, Default, Debug)]
pub struct Definitions {
    list: Vec<Definition>,
    tags: BTreeMap<String, Definition>,
    constants: BTreeSet<String>,
}

/// One definition.
#[derive(Clone, PartialEq, Debug)]
pub(crate) enum Definition {
    /// `struct point;`
    Forward(AggregateKind, String),
    Aggregate(Arc<Aggregate>),
    /// The name of one under `#pragma pack` that has no tag.
    Packed(Arc<Aggregate>),
    Enumeration(Arc<Enumeration>),
}

/// A tag or enumeration constant that types give two meanings, so that no C source can use them all.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
#[error("`{name}` has two definitions")]
pub struct DefinitionConflict {
    /// The tag or the name of the constant.
    pub name: String,
}

impl Definitions {
    /// What `signature` needs.
    ///
    /// # Errors
    /// A tag or constant with two meanings.
    pub fn of(signature: &Signature) -> Result<Definitions, DefinitionConflict> {
        let mut definitions = Definitions::default();
        definitions.add_signature(signature)?;
        Ok(definitions)
    }

    /// Adds what the result and the parameters of `signature` need and is not there yet.
    ///
    /// # Errors
    /// A tag or constant with two meanings. What stands before the conflict has been added.
    pub fn add_signature(&mut self, signature: &Signature) -> Result<(), DefinitionConflict> {
        self.add_type(signature.result())?;
        signature.params().iter().try_for_each(|param| self.add_type(&param.ty))
    }

    /// Adds what `ty` needs and is not there yet.
    ///
    /// # Errors
    /// A tag or constant with two meanings. What stands before the conflict has been added.
    pub fn add_type(&mut self, ty: &Type) -> Result<(), DefinitionConflict> {
        match ty {
            Type::Pointer(pointee) => match &**pointee {
                Pointee::Object(ty) | Pointee::Const(ty) => self.add_type(ty),
                Pointee::Function(signature) => self.add_signature(signature),
            },
            Type::Array(array) => self.add_type(&array.element),
            Type::Aggregate(aggregate) => self.add_aggregate(aggregate),
            Type::Enum(enumeration) => self.add_enumeration(enumeration),
            Type::Incomplete(kind, tag) => self.add_forward(*kind, tag),
            _ => Ok(()),
        }
    }

    fn add_aggregate(&mut self, aggregate: &Arc<Aggregate>) -> Result<(), DefinitionConflict> {
        let packed = aggregate.name_by_members();
        let definition = match packed {
            Some(_) => Definition::Packed(aggregate.clone()),
            None => Definition::Aggregate(aggregate.clone()),
        };
        let name = packed.as_ref().or(aggregate.tag.as_ref());
        if name.and_then(|name| self.tags.get(name)) != Some(&definition) {
            aggregate.fields.iter().try_for_each(|field| self.add_type(&field.ty))?;
        }
        let forward =
            |known: &Definition| matches!(known, Definition::Forward(kind, _) if *kind == aggregate.kind);
        name.map_or(Ok(()), |name| self.define(name, definition, forward).map(|_| ()))
    }

    fn add_enumeration(&mut self, enumeration: &Arc<Enumeration>) -> Result<(), DefinitionConflict> {
        // One without a tag is written as its integer type.
        let Some(tag) = enumeration.tag() else { return Ok(()) };
        if self.define(tag, Definition::Enumeration(enumeration.clone()), |_| false)? {
            for (name, _) in enumeration.constants() {
                if !self.constants.insert(name.clone()) {
                    return Err(DefinitionConflict { name: name.clone() });
                }
            }
        }
        Ok(())
    }

    fn add_forward(&mut self, kind: AggregateKind, tag: &str) -> Result<(), DefinitionConflict> {
        match self.tags.get(tag) {
            Some(Definition::Aggregate(aggregate)) if aggregate.kind == kind => Ok(()),
            _ => self.define(tag, Definition::Forward(kind, tag.into()), |_| false).map(|_| ()),
        }
    }

    /// Adds the definition of a tag, unless it is there. `completes` says of another one whether this may follow it. Returns
    /// whether it was added.
    fn define(
        &mut self,
        tag: &str,
        definition: Definition,
        completes: impl Fn(&Definition) -> bool,
    ) -> Result<bool, DefinitionConflict> {
        match self.tags.get(tag) {
            Some(known) if *known == definition => return Ok(false),
            Some(known) if !completes(known) => return Err(DefinitionConflict { name: tag.into() }),
            _ => {}
        }
        self.list.push(definition.clone());
        self.tags.insert(tag.into(), definition);
        Ok(true)
    }
}

impl Display for Definition {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        match self {
            Definition::Forward(kind, tag) => write!(f, "{} {tag};", kind.keyword()),
            Definition::Aggregate(aggregate) => aggregate.definition().fmt(f),
            Definition::Packed(aggregate) => aggregate.name_definition().fmt(f),
            Definition::Enumeration(enumeration) => enumeration.definition().fmt(f),
        }
    }
}

impl Display for Definitions {
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        self.list.iter().try_for_each(|definition| writeln!(f, "{definition}"))
    }
}
