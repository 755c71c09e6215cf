//! Structures and unions (C11 6.7.2.1).

use alloc::{collections::BTreeSet, format, string::String, sync::Arc, vec::Vec};

use super::{
    Built, Parser,
    attributes::Attributes,
    built::{Contents, Shape},
    declarators::Naming,
    derivations::{Derivation, Length, Role},
    error::{Expected, ParseErrorKind},
    meaning::Tag,
    places::{Failure, Placed as _},
    shortened,
    specifiers::{Specifiers, Tagged},
    words::{Keyword, keyword},
};
use crate::{
    layout::{Layout, Placement},
    model::{BitFields, Compiler},
    types::{Aggregate, AggregateKind, Declared, Field, Type},
};

/// Members read so far.
struct Members {
    fields: Vec<Field>,
    layouts: Vec<Layout>,
    contents: Contents,
    names: BTreeSet<String>,
    /// Where an array without a length stands, which only the last member may be.
    unbounded: Option<usize>,
}

/// A declared member, before it joins the others.
struct Member {
    name: Option<String>,
    built: Built,
    bits: Option<u8>,
    attributes: Attributes,
    position: usize,
}

impl<'a> Parser<'a> {
    /// A structure or union specifier, of which the keyword comes next.
    pub(super) fn aggregate(&mut self, kind: AggregateKind) -> Result<Built, Failure> {
        let mut position = self.bump().start;
        let attributes = self.attributes()?;
        let tag = self.name();
        if tag.is_some() {
            position = self.bump().start;
        }
        if !self.at("{") {
            let Some(tag) = tag else { return Err(self.unexpected(Expected::Tag)) };
            return self.tagged_aggregate(kind, tag, position);
        }
        if let Some(tag) = tag {
            self.tagged_aggregate(kind, tag, position)?;
        }
        let pack_before = self.packing.most().at(position)?;
        self.open.push((kind, tag.unwrap_or_default().into()));
        let parameter_lists = core::mem::take(&mut self.parameter_lists);
        let members = self.members();
        self.parameter_lists = parameter_lists;
        self.open.pop();
        let members = members?;
        let pack = self.pack_of(pack_before).at(position)?;
        let attributes = attributes.with(self.attributes()?);
        self.apply_to_no_type(&Attributes { transparent: None, ..attributes })?;
        let tag = tag.map(String::from);
        let Members { fields, layouts, contents, .. } = members;
        let Attributes { packed, align, .. } = attributes;
        let aggregate = Aggregate { kind, tag, fields, packed, align, pack };
        let mut placement = Placement::new(&aggregate, self.model());
        for (field, own) in aggregate.fields.iter().zip(layouts) {
            placement.place(field, own).at(position)?;
        }
        let layout = placement.finish(aggregate.align).at(position)?;
        let tag = aggregate.tag.clone();
        let name = aggregate.name_by_members();
        let mut built = Built::aggregate(Arc::new(aggregate), &contents, layout);
        if let Some(name) = name {
            self.own.name_packed(name, &built);
        }
        match (attributes.transparent, &tag) {
            (None, _) => {}
            (Some(position), None) => {
                built = built.transparent().at(position)?;
            }
            // A name can be transparent, and no tag.
            (Some(position), Some(_)) => return Err(Failure::unsupported("transparent_union", position)),
        }
        if let Some(tag) = tag {
            self.define_tag(&tag, Tag::Aggregate(kind, built.clone()), position)?;
        }
        Ok(built)
    }

    /// The aggregate that has been declared under `tag`, or a new one without a definition.
    fn tagged_aggregate(
        &mut self,
        kind: AggregateKind,
        tag: &str,
        position: usize,
    ) -> Result<Built, Failure> {
        let incomplete = || Built::simple(Type::Incomplete(kind, tag.into()), self.outer.model());
        match self.find_tag(tag) {
            Some(Tag::Aggregate(other, built)) if *other == kind => Ok(built.clone()),
            Some(Tag::Forward(other)) if *other == kind => Ok(incomplete()),
            Some(other) => {
                let (tag, declared) = (shortened(tag), other.keyword());
                Err(ParseErrorKind::WrongTag { tag, declared }.at(position))
            }
            None => {
                let incomplete = incomplete();
                self.own.declare_tag(kind, tag);
                Ok(incomplete)
            }
        }
    }

    /// Everything between the braces, with them.
    fn members(&mut self) -> Result<Members, Failure> {
        self.expect("{")?;
        let mut members = Members {
            fields: Vec::new(),
            layouts: Vec::new(),
            contents: Contents::NONE,
            names: BTreeSet::new(),
            unbounded: None,
        };
        while !self.eat("}") {
            if self.eat(";") || self.eat_layout_pragma()? {
                continue;
            }
            match self.word().and_then(keyword) {
                Some(Keyword::StaticAssert) => self.static_assert()?,
                None if self.word().is_none() && !self.at_attribute_brackets() => {
                    return Err(self.unexpected(Expected::Members));
                }
                _ => self.member_declaration(&mut members)?,
            }
        }
        Ok(members)
    }

