//! Text to values.

use std::{ffi::CString, fmt};

use crate::{
    literal::{integer, unescaped},
    wide::widened,
};

use springboard::{
    Value,
    ir::{Aggregate, AggregateKind, Array, DataModel, FloatFormat, Pointee, Scalar, Type},
};

/// Reads values, and keeps the strings that they point to.
pub(crate) struct Reader<'a> {
    model: &'a DataModel,
    strings: Vec<CString>,
}

/// Why a text is no value of its type.
pub(crate) enum ReadError {
    /// It is not written as values of the type are.
    Form { text: String, ty: Type, want: &'static str },
    /// The integer is beyond what the member of a structure holds.
    Range { text: String, ty: Type },
    /// More or fewer members are given than there are.
    Members { given: usize, wanted: u64, ty: Type },
    /// Braces or quotes do not match.
    Unbalanced { text: String },
    /// There is no way to write values of the type.
    Unwritable { ty: Type },
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            ReadError::Form { text, ty, want } => write!(f, "{text:?} is no {ty}: {want} is wanted"),
            ReadError::Range { text, ty } => write!(f, "{text} is out of range for {ty}"),
            ReadError::Members { given, wanted, ty } => {
                write!(f, "{given} members are given for {ty}, which has {wanted}")
            }
            ReadError::Unbalanced { text } => write!(f, "braces or quotes do not match in {text:?}"),
            ReadError::Unwritable { ty } => write!(f, "there is no way to write values of type {ty}"),
        }
    }
}

