//! Attributes of GCC and the alignment specifier of C, as far as they change a type.

use alloc::boxed::Box;

use super::{
    Built, Parser,
    built::Shape,
    error::{Expected, ParseErrorKind},
    lexer::TokenKind,
    mode::{Mode, plain},
    places::{Failure, Placed as _},
    words::{Keyword, keyword},
};
use crate::{
    layout::MAX_ALIGN,
    model::{BitFields, FloatFormat},
    types::{NamedConvention, Type, Vector},
};

/// What attributes say about a type or declaration.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Attributes {
    pub(super) packed: bool,
    /// The strictest `aligned`, in bytes.
    pub(super) align: Option<u32>,
    /// The strictest `_Alignas`, in bytes.
    pub(super) align_as: Option<u32>,
    /// `vector_size`, in bytes, and where it stands.
    pub(super) vector: Option<(i128, usize)>,
    /// `mode`, and where it stands.
    pub(super) mode: Option<(Mode, usize)>,
    /// Where `transparent_union` stands.
    pub(super) transparent: Option<usize>,
    /// A calling convention that is not the target's own, and where it stands.
    pub(super) convention: Option<(NamedConvention, usize)>,
}

impl Attributes {
    /// These and `more`.
    pub(super) fn with(self, more: Attributes) -> Attributes {
        Attributes {
            packed: self.packed || more.packed,
            align: self.align.max(more.align),
            align_as: self.align_as.max(more.align_as),
            vector: more.vector.or(self.vector),
            mode: more.mode.or(self.mode),
            transparent: more.transparent.or(self.transparent),
            convention: more.convention.or(self.convention),
        }
    }

    /// The strictest alignment asked for in any way, in bytes.
    pub(super) fn alignment(&self) -> Option<u32> {
        self.align.max(self.align_as)
    }

    /// Refuses `_Alignas`, at `position`, where it cannot be said.
    pub(super) fn check_no_align_as(&self, position: usize) -> Result<(), Failure> {
        match self.align_as {
            Some(_) => Err(ParseErrorKind::Misplaced("_Alignas").at(position)),
            None => Ok(()),
        }
    }

    /// Refuses `_Alignas` with less than the alignment `natural` that the type has (C11 6.7.5, 5).
    pub(super) fn check_align_as(&self, natural: u32, position: usize) -> Result<(), Failure> {
        match self.align_as.filter(|asked| *asked < natural) {
            Some(asked) => Err(ParseErrorKind::AlignmentReduced { asked, natural }.at(position)),
            None => Ok(()),
        }
    }
}

