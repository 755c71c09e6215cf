//! Storage classes and function specifiers (C11 6.7.1 and 6.7.4): which go together, and what may be declared with them.

use super::error::{Failure, ParseErrorKind};

/// What is said of a declaration beside its type.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Storage {
    class: Option<(Class, usize)>,
    /// Where `_Thread_local` stands.
    thread_local: Option<usize>,
    /// A word that functions alone can have, and where it stands.
    of_functions: Option<(&'static str, usize)>,
}

#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Class {
    Typedef,
    Extern,
    Static,
    Auto,
    Register,
}

impl Class {
    fn word(self) -> &'static str {
        match self {
            Class::Typedef => "typedef",
            Class::Extern => "extern",
            Class::Static => "static",
            Class::Auto => "auto",
            Class::Register => "register",
        }
    }
}

/// What a declaration declares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Declares {
    /// A function, or the name of a type.
    NoObject,
    Object,
    /// A tag alone, where compilers take a storage class for useless.
    Tag,
}

impl Storage {
    /// Adds a word that stands at `position`. One that says nothing about storage changes nothing.
    pub(super) fn add(&mut self, word: &str, position: usize) -> Result<(), Failure> {
        let class = match word {
            "typedef" => Class::Typedef,
            "extern" => Class::Extern,
            "static" => Class::Static,
            "auto" => Class::Auto,
            "register" => Class::Register,
            "_Thread_local" | "thread_local" | "__thread" => {
                if self.thread_local.replace(position).is_some() {
                    return Err(misplaced("_Thread_local", position));
                }
                return self.check_thread_local();
            }
            "inline" | "__inline" | "__inline__" => {
                self.of_functions = Some(("inline", position));
                return Ok(());
            }
            "_Noreturn" => {
                self.of_functions = Some(("_Noreturn", position));
                return Ok(());
            }
            _ => return Ok(()),
        };
        if self.class.is_some() {
            return Err(misplaced(class.word(), position));
        }
        self.class = Some((class, position));
        self.check_thread_local()
    }

    /// "`_Thread_local` may appear with `static` or `extern`" (6.7.1, 2).
    fn check_thread_local(&self) -> Result<(), Failure> {
        match (self.thread_local, self.class) {
            (Some(_), None | Some((Class::Static | Class::Extern, _))) | (None, _) => Ok(()),
            (Some(position), _) => Err(misplaced("_Thread_local", position)),
        }
    }

    pub(super) fn is_typedef(&self) -> bool {
        matches!(self.class, Some((Class::Typedef, _)))
    }

    /// Whether nothing outside of the text can name it.
    pub(super) fn is_static(&self) -> bool {
        matches!(self.class, Some((Class::Static, _)))
    }

    /// Refuses what cannot be said of a declaration outside of functions (6.9, 2).
    pub(super) fn check_external(&self, declared: Declares) -> Result<(), Failure> {
        match (declared, self.class, self.thread_local, self.of_functions) {
            (_, Some((class @ (Class::Auto | Class::Register), position)), ..) => {
                Err(misplaced(class.word(), position))
            }
            (Declares::NoObject, _, Some(position), _) => Err(misplaced("_Thread_local", position)),
            (Declares::Object | Declares::Tag, .., Some((word, position))) => Err(misplaced(word, position)),
            (_, Some((Class::Typedef, _)), _, Some((word, position))) => Err(misplaced(word, position)),
            _ => Ok(()),
        }
    }

    /// Refuses all but `register` (6.7.6.3, 2).
    pub(super) fn check_parameter(&self) -> Result<(), Failure> {
        match self.class {
            Some((Class::Register, _)) => Storage { class: None, ..*self }.check_nothing(),
            _ => self.check_nothing(),
        }
    }

    /// Refuses every word, where nothing is stored: in a member, the name of a type, a declaration of a tag alone.
    pub(super) fn check_nothing(&self) -> Result<(), Failure> {
        let class = self.class.map(|(class, position)| (class.word(), position));
        let thread_local = self.thread_local.map(|position| ("_Thread_local", position));
        match class.or(thread_local).or(self.of_functions) {
            Some((word, position)) => Err(misplaced(word, position)),
            None => Ok(()),
        }
    }
}

fn misplaced(word: &'static str, position: usize) -> Failure {
    Failure { position, kind: ParseErrorKind::Misplaced(word) }
}
