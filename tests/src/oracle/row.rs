//! One call over columns of one row.

use springboard_abi::{Columns, SlotForm, columns_of_result};

use crate::oracle::compare::{Arguments, Laid};

/// Memory for a structure, aligned as any of that size.
#[repr(C, align(64))]
struct Structure([u8; Columns::MAX_RECORD as usize]);

/// What a stub of the columns entry is told.
pub(crate) struct Row {
    pub(crate) frame: Vec<u64>,
    _structure: Box<Structure>,
    _stop: Box<u64>,
}

impl Row {
    /// Each argument is where it was laid, and each part of the result goes to where the whole is expected.
    ///
    /// # Panics
    /// Where the result has no columns.
    pub(crate) fn of(call: &Arguments<'_>, laid: &Laid) -> Row {
        let (mut structure, stop) = (Box::new(Structure([0; Columns::MAX_RECORD as usize])), Box::new(0u64));
        let result = call.signature.result();
        let outputs = columns_of_result(result, call.model).expect("there is a plan for it");
        let [to, arguments @ ..] = &*laid.pointers else { panic!("the result has an address") };
        let mut frame = vec![1, (&raw const *stop) as u64];
        frame.extend(arguments.iter().map(|argument| *argument as u64));
        if let SlotForm::Address(_) = call.result {
            frame.push((&raw mut *structure) as u64);
        }
        frame.extend(outputs.iter().map(|(offset, _)| *to as u64 + u64::from(*offset)));
        Row { frame, _structure: structure, _stop: stop }
    }
}
