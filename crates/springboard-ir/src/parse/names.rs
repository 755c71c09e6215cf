//! What tags and names stand for, in the text and in what was declared before it.

use alloc::string::String;

use super::{
    Built, Parser,
    arithmetic::Value,
    built::Shape,
    error::ParseErrorKind,
    lexer::universal_name,
    meaning::{Name, Tag},
    places::Failure,
    shortened,
    size::Size,
    unseen::Unseen,
    words::standard_type,
};
use crate::types::Type;

impl Parser<'_> {
    pub(super) fn find_tag(&self, tag: &str) -> Option<&Tag> {
        self.own.tag(tag).or_else(|| self.outer.tag(tag))
    }

    pub(super) fn find_name(&self, name: &str) -> Option<&Name> {
        self.own.name(name).or_else(|| self.outer.name(name))
    }

    /// The type of the object or function that is declared under `name`.
    pub(super) fn declared(&self, name: &str) -> Option<Built> {
        let object = self.objects.get(name).map(|known| self.completed(&known.built));
        object.or_else(|| {
            Some(Built::function(
                self.outer.function(name)?.signature.clone(),
                Size::DECLARED,
                Unseen::UNKNOWN,
            ))
        })
    }

    /// What a name that was given to `built` stands for now: a structure or union may have been defined since
    /// (`typedef struct point point;` before `struct point { … };`).
    pub(super) fn completed(&self, built: &Built) -> Built {
        match built.incomplete().and_then(|(_, tag)| self.find_tag(tag)) {
            Some(tag) => tag.completing(built),
            None => built.completed(|tag| self.find_tag(tag).and_then(Tag::definition)),
        }
    }

    /// Completes `tag`. It may have been completed before, in the same way.
    pub(super) fn define_tag(&mut self, tag: &str, meaning: Tag, position: usize) -> Result<(), Failure> {
        match self.find_tag(tag) {
            None | Some(Tag::Forward(_)) => {
                self.own.define_tag(tag, meaning);
                Ok(())
            }
            Some(known) if *known == meaning => Ok(()),
            Some(known) if known.announced().is_some() => {
                self.own.define_tag(tag, meaning);
                Ok(())
            }
            Some(_) => Err(redefined(tag, position)),
        }
    }

    /// An enumeration constant, which a text declares once.
    pub(super) fn define_constant(
        &mut self,
        name: &str,
        value: i128,
        position: usize,
    ) -> Result<(), Failure> {
        if self.own.name(name).is_some() || self.objects.contains_key(name) {
            return Err(redefined(name, position));
        }
        self.define_name(name, Name::Constant(Value::of(value)), position)
    }

    /// `typedef`. The names that standard headers define keep their meaning: `size_t` is one type on every
    /// target, whatever a preprocessed header makes of it on one.
    pub(super) fn define_type(&mut self, name: &str, built: Built, position: usize) -> Result<(), Failure> {
        let integer = matches!(built.shape, Shape::Object { ty: Type::Int(_), .. });
        if integer && matches!(standard_type(name), Some(Type::Int(_))) {
            return Ok(());
        }
        if self.objects.contains_key(name) {
            return Err(redefined(name, position));
        }
        self.define_name(name, Name::Type(built), position)
    }

    fn define_name(&mut self, name: &str, meaning: Name, position: usize) -> Result<(), Failure> {
        let same = match self.find_name(name) {
            Some(Name::Type(known)) => {
                let unseen =
                    |built: &Built| built.volatile == known.volatile && built.unseen.may_be(known.unseen);
                Name::Type(self.completed(known)) == meaning
                    && matches!(&meaning, Name::Type(built) if unseen(built))
            }
            Some(Name::Constant(known)) => {
                matches!(&meaning, Name::Constant(new) if new.value == known.value)
            }
            None => true,
        };
        if !same {
            return Err(redefined(name, position));
        }
        if self.own.name(name).is_none() {
            self.own.define_name(String::from(name), meaning);
        }
        Ok(())
    }
}

/// An identifier as its symbol is called: with the characters that its universal character names are of.
pub(crate) fn spelled(name: &str) -> String {
    let mut spelled = String::with_capacity(name.len());
    let mut rest = name;
    while let Some(first) = rest.chars().next() {
        let (character, length) = universal_name(rest).unwrap_or((first, first.len_utf8()));
        spelled.push(character);
        rest = &rest[length..];
    }
    spelled
}

pub(super) fn redefined(name: &str, position: usize) -> Failure {
    ParseErrorKind::Redefined(shortened(name)).at(position)
}
