//! The types of `node:ffi` as data: their names, aliases and C types.

use springboard::{
    function::Position,
    ir::{ParseError, Prototype, Signature},
};

/// A type of `node:ffi`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub struct NodeType {
    /// The name.
    pub name: &'static str,
    /// Other names.
    pub aliases: &'static [&'static str],
    /// The C type.
    pub c: &'static str,
    /// Whether an argument of the type is a JavaScript object, of which the memory is passed.
    pub is_buffer: bool,
}

/// Every type. Names are matched exactly, upper and lower case included.
pub const NODE_TYPES: [NodeType; 17] = [
    row("void", &[], "void"),
    row("char", &[], "char"),
    row("int8", &["i8"], "int8_t"),
    // A number: `true` and `false` are not accepted.
    row("uint8", &["u8", "bool"], "uint8_t"),
    row("int16", &["i16"], "int16_t"),
    row("uint16", &["u16"], "uint16_t"),
    row("int32", &["i32"], "int32_t"),
    row("uint32", &["u32"], "uint32_t"),
    row("int64", &["i64"], "int64_t"),
    row("uint64", &["u64"], "uint64_t"),
    row("float32", &["f32", "float"], "float"),
    row("float64", &["f64", "double"], "double"),
    row("pointer", &["ptr"], "void *"),
    row("string", &["str"], "char *"),
    NodeType { is_buffer: true, ..row("buffer", &[], "void *") },
    NodeType { is_buffer: true, ..row("arraybuffer", &[], "void *") },
    // The type of the function is not told.
    row("function", &[], "void (*)(void)"),
];

const fn row(name: &'static str, aliases: &'static [&'static str], c: &'static str) -> NodeType {
    NodeType { name, aliases, c, is_buffer: false }
}

impl NodeType {
    /// The type of this name or alias.
    pub fn named(name: &str) -> Option<&'static NodeType> {
        NODE_TYPES.iter().find(|ty| ty.name == name || ty.aliases.contains(&name))
    }
}

/// The C signature of a function of `node:ffi`, and which of its parameters are buffers.
///
/// # Errors
/// An unknown name, `void` as an argument, or more parameters than a signature may have.
pub fn node_signature(arguments: &[&str], result: &str) -> Result<(Signature, Vec<u16>), SignatureError> {
    let named = |name: &str, place| {
        NodeType::named(name).ok_or_else(|| SignatureError::Unknown { name: name.to_owned(), place })
    };
    let mut buffers = Vec::new();
    let mut params = Vec::new();
    for (index, name) in arguments.iter().enumerate() {
        let ty = named(name, Position::Parameter(index))?;
        if ty.c == "void" {
            return Err(SignatureError::VoidParameter(index));
        }
        if ty.is_buffer {
            buffers.push(index as u16);
        }
        params.push(ty.c);
    }
    let params = if params.is_empty() { "void".to_owned() } else { params.join(", ") };
    let text = match named(result, Position::Result)?.c {
        "void (*)(void)" => format!("void (*f({params}))(void)"),
        result => format!("{result} f({params})"),
    };
    let prototype = Prototype::parse(&text).map_err(SignatureError::Signature)?;
    Ok((prototype.signature, buffers))
}

/// Why there is no signature.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SignatureError {
    /// No type has the name.
    #[error("{place} is of an unknown type {name}")]
    Unknown {
        /// The name.
        name: String,
        /// Where it stands.
        place: Position,
    },
    /// The parameter of this index, from 0, is `void`.
    #[error("parameter {} is void", .0 + 1)]
    VoidParameter(usize),
    /// There are more parameters than a signature may have.
    #[error(transparent)]
    Signature(ParseError),
}