impl Parser<'_> {
    /// Any number of `__attribute__((…))` and `[[…]]`.
    pub(super) fn attributes(&mut self) -> Result<Attributes, Failure> {
        let mut attributes = Attributes::default();
        loop {
            match self.word().and_then(keyword) {
                Some(Keyword::Attribute) => {
                    self.bump();
                    self.attribute_list(&mut attributes, "(", ")")?;
                }
                _ if self.at_attribute_brackets() => self.attribute_list(&mut attributes, "[", "]")?,
                _ => return Ok(attributes),
            }
        }
    }

    /// Whether the attributes of C23 come next (6.7.12).
    pub(super) fn at_attribute_brackets(&self) -> bool {
        self.at("[") && self.text_of(self.peek_second()) == "["
    }

    /// Attributes between two pairs of brackets.
    fn attribute_list(
        &mut self,
        attributes: &mut Attributes,
        open: &'static str,
        close: &'static str,
    ) -> Result<(), Failure> {
        self.expect(open)?;
        self.expect(open)?;
        while !self.at(close) {
            self.attribute(attributes)?;
            if !self.eat(",") && !self.at(close) {
                return Err(self.unexpected(Expected::Either(",", close)));
            }
        }
        self.bump();
        self.expect(close).map(|_| ())
    }

    /// Attributes at a place where one that changes a type is not understood here.
    pub(super) fn attributes_without_effect(&mut self) -> Result<(), Failure> {
        match self.attributes_of_function()? {
            Some((convention, position)) => Err(Failure::unsupported(convention.attribute(), position)),
            None => Ok(()),
        }
    }

    /// Attributes at a place where, of those that change a type, a calling convention alone is understood.
    pub(super) fn attributes_of_function(&mut self) -> Result<Option<(NamedConvention, usize)>, Failure> {
        let position = self.position();
        let attributes = self.attributes()?;
        if attributes.align.is_some() {
            return Err(Failure::unsupported("aligned", position));
        }
        if attributes.packed {
            return Err(Failure::unsupported("packed", position));
        }
        self.apply_to_no_type(&Attributes { convention: None, ..attributes })?;
        Ok(attributes.convention)
    }

    /// One attribute, or nothing, which is allowed.
    fn attribute(&mut self, attributes: &mut Attributes) -> Result<(), Failure> {
        let Some(mut word) = self.word() else {
            return if self.at(",") { Ok(()) } else { Err(self.unexpected(Expected::Name)) };
        };
        let mut position = self.bump().start;
        // `[[gnu::packed]]` is `__attribute__((packed))`.
        if self.eat("::") {
            word = self.word().ok_or_else(|| self.unexpected(Expected::Name))?;
            position = self.bump().start;
        }
        let named = plain(word);
        let has_arguments = self.at("(");
        match named {
            "packed" => attributes.packed = true,
            "transparent_union" => attributes.transparent = Some(position),
            "aligned" if has_arguments && self.text_of(self.peek_second()) != ")" => {
                attributes.align = attributes.align.max(Some(self.in_brackets(Parser::alignment)?));
                return Ok(());
            }
            "aligned" => attributes.align = attributes.align.max(Some(self.model().max_align.into())),
            "vector_size" if has_arguments => {
                let size = |parser: &mut Parser<'_>| Ok((parser.position(), parser.constant()?.value));
                let (at, bytes) = self.in_brackets(size)?;
                attributes.vector = Some((bytes, at));
                return Ok(());
            }
            "mode" if has_arguments => {
                let mode = self.in_brackets(|parser| {
                    let mode = parser.word().and_then(Mode::named);
                    let position = parser.bump().start;
                    mode.ok_or_else(|| Failure::unsupported("mode", position))
                })?;
                attributes.mode = Some((mode, position));
                return Ok(());
            }
            "cdecl" | "ms_abi" | "stdcall" | "fastcall" | "sysv_abi" | "thiscall" | "vectorcall" => {
                let convention = self.named_convention(named, position)?;
                attributes.convention = convention.map(|convention| (convention, position));
            }
            // These change how a function is called, or what a type is, in ways that are not modelled.
            "aarch64_vector_pcs"
            | "address_space"
            | "ext_vector_type"
            | "gcc_struct"
            | "hardbool"
            | "interrupt"
            | "matrix_type"
            | "mode"
            | "ms_struct"
            | "neon_vector_type"
            | "pcs"
            | "preserve_all"
            | "preserve_most"
            | "regcall"
            | "regparm"
            | "scalar_storage_order"
            | "sseregparm"
            | "swiftcall" => {
                return Err(Failure::unsupported(named, position));
            }
            _ => {}
        }
        if has_arguments { self.skip_group() } else { Ok(()) }
    }

    /// Passes the names of calling conventions that come next.
    pub(super) fn conventions(&mut self) -> Result<(), Failure> {
        while let (Some(word), Some(Keyword::Convention)) = (self.word(), self.word().and_then(keyword)) {
            let position = self.bump().start;
            self.named_convention(word, position)?;
        }
        Ok(())
    }

    /// The convention of that name, if it is not the target's own.
    fn named_convention(&self, word: &str, position: usize) -> Result<Option<NamedConvention>, Failure> {
        let model = self.model();
        let is_windows = model.bit_fields == BitFields::Microsoft;
        let is_x86 = is_windows || model.long_double == FloatFormat::X87;
        match word.trim_start_matches('_') {
            "cdecl" => Ok(None),
            "ms_abi" if is_x86 => Ok(Some(NamedConvention::Microsoft).filter(|_| !is_windows)),
            "sysv_abi" if is_windows => Err(Failure::unsupported(word, position)),
            "sysv_abi" if is_x86 => Ok(None),
            // On 64-bit Windows, those of 32 bits mean nothing.
            other if is_windows && other != "vectorcall" => Ok(None),
            _ => Err(ParseErrorKind::Convention(word.into()).at(position)),
        }
    }

    /// `_Alignas` with its operand. `_Alignas(0)` asks for nothing.
    pub(super) fn align_as(&mut self) -> Result<Option<u32>, Failure> {
        self.bump();
        self.in_brackets(|parser| {
            if parser.peek().kind == TokenKind::Number && parser.text_of(parser.peek()) == "0" {
                parser.bump();
                Ok(None)
            } else if parser.starts_type() {
                Ok(Some(parser.type_layout()?.align))
            } else {
                parser.alignment().map(Some)
            }
        })
    }

    /// A constant that is an alignment.
    fn alignment(&mut self) -> Result<u32, Failure> {
        let position = self.position();
        let value = self.constant()?.value;
        let align = u32::try_from(value).ok().filter(|align| align.is_power_of_two() && *align <= MAX_ALIGN);
        align.ok_or(ParseErrorKind::Alignment(value).at(position))
    }

    /// `built`, as `vector_size`, `mode` and `transparent_union` change it.
    pub(super) fn with_attributes(&self, built: Built, attributes: &Attributes) -> Result<Built, Failure> {
        let mut built = built;
        if let Some((mode, position)) = attributes.mode {
            let ty = match &built.shape {
                Shape::Object { ty: Type::Int(integer), .. } => {
                    mode.integer(integer.is_signed(self.model())).map(Type::Int)
                }
                Shape::Object { ty: Type::Float | Type::Double, .. } => mode.float(),
                _ => None,
            };
            let ty = ty.ok_or_else(|| Failure::unsupported("mode", position))?;
            built = built.replaced(ty, self.model());
        }
        if let Some((bytes, position)) = attributes.vector {
            let Shape::Object { ty: element @ (Type::Int(_) | Type::Float | Type::Double), .. } =
                &built.shape
            else {
                return Err(ParseErrorKind::VectorElement.at(position));
            };
            if built.layout().is_none_or(|layout| layout.size > 8) {
                return Err(ParseErrorKind::VectorElement.at(position));
            }
            let vector = match bytes {
                8 | 16 => Vector { element: Box::new(element.clone()), bytes: bytes as u8 },
                _ => return Err(ParseErrorKind::VectorSize(bytes).at(position)),
            };
            built = built.replaced(Type::Vector(vector), self.model());
        }
        match attributes.transparent {
            Some(position) => built.transparent().at(position),
            None => Ok(built),
        }
    }

    /// Refuses what would change the type that a declarator derives from another: GCC applies it to that other
    /// one, deep inside.
    pub(super) fn apply_to_no_type(&self, attributes: &Attributes) -> Result<(), Failure> {
        let named = attributes.convention.map(|(named, position)| (named.attribute(), position));
        let vector = attributes.vector.map(|(_, position)| ("vector_size", position));
        let mode = attributes.mode.map(|(_, position)| ("mode", position));
        let transparent = attributes.transparent.map(|position| ("transparent_union", position));
        match vector.or(mode).or(transparent).or(named) {
            Some((what, position)) => Err(Failure::unsupported(what, position)),
            None => Ok(()),
        }
    }
}
