//! Types and functions declared by C text: what its names and tags stand for.

use alloc::{collections::BTreeMap, string::String, vec::Vec};
use core::fmt::{self, Display, Formatter};

use super::{
    arithmetic::Value,
    built::{Built, Shape},
    meaning::{Item, Name, Tag},
    object::Object,
};
use crate::{
    definitions::Definition,
    model::DataModel,
    types::{AggregateKind, Prototype, Signature, Type},
};

/// What C text declares: structures, unions, enumerations, names of types, functions, and objects.
///
/// Made by [`Declarations::parse`]. [`Prototype::parse_in`] reads a prototype that uses them. Displays as C text
/// that declares the same.
#[derive(Clone, PartialEq, Debug)]
pub struct Declarations {
    model: DataModel,
    /// In the order of the text, so that each needs only what stands before it.
    items: Vec<Item>,
    tags: BTreeMap<String, Tag>,
    names: BTreeMap<String, Name>,
    functions: Vec<Prototype>,
    /// The place of each in `functions`.
    by_name: BTreeMap<String, usize>,
    objects: Vec<Object>,
}

impl Default for Declarations {
    /// No declarations, under [`DataModel::LP64`].
    fn default() -> Declarations {
        Declarations::for_model(&DataModel::LP64)
    }
}

impl Declarations {
    /// No declarations, for the target with `model`.
    pub fn for_model(model: &DataModel) -> Declarations {
        Declarations {
            model: *model,
            items: Vec::new(),
            tags: BTreeMap::new(),
            names: BTreeMap::new(),
            functions: Vec::new(),
            by_name: BTreeMap::new(),
            objects: Vec::new(),
        }
    }

    /// The data model that answered `sizeof` and default alignments.
    pub fn model(&self) -> &DataModel {
        &self.model
    }

    /// The structure, union or enumeration defined with that tag.
    pub fn tagged(&self, tag: &str) -> Option<Type> {
        self.tags.get(tag)?.definition().cloned()
    }

    /// The type that a `typedef` gave that name. `None` where there is none, where it is a function type, and
    /// where the name has an alignment of its own, which a [`Type`] cannot say.
    pub fn named(&self, name: &str) -> Option<Type> {
        match self.names.get(name)? {
            Name::Type(built) if built.declared.type_align.is_none() => {
                match built.incomplete().and_then(|(_, tag)| self.tag(tag)) {
                    Some(tag) => tag.completing(built).object_type(),
                    None => built.completed(|tag| self.tags.get(tag).and_then(Tag::definition)).object_type(),
                }
            }
            Name::Type(_) | Name::Constant(_) => None,
        }
    }

    /// Every structure, union and enumeration that is defined with a tag, with that tag, in the order of tags.
    pub fn tagged_types(&self) -> impl Iterator<Item = (&str, Type)> {
        self.tags.keys().filter_map(|tag| Some((tag.as_str(), self.tagged(tag)?)))
    }

    /// Every type that [`Declarations::named`] gives, with its name, in the order of names. Not the names by which structures
    /// under `#pragma pack` are written.
    pub fn named_types(&self) -> impl Iterator<Item = (&str, Type)> {
        let types = self.names.keys().filter_map(|name| Some((name.as_str(), self.named(name)?)));
        types.filter(|(name, ty)| match ty {
            Type::Aggregate(aggregate) => aggregate.name_by_members().is_none_or(|own| own != *name),
            _ => true,
        })
    }

    /// Every name that stands for a function type by a `typedef`, with that type, in the order of names.
    pub fn named_functions(&self) -> impl Iterator<Item = (&str, Signature)> {
        self.names.iter().filter_map(|(name, meaning)| match meaning {
            Name::Type(Built { shape: Shape::Function(signature), .. }) => {
                Some((name.as_str(), self.complete(signature)))
            }
            _ => None,
        })
    }

    /// Every enumeration constant with its value, in the order of names.
    pub fn constants(&self) -> impl Iterator<Item = (&str, i128)> {
        self.names.iter().filter_map(|(name, meaning)| match meaning {
            Name::Constant(value) => Some((name.as_str(), value.value)),
            Name::Type(_) => None,
        })
    }

    /// Makes a name an integer constant, as a `#define` of a number does.
    pub fn define_constant(&mut self, name: &str, value: i128) {
        self.names.insert(name.into(), Name::Constant(Value::of(value)));
    }

    /// Every structure and union that is declared or defined with a tag, with that tag, in the order of tags.
    pub fn aggregate_tags(&self) -> impl Iterator<Item = (AggregateKind, &str)> {
        self.tags.iter().filter_map(|(tag, meaning)| match meaning {
            Tag::Forward(kind) | Tag::Aggregate(kind, _) => Some((*kind, tag.as_str())),
            Tag::Enumeration(_) => None,
        })
    }

    /// Every object, in the order of first declaration.
    pub fn objects(&self) -> &[Object] {
        &self.objects
    }

    /// Adds what a text declared that was read with these declarations before it ([`Declarations::parse_in`]). What it
    /// declares again takes the place of what was there.
    pub fn extend(&mut self, later: Declarations) {
        let Declarations { items, tags, names, functions, objects, .. } = later;
        let known = |item: &Item| matches!(item, Item::Function(name) if self.by_name.contains_key(name));
        self.items.extend(items.into_iter().filter(|item| !known(item)));
        for prototype in functions {
            match prototype.name.as_ref().and_then(|name| self.by_name.get(name)) {
                Some(index) => self.functions[*index] = prototype,
                None => self.add_function(prototype),
            }
        }
        self.tags.extend(tags);
        self.names.extend(names);
        for object in objects {
            self.objects.retain(|known| known.name != object.name);
            self.objects.push(object);
        }
        self.complete_functions();
    }

