//! Type qualifiers (C11 6.7.3): which are said, and what can be qualified by them.

use super::{
    Built, Parser,
    error::ParseErrorKind,
    places::Failure,
    words::{Keyword, keyword},
};

/// The qualifiers of one type, those of which something comes with where they stand.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Qualifiers {
    constant: bool,
    volatile: bool,
    restrict: Option<usize>,
    atomic: Option<usize>,
}

impl Parser<'_> {
    /// Passes a qualifier, if one comes next.
    pub(super) fn qualifier(&mut self, qualifiers: &mut Qualifiers) -> bool {
        let Some(word) = self.word() else { return false };
        let position = self.position();
        match keyword(word) {
            Some(Keyword::Const) => qualifiers.constant = true,
            // Before a bracket it names a type (C11 6.7.2.4, 4).
            Some(Keyword::Atomic) if self.text_of(self.peek_second()) != "(" => {
                qualifiers.atomic = Some(position)
            }
            Some(Keyword::Qualifier) if word.contains("restrict") => qualifiers.restrict = Some(position),
            Some(Keyword::Qualifier) => qualifiers.volatile |= word.contains("volatile"),
            _ => return false,
        }
        self.bump();
        true
    }

    /// `built` with `qualifiers`.
    pub(super) fn qualified(&self, built: Built, qualifiers: &Qualifiers) -> Result<Built, Failure> {
        if let Some(position) = qualifiers.restrict.filter(|_| !built.points_to_object()) {
            return Err(ParseErrorKind::Misplaced("restrict").at(position));
        }
        let mut built = built;
        if let Some(position) = qualifiers.atomic {
            self.check_atomic(&built, position)?;
            built.declared.atomic = true;
        }
        built.volatile |= qualifiers.volatile || qualifiers.restrict.is_some();
        Ok(if qualifiers.constant { built.constant() } else { built })
    }

    /// `_Atomic(…)`, of which the word comes next.
    pub(super) fn atomic_type(&mut self) -> Result<Built, Failure> {
        let position = self.bump().start;
        let built = self.in_brackets(Parser::type_name)?;
        // (C11 6.7.2.4, 3)
        if built.is_qualified() {
            return Err(ParseErrorKind::Misplaced("_Atomic").at(position));
        }
        self.qualified(built, &Qualifiers { atomic: Some(position), ..Qualifiers::default() })
    }

    /// Refuses `_Atomic` where it may change size or alignment: not of numbers and pointers, nor of what is aligned to its
    /// whole size.
    fn check_atomic(&self, built: &Built, position: usize) -> Result<(), Failure> {
        let is_scalar = built.object_type().is_some_and(|ty| ty.scalar(self.model()).is_some());
        if is_scalar || built.layout().is_some_and(|layout| layout.size == u64::from(layout.align)) {
            return Ok(());
        }
        Err(Failure::unsupported("_Atomic", position))
    }
}
