//! What slots hold.

use springboard_ir::{DataModel, FloatFormat, Layout, LayoutError, Scalar, Type};

/// What the slot of a value holds.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum SlotForm {
    /// `void`: there is no slot.
    None,
    /// The value itself, always written as a whole 8-byte word: an integer extended by its own sign, `_Bool` 0 or
    /// 1, `float` and `double` as their bits in the low bytes with zeros above.
    Word(Scalar),
    /// The address of the value's bytes, which need no alignment. The bytes are only read.
    Address(Layout),
}

impl SlotForm {
    /// What the slot of a value of type `ty` holds under `model`.
    ///
    /// # Errors
    /// Where the type has no layout.
    pub fn of(ty: &Type, model: &DataModel) -> Result<SlotForm, LayoutError> {
        if *ty == Type::Void {
            return Ok(SlotForm::None);
        }
        Ok(match ty.scalar(model) {
            Some(
                scalar @ (Scalar::Bool
                | Scalar::Int { bytes: 1..=8, .. }
                | Scalar::Pointer
                | Scalar::Float(FloatFormat::F32 | FloatFormat::F64)),
            ) if *ty != Type::LongDouble => SlotForm::Word(scalar),
            _ => SlotForm::Address(ty.layout(model)?),
        })
    }
}
