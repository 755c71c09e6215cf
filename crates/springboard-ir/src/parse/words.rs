//! Words with a meaning: the keywords of C and GCC, and the names of types that need no definition.

use crate::{
    integer::Integer,
    types::{AggregateKind, Type},
};

/// A word that cannot be a name.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Keyword {
    /// A part of the name of an arithmetic type, or `void`.
    Basic(Basic),
    Const,
    /// A qualifier that changes no call.
    Qualifier,
    /// A storage class or function specifier.
    Storage,
    Aggregate(AggregateKind),
    Enum,
    Attribute,
    AlignAs,
    Asm,
    /// The name of a calling convention.
    Convention,
    StaticAssert,
    /// A qualifier, or a type specifier with a type in brackets.
    Atomic,
    /// `typeof`, with a type or an expression in brackets.
    TypeOf,
    /// A type specifier of which the size is not known here.
    Unsupported,
    /// A word of statements and expressions.
    Other,
}

/// One of the words that arithmetic types are named by.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Basic {
    Void,
    Bool,
    Char,
    Int,
    Int128,
    Float,
    Double,
    Float64x,
    Short,
    Long,
    Signed,
    Unsigned,
    Complex,
}

pub(super) fn keyword(word: &str) -> Option<Keyword> {
    Some(match word {
        "void" => Keyword::Basic(Basic::Void),
        "_Bool" => Keyword::Basic(Basic::Bool),
        "char" => Keyword::Basic(Basic::Char),
        "int" => Keyword::Basic(Basic::Int),
        "__int128" => Keyword::Basic(Basic::Int128),
        "float" | "_Float32" => Keyword::Basic(Basic::Float),
        "double" | "_Float64" | "_Float32x" => Keyword::Basic(Basic::Double),
        // That of `long double` wherever there is one.
        "_Float64x" => Keyword::Basic(Basic::Float64x),
        "short" => Keyword::Basic(Basic::Short),
        "long" => Keyword::Basic(Basic::Long),
        "signed" | "__signed" | "__signed__" => Keyword::Basic(Basic::Signed),
        "unsigned" => Keyword::Basic(Basic::Unsigned),
        "_Complex" | "__complex" | "__complex__" => Keyword::Basic(Basic::Complex),
        "const" | "__const" | "__const__" => Keyword::Const,
        "volatile" | "__volatile" | "__volatile__" | "restrict" | "__restrict" | "__restrict__"
        | "_Nonnull" | "_Nullable" | "_Null_unspecified" => Keyword::Qualifier,
        "typedef" | "extern" | "static" | "inline" | "__inline" | "__inline__" | "_Noreturn" | "register"
        | "auto" | "_Thread_local" | "thread_local" | "__thread" | "__extension__" => Keyword::Storage,
        "struct" => Keyword::Aggregate(AggregateKind::Struct),
        "union" => Keyword::Aggregate(AggregateKind::Union),
        "enum" => Keyword::Enum,
        "__attribute__" | "__attribute" => Keyword::Attribute,
        "_Alignas" | "alignas" => Keyword::AlignAs,
        "asm" | "__asm" | "__asm__" => Keyword::Asm,
        "_Static_assert" | "static_assert" => Keyword::StaticAssert,
        "__cdecl" | "_cdecl" | "__stdcall" | "_stdcall" | "__fastcall" | "_fastcall" | "__thiscall"
        | "WINAPI" | "APIENTRY" | "CALLBACK" | "STDMETHODCALLTYPE" | "__vectorcall" | "_vectorcall" => {
            Keyword::Convention
        }
        "_Atomic" => Keyword::Atomic,
        "typeof" | "__typeof" | "__typeof__" | "typeof_unqual" | "__typeof_unqual__" => Keyword::TypeOf,
        "_BitInt" | "__auto_type" | "__bf16" | "__float80" | "__float128" | "__fp16" | "_Float16"
        | "_Float128" | "_Decimal32" | "_Decimal64" | "_Decimal128" | "_Imaginary" => Keyword::Unsupported,
        "break" | "case" | "continue" | "default" | "do" | "else" | "for" | "goto" | "if" | "return"
        | "sizeof" | "switch" | "while" | "_Alignof" | "__alignof" | "__alignof__" | "_Generic" => {
            Keyword::Other
        }
        _ => return None,
    })
}

/// Whether a keyword is one for some compilers alone, which headers define as a type for the others.
pub(super) fn may_be_defined(word: &str) -> bool {
    matches!(word, "_Float32" | "_Float64" | "_Float32x" | "_Float64x")
}

/// The tag of what a `va_list` is an array of, or the address of, or what is passed by reference: on every target a
/// parameter of this type is passed as an address. Its layout is the compiler's own.
pub(super) const VA_LIST: &str = "__va_list_tag";

/// A type that standard headers define, by its name.
pub(super) fn standard_type(word: &str) -> Option<Type> {
    use Integer::*;
    Some(match word {
        "bool" => Type::Bool,
        "va_list" | "__builtin_va_list" => Type::Incomplete(AggregateKind::Struct, VA_LIST.into()),
        "int_least8_t" | "int_fast8_t" => Type::Int(Int8),
        "uint_least8_t" | "uint_fast8_t" | "char8_t" => Type::Int(UInt8),
        "int_least16_t" => Type::Int(Int16),
        "uint_least16_t" | "char16_t" => Type::Int(UInt16),
        "int_least32_t" => Type::Int(Int32),
        "uint_least32_t" | "char32_t" => Type::Int(UInt32),
        "int_least64_t" | "int_fast64_t" | "intmax_t" => Type::Int(Int64),
        "uint_least64_t" | "uint_fast64_t" | "uintmax_t" => Type::Int(UInt64),
        "sig_atomic_t" => Type::Int(Int),
        "nullptr_t" => Type::void_pointer(),
        "__int128_t" => Type::Int(Int128),
        "__uint128_t" => Type::Int(UInt128),
        _ => Type::Int(
            *[
                Int8, UInt8, Int16, UInt16, Int32, UInt32, Int64, UInt64, Size, SSize, IntPtr, UIntPtr,
                PtrDiff, WChar,
            ]
            .iter()
            .find(|integer| integer.name() == word)?,
        ),
    })
}

/// A type by the short name that FFI users give it.
pub(super) fn short_type(word: &str) -> Option<Type> {
    use Integer::*;
    Some(match word {
        "i8" => Type::Int(Int8),
        "u8" => Type::Int(UInt8),
        "i16" => Type::Int(Int16),
        "u16" => Type::Int(UInt16),
        "i32" => Type::Int(Int32),
        "u32" => Type::Int(UInt32),
        "i64" => Type::Int(Int64),
        "u64" => Type::Int(UInt64),
        "i128" => Type::Int(Int128),
        "u128" => Type::Int(UInt128),
        "isize" => Type::Int(SSize),
        "usize" => Type::Int(Size),
        "f32" => Type::Float,
        "f64" => Type::Double,
        "ptr" => Type::void_pointer(),
        _ => return None,
    })
}
