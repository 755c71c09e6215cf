//! What stubs of the `direct` entry jump to once their callback is closed.

use std::mem;

use springboard_code::CodePointer;

use super::{dispatch::count_late, pool::Cell};
use crate::word::SlotResult;

/// The register in which native code finds the result of a call whose arguments stay in their registers.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(super) enum ResultRegister {
    None,
    General,
    F32,
    F64,
}

/// What stubs of the `direct` entry jump to once their callback is closed and left, when the code of its handler may be
/// unloaded: a function that returns zero, with `registers` general registers before the cell's.
/// `None` for more registers than any convention has.
pub(super) fn refusing(result: ResultRegister, registers: u8) -> Option<CodePointer> {
    match result {
        ResultRegister::None => refusing_with::<()>(registers),
        ResultRegister::General => refusing_with::<u64>(registers),
        ResultRegister::F32 => refusing_with::<f32>(registers),
        ResultRegister::F64 => refusing_with::<f64>(registers),
    }
}

macro_rules! refusing {
    ($registers:expr; $($count:literal ($($register:ident)*))*) => {
        match $registers {
            $($count => {
                unsafe extern "C" fn refuse<R: SlotResult>($($register: u64,)* cell: *const Cell) -> R {
                    let _ = ($($register,)*);
                    // SAFETY: stubs pass the cell that they were stamped with, and pools never free one.
                    count_late(unsafe { &*cell });
                    R::from_result(0)
                }
                // SAFETY: all function pointers have one form. Only stubs of a plan with these registers jump to it.
                Some(unsafe {
                    mem::transmute::<unsafe extern "C" fn($(refusing!(@ $register),)* *const Cell) -> R, CodePointer>(
                        refuse::<R>,
                    )
                })
            })*
            _ => None,
        }
    };
    (@ $register:ident) => { u64 };
}

fn refusing_with<R: SlotResult>(registers: u8) -> Option<CodePointer> {
    refusing! { registers;
        0 () 1 (a) 2 (a b) 3 (a b c) 4 (a b c d) 5 (a b c d e) 6 (a b c d e f) 7 (a b c d e f g)
    }
}
