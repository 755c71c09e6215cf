//! Bytes of values: random ones, boundaries, and which bytes are padding.

use fastrand::Rng;
use springboard_abi::SlotForm;
use springboard_ir::{AggregateKind, DataModel, FloatFormat, Scalar, Type};

/// How values are chosen.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Style {
    /// Random bytes: what is in the wrong place is seen.
    Random,
    /// Least, greatest, zero, all ones, NaNs and infinities: what is widened wrongly is seen.
    Boundary,
}

/// Which NaNs there are.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Nans {
    /// All.
    Any,
    /// Those that a C compiler passes on as they are. A signalling one turns quiet where it moves values through
    /// the x87 unit, as GCC does when it runs out of other registers (C11 F.2.1 leaves it free to).
    Quiet,
}

/// Draws values of types under a data model.
pub(crate) struct Draw<'a> {
    pub(crate) rng: &'a mut Rng,
    pub(crate) model: &'a DataModel,
    pub(crate) style: Style,
    pub(crate) nans: Nans,
}

impl Draw<'_> {
    /// The bytes of a value of type `ty`. Padding is random.
    pub(crate) fn value(&mut self, ty: &Type) -> Vec<u8> {
        let size = if *ty == Type::Void { 0 } else { layout_size(ty, self.model) };
        let mut bytes = vec![0; size];
        self.rng.fill(&mut bytes);
        self.write(ty, &mut bytes);
        bytes
    }

    fn write(&mut self, ty: &Type, bytes: &mut [u8]) {
        if let Type::Vector(vector) = ty {
            let lane = layout_size(&vector.element, self.model);
            bytes.chunks_mut(lane).for_each(|lane| self.write(&vector.element, lane));
            return;
        }
        if let Some(scalar) = ty.scalar(self.model) {
            return self.scalar(scalar, bytes);
        }
        match ty {
            Type::Complex(complex) => {
                let half = bytes.len() / 2;
                bytes.chunks_mut(half).for_each(|part| self.write(&complex.part(), part));
            }
            Type::Array(array) => {
                let size = layout_size(&array.element, self.model);
                if size > 0 {
                    bytes.chunks_mut(size).for_each(|element| self.write(&array.element, element));
                }
            }
            Type::Aggregate(aggregate) => {
                let layout = aggregate.layout(self.model).expect("drawn types have a layout");
                let fields = aggregate.fields.iter().zip(layout.bit_offsets);
                let chosen = match aggregate.kind {
                    AggregateKind::Struct => None,
                    AggregateKind::Union if aggregate.fields.is_empty() => None,
                    AggregateKind::Union => Some(self.rng.usize(..aggregate.fields.len())),
                };
                for (index, (field, bit_offset)) in fields.enumerate() {
                    // Any bits are a value of a bit-field.
                    if field.bits.is_none() && chosen.is_none_or(|chosen| chosen == index) {
                        let start = (bit_offset / 8) as usize;
                        let size = layout_size(&field.ty, self.model);
                        self.write(&field.ty, &mut bytes[start..start + size]);
                    }
                }
            }
            Type::Void => {}
            _ => unreachable!("{ty} is no type of a value"),
        }
    }

    fn scalar(&mut self, scalar: Scalar, bytes: &mut [u8]) {
        match scalar {
            Scalar::Bool => bytes[0] = self.rng.u8(0..=1),
            Scalar::Float(format) => {
                // A random number in 80 bits is hardly ever a valid one.
                if self.style == Style::Boundary || format == FloatFormat::X87 {
                    self.float(format, bytes);
                }
                if self.nans == Nans::Quiet {
                    self.quieten(format, bytes);
                }
            }
            _ if self.style == Style::Random => {}
            Scalar::Int { .. } | Scalar::Pointer | Scalar::Vector { .. } => {
                let bits = bytes.len() as u32 * 8;
                let ones = u128::MAX >> (128 - bits);
                let value = match self.rng.u8(0..10) {
                    0 => 0,
                    1 => 1,
                    2 => ones,
                    3 => ones >> 1,
                    4 => (ones >> 1) + 1,
                    5 => ones - 1,
                    6 => ones / 255 * 0x80,
                    7 => 1 << self.rng.u32(0..bits),
                    _ => self.rng.u128(..) & ones,
                };
                put(value, bytes, self.model);
            }
        }
    }

    /// Makes a signalling NaN in `float` or `double` a quiet one.
    fn quieten(&self, format: FloatFormat, bytes: &mut [u8]) {
        if !matches!(format, FloatFormat::F32 | FloatFormat::F64) {
            return;
        }
        let (fraction, exponent) = widths(format);
        let bits = get(bytes, self.model);
        let exponents = (1 << exponent) - 1;
        if bits >> fraction & exponents == exponents && bits & ((1 << fraction) - 1) != 0 {
            put((bits | 1 << (fraction - 1)).into(), bytes, self.model);
        }
    }

    fn float(&mut self, format: FloatFormat, bytes: &mut [u8]) {
        let (fraction, exponent) = widths(format);
        let fractions = (1u128 << fraction) - 1;
        let exponents = (1u128 << exponent) - 1;
        let quiet = 1u128 << (fraction - 1);
        let payload = (self.rng.u128(..) & fractions & !quiet).max(1);
        let (exponent, mantissa) = match self.rng.u8(0..10) {
            0 => (0, 0),
            1 => (0, 1),
            2 => (0, fractions),
            3 => (exponents, 0),
            4 => (exponents, quiet | payload),
            5 => (exponents, payload),
            6 => (exponents, fractions),
            7 => (exponents - 1, fractions),
            8 => (exponents / 2, 0),
            _ => (self.rng.u128(1..exponents), self.rng.u128(..) & fractions),
        };
        let sign = u128::from(self.rng.bool());
        if format == FloatFormat::X87 {
            // The 80-bit format writes out the leading one that others imply.
            let leading = u128::from(exponent != 0) << 63;
            let value = (sign << 15 | exponent) << 64 | leading | mantissa;
            bytes[..10].copy_from_slice(&value.to_le_bytes()[..10]);
        } else {
            let width = bytes.len() as u32 * 8;
            put(sign << (width - 1) | exponent << fraction | mantissa, bytes, self.model);
        }
    }
}

