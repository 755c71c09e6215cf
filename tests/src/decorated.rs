//! C text of structures and unions that are decorated in every way that changes a layout or how a value is passed.
//!
//! The text is what a compiler reads, and not what this project writes of a type. It is legal C with what GCC and Clang
//! both add to it, so that each refusal of it has to be for a reason that is known.

use std::fmt::Write as _;

use fastrand::Rng;
use springboard_ir::{DataModel, Declarations, LayoutError, ParseErrorKind, Type};

/// Structures with the text that declares them.
pub struct Decorated {
    /// C text.
    pub text: String,
    /// The structures and unions that it defines for use, by value and complete.
    pub types: Vec<Type>,
    /// How many texts were refused because compilers lay out what they declare in two ways.
    pub refused: u32,
}

/// Draws up to three structures whose names begin with `prefix`.
///
/// # Panics
/// Where the text is refused for another reason than that compilers do not agree on it.
pub fn draw(rng: &mut Rng, prefix: &str, model: &DataModel) -> Decorated {
    let mut refused = 0;
    loop {
        let mut draw =
            Draw { rng, prefix, names: 0, text: String::new(), tags: Vec::new(), typedefs: Vec::new() };
        for _ in 0..draw.rng.u32(0..4) {
            draw.typedef();
        }
        for _ in 0..draw.rng.u32(1..4) {
            draw.top();
        }
        let Draw { text, tags, .. } = draw;
        match Declarations::parse_for(&text, model) {
            Ok(declarations) => {
                let types =
                    tags.iter().map(|tag| declarations.tagged(tag).expect("it was defined")).collect();
                return Decorated { text, types, refused };
            }
            Err(error) if error.kind == ParseErrorKind::Layout(LayoutError::Compilers) => refused += 1,
            Err(error) => panic!("{error}\n{}\nin {text}", error.excerpt(&text)),
        }
    }
}

struct Draw<'a> {
    rng: &'a mut Rng,
    prefix: &'a str,
    names: u32,
    text: String,
    /// Tags of structures that may be members.
    tags: Vec<String>,
    /// Names of types, and what they can be used as.
    typedefs: Vec<(String, Use)>,
}

/// What a type can be used as.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Use {
    /// A bit-field, an element, `_Atomic`.
    Integer,
    /// A bit-field, but no element of an array: its alignment is more than its size.
    Aligned,
    /// An element or `_Atomic`.
    Scalar,
    /// A member alone.
    Member,
}

const INTEGERS: [&str; 12] = [
    "char",
    "signed char",
    "unsigned char",
    "short",
    "unsigned short",
    "int",
    "unsigned",
    "long",
    "unsigned long",
    "long long",
    "_Bool",
    "int8_t",
];

