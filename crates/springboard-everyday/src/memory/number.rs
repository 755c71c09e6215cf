//! Values from the bytes of a C object, and back.

use std::any::type_name;

use springboard::{ArgumentError, CType, Value, Word};
use springboard_ir::{DataModel, FloatFormat, Part, Scalar, Type};

use super::error::MemoryError;

/// The order of the bytes of a number.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum ByteOrder {
    /// The least significant byte first.
    Little,
    /// The most significant byte first, as in network protocols.
    Big,
}

impl ByteOrder {
    /// The machine's own.
    pub const NATIVE: ByteOrder =
        if cfg!(target_endian = "big") { ByteOrder::Big } else { ByteOrder::Little };
}

/// How bytes are read: as an object of a type, or as a bit-field.
#[derive(Clone)]
pub(super) struct Form {
    pub(super) ty: Type,
    pub(super) model: DataModel,
    pub(super) order: ByteOrder,
    pub(super) bits: Option<Bits>,
}

/// A bit-field in the bytes that it touches.
#[derive(Clone, Copy)]
pub(super) struct Bits {
    /// Bits of the first byte that come before it: less significant ones, in big-endian order more significant ones.
    skipped: u8,
    width: u8,
}

impl Form {
    /// An object of type `ty`, in the machine's order.
    pub(super) fn of(ty: &Type, model: &DataModel) -> Form {
        Form { ty: ty.clone(), model: *model, order: ByteOrder::NATIVE, bits: None }
    }

    /// The part that `path` names, and the offset of its first byte.
    pub(super) fn part(&self, path: &str) -> Result<(usize, Form), MemoryError> {
        let Part { ty, bit_offset, bits } = self.ty.part(path, &self.model)?;
        let bits = bits.map(|width| Bits { skipped: (bit_offset % 8) as u8, width });
        Ok(((bit_offset / 8) as usize, Form { ty, bits, ..*self }))
    }

    /// How many bytes it has, or the bit-field touches.
    pub(super) fn size(&self) -> Result<usize, MemoryError> {
        if let Some(Bits { skipped, width }) = self.bits {
            return Ok((usize::from(skipped) + usize::from(width)).div_ceil(8));
        }
        let layout = self.ty.layout(&self.model);
        Ok(layout.map_err(|error| MemoryError::Layout { ty: self.ty.clone(), error })?.size as usize)
    }

    /// # Errors
    /// `T` does not stand for the C type.
    pub(super) fn check<T: CType>(&self) -> Result<(), MemoryError> {
        match self.bits {
            Some(Bits { width, .. }) => Err(MemoryError::BitField { bits: width }),
            None if self.ty.scalar(&self.model) == Some(T::SCALAR) && self.order == ByteOrder::NATIVE => {
                Ok(())
            }
            None => Err(MemoryError::Mismatch { c: self.ty.clone(), rust: type_name::<T>() }),
        }
    }

    /// The value in these bytes, of which there are [`Form::size`].
    pub(super) fn read(&self, bytes: &[u8]) -> Value {
        let number = || match self.bits {
            None => whole(bytes, self.order),
            Some(bits) => bits.read(bytes, self.order),
        };
        match self.ty.scalar(&self.model) {
            Some(Scalar::Bool) => Value::Bool(number() != 0),
            Some(Scalar::Int { bytes, signed }) => {
                let width = self.bits.map_or(u32::from(bytes) * 8, |bits| bits.width.into());
                match (signed, extended(number(), width, signed)) {
                    (true, number) => Value::Signed(number as i128),
                    (false, number) => Value::Unsigned(number),
                }
            }
            Some(Scalar::Pointer) => Value::Pointer(Word::from_slot(number() as u64)),
            Some(Scalar::Float(FloatFormat::F32)) => Value::F32(f32::from_bits(number() as u32)),
            Some(Scalar::Float(FloatFormat::F64)) if self.ty != Type::LongDouble => {
                Value::F64(f64::from_bits(number() as u64))
            }
            _ => Value::Bytes(bytes.into()),
        }
    }

    /// Makes these bytes, of which there are [`Form::size`], those of a value. Bits beside a bit-field stay.
    ///
    /// # Errors
    /// A value of another kind, out of range, or of another size. The bytes are as they were then.
    pub(super) fn write(&self, bytes: &mut [u8], value: &Value) -> Result<(), MemoryError> {
        let Form { ty, model, order, bits } = self;
        // An error is all that is wanted of it where it is an address.
        let word = value.slot(ty, model)?;
        let number = match value {
            Value::Bytes(value) => {
                bytes.copy_from_slice(value);
                return Ok(());
            }
            Value::Signed(value) => *value as u128,
            Value::Unsigned(value) => *value,
            _ => word.into(),
        };
        let Some(bits) = bits else {
            bytes.copy_from_slice(&number.to_le_bytes()[..bytes.len()]);
            if *order == ByteOrder::Big {
                bytes.reverse();
            }
            return Ok(());
        };
        let signed = matches!(ty.scalar(model), Some(Scalar::Int { signed: true, .. }));
        if extended(number, bits.width.into(), signed) != number {
            let max = u128::MAX >> (128 - u32::from(bits.width) + u32::from(signed));
            let min = if signed { -1 - max as i128 } else { 0 };
            return Err(
                ArgumentError::Range { value: Box::new(value.clone()), ty: ty.clone(), min, max }.into()
            );
        }
        bits.write(bytes, *order, number);
        Ok(())
    }
}

impl Bits {
    /// The byte in which a bit lies, counted from the least significant one, and the mask of the bit.
    fn place(self, bit: u8, order: ByteOrder) -> (usize, u8) {
        let (skipped, bit, last) = (usize::from(self.skipped), usize::from(bit), usize::from(self.width) - 1);
        match order {
            ByteOrder::Little => ((skipped + bit) / 8, 1 << ((skipped + bit) % 8)),
            ByteOrder::Big => ((skipped + last - bit) / 8, 0x80 >> ((skipped + last - bit) % 8)),
        }
    }

    fn read(self, bytes: &[u8], order: ByteOrder) -> u128 {
        (0..self.width).fold(0, |number, bit| {
            let (byte, mask) = self.place(bit, order);
            number | u128::from(bytes[byte] & mask != 0) << bit
        })
    }

    fn write(self, bytes: &mut [u8], order: ByteOrder, number: u128) {
        for bit in 0..self.width {
            let (byte, mask) = self.place(bit, order);
            match number >> bit & 1 {
                0 => bytes[byte] &= !mask,
                _ => bytes[byte] |= mask,
            }
        }
    }
}

/// At most 16 bytes as one number.
fn whole(bytes: &[u8], order: ByteOrder) -> u128 {
    let join = |number: u128, byte: &u8| number << 8 | u128::from(*byte);
    match order {
        ByteOrder::Little => bytes.iter().rev().fold(0, join),
        ByteOrder::Big => bytes.iter().fold(0, join),
    }
}

/// The low bits of a number, extended to all of it.
fn extended(number: u128, width: u32, signed: bool) -> u128 {
    let unused = 128 - width;
    match signed {
        true => ((number << unused) as i128 >> unused) as u128,
        false => number << unused >> unused,
    }
}
