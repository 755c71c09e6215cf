//! Stamping: a copy of a template with its holes filled.

use std::{ffi::c_void, fmt};

use springboard_abi::{Entry, SlotForm, boxed::HostAddress, symbol};
use springboard_emit::{HoleKind, Template};

/// What goes into the holes of a template: eight bytes for each kind, zero unless said otherwise.
#[derive(Clone, Copy, Default, Debug)]
pub struct Holes<'a> {
    /// By the number of the kind.
    values: [u64; HoleKind::ALL.len()],
    host: &'a [*const c_void],
}

impl<'a> Holes<'a> {
    /// The same, with `value` for the holes of a kind, if the template has any.
    #[must_use]
    pub fn with(mut self, kind: HoleKind, value: u64) -> Holes<'a> {
        self.values[kind.number()] = value;
        self
    }

    /// The same, with the addresses of a host, by their numbers. There must be as many as the template refers to.
    #[must_use]
    pub fn with_host(self, addresses: &'a [*const c_void]) -> Holes<'a> {
        Holes { host: addresses, ..self }
    }

    fn value(&self, kind: HoleKind) -> u64 {
        match kind {
            HoleKind::Host(HostAddress(number)) => self.host[usize::from(number)].expose_provenance() as u64,
            _ => self.values[kind.number()],
        }
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
    pub holes: Holes<'a>,
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
            to[at..at + 8].copy_from_slice(&self.holes.value(hole.kind).to_ne_bytes());
        }
    }
}