impl Draw<'_> {
    fn once_in(&mut self, times: u32) -> bool {
        self.rng.u32(0..times) == 0
    }

    fn pick<T: Copy>(&mut self, choices: &[T]) -> T {
        choices[self.rng.usize(..choices.len())]
    }

    fn name(&mut self, kind: &str) -> String {
        self.names += 1;
        format!("{}{kind}{}", self.prefix, self.names)
    }

    /// `aligned` of any kind, at any place that takes it.
    fn aligned(&mut self) -> String {
        let align = self.pick(&[1, 2, 4, 8, 16, 32]);
        match self.rng.u32(0..3) {
            0 => format!("__attribute__((aligned({align})))"),
            1 => format!("__attribute__((__aligned__({align}), unused))"),
            _ => format!("__attribute__((aligned({align} * sizeof(char))))"),
        }
    }

    fn typedef(&mut self) {
        let name = self.name("t");
        let of = self.pick(&INTEGERS);
        let (text, use_as) = match self.rng.u32(0..6) {
            0 => {
                let mode = self.pick(&["QI", "HI", "__SI__", "DI"]);
                (format!("typedef int {name} __attribute__((mode({mode})))"), Use::Integer)
            }
            1 => {
                let (a, b) = (self.name("A"), self.name("B"));
                let attribute = self.pick(&["__attribute__((packed))", "__attribute__((mode(QI)))", ""]);
                let after = self.rng.bool();
                let (before, after) = if after { ("", attribute) } else { (attribute, "") };
                let tag = self.name("e");
                (format!("typedef enum {before} {tag} {{ {a}, {b} = 100 }} {after} {name}"), Use::Integer)
            }
            2 => (
                format!("typedef {} {name} {}", self.pick(&["float", "double", "void *"]), self.aligned()),
                Use::Member,
            ),
            3 if !self.typedefs.is_empty() => {
                let index = self.rng.usize(..self.typedefs.len());
                let (of, use_as) = self.typedefs[index].clone();
                // A later name replaces the alignment of an earlier one.
                let use_as =
                    if matches!(use_as, Use::Integer | Use::Aligned) { Use::Aligned } else { Use::Member };
                (format!("typedef {of} {name} {}", self.aligned()), use_as)
            }
            _ => (format!("typedef {of} {name} {}", self.aligned()), Use::Aligned),
        };
        writeln!(self.text, "{text};").expect("strings take all");
        self.typedefs.push((name, use_as));
    }

    /// A structure or union with a tag, perhaps under `#pragma pack`.
    fn top(&mut self) {
        let tag = self.name("s");
        let pack = self.once_in(6).then(|| self.pick(&[1, 2, 4, 8]));
        let body = self.aggregate(&tag, 2);
        let text = match pack {
            Some(pack) => format!("#pragma pack(push, {pack})\n{body};\n#pragma pack(pop)\n"),
            None => format!("{body};\n"),
        };
        self.text.push_str(&text);
        self.tags.push(tag);
    }

    fn aggregate(&mut self, tag: &str, depth: u32) -> String {
        let keyword = if self.once_in(6) { "union" } else { "struct" };
        let mut attributes = String::new();
        if self.once_in(5) {
            attributes.push_str(" __attribute__((packed))");
        }
        if self.once_in(7) {
            let aligned = self.aligned();
            write!(attributes, " {aligned}").expect("strings take all");
        }
        let mut members = String::new();
        for _ in 0..self.rng.u32(1..5) {
            let member = self.member(depth);
            write!(members, " {member};").expect("strings take all");
        }
        if keyword == "struct" && self.once_in(10) {
            let (name, (element, _)) = (self.name("m"), self.element());
            let length = if self.once_in(2) { "" } else { "0" };
            let first = self.name("m");
            // A flexible array member is not alone.
            write!(members, " char {first}; {element} {name}[{length}];").expect("strings take all");
        }
        match self.rng.bool() {
            true => format!("{keyword}{attributes} {tag} {{{members} }}"),
            false => format!("{keyword} {tag} {{{members} }}{attributes}"),
        }
    }

    /// A type that an array can be made of.
    fn element(&mut self) -> (String, Use) {
        let fitting = |(_, use_as): &&(String, Use)| matches!(use_as, Use::Integer | Use::Scalar);
        let typedefs: Vec<_> = self.typedefs.iter().filter(fitting).cloned().collect();
        match self.rng.u32(0..10) {
            0..2 if !typedefs.is_empty() => typedefs[self.rng.usize(..typedefs.len())].clone(),
            0..5 => (String::from(self.pick(&INTEGERS)), Use::Integer),
            _ => (String::from(self.pick(&["float", "double", "float", "void *"])), Use::Scalar),
        }
    }

    fn member(&mut self, depth: u32) -> String {
        let name = self.name("m");
        let mut before = String::new();
        let mut after = String::new();
        if self.once_in(8) {
            before.push_str(self.pick(&["const ", "volatile ", "__extension__ "]));
        }
        if self.once_in(10) {
            after.push_str(" __attribute__((packed))");
        }
        if self.once_in(10) {
            after = format!("{after} {}", self.aligned());
        }
        let inner = depth > 0 && self.once_in(6);
        match self.rng.u32(0..12) {
            _ if inner && self.once_in(2) => self.aggregate("", depth - 1),
            _ if inner => format!("{before}{} {name}{after}", self.aggregate("", depth - 1)),
            0 | 1 if !self.tags.is_empty() => {
                let tag = &self.tags[self.rng.usize(..self.tags.len())];
                format!("{} {tag} {name}{after}", self.keyword_of(tag))
            }
            2 | 3 => self.bit_field(&name, &before),
            4 if !self.typedefs.is_empty() => {
                let index = self.rng.usize(..self.typedefs.len());
                format!("{before}{} {name}{after}", self.typedefs[index].0)
            }
            5 => {
                let (element, _) = self.element();
                let length = self.pick(&[1, 2, 3, 0]);
                format!("{before}{element} {name}[{length}]{after}")
            }
            6 => {
                let (element, _) = self.element();
                let array = self.pick(&["", "", "[2]"]);
                if self.once_in(4) {
                    return format!("{before}{element} *_Atomic {name}{array}{after}");
                }
                match self.rng.bool() || element.ends_with('*') {
                    true => format!("{before}_Atomic({element}) {name}{array}{after}"),
                    false => format!("{before}_Atomic {element} {name}{array}{after}"),
                }
            }
            _ => {
                let (element, _) = self.element();
                format!("{before}{element} {name}{after}")
            }
        }
    }

    /// The keyword that `tag` was defined with.
    fn keyword_of(&self, tag: &str) -> &'static str {
        let line = self.text.lines().find(|line| line.contains(&format!(" {tag} {{"))).unwrap_or_default();
        if line.starts_with("union") { "union" } else { "struct" }
    }

    fn bit_field(&mut self, name: &str, before: &str) -> String {
        let fitting = |(_, use_as): &&(String, Use)| matches!(use_as, Use::Integer | Use::Aligned);
        let typedefs: Vec<_> = self.typedefs.iter().filter(fitting).cloned().collect();
        // No type of these is narrower than the widest bit-field here, except `_Bool`.
        let (of, widest) = match self.once_in(4) && !typedefs.is_empty() {
            true => (typedefs[self.rng.usize(..typedefs.len())].0.clone(), 1),
            false => match self.pick(&INTEGERS) {
                "_Bool" => (String::from("_Bool"), 1),
                of => {
                    let ty = Type::parse(of).expect("a type");
                    (String::from(of), ty.layout(&DataModel::LP64).expect("of an integer").size as u32 * 8)
                }
            },
        };
        let bits = match self.rng.u32(0..8) {
            0 => 0,
            1 => widest,
            _ => self.rng.u32(1..=widest),
        };
        let packed = if self.once_in(8) { " __attribute__((packed))" } else { "" };
        match bits == 0 || self.once_in(8) {
            true => format!("{of} : {bits}"),
            false => format!("{before}{of} {name} : {bits}{packed}"),
        }
    }
}
