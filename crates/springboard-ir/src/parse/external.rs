//! Declarations outside of everything else (C11 6.9), and texts made of them.

use alloc::string::String;

use super::{
    Built, Parser,
    built::Shape,
    declarators::Naming,
    derivations::{Declarator, Derivation, Role},
    error::{Expected, ParseErrorKind},
    lexer::TokenKind,
    names::{redefined, spelled},
    object::Object,
    places::Failure,
    specifiers::{Specifiers, Tagged},
    storage::{Declares, Storage},
    words::{Keyword, keyword},
};
use crate::{
    model::Compiler,
    types::{Declared, Prototype, Type},
};

/// What is declared by the declaration that a text is about.
struct Entity {
    name: Option<String>,
    built: Built,
    /// Where the declaration begins.
    position: usize,
}

/// A function that the text declares, each time.
pub(crate) struct Seen<'a> {
    pub(crate) name: &'a str,
    /// Offset of the name in the text.
    pub(crate) position: usize,
    /// The symbol, where it is another one than the name.
    pub(crate) symbol: Option<String>,
    pub(crate) is_static: bool,
}

impl<'a> Parser<'a> {
    /// A whole text that ends in one prototype.
    pub(super) fn prototype(&mut self) -> Result<Prototype, Failure> {
        let Entity { name, built, position } = self.last_declaration(Naming::Optional, Role::Call)?;
        match built.signature() {
            Some(signature) => Ok(Prototype { name, signature: signature.clone() }),
            None => Err(ParseErrorKind::NotAFunction.at(position)),
        }
    }

    /// A whole text that ends in the name of a type.
    pub(super) fn type_name_alone(&mut self) -> Result<(Type, Declared), Failure> {
        let Entity { built, position, .. } = self.last_declaration(Naming::Forbidden, Role::Other)?;
        let Shape::Object { ty, .. } = built.shape else {
            return Err(ParseErrorKind::NotAnObject.at(position));
        };
        if built.declared.type_align.is_some() {
            return Err(Failure::unsupported("aligned", position));
        }
        Ok((ty, built.declared))
    }

    /// A whole text of declarations.
    pub(super) fn translation_unit(&mut self) -> Result<(), Failure> {
        while self.peek().kind != TokenKind::End {
            self.external_declaration()?;
        }
        self.own.complete_functions();
        self.check_reserved()
    }

    /// Definitions of types, and after them the one declaration that the text is about.
    fn last_declaration(&mut self, naming: Naming, role: Role) -> Result<Entity, Failure> {
        loop {
            if self.without_declarator()? {
                continue;
            }
            let position = self.position();
            let specifiers = self.specifiers()?;
            let end = self.at;
            if specifiers.may_be_alone() && self.eat(";") {
                if specifiers.tagged == Tagged::Yes || self.peek().kind != TokenKind::End {
                    specifiers.storage.check_external(Declares::Tag)?;
                    continue;
                }
                // What ends the text may be the type that it is about.
                self.at = end;
            }
            if specifiers.storage.is_typedef() {
                self.declarators(&specifiers)?;
                continue;
            }
            let mut declarator = self.declarator(naming)?;
            // A pointer to the function that is called is as good as the function.
            if let (Role::Call, [Derivation::Pointer { .. }, Derivation::Function { .. }, ..]) =
                (role, &*declarator.derivations)
            {
                declarator.derivations.remove(0);
            }
            let (built, _) = self.complete_external(&specifiers, &mut declarator, role)?;
            match role {
                Role::Call => specifiers.storage.check_external(Declares::NoObject)?,
                _ => specifiers.storage.check_nothing()?,
            }
            if role == Role::Call {
                specifiers.attributes.check_no_align_as(position)?;
            }
            self.eat(";");
            if self.peek().kind != TokenKind::End {
                return Err(self.unexpected(Expected::End));
            }
            return Ok(Entity { name: declarator.name.map(|(name, _)| spelled(name)), built, position });
        }
    }

    /// One declaration or function definition.
    pub(super) fn external_declaration(&mut self) -> Result<(), Failure> {
        if self.without_declarator()? {
            return Ok(());
        }
        let specifiers = self.specifiers()?;
        if specifiers.may_be_alone() && self.eat(";") {
            return specifiers.storage.check_external(Declares::Tag);
        }
        self.declarators(&specifiers)
    }

    /// What stands between declarations and declares nothing. Whether there was any.
    fn without_declarator(&mut self) -> Result<bool, Failure> {
        if self.eat_layout_pragma()? {
            return Ok(true);
        }
        while self.eat("__extension__") {}
        match self.word().and_then(keyword) {
            Some(Keyword::StaticAssert) => self.static_assert()?,
            Some(Keyword::Asm) => {
                self.assembler_text()?;
                self.expect(";")?;
            }
            _ => return Ok(self.eat(";")),
        }
        Ok(true)
    }

    /// `_Static_assert`. One of what is no constant here is believed.
    pub(super) fn static_assert(&mut self) -> Result<(), Failure> {
        self.bump();
        let start = self.at;
        let position = self.expect("(")?.start;
        match self.constant() {
            Ok(value) if value.value == 0 && (self.at(",") || self.at(")")) => {
                return Err(ParseErrorKind::Assertion.at(position));
            }
            _ => self.at = start,
        }
        self.skip_group()?;
        self.expect(";").map(|_| ())
    }

