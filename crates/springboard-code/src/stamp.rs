//! Stamping: a copy of a template with its holes filled.

use std::fmt;

use springboard_abi::{Entry, SlotForm, symbol};
use springboard_emit::{HoleKind, Template};

/// What goes into the holes of a template: eight bytes for each kind, zero unless said otherwise.
#[derive(Clone, Copy, Default, Debug)]
pub struct Holes([u64; HoleKind::ALL.len()]);

impl Holes {
    /// The same, with `value` for the holes of a kind, if the template has any.
    #[must_use]
    pub fn with(mut self, kind: HoleKind, value: u64) -> Holes {
        self.0[kind as usize] = value;
        self
    }
}

/// What debuggers and profilers are told of a stub. Text is made of it only where somebody is.
#[derive(Clone, Copy, Debug)]
pub enum Name<'a> {
    /// It has no prototype of its own.
    Plain(&'a str),
    /// What [`symbol`] makes of a prototype.
    Prototype {
        /// How the stub is entered.
        entry: Entry,
        /// The types of the parameters.
        parameters: &'a str,
        /// The type of a result in a register.
        result: Option<SlotForm>,
    },
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Name::Plain(name) => f.write_str(name),
            Name::Prototype { entry, parameters, result } => f.write_str(&symbol(entry, parameters, result)),
        }
    }
}

/// A stub to be: what [`CodeMemory::publish`](crate::CodeMemory::publish) makes one of.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<'a> {
    /// Its name for debuggers and profilers.
    pub name: Name<'a>,
    /// Its code.
    pub template: &'a Template,
    /// What its holes are filled with.
    pub holes: Holes,
}

impl Stamp<'_> {
    /// Size in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.template.code.len()
    }

    /// Writes the stub to `to`, which has its size.
    pub(crate) fn write(&self, to: &mut [u8]) {
        to.copy_from_slice(&self.template.code);
        for hole in &self.template.holes {
            let at = hole.offset as usize;
            to[at..at + 8].copy_from_slice(&self.holes.0[hole.kind as usize].to_ne_bytes());
        }
    }
}