    /// One declaration of members, with its semicolon.
    fn member_declaration(&mut self, members: &mut Members) -> Result<(), Failure> {
        let position = self.position();
        let specifiers = self.specifiers()?;
        specifiers.storage.check_nothing()?;
        if specifiers.tagged == Tagged::Yes && self.eat(";") {
            let Shape::Object { ty: Type::Aggregate(aggregate), .. } = &specifiers.built.shape else {
                return Ok(());
            };
            // One with a tag is declared here and adds no member.
            if let Some(tag) = &aggregate.tag {
                // GCC for Windows and Microsoft's compiler make its members the outer one's (`-fms-extensions`).
                let model = self.model();
                let embeds =
                    model.bit_fields == BitFields::Microsoft && model.compiler != Some(Compiler::Clang);
                let what = format!("{} {tag};", aggregate.kind.keyword());
                return if embeds { Err(Failure::unsupported(&what, position)) } else { Ok(()) };
            }
            let Specifiers { built, attributes, .. } = specifiers;
            return self.add_member(members, Member { name: None, built, bits: None, attributes, position });
        }
        loop {
            let member = self.member(&specifiers, members)?;
            self.add_member(members, member)?;
            if self.eat(";") {
                return Ok(());
            }
            if !self.eat(",") {
                return Err(self.unexpected(Expected::Either(",", ";")));
            }
        }
    }

    /// One member declarator.
    fn member(&mut self, specifiers: &Specifiers, members: &mut Members) -> Result<Member, Failure> {
        let naming = if self.at(":") { Naming::Optional } else { Naming::Required };
        let mut declarator = self.declarator(naming)?;
        let length = match declarator.derivations.first() {
            Some(Derivation::Array { length: Length::Unknown, position }) => *position,
            _ => declarator.position,
        };
        let colon = self.eat(":");
        let width_position = self.position();
        let width = if colon { Some(self.constant()?.value) } else { None };
        let (built, attributes) = self.complete(specifiers, &mut declarator, Role::Other)?;
        if built.declared.flexible {
            self.check_last(members)?;
            members.unbounded = Some(length);
            // "A structure with more than one named member" may end in one (6.7.2.1, 18).
            let named = |field: &Field| field.name.is_some() || matches!(field.ty, Type::Aggregate(_));
            let in_union = matches!(self.open.last(), Some((AggregateKind::Union, _)));
            if in_union || !members.fields.iter().any(named) {
                self.check_last(members)?;
            }
        }
        let (name, position) = match declarator.name {
            Some((name, position)) => (Some(name), position),
            None => (None, declarator.position),
        };
        let bits = match width {
            Some(width) => Some(bit_width(&built, position, (width, width_position), name)?),
            None => None,
        };
        Ok(Member { name: name.map(String::from), built, bits, attributes, position })
    }

    fn add_member(&self, members: &mut Members, member: Member) -> Result<(), Failure> {
        let Member { name, built, bits, attributes, position } = member;
        if members.unbounded.is_some_and(|unbounded| unbounded < position) {
            self.check_last(members)?;
        }
        self.check_complete(&built, position)?;
        let layout = members.contents.add(&built).at(position)?;
        if bits.is_some() {
            attributes.check_no_align_as(position)?;
        }
        attributes.check_align_as(built.declared.type_align.unwrap_or(layout.align), position)?;
        // GCC ignores attributes where no declarator follows.
        let declared = name.is_some() || bits.is_some();
        let align = if declared { attributes.alignment() } else { attributes.align_as };
        let declared = Declared { packed: declared && attributes.packed, ..built.declared };
        let Shape::Object { ty, .. } = built.shape else {
            return Err(ParseErrorKind::NotAnObject.at(position));
        };
        declare_names(&mut members.names, name.as_deref(), &ty).at(position)?;
        members.fields.push(Field { name, ty, bits, align, declared });
        members.layouts.push(layout);
        Ok(())
    }

    /// Refuses another member after an array without a length.
    fn check_last(&self, members: &Members) -> Result<(), Failure> {
        match members.unbounded {
            Some(position) => Err(ParseErrorKind::UnknownLength.at(position)),
            None => Ok(()),
        }
    }
}

/// The width of a bit-field of type `built` at `position`, if it can have it (C11 6.7.2.1, 4 and 5).
fn bit_width(
    built: &Built,
    position: usize,
    (width, width_position): (i128, usize),
    name: Option<&str>,
) -> Result<u8, Failure> {
    let size = built.layout().map_or(0, |layout| layout.size);
    let widest = match &built.shape {
        _ if built.declared.atomic => return Err(ParseErrorKind::Misplaced("_Atomic").at(position)),
        Shape::Object { ty: Type::Bool, .. } => 1,
        Shape::Object { ty: Type::Int(_) | Type::Enum(_), .. } => size * 8,
        _ => return Err(ParseErrorKind::BitFieldType.at(position)),
    };
    let bits = u8::try_from(width).ok().filter(|bits| u64::from(*bits) <= widest);
    match (bits, name) {
        (Some(0), Some(name)) => Err(ParseErrorKind::NamedZeroWidth(shortened(name)).at(width_position)),
        (Some(bits), _) => Ok(bits),
        (None, _) => Err(ParseErrorKind::BitFieldWidth { bits: width, widest }.at(width_position)),
    }
}

/// Adds the name of a member, or the names that an anonymous aggregate brings in (C11 6.7.2.1, 13).
fn declare_names(names: &mut BTreeSet<String>, name: Option<&str>, ty: &Type) -> Result<(), ParseErrorKind> {
    match (name, ty) {
        (Some(name), _) if names.insert(name.into()) => Ok(()),
        (Some(name), _) => Err(ParseErrorKind::Duplicate(shortened(name))),
        (None, Type::Aggregate(inner)) => {
            inner.fields.iter().try_for_each(|field| declare_names(names, field.name.as_deref(), &field.ty))
        }
        _ => Ok(()),
    }
}