/// Bits of the fraction, and of the exponent.
fn widths(format: FloatFormat) -> (u32, u32) {
    match format {
        FloatFormat::F32 => (23, 8),
        FloatFormat::F64 => (52, 11),
        FloatFormat::X87 => (63, 15),
        FloatFormat::Binary128 => (112, 15),
    }
}

/// Writes the low bytes of a number in the order of `model`.
fn put(value: u128, bytes: &mut [u8], model: &DataModel) {
    let size = bytes.len();
    if model.big_endian {
        bytes.copy_from_slice(&value.to_be_bytes()[16 - size..]);
    } else {
        bytes.copy_from_slice(&value.to_le_bytes()[..size]);
    }
}

/// Reads a number of up to 8 bytes in the order of `model`.
fn get(bytes: &[u8], model: &DataModel) -> u64 {
    let add = |value: u64, byte: &u8| value << 8 | u64::from(*byte);
    if model.big_endian { bytes.iter().fold(0, add) } else { bytes.iter().rev().fold(0, add) }
}

/// The slot that holds a value of this form, from the value's bytes. `None` where a slot holds an address.
pub(crate) fn slot(form: SlotForm, bytes: &[u8], model: &DataModel) -> Option<u64> {
    let SlotForm::Word(scalar) = form else { return None };
    let value = get(bytes, model);
    Some(match scalar {
        Scalar::Int { signed: true, .. } => {
            let unused = 64 - bytes.len() as u32 * 8;
            ((value << unused) as i64 >> unused) as u64
        }
        _ => value,
    })
}

/// Which bits of a value of type `ty` mean something; the others are padding.
pub(crate) fn mask(ty: &Type, model: &DataModel) -> Vec<u8> {
    let mut mask = vec![0; if *ty == Type::Void { 0 } else { layout_size(ty, model) }];
    cover(ty, model, &mut mask);
    mask
}

fn cover(ty: &Type, model: &DataModel, mask: &mut [u8]) {
    if let Some(scalar) = ty.scalar(model) {
        let value = if scalar == Scalar::Float(FloatFormat::X87) { 10 } else { mask.len() };
        mask[..value].fill(0xff);
        return;
    }
    match ty {
        Type::Complex(complex) => {
            let half = mask.len() / 2;
            mask.chunks_mut(half).for_each(|part| cover(&complex.part(), model, part));
        }
        Type::Array(array) => {
            let size = layout_size(&array.element, model);
            if size > 0 {
                mask.chunks_mut(size).for_each(|element| cover(&array.element, model, element));
            }
        }
        Type::Aggregate(aggregate) => {
            let layout = aggregate.layout(model).expect("drawn types have a layout");
            for (field, bit_offset) in aggregate.fields.iter().zip(layout.bit_offsets) {
                match field.bits {
                    None => {
                        let start = (bit_offset / 8) as usize;
                        cover(&field.ty, model, &mut mask[start..start + layout_size(&field.ty, model)]);
                    }
                    // An unnamed bit-field is padding.
                    Some(_) if field.name.is_none() => {}
                    Some(bits) => {
                        for bit in bit_offset..bit_offset + u64::from(bits) {
                            let within = bit % 8;
                            mask[(bit / 8) as usize] |=
                                if model.big_endian { 0x80 >> within } else { 1 << within };
                        }
                    }
                }
            }
        }
        _ => {}
    }
}

/// Size of a type in bytes.
pub(crate) fn layout_size(ty: &Type, model: &DataModel) -> usize {
    ty.layout(model).expect("drawn types have a layout").size as usize
}

#[cfg(test)]
mod tests {
    use springboard_ir::Integer;

    use super::*;

    #[test]
    fn a_slot_is_extended_by_the_sign_of_its_type() {
        let model = DataModel::LP64;
        let slot = |ty: Type, bytes: &[u8]| slot(SlotForm::of(&ty, &model).unwrap(), bytes, &model);
        assert_eq!(slot(Type::Int(Integer::SChar), &[0x80]), Some(0xffff_ffff_ffff_ff80));
        assert_eq!(slot(Type::Int(Integer::UChar), &[0x80]), Some(0x80));
        assert_eq!(slot(Type::Int(Integer::Long), &[1, 2, 3, 4, 5, 6, 7, 0x88]), Some(0x8807_0605_0403_0201));
        assert_eq!(slot(Type::Float, &[1, 2, 3, 0x84]), Some(0x8403_0201));
        assert_eq!(slot(Type::LongDouble, &[0; 16]), None);
    }

    #[test]
    fn padding_of_the_80_bit_format_is_known() {
        let mask = mask(&Type::LongDouble, &DataModel::LP64);
        assert_eq!(mask, [[0xff; 10].as_slice(), &[0; 6]].concat());
    }
}