impl<'a> Reader<'a> {
    pub(crate) fn new(model: &'a DataModel) -> Reader<'a> {
        Reader { model, strings: Vec::new() }
    }

    /// The value of type `ty` that `text` says. What it points to lives as long as the reader.
    pub(crate) fn value(&mut self, text: &str, ty: &Type) -> Result<Value, ReadError> {
        let text = text.trim();
        match ty.scalar(self.model) {
            Some(Scalar::Bool) => match text {
                "true" | "1" => Ok(true.into()),
                "false" | "0" => Ok(false.into()),
                _ => Err(form(text, ty, "true or false")),
            },
            Some(Scalar::Int { .. }) => integer(text).ok_or_else(|| form(text, ty, "an integer")),
            Some(Scalar::Float(FloatFormat::F32)) => {
                let number = number(text, ty)?;
                if number.is_finite() && (number as f32).is_infinite() {
                    return Err(ReadError::Range { text: text.into(), ty: ty.clone() });
                }
                Ok((number as f32).into())
            }
            Some(Scalar::Float(FloatFormat::F64)) => number(text, ty).map(Value::from),
            Some(Scalar::Pointer) => self.pointer(text, ty),
            Some(Scalar::Float(format)) => {
                let bits = widened(number(text, ty)?, format);
                Ok(Value::from(in_memory(bits, 16, self.model).as_slice()))
            }
            Some(Scalar::Vector { .. }) => Err(ReadError::Unwritable { ty: ty.clone() }),
            None => {
                let size = ty.layout(self.model).map_or(0, |layout| layout.size);
                let mut bytes = vec![0; size as usize];
                self.write(text, ty, &mut bytes)?;
                Ok(Value::Bytes(bytes.into()))
            }
        }
    }

    fn pointer(&mut self, text: &str, ty: &Type) -> Result<Value, ReadError> {
        let is_text = matches!(ty, Type::Pointer(to) if match &**to {
            Pointee::Object(Type::Void) | Pointee::Const(Type::Void) => true,
            Pointee::Object(ty) | Pointee::Const(ty) => ty.layout(self.model).is_ok_and(|layout| layout.size == 1),
            Pointee::Function(_) => false,
        });
        if matches!(text, "null" | "NULL") {
            return Ok(std::ptr::null::<u8>().into());
        }
        if is_text {
            let string =
                CString::new(unescaped(text)).map_err(|_| form(text, ty, "a string without a NUL"))?;
            self.strings.push(string);
            // Behind a `CString` is memory of its own, which does not move; and C may write to it.
            return Ok(self.strings.last().expect("pushed just now").as_ptr().into());
        }
        let address = match integer(text) {
            Some(Value::Unsigned(address)) => usize::try_from(address).ok(),
            _ => None,
        };
        let address = address.ok_or_else(|| form(text, ty, "an address or null"))?;
        Ok(std::ptr::with_exposed_provenance::<u8>(address).into())
    }

    /// Writes the value of type `ty` that `text` says to `bytes`, which are as many as the type has.
    fn write(&mut self, text: &str, ty: &Type, bytes: &mut [u8]) -> Result<(), ReadError> {
        match ty {
            Type::Aggregate(aggregate) => self.write_aggregate(text, ty, aggregate, bytes),
            Type::Array(array) => self.write_array(text, ty, array, bytes),
            Type::Complex(complex) => {
                let element = complex.part();
                self.write_array(text, ty, &Array { element, length: 2 }, bytes)
            }
            _ => {
                let value = self.value(text, ty)?;
                store(&value, ty, bytes, self.model)
                    .ok_or_else(|| ReadError::Range { text: text.into(), ty: ty.clone() })
            }
        }
    }

    fn write_array(
        &mut self,
        text: &str,
        ty: &Type,
        array: &Array,
        bytes: &mut [u8],
    ) -> Result<(), ReadError> {
        let parts = members(text, ty, array.length)?;
        if array.length == 0 {
            return Ok(());
        }
        let size = bytes.len() / array.length as usize;
        for (part, bytes) in parts.into_iter().zip(bytes.chunks_exact_mut(size)) {
            self.write(part, &array.element, bytes)?;
        }
        Ok(())
    }

    fn write_aggregate(
        &mut self,
        text: &str,
        ty: &Type,
        aggregate: &Aggregate,
        bytes: &mut [u8],
    ) -> Result<(), ReadError> {
        let offsets = aggregate.layout(self.model).expect("a function was bound with the type").bit_offsets;
        let is_union = aggregate.kind == AggregateKind::Union;
        // An unnamed bit-field is not a member.
        let named = |field: &&springboard::ir::Field| field.bits.is_none() || field.name.is_some();
        let count = aggregate.fields.iter().filter(named).count();
        let wanted = if is_union { count.min(1) } else { count } as u64;
        let parts = members(text, ty, wanted)?;
        let fields = aggregate.fields.iter().zip(offsets).filter(|(field, _)| named(field));
        for ((field, offset), part) in fields.zip(parts) {
            let size = field.ty.layout(self.model).map_or(0, |layout| layout.size) as usize;
            let at = (offset / 8) as usize;
            match field.bits {
                None => self.write(part, &field.ty, &mut bytes[at..at + size])?,
                Some(width) => {
                    let error = || ReadError::Range { text: part.into(), ty: field.ty.clone() };
                    let value = self.value(part, &field.ty)?;
                    store_bits(&value, &field.ty, bytes, offset, width, self.model).ok_or_else(error)?;
                }
            }
        }
        Ok(())
    }
}

fn form(text: &str, ty: &Type, want: &'static str) -> ReadError {
    ReadError::Form { text: text.into(), ty: ty.clone(), want }
}

/// The members of `{a, b, …}`.
fn members<'t>(text: &'t str, ty: &Type, wanted: u64) -> Result<Vec<&'t str>, ReadError> {
    let inner = text.trim().strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
    let inner = inner.ok_or_else(|| form(text, ty, "{…}"))?;
    let mut parts = Vec::new();
    let (mut start, mut depth, mut quoted) = (0, 0u32, false);
    let mut characters = inner.char_indices();
    while let Some((at, character)) = characters.next() {
        match character {
            '\\' => drop(characters.next()),
            '\'' => quoted = !quoted,
            _ if quoted => {}
            '{' => depth += 1,
            '}' => depth = depth.checked_sub(1).ok_or_else(|| ReadError::Unbalanced { text: text.into() })?,
            ',' if depth == 0 => {
                parts.push(inner[start..at].trim());
                start = at + 1;
            }
            _ => {}
        }
    }
    if depth != 0 || quoted {
        return Err(ReadError::Unbalanced { text: text.into() });
    }
    let last = inner[start..].trim();
    // `{}` has none, and a comma may end the list.
    if !last.is_empty() {
        parts.push(last);
    }
    if parts.len() as u64 == wanted {
        Ok(parts)
    } else {
        Err(ReadError::Members { given: parts.len(), wanted, ty: ty.clone() })
    }
}

fn number(text: &str, ty: &Type) -> Result<f64, ReadError> {
    let parsed = text.parse().ok().or_else(|| match integer(text)? {
        Value::Signed(integer) => Some(integer as f64),
        Value::Unsigned(integer) => Some(integer as f64),
        _ => None,
    });
    parsed.ok_or_else(|| form(text, ty, "a number"))
}

/// Stores a scalar of type `ty` as the machine has it in memory. `None` where an integer is out of range.
fn store(value: &Value, ty: &Type, bytes: &mut [u8], model: &DataModel) -> Option<()> {
    let bits = match *value {
        Value::F32(value) => value.to_bits().into(),
        Value::F64(value) => value.to_bits().into(),
        Value::Pointer(pointer) => pointer.expose_provenance() as u128,
        Value::Bytes(ref value) => {
            bytes.copy_from_slice(value);
            return Some(());
        }
        _ => integer_bits(value, bytes.len() as u32 * 8, ty, model)?,
    };
    bytes.copy_from_slice(&in_memory(bits, bytes.len(), model));
    Some(())
}

