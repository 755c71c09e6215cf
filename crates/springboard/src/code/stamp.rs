//! Stamping: a copy of a template with its holes filled.

use std::fmt;

use springboard_abi::{Entry, SlotForm, symbol};
use springboard_emit::{HoleKind, Template};

/// What goes into the holes of a template.
#[derive(Clone, Copy, Default, Debug)]
pub(crate) struct Holes {
    /// The address of the native function.
    pub(crate) target: u64,
    /// A pointer that belongs to the runtime.
    pub(crate) context: u64,
    /// The address of a function of the host.
    pub(crate) helper: u64,
    /// The address of a library's closed flag, and of the host's function for calls after that.
    pub(crate) guard: u64,
    /// The address of the host's function for arguments out of range.
    pub(crate) range: u64,
}

impl Holes {
    fn value(&self, kind: HoleKind) -> u64 {
        match kind {
            HoleKind::Target => self.target,
            HoleKind::Context => self.context,
            HoleKind::Helper => self.helper,
            HoleKind::Guard => self.guard,
            HoleKind::Range => self.range,
            other => unreachable!("no stub of the runtime has a hole for {other:?}"),
        }
    }
}

/// What debuggers and profilers are told of a stub. Text is made of it only where somebody is.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Name<'a> {
    /// It has no prototype of its own.
    Plain(&'a str),
    /// See [`symbol`].
    Prototype { entry: Entry, parameters: &'a str, result: Option<SlotForm> },
}

impl fmt::Display for Name<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match *self {
            Name::Plain(name) => f.write_str(name),
            Name::Prototype { entry, parameters, result } => f.write_str(&symbol(entry, parameters, result)),
        }
    }
}

/// A stub to be.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Stamp<'a> {
    pub(crate) name: Name<'a>,
    pub(crate) template: &'a Template,
    pub(crate) holes: Holes,
}

impl Stamp<'_> {
    /// Size in bytes.
    pub(super) fn bytes(&self) -> usize {
        self.template.code.len()
    }

    /// Writes the stub to `to`, which has its size.
    pub(super) fn write(&self, to: &mut [u8]) {
        to.copy_from_slice(&self.template.code);
        for hole in &self.template.holes {
            let at = hole.offset as usize;
            to[at..at + 8].copy_from_slice(&self.holes.value(hole.kind).to_ne_bytes());
        }
    }
}