    /// The value of the enumeration constant of that name.
    pub fn constant(&self, name: &str) -> Option<i128> {
        match self.names.get(name)? {
            Name::Constant(value) => Some(value.value),
            Name::Type(_) => None,
        }
    }

    /// The function of that name.
    pub fn function(&self, name: &str) -> Option<&Prototype> {
        self.by_name.get(name).map(|index| &self.functions[*index])
    }

    /// Every function, in the order of first declaration.
    pub fn functions(&self) -> &[Prototype] {
        &self.functions
    }

    /// The signature with the definitions that these declarations have for what it passes or returns undefined.
    ///
    /// C wants the definition of a parameter where the function is called, and not where its type is written
    /// (C11 6.7.6.3, 4).
    pub fn complete(&self, signature: &Signature) -> Signature {
        signature.completed(|tag| self.tags.get(tag).and_then(Tag::definition))
    }

    /// Completes what functions pass and return, at the end of a text.
    pub(crate) fn complete_functions(&mut self) {
        let tags = &self.tags;
        for Prototype { signature, .. } in &mut self.functions {
            if signature.incomplete().is_some() {
                *signature = signature.completed(|tag| tags.get(tag).and_then(Tag::definition));
            }
        }
    }

    /// The names that stand for types.
    pub(crate) fn type_names(&self) -> impl Iterator<Item = &str> {
        self.names.iter().filter(|(_, name)| matches!(name, Name::Type(_))).map(|(name, _)| name.as_str())
    }

    pub(crate) fn tag(&self, tag: &str) -> Option<&Tag> {
        self.tags.get(tag)
    }

    pub(crate) fn name(&self, name: &str) -> Option<&Name> {
        self.names.get(name)
    }

    /// Declares an aggregate that has no definition yet.
    pub(crate) fn declare_tag(&mut self, kind: AggregateKind, tag: &str) {
        self.tags.insert(tag.into(), Tag::Forward(kind));
        self.items.push(Item::Definition(Definition::Forward(kind, tag.into())));
    }

    /// Completes a tag.
    pub(crate) fn define_tag(&mut self, tag: &str, meaning: Tag) {
        if let Tag::Aggregate(_, built) | Tag::Enumeration(built) = &meaning {
            match built.object_type() {
                Some(Type::Aggregate(aggregate)) => self.define(Definition::Aggregate(aggregate)),
                Some(Type::Enum(enumeration)) => self.define(Definition::Enumeration(enumeration)),
                _ => {}
            }
        }
        self.tags.insert(tag.into(), meaning);
    }

    /// Gives a type or a constant its name.
    pub(crate) fn define_name(&mut self, name: String, meaning: Name) {
        if let Name::Type(built) = &meaning {
            self.items.push(Item::Type(name.clone(), built.clone()));
        }
        self.names.insert(name, meaning);
    }

    /// Gives an aggregate under `#pragma pack`, which has no tag, the name that it is written by.
    pub(crate) fn name_packed(&mut self, name: String, built: &Built) {
        if let (Some(Type::Aggregate(aggregate)), None) = (built.object_type(), self.name(&name)) {
            self.define(Definition::Packed(aggregate));
            self.names.insert(name, Name::Type(built.clone()));
        }
    }

    /// Takes a constant back whose enumeration turned out to be none.
    pub(crate) fn forget_name(&mut self, name: &str) {
        self.names.remove(name);
    }

    /// Keeps a definition to be written out again.
    pub(crate) fn define(&mut self, definition: Definition) {
        self.items.push(Item::Definition(definition));
    }

    /// Keeps an object, of which nothing is kept yet.
    pub(crate) fn declare_object(&mut self, object: Object) {
        self.objects.push(object);
    }

    /// Keeps a function. The first declaration counts that has parameters: `int f();` says nothing of them.
    pub(crate) fn declare_function(&mut self, prototype: Prototype) {
        let Some(name) = prototype.name.clone() else { return };
        if let Some(index) = self.by_name.get(&name) {
            let known = &mut self.functions[*index];
            if known.signature.params().is_empty() {
                *known = prototype;
            }
            return;
        }
        self.items.push(Item::Function(name));
        self.add_function(prototype);
    }

    fn add_function(&mut self, prototype: Prototype) {
        if let Some(name) = &prototype.name {
            self.by_name.insert(name.clone(), self.functions.len());
            self.functions.push(prototype);
        }
    }
}

impl Display for Declarations {
    /// One declaration a line, in an order in which C can read them.
    fn fmt(&self, f: &mut Formatter<'_>) -> fmt::Result {
        let mut items = self.items.iter().peekable();
        while let Some(item) = items.next() {
            if item.begins(items.peek().copied()) {
                continue;
            }
            match item {
                Item::Definition(definition) => writeln!(f, "{definition}")?,
                Item::Type(name, built) => writeln!(f, "typedef {};", built.declaration(name))?,
                Item::Function(name) => writeln!(f, "{};", self.functions[self.by_name[name]])?,
            }
        }
        self.objects.iter().try_for_each(|object| writeln!(f, "{object};"))
    }
}
