//! What V8 is told about code, as C reads and says it.

use std::ffi::c_int;

use springboard_js::v8::{Description, Int64, Kind};

use crate::{
    array::{Array, Room},
    boundary::{Failure, no_constant, pick},
    constants::*,
    structure::{Growing, Told},
};

/// `sb_v8_description`.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
#[allow(missing_docs)] // as in the header
pub struct V8Description {
    pub size: usize,
    pub result: c_int,
    pub options: c_int,
    pub int64: c_int,
    pub reserved: c_int,
    pub arguments: usize,
}

// SAFETY: numbers, of which the first is the size.
unsafe impl Growing for V8Description {}

/// Writes a description, and as many of the arguments' kinds as there is room for.
pub(super) fn tell(
    told: &Description,
    description: Told<'_, V8Description>,
    mut kinds: Room<'_, u8>,
    room: usize,
) -> Result<(), Failure> {
    description.write(plain(told), "description")?;
    kinds.fill(room, "kinds", self::kinds(told))
}

/// The kinds of its arguments.
pub(super) fn kinds(told: &Description) -> Vec<u8> {
    told.arguments.iter().map(|argument| *argument as u8).collect()
}

/// A description without the kinds of its arguments.
pub(super) fn plain(told: &Description) -> V8Description {
    V8Description {
        size: size_of::<V8Description>(),
        result: told.result as c_int,
        options: told.options.into(),
        int64: match told.int64 {
            Int64::Number => SB_V8_INT64_NUMBER as c_int,
            Int64::BigInt => SB_V8_INT64_BIGINT as c_int,
        },
        reserved: 0,
        arguments: told.arguments.len(),
    }
}

/// `sb_v8_variant`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // as in the header
pub struct V8Variant<'a> {
    pub code: *const std::ffi::c_void,
    pub arguments: Array<'a, u8>,
    pub count: usize,
    pub result: c_int,
    pub options: c_int,
    pub int64: c_int,
    pub reserved: c_int,
}

impl V8Variant<'_> {
    /// What C says of a variant.
    pub(super) fn description(&self) -> Result<Description, Failure> {
        let arguments = self.arguments.get(self.count, "twin->variants[].arguments")?;
        let arguments = arguments.iter().map(|argument| of_constant((*argument).into()));
        let arguments = arguments.collect::<Result<Box<[_]>, _>>()?;
        let result = of_constant(self.result)?;
        if arguments.contains(&Kind::Void) {
            return Err(no_constant("twin->variants[].arguments[]", SB_V8_VOID));
        }
        if matches!(result, Kind::Value | Kind::OneByteString) {
            return Err(no_constant("twin->variants[].result", self.result));
        }
        let int64 = pick(
            "twin->variants[].int64",
            self.int64,
            [Int64::of(&arguments, result), Int64::Number, Int64::BigInt],
        )?;
        Ok(Description { result, arguments, options: self.options != 0, int64 })
    }
}

/// A kind by its number, which is the header's constant for it.
fn of_constant(constant: c_int) -> Result<Kind, Failure> {
    use Kind::*;
    pick(
        "twin->variants[]",
        constant,
        [Void, Bool, I32, U32, I64, U64, F32, F64, Pointer, Value, OneByteString],
    )
}
