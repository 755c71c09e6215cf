//! The primitive types, by name.

use std::collections::HashMap;

use pyo3::{prelude::*, sync::PyOnceLock};
use springboard::ir::{Complex, DataModel, Integer, Type};

use super::{CType, Kind, Name};

/// A primitive type: how its objects are read and written.
#[derive(Clone)]
pub(crate) struct Primitive {
    pub(crate) form: Form,
    /// Size and alignment in bytes.
    pub(crate) size: usize,
    pub(crate) align: usize,
    /// The type as a parameter of a call.
    pub(crate) ty: Type,
}

/// What the values of a primitive type are to Python.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Form {
    Bool,
    /// `char`: `bytes` of length 1.
    Char,
    /// `wchar_t`, `char16_t`, `char32_t`: `str` of length 1.
    Wide {
        signed: bool,
    },
    Signed,
    Unsigned,
    Float,
    LongDouble,
    Complex,
}

impl Primitive {
    /// Whether values are integers or characters.
    pub(crate) fn is_integral(&self) -> bool {
        !matches!(self.form, Form::Float | Form::LongDouble | Form::Complex)
    }

    /// Whether values are characters.
    pub(crate) fn is_character(&self) -> bool {
        matches!(self.form, Form::Char | Form::Wide { .. })
    }

    /// Whether an object is one byte that is an integer or a character.
    pub(crate) fn is_byte(&self) -> bool {
        self.size == 1 && self.is_integral()
    }

    /// The primitive type of an integer type.
    pub(crate) fn integer(integer: Integer, model: &DataModel) -> Primitive {
        let size = usize::from(integer.bytes(model));
        let signed = integer.is_signed(model);
        let form = match integer {
            Integer::Char => Form::Char,
            Integer::WChar => Form::Wide { signed },
            _ if signed => Form::Signed,
            _ => Form::Unsigned,
        };
        Primitive { form, size, align: size, ty: Type::Int(integer) }
    }

    fn of(form: Form, ty: Type, model: &DataModel) -> Primitive {
        let layout = ty.layout(model).expect("primitive types have a layout");
        Primitive { form, size: layout.size as usize, align: layout.align as usize, ty }
    }
}

/// Names of integer types that C defines in terms of others, with the type that they are on Linux with 64 bits.
const ALIASES: [(&str, Integer); 18] = {
    use Integer::*;
    [
        ("int_least8_t", Int8),
        ("uint_least8_t", UInt8),
        ("int_least16_t", Int16),
        ("uint_least16_t", UInt16),
        ("int_least32_t", Int32),
        ("uint_least32_t", UInt32),
        ("int_least64_t", Int64),
        ("uint_least64_t", UInt64),
        ("int_fast8_t", Int8),
        ("uint_fast8_t", UInt8),
        ("int_fast16_t", Long),
        ("uint_fast16_t", ULong),
        ("int_fast32_t", Long),
        ("uint_fast32_t", ULong),
        ("int_fast64_t", Int64),
        ("uint_fast64_t", UInt64),
        ("intmax_t", Int64),
        ("uintmax_t", UInt64),
    ]
};

fn all(py: Python<'_>) -> &HashMap<String, Py<CType>> {
    static ALL: PyOnceLock<HashMap<String, Py<CType>>> = PyOnceLock::new();
    ALL.get_or_init(py, || {
        let model = crate::engine().data_model();
        let integers = Integer::ALL.into_iter().filter(|integer| integer.bytes(model) <= 8);
        let integers = integers.map(|integer| (integer.name(), Primitive::integer(integer, model)));
        let aliases = ALIASES.map(|(name, integer)| (name, Primitive::integer(integer, model)));
        let wide =
            |integer| Primitive { form: Form::Wide { signed: false }, ..Primitive::integer(integer, model) };
        let others = [
            ("_Bool", Primitive::of(Form::Bool, Type::Bool, model)),
            ("char16_t", wide(Integer::UInt16)),
            ("char32_t", wide(Integer::UInt32)),
            ("float", Primitive::of(Form::Float, Type::Float, model)),
            ("double", Primitive::of(Form::Float, Type::Double, model)),
            ("long double", Primitive::of(Form::LongDouble, Type::LongDouble, model)),
            ("float _Complex", Primitive::of(Form::Complex, Type::Complex(Complex::Float), model)),
            ("double _Complex", Primitive::of(Form::Complex, Type::Complex(Complex::Double), model)),
        ];
        let named = integers.chain(aliases).chain(others);
        named
            .map(|(name, primitive)| {
                let ctype = CType::new(Name::simple(name), Kind::Primitive(primitive));
                (String::from(name), Py::new(py, ctype).expect("the class exists"))
            })
            .collect()
    })
}

/// The primitive type of that name.
pub(crate) fn named(py: Python<'_>, name: &str) -> Option<Py<CType>> {
    all(py).get(name).map(|ctype| ctype.clone_ref(py))
}