/// The low `size` bytes of a number, in the machine's order.
fn in_memory(bits: u128, size: usize, model: &DataModel) -> Vec<u8> {
    if model.big_endian {
        bits.to_be_bytes()[16 - size..].to_vec()
    } else {
        bits.to_le_bytes()[..size].to_vec()
    }
}

/// Stores a bit-field that begins `offset` bits into `bytes`. `None` where the value needs more bits.
fn store_bits(
    value: &Value,
    ty: &Type,
    bytes: &mut [u8],
    offset: u64,
    width: u8,
    model: &DataModel,
) -> Option<()> {
    let bits = integer_bits(value, width.into(), ty, model)?;
    for bit in 0..u64::from(width) {
        let position = offset + if model.big_endian { u64::from(width) - 1 - bit } else { bit };
        let shift = if model.big_endian { 7 - position % 8 } else { position % 8 };
        bytes[(position / 8) as usize] |= ((bits >> bit & 1) as u8) << shift;
    }
    Some(())
}

/// An integer or `_Bool` in `width` bits with the sign of type `ty`. `None` where they do not hold it.
fn integer_bits(value: &Value, width: u32, ty: &Type, model: &DataModel) -> Option<u128> {
    let signed = matches!(ty.scalar(model), Some(Scalar::Int { signed: true, .. }));
    let unused = 128 - width;
    let (min, max) =
        if signed { (i128::MIN >> unused, (i128::MAX >> unused) as u128) } else { (0, u128::MAX >> unused) };
    match *value {
        Value::Bool(value) => Some(value.into()),
        Value::Signed(value) if value < 0 => (value >= min).then_some(value as u128),
        Value::Signed(value) => (value as u128 <= max).then_some(value as u128),
        Value::Unsigned(value) => (value <= max).then_some(value),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use springboard::{Engine, ir::Prototype};

    use super::*;

    /// The bytes of a value of the type that a function takes.
    fn bytes(declaration: &str, text: &str) -> Result<Vec<u8>, String> {
        let prototype = Prototype::parse(declaration).expect("a prototype");
        let engine = Engine::new();
        match Reader::new(engine.data_model()).value(text, &prototype.signature.params()[0].ty) {
            Ok(Value::Bytes(bytes)) => Ok(bytes.into()),
            Ok(other) => panic!("{other:?}"),
            Err(error) => Err(error.to_string()),
        }
    }

    #[test]
    fn aggregates_lie_as_in_memory() {
        let declaration = "struct s { short a; struct { char c[2]; } in; float f; }; void f(struct s)";
        let wanted = [&(-2i16).to_ne_bytes()[..], b"x,", &1.5f32.to_ne_bytes()].concat();
        assert_eq!(bytes(declaration, "{-2, {{'x', ','}}, 1.5}"), Ok(wanted));
        assert_eq!(bytes("union u { int i; char c; }; void f(union u)", "{-1}"), Ok(vec![0xff; 4]));
    }

    #[test]
    fn bit_fields_lie_as_in_memory() {
        let declaration =
            "struct b { unsigned low : 3; unsigned middle : 12; int high : 17; }; void f(struct b)";
        let bits = 5u32 | 1000 << 3 | (-7i32 as u32) << 15;
        // Counted from the low end on machines with the low byte first.
        if cfg!(target_endian = "little") {
            assert_eq!(bytes(declaration, "{5, 1000, -7}"), Ok(bits.to_le_bytes().into()));
        }
        assert_eq!(bytes(declaration, "{8, 0, 0}"), Err("8 is out of range for unsigned int".into()));
    }

    #[test]
    fn mistakes_in_aggregates() {
        let pair = "struct pair { unsigned char x; signed char y; }; void f(struct pair)";
        assert_eq!(bytes(pair, "{255, -128}"), Ok(vec![255, 128]));
        let error = |text| bytes(pair, text).unwrap_err();
        assert_eq!(error("{256, 0}"), "256 is out of range for unsigned char");
        assert_eq!(error("{-1, 0}"), "-1 is out of range for unsigned char");
        assert_eq!(error("{0, 128}"), "128 is out of range for signed char");
        assert!(error("{1}").starts_with("1 members are given for struct pair"), "{}", error("{1}"));
        assert!(error("{1, 2, 3}").ends_with("which has 2"));
        assert!(error("1, 2").contains("{…} is wanted"));
        assert!(error("{{1, 2}").starts_with("braces or quotes do not match"));
    }
}