    /// The declarators of one declaration, up to its semicolon or the end of a function's body.
    fn declarators(&mut self, specifiers: &Specifiers) -> Result<(), Failure> {
        loop {
            let mut declarator = self.declarator(Naming::Required)?;
            let after = self.at;
            let list = match declarator.derivations.first() {
                Some(Derivation::Function { parameters, .. }) => Some(parameters.unspecified),
                _ => None,
            };
            let (built, attributes) = self.complete_external(specifiers, &mut declarator, Role::Other)?;
            let is_function = matches!(built.shape, Shape::Function(_));
            let storage = specifiers.storage;
            let declared =
                if is_function || storage.is_typedef() { Declares::NoObject } else { Declares::Object };
            storage.check_external(declared)?;
            let (name, position) = declarator.name.unwrap_or(("", declarator.position));
            match declared {
                Declares::Object => {
                    let natural = built.layout().map_or(1, |layout| layout.align);
                    attributes.check_align_as(natural, position)?;
                }
                _ => attributes.check_no_align_as(position)?,
            }
            let object = self.object(&declarator, &built, storage);
            let is_void = matches!(built.shape, Shape::Object { ty: Type::Void, .. });
            if declared == Declares::Object && is_void && (storage.is_static() || self.at("=")) {
                return Err(ParseErrorKind::NotAnObject.at(position));
            }
            self.declare(&declarator, built, storage, attributes.alignment())?;
            if is_function && !storage.is_typedef() {
                let symbol = self.assembler_name(after);
                self.seen.push(Seen {
                    name,
                    position,
                    symbol: symbol.clone(),
                    is_static: storage.is_static(),
                });
                if let (true, Some(unspecified), None) = (self.at("{"), list, &symbol) {
                    if let Some(position) = unspecified {
                        return Err(ParseErrorKind::Misplaced("[*]").at(position));
                    }
                    self.define_once(name, storage, position)?;
                    return self.skip_group();
                }
            }
            if let Some(object) = object {
                let value = if self.eat("=") {
                    self.define_once(name, storage, position)?;
                    self.initializer()?
                } else {
                    None
                };
                self.keep_object(name, Object { value, ..object });
            }
            if self.eat(";") {
                return Ok(());
            }
            if !self.eat(",") {
                return Err(self.unexpected(Expected::Either(",", ";")));
            }
        }
    }

    /// The object that a declarator declares, if it is one.
    fn object(&self, declarator: &Declarator<'a>, built: &Built, storage: Storage) -> Option<Object> {
        let (Some((name, _)), Shape::Object { ty, constant }) = (declarator.name, &built.shape) else {
            return None;
        };
        let object = Object {
            name: spelled(name),
            ty: ty.clone(),
            declared: built.declared,
            constant: *constant,
            value: None,
        };
        (!storage.is_typedef()).then_some(object)
    }

    /// Passes what an object is initialised with. The value, if it is an integer constant.
    fn initializer(&mut self) -> Result<Option<i128>, Failure> {
        let start = self.at;
        let constant = self.constant().map(|constant| constant.value);
        let ends =
            |parser: &Parser<'a>| parser.at(",") || parser.at(";") || parser.peek().kind == TokenKind::End;
        if let (Ok(value), true) = (constant, ends(self)) {
            return Ok(Some(value));
        }
        self.at = start;
        if ends(self) {
            return Err(self.unexpected(Expected::Expression));
        }
        while !ends(self) {
            self.skip_group()?;
        }
        Ok(None)
    }

    /// Refuses, for Clang, a name that weakens the alignment of an array: Clang passes it otherwise than an array of elements
    /// whose name does so, as which it is read.
    fn check_array_name(&self, built: &Built, align: Option<u32>, position: usize) -> Result<(), Failure> {
        let is_array = matches!(built.shape, Shape::Object { ty: Type::Array(_), .. });
        let weakened = align.zip(built.layout()).is_some_and(|(align, natural)| align < natural.align);
        match self.model().compiler {
            Some(Compiler::Clang) if is_array && weakened => Err(Failure::unsupported("aligned", position)),
            _ => Ok(()),
        }
    }

    /// Keeps what a declarator declares, if it is a type or a function.
    fn declare(
        &mut self,
        declarator: &Declarator<'a>,
        built: Built,
        storage: Storage,
        align: Option<u32>,
    ) -> Result<(), Failure> {
        let Some((name, position)) = declarator.name else { return Ok(()) };
        if storage.is_typedef() {
            self.check_array_name(&built, align, position)?;
            return self.define_type(name, built.aligned(align), position);
        }
        if self.own.name(name).is_some() {
            return Err(redefined(name, position));
        }
        self.declare_again(name, &built, storage, position)?;
        if let Shape::Function(signature) = built.shape {
            self.own.declare_function(Prototype { name: Some(spelled(name)), signature });
        }
        Ok(())
    }
}
