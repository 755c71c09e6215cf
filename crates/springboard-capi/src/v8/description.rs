//! What V8 is told about code, as C reads and says it.

use std::{ffi::c_int, mem::MaybeUninit, slice};

use springboard_js::v8::{Description, Int64, Kind};

use crate::{
    boundary::{Failure, no_constant, null},
    constants::*,
    text::{Growing, write_sized},
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
///
/// # Safety
/// `description` is null or begins with its size; `kinds` has `room` elements.
pub(super) unsafe fn tell(
    told: &Description,
    description: *mut MaybeUninit<V8Description>,
    kinds: *mut u8,
    room: usize,
) -> Result<(), Failure> {
    if kinds.is_null() && room != 0 {
        return Err(null("kinds"));
    }
    // SAFETY: the caller says that it is null or begins with its size.
    unsafe { write_sized(description, plain(told), "description") }?;
    for (index, argument) in told.arguments.iter().enumerate().take(room) {
        // SAFETY: `index` is below `room`, and the caller says that there are as many elements.
        unsafe { kinds.add(index).write(kind(*argument)) };
    }
    Ok(())
}

/// A description without the kinds of its arguments.
pub(super) fn plain(told: &Description) -> V8Description {
    V8Description {
        size: size_of::<V8Description>(),
        result: kind(told.result).into(),
        options: told.options.into(),
        int64: match told.int64 {
            Int64::Number => SB_V8_INT64_NUMBER as c_int,
            Int64::BigInt => SB_V8_INT64_BIGINT as c_int,
        },
        reserved: 0,
        arguments: told.arguments.len(),
    }
}

/// The kinds of its arguments.
pub(super) fn kinds(told: &Description) -> Vec<u8> {
    told.arguments.iter().map(|argument| kind(*argument)).collect()
}

/// `sb_v8_variant`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // as in the header
pub struct V8Variant {
    pub code: *const std::ffi::c_void,
    pub arguments: *const u8,
    pub count: usize,
    pub result: c_int,
    pub options: c_int,
    pub int64: c_int,
    pub reserved: c_int,
}

impl V8Variant {
    /// What C says of a variant.
    ///
    /// # Safety
    /// `arguments` is null or has as many elements as it says.
    pub(super) unsafe fn description(&self) -> Result<Description, Failure> {
        let arguments = match self.count {
            0 => &[],
            _ if self.arguments.is_null() => return Err(null("twin->variants[].arguments")),
            // SAFETY: the address is not null; the caller says that as many elements are there.
            count => unsafe { slice::from_raw_parts(self.arguments, count) },
        };
        let arguments = arguments.iter().map(|argument| of_constant((*argument).into()));
        let arguments = arguments.collect::<Result<Box<[_]>, _>>()?;
        let result = of_constant(self.result.into())?;
        if arguments.contains(&Kind::Void) {
            return Err(no_constant("twin->variants[].arguments[]", SB_V8_VOID));
        }
        if matches!(result, Kind::Value | Kind::OneByteString) {
            return Err(no_constant("twin->variants[].result", self.result));
        }
        let int64 = match self.int64.into() {
            SB_V8_INT64_DEFAULT => Int64::of(&arguments, result),
            SB_V8_INT64_NUMBER => Int64::Number,
            SB_V8_INT64_BIGINT => Int64::BigInt,
            other => return Err(no_constant("twin->variants[].int64", other)),
        };
        Ok(Description { result, arguments, options: self.options != 0, int64 })
    }
}

const KINDS: [(Kind, i64); 11] = [
    (Kind::Void, SB_V8_VOID),
    (Kind::Bool, SB_V8_BOOL),
    (Kind::I32, SB_V8_I32),
    (Kind::U32, SB_V8_U32),
    (Kind::I64, SB_V8_I64),
    (Kind::U64, SB_V8_U64),
    (Kind::F32, SB_V8_F32),
    (Kind::F64, SB_V8_F64),
    (Kind::Pointer, SB_V8_POINTER),
    (Kind::Value, SB_V8_VALUE),
    (Kind::OneByteString, SB_V8_ONE_BYTE_STRING),
];

fn kind(kind: Kind) -> u8 {
    let found = KINDS.iter().find(|(known, _)| *known == kind);
    found.map_or(0, |(_, constant)| *constant as u8)
}

fn of_constant(constant: i64) -> Result<Kind, Failure> {
    let found = KINDS.iter().find(|(_, known)| *known == constant);
    found.map(|(kind, _)| *kind).ok_or_else(|| no_constant("twin->variants[]", constant))
}
