//! Signatures and declarations, read from C text.

use std::ffi::{c_char, c_int};

use springboard::{
    abi::{SlotForm, Target},
    ir::{DataModel, Declarations, Prototype, Scalar},
};

use crate::{
    boundary::{Failure, Out, OutHandle, enter, give},
    constants::*,
    handle::{self, DeclarationsHandle, SignatureHandle},
    text::{Buffer, Text},
};

/// `sb_slot`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // as in the header
pub struct Slot {
    pub form: c_int,
    pub align: u32,
    pub bytes: u64,
}

/// Reads declarations.
#[unsafe(no_mangle)]
pub extern "C" fn sb_declarations_parse(
    text: Text<'_>,
    declarations: OutHandle<'_, DeclarationsHandle>,
) -> c_int {
    handle::opens(declarations, "declarations", || {
        let parsed = Declarations::parse_for(text.get("text")?, &model()?)?;
        Ok(parsed)
    })
}

/// Reads a signature.
#[unsafe(no_mangle)]
pub extern "C" fn sb_signature_parse(
    text: Text<'_>,
    declarations: *const DeclarationsHandle,
    signature: OutHandle<'_, SignatureHandle>,
) -> c_int {
    handle::opens(signature, "signature", || {
        let text = text.get("text")?;
        let parsed = if declarations.is_null() {
            Prototype::parse(text)?
        } else {
            Prototype::parse_in(text, &*handle::get::<_, Declarations>(declarations)?)?
        };
        Ok(parsed)
    })
}

/// The signature of a declared function.
#[unsafe(no_mangle)]
pub extern "C" fn sb_signature_declared(
    declarations: *const DeclarationsHandle,
    name: Text<'_>,
    signature: OutHandle<'_, SignatureHandle>,
) -> c_int {
    handle::opens(signature, "signature", || {
        let declarations = handle::get::<_, Declarations>(declarations)?;
        let name = name.get("name")?;
        let prototype = declarations
            .function(name)
            .ok_or_else(|| Failure::new(SB_ERROR_SYMBOL, format_args!("no function {name} is declared")))?;
        Ok(prototype.clone())
    })
}

/// A signature as C text.
#[unsafe(no_mangle)]
pub extern "C" fn sb_signature_text(
    signature: *const SignatureHandle,
    buffer: *mut c_char,
    size: usize,
    length: Out<'_, usize>,
) -> c_int {
    enter(|| {
        let prototype = handle::get::<_, Prototype>(signature)?;
        Buffer { start: buffer, size, length }.write(&*prototype)
    })
}

/// The number of parameters.
#[unsafe(no_mangle)]
pub extern "C" fn sb_signature_parameters(
    signature: *const SignatureHandle,
    parameters: Out<'_, usize>,
) -> c_int {
    give(parameters, "parameters", || Ok(handle::get::<_, Prototype>(signature)?.signature.params().len()))
}

/// What the slot of a parameter, or after the last the result's, holds.
#[unsafe(no_mangle)]
pub extern "C" fn sb_signature_slot(
    signature: *const SignatureHandle,
    index: usize,
    slot: Out<'_, Slot>,
) -> c_int {
    give(slot, "slot", || {
        let prototype = handle::get::<_, Prototype>(signature)?;
        let params = prototype.signature.params();
        let ty = match params.get(index) {
            Some(param) => &param.ty,
            None if index == params.len() => prototype.signature.result(),
            None => {
                let count = params.len();
                return Err(Failure::new(
                    SB_ERROR_ARGUMENT,
                    format_args!("there is no slot {index}: the result's is slot {count}"),
                ));
            }
        };
        let model = model()?;
        let form = SlotForm::of(ty, &model).map_err(|error| Failure::new(SB_ERROR_LAYOUT, error))?;
        Ok(Slot::of(form, &model))
    })
}

impl Slot {
    fn of(form: SlotForm, model: &DataModel) -> Slot {
        let (form, bytes, align) = match form {
            SlotForm::None => (SB_SLOT_NONE, 0, 0),
            SlotForm::Address(layout) => (SB_SLOT_ADDRESS, layout.size, layout.align),
            SlotForm::Word(scalar) => {
                let form = match scalar {
                    Scalar::Bool => SB_SLOT_BOOL,
                    Scalar::Int { signed: true, .. } => SB_SLOT_INTEGER,
                    Scalar::Int { signed: false, .. } => SB_SLOT_UNSIGNED,
                    Scalar::Pointer => SB_SLOT_POINTER,
                    Scalar::Float(_) => SB_SLOT_FLOAT,
                    Scalar::Vector { .. } => unreachable!("a vector is no word"),
                };
                let bytes = scalar.bytes(model);
                (form, bytes.into(), bytes.into())
            }
        };
        Slot { form: form as c_int, align, bytes }
    }
}

/// What C types are on this machine.
fn model() -> Result<DataModel, Failure> {
    Target::host().map(|target| target.model).map_err(|unknown| Failure::new(SB_ERROR_NO_PATH, unknown))
}
