//! What a key stands for, as C's types.

use springboard::abi::{Convention, Target, UnknownTarget};
use springboard::ir::{
    Aggregate, AggregateKind, Array, Complex, Field, Integer, Param, Signature, SignatureError,
    Type as CType, Vector,
};

use super::{COMPLEX, DOTS, END, LARGE, SMALL, VECTOR, WINDOWS, WORDS};
use crate::{types::code, unusual::Word};

/// The signature that a key stands for.
///
/// Every call is one of a variadic function whose parameters are all declared, unless there are dots among them. System V
/// on x86_64 has the two differ in `%al` alone, and libffi sets it always: programs rely on that where they prepare
/// `printf` as if it were not variadic.
pub(crate) fn signature(words: &[u64]) -> Result<Signature, SignatureError> {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
    let mut rest = bytes.strip_prefix(&[WINDOWS]).unwrap_or(&bytes);
    let result = ctype(&mut rest).unwrap_or(CType::Void);
    let (mut params, mut fixed) = (Vec::new(), None);
    loop {
        if let Some(after) = rest.strip_prefix(&[DOTS]) {
            (rest, fixed) = (after, Some(params.len()));
        }
        let Some(ty) = ctype(&mut rest) else { break };
        params.push(Param { name: None, ty });
    }
    let fixed = fixed.unwrap_or(params.len());
    Signature::variadic(result, params, fixed)
}

/// Whom a key's calls are for.
pub(crate) fn target(words: &[u64]) -> Result<Target, UnknownTarget> {
    let host = Target::host()?;
    let windows = words.first().is_some_and(|word| *word as u8 == WINDOWS);
    Ok(if windows { Target { convention: Convention::Win64, ..host } } else { host })
}

/// Takes one type from the key. `None` for `void`, which is the end of a key, too.
fn ctype(rest: &mut &[u8]) -> Option<CType> {
    let (&first, after) = rest.split_first()?;
    *rest = after;
    let mut take = |count: usize| {
        let (taken, after) = rest.split_at(count);
        *rest = after;
        taken.to_vec()
    };
    Some(match first {
        SMALL => {
            let align = alignment(take(2)[1].into());
            let mut fields = Vec::new();
            while rest.first() != Some(&END) {
                fields.push(Field::unnamed(ctype(rest)?));
            }
            *rest = &rest[1..];
            CType::Aggregate(structure(fields, align).into())
        }
        LARGE => {
            let numbers = take(6);
            let size = u32::from_le_bytes([numbers[0], numbers[1], numbers[2], numbers[3]]);
            let align = u16::from_le_bytes([numbers[4], numbers[5]]);
            CType::Aggregate(structure(vec![Field::unnamed(bytes(size.into()))], alignment(align)).into())
        }
        WORDS => {
            let numbers = take(4);
            let mut fields = Vec::new();
            for (start, word) in [0, 8].into_iter().zip(&numbers[2..]) {
                let left = numbers[0].saturating_sub(start).min(8);
                match (left, *word == Word::Floats as u8) {
                    (0, _) => {}
                    (4, true) => fields.push(Field::unnamed(CType::Float)),
                    (_, true) => fields.push(Field::unnamed(CType::Double)),
                    (_, false) => fields.push(Field::unnamed(bytes(left.into()))),
                }
            }
            // No larger than its words, whatever the last of them is.
            let align = alignment(numbers[1].into());
            CType::Aggregate(Aggregate { packed: true, ..structure(fields, align) }.into())
        }
        COMPLEX => CType::Complex(match u16::from(take(1)[0]) {
            code::FLOAT => Complex::Float,
            code::DOUBLE => Complex::Double,
            _ => Complex::LongDouble,
        }),
        VECTOR => {
            let numbers = take(2);
            CType::Vector(Vector { element: Box::new(scalar(numbers[0])?), bytes: numbers[1] })
        }
        code => scalar(code)?,
    })
}

fn bytes(length: u64) -> CType {
    CType::Array(Array { element: CType::Int(Integer::UInt8), length }.into())
}

fn alignment(written: u16) -> Option<u32> {
    (written != 0).then_some(written.into())
}

fn structure(fields: Vec<Field>, align: Option<u32>) -> Aggregate {
    Aggregate { kind: AggregateKind::Struct, tag: None, fields, packed: false, align, pack: None }
}

fn scalar(code: u8) -> Option<CType> {
    Some(match u16::from(code) {
        code::FLOAT => CType::Float,
        code::DOUBLE => CType::Double,
        code::LONG_DOUBLE => CType::LongDouble,
        code::UINT8 => CType::Int(Integer::UInt8),
        code::SINT8 => CType::Int(Integer::Int8),
        code::UINT16 => CType::Int(Integer::UInt16),
        code::SINT16 => CType::Int(Integer::Int16),
        code::UINT32 => CType::Int(Integer::UInt32),
        code::SINT32 => CType::Int(Integer::Int32),
        code::UINT64 => CType::Int(Integer::UInt64),
        code::SINT64 => CType::Int(Integer::Int64),
        code::POINTER => CType::void_pointer(),
        code::UINT128 => CType::Int(Integer::UInt128),
        code::SINT128 => CType::Int(Integer::Int128),
        _ => return None,
    })
}
