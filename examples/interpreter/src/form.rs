//! What stands between the language's values and slots.

use std::ffi::{CStr, CString};

use springboard::{
    Word,
    abi::SlotForm,
    ir::{DataModel, FloatFormat, Integer, Pointee, Scalar, Signature, Type},
};

use crate::language::{Error, Value, error};

/// How a C type's values become slots, and slots values: found once, when a function is bound.
#[derive(Clone, Copy)]
pub(crate) enum Form {
    Void,
    Word(Scalar),
    /// `const char *`.
    Text,
}

/// The forms of a signature's parameters and of its result.
pub(crate) fn forms(signature: &Signature, model: &DataModel) -> Result<(Vec<Form>, Form), Error> {
    let parameters = signature.params().iter().map(|parameter| Form::of(&parameter.ty, model));
    Ok((parameters.collect::<Result<_, _>>()?, Form::of(signature.result(), model)?))
}

impl Form {
    fn of(ty: &Type, model: &DataModel) -> Result<Form, Error> {
        if let Type::Pointer(pointee) = ty
            && **pointee == Pointee::Const(Type::Int(Integer::Char))
        {
            return Ok(Form::Text);
        }
        match SlotForm::of(ty, model) {
            Ok(SlotForm::None) => Ok(Form::Void),
            Ok(SlotForm::Word(scalar)) => Ok(Form::Word(scalar)),
            Ok(SlotForm::Address(_)) => Err(error!("the language has no values of type {ty}")),
            Err(why) => Err(error!("{why}")),
        }
    }

    /// The slot of a value: an argument, or a handler's result. A text is copied to `texts`, and lies there as long as
    /// the slot is used.
    pub(crate) fn slot(self, value: &Value, texts: &mut Vec<CString>) -> Result<u64, Error> {
        match (self, value) {
            (Form::Void, _) => Ok(0),
            (Form::Word(Scalar::Bool), value) => Ok(value.is_true().into_slot()),
            (Form::Word(Scalar::Int { bytes, signed }), Value::Int(number)) => {
                let bits = u32::from(bytes) * 8;
                let (least, most) =
                    if signed { (-1 << (bits - 1), (1 << (bits - 1)) - 1) } else { (0, (1 << bits) - 1) };
                let fits: bool = (least..=most).contains(&i128::from(*number));
                if fits { Ok(*number as u64) } else { Err(error!("{number} is not from {least} to {most}")) }
            }
            (Form::Word(Scalar::Float(FloatFormat::F32)), value) => Ok((value.float()? as f32).into_slot()),
            (Form::Word(Scalar::Float(_)), value) => Ok(value.float()?.into_slot()),
            (Form::Text, Value::Text(text)) => {
                texts.push(CString::new(&**text).map_err(|_| error!("{text:?} has a NUL inside"))?);
                Ok(texts[texts.len() - 1].as_ptr().into_slot())
            }
            (_, Value::Nil) => Ok(0),
            (_, Value::Pointer(address)) => Ok(address.into_slot()),
            (_, Value::Ints(elements)) => Ok(elements.as_ptr().into_slot()),
            (_, Value::Callback(callback)) => Ok(callback.as_ptr().into_slot()),
            (_, other) => Err(error!("{other} is not what C wants here")),
        }
    }

    /// The value of a slot: a result, or a handler's argument.
    ///
    /// # Safety
    /// The slot is canonical and of this form; a text's address is null or that of a C string.
    pub(crate) unsafe fn value(self, slot: u64) -> Result<Value, Error> {
        Ok(match self {
            Form::Void => Value::Nil,
            Form::Word(Scalar::Float(FloatFormat::F32)) => Value::Float(f32::from_slot(slot).into()),
            Form::Word(Scalar::Float(_)) => Value::Float(f64::from_slot(slot)),
            Form::Word(Scalar::Int { bytes: 8, signed: false }) => {
                Value::Int(i64::try_from(slot).map_err(|_| error!("{slot} is too large for the language"))?)
            }
            Form::Word(Scalar::Bool | Scalar::Int { .. }) => Value::Int(slot as i64),
            Form::Text if slot != 0 => {
                // SAFETY: the caller says that a C string is there.
                let text = unsafe { CStr::from_ptr(Word::from_slot(slot)) };
                Value::Text(text.to_string_lossy().into())
            }
            Form::Word(_) | Form::Text => Value::Pointer(Word::from_slot(slot)),
        })
    }
}
