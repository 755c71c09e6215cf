//! Preprocessed headers: what they declare, where, and what could not be read.

use alloc::{collections::BTreeMap, string::String, sync::Arc, vec::Vec};
use core::fmt;

use crate::{
    constant::Constant,
    model::DataModel,
    parse::{Declarations, Macros, NotConstant, ParseError, Seen, scan, spelled},
    types::Prototype,
};

/// A header as the preprocessor leaves it (`cc -E`, or `cc -E -dD` with macros), read as far as it can be.
#[derive(Clone, Debug)]
pub struct Header {
    declarations: Declarations,
    functions: Vec<HeaderFunction>,
    skipped: Vec<Skipped>,
    macros: Macros,
    named: Vec<HeaderMacro>,
}

/// A macro that a header defines.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeaderMacro {
    /// Its name.
    pub name: Arc<str>,
    /// Where it is defined last.
    pub place: Place,
}

/// A function that a header declares.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct HeaderFunction {
    /// Its name in C. [`Declarations::function`] has the prototype.
    pub name: String,
    /// Its symbol, where `__asm__` gives it another one.
    pub symbol: Option<String>,
    /// Where it is declared first.
    pub place: Place,
    /// Whether a library can have it.
    pub linkage: Linkage,
}

/// Whether a library can have a function that a header declares.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Linkage {
    /// It can.
    External,
    /// It is `static`: its code is in the header, for whoever includes it.
    Internal,
}

/// A declaration that was left out.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Skipped {
    /// What it most likely declares. `None` where there is no telling.
    pub name: Option<String>,
    /// Where it could not be read.
    pub place: Place,
    /// Why not. Its line is that of the preprocessed text.
    pub error: ParseError,
}

/// A line of a file, as the preprocessor's line markers have it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Place {
    /// The file. `None` before the first marker.
    pub file: Option<Arc<str>>,
    /// The line, counted from 1.
    pub line: usize,
}

impl fmt::Display for Place {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.file {
            Some(file) => write!(f, "{file}:{}", self.line),
            None => write!(f, "line {}", self.line),
        }
    }
}

impl Header {
    /// Reads a header after the preprocessor, for the target with `model`. What cannot be read is left out, and told by
    /// [`Header::skipped`].
    pub fn scan(text: &str, model: &DataModel) -> Header {
        let outer = Declarations::for_model(model);
        let (macros, plain) = Macros::taken_out_of(text);
        let scan = scan(plain.as_deref().unwrap_or(text), &outer);
        let markers = Markers::of(text);
        let mut functions: Vec<HeaderFunction> = Vec::new();
        let mut known = BTreeMap::new();
        for Seen { name, position, symbol, is_static } in scan.seen {
            let linkage = if is_static { Linkage::Internal } else { Linkage::External };
            let index = *known.entry(name).or_insert_with(|| {
                let place = markers.place(position);
                functions.push(HeaderFunction { name: spelled(name), symbol: None, place, linkage });
                functions.len() - 1
            });
            let function = &mut functions[index];
            function.symbol = function.symbol.take().or(symbol);
        }
        let skipped = scan.skipped.into_iter().map(|(error, name)| Skipped {
            name: name.map(spelled),
            place: markers.place(error.position),
            error,
        });
        let skipped = skipped.collect();
        let named = macros.in_order().into_iter();
        let named =
            named.map(|(name, position)| HeaderMacro { name, place: markers.place(position) }).collect();
        Header { declarations: scan.declarations, functions, skipped, macros, named }
    }

    /// Types, constants and prototypes.
    pub fn declarations(&self) -> &Declarations {
        &self.declarations
    }

    /// Every function that was read, in the order of first declaration.
    pub fn functions(&self) -> &[HeaderFunction] {
        &self.functions
    }

    /// The prototype of a function of the header.
    pub fn prototype(&self, function: &HeaderFunction) -> Option<&Prototype> {
        self.declarations.function(&function.name)
    }

    /// Every macro that is defined at the end of the text, in the order of the text. The compiler's own are among them, in
    /// files such as `<built-in>`.
    pub fn macros(&self) -> &[HeaderMacro] {
        &self.named
    }

    /// The value of the macro `name`: a number, a string or an address. Other macros, types and enumeration constants of the
    /// header can stand in it. `None` where no such macro is defined.
    ///
    /// # Errors
    /// What the macro is instead.
    pub fn constant(&self, name: &str) -> Option<Result<Constant, NotConstant>> {
        self.macros.value(name, &self.declarations)
    }

    /// Every declaration that was left out, in the order of the text.
    pub fn skipped(&self) -> &[Skipped] {
        &self.skipped
    }
}

/// The line markers of a text.
struct Markers<'a> {
    text: &'a str,
    /// Offset of the line after each marker, its file, and its line there.
    lines: Vec<(usize, Arc<str>, usize)>,
    /// Offset of every line of the text.
    starts: Vec<usize>,
}

impl<'a> Markers<'a> {
    fn of(text: &'a str) -> Markers<'a> {
        let mut lines: Vec<(usize, Arc<str>, usize)> = Vec::new();
        let mut starts = Vec::new();
        let mut files: BTreeMap<&str, Arc<str>> = BTreeMap::new();
        let mut at = 0;
        for line in text.split_inclusive('\n') {
            starts.push(at);
            at += line.len();
            if let Some((number, file)) = marker(line) {
                let file = files.entry(file).or_insert_with(|| file.into());
                lines.push((at, Arc::clone(file), number));
            }
        }
        Markers { text, lines, starts }
    }

    /// The place of an offset of the text.
    fn place(&self, position: usize) -> Place {
        let line_of = |at: usize| self.starts.partition_point(|start| *start <= at);
        let before = self.lines.partition_point(|(start, ..)| *start <= position);
        debug_assert!(position <= self.text.len());
        match before.checked_sub(1).map(|index| &self.lines[index]) {
            Some((start, file, line)) => {
                let passed = line_of(position).saturating_sub(line_of(*start));
                Place { file: Some(Arc::clone(file)), line: line.saturating_add(passed) }
            }
            None => Place { file: None, line: line_of(position).max(1) },
        }
    }
}

/// Line and file of a line marker: `# 12 "file.h" 3 4` or `#line 12 "file.h"`.
fn marker(line: &str) -> Option<(usize, &str)> {
    let rest = line.trim_start().strip_prefix('#')?.trim_start();
    let rest = rest.strip_prefix("line").unwrap_or(rest).trim_start();
    let (number, rest) = rest.split_once(' ')?;
    let (file, _) = rest.trim_start().strip_prefix('"')?.split_once('"')?;
    Some((number.parse().ok()?, file))
}
