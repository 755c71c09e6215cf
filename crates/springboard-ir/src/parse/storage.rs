//! Storage classes and function specifiers (C11 6.7.1 and 6.7.4): which go together, and what may be declared with them.

use super::{error::ParseErrorKind, places::Failure};

/// What is said of a declaration beside its type.
#[derive(Clone, Copy, Default, Debug)]
pub(super) struct Storage {
    /// One of [`CLASSES`].
    class: Option<Said>,
    thread_local: Option<Said>,
    /// A word that functions alone can have.
    of_functions: Option<Said>,
}

/// Who has one function or object in common.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Sharing {
    /// This text alone, and no other.
    internal: bool,
    /// Nobody but the thread.
    thread_local: bool,
}

/// A word and where it stands.
type Said = (&'static str, usize);

const CLASSES: [&str; 5] = ["typedef", "extern", "static", "auto", "register"];

/// What a declaration declares.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Declares {
    /// A function, or the name of a type.
    NoObject,
    Object,
    /// A tag alone or nothing, where compilers take a storage class for useless.
    Tag,
}

impl Storage {
    /// Adds a word that stands at `position`. One that says nothing about storage changes nothing.
    pub(super) fn add(&mut self, word: &str, position: usize) -> Result<(), Failure> {
        match word {
            "_Thread_local" | "thread_local" | "__thread" => {
                once(&mut self.thread_local, ("_Thread_local", position))?;
            }
            "inline" | "__inline" | "__inline__" => self.of_functions = Some(("inline", position)),
            "_Noreturn" => self.of_functions = Some(("_Noreturn", position)),
            _ => {
                if let Some(class) = CLASSES.into_iter().find(|class| *class == word) {
                    once(&mut self.class, (class, position))?;
                }
            }
        }
        match (self.thread_local, self.class) {
            // "`_Thread_local` may appear with `static` or `extern`" (6.7.1, 2).
            (Some(_), None | Some(("static" | "extern", _))) | (None, _) => Ok(()),
            (Some(said), _) => Err(misplaced(said)),
        }
    }

    pub(super) fn is_typedef(&self) -> bool {
        matches!(self.class, Some(("typedef", _)))
    }

    pub(super) fn is_extern(&self) -> bool {
        matches!(self.class, Some(("extern", _)))
    }

    /// Whether it is a function of GNU's, whose body is for inlining alone and another may follow.
    pub(super) fn is_extern_inline(&self) -> bool {
        self.is_extern() && matches!(self.of_functions, Some(("inline", _)))
    }

    /// Who shares what is declared outside of functions, after it was declared for those of `before` (6.2.2, 3 to 5).
    pub(super) fn sharing(&self, is_function: bool, before: Option<Sharing>) -> Sharing {
        let inherits = self.is_extern() || (is_function && !self.is_static());
        let internal = match before {
            Some(before) if inherits => before.internal,
            _ => self.is_static(),
        };
        Sharing { internal, thread_local: self.thread_local.is_some() }
    }

    /// Whether nothing outside of the text can name it.
    pub(super) fn is_static(&self) -> bool {
        matches!(self.class, Some(("static", _)))
    }

    /// Refuses what cannot be said of a declaration outside of functions (6.9, 2).
    pub(super) fn check_external(&self, declared: Declares) -> Result<(), Failure> {
        match (declared, self.class, self.thread_local, self.of_functions) {
            (_, Some(said @ ("auto" | "register", _)), ..)
            | (Declares::NoObject, _, Some(said), _)
            | (Declares::Object | Declares::Tag, .., Some(said))
            | (_, Some(("typedef", _)), _, Some(said)) => Err(misplaced(said)),
            _ => Ok(()),
        }
    }

    /// Refuses all but `register` (6.7.6.3, 2).
    pub(super) fn check_parameter(&self) -> Result<(), Failure> {
        match self.class {
            Some(("register", _)) => Storage { class: None, ..*self }.check_nothing(),
            _ => self.check_nothing(),
        }
    }

    /// Refuses every word, where nothing is stored: in a member, the name of a type, a declaration of a tag alone.
    pub(super) fn check_nothing(&self) -> Result<(), Failure> {
        self.class.or(self.thread_local).or(self.of_functions).map_or(Ok(()), |said| Err(misplaced(said)))
    }
}

/// Says what must not be said twice.
fn once(place: &mut Option<Said>, said: Said) -> Result<(), Failure> {
    place.replace(said).map_or(Ok(()), |_| Err(misplaced(said)))
}

fn misplaced((word, position): Said) -> Failure {
    ParseErrorKind::Misplaced(word).at(position)
}
