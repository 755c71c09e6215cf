//! Memory on the stub's stack: in a downcall the copies that arguments passed by reference are made of, in an upcall
//! what aggregates are put together in.

use alloc::collections::BTreeMap;

use springboard_ir::Layout;

use super::violation::Violation;
use crate::plan::Temporary;

/// One copy for each slot that wants one, in the order of the slots, of its size and aligned at least as it is. That
/// each is referred to once follows from the places that hold their addresses.
pub(super) fn check(temporaries: &[Temporary], wanted: &BTreeMap<u16, Layout>) -> Result<(), Violation> {
    let mut last = None;
    for (index, copy) in temporaries.iter().enumerate() {
        let Some(layout) = wanted.get(&copy.slot) else {
            return Err(Violation::CopyUnwanted { index, slot: copy.slot });
        };
        if last.is_some_and(|last| last >= copy.slot) {
            return Err(Violation::CopyOrder { index });
        }
        if u64::from(copy.bytes) != layout.size {
            return Err(Violation::CopySize { index, expected: layout.size, found: copy.bytes });
        }
        if !copy.align.is_power_of_two() || copy.align < layout.align {
            return Err(Violation::CopyAlign { index, least: layout.align, found: copy.align });
        }
        last = Some(copy.slot);
    }
    match wanted.keys().find(|param| temporaries.iter().all(|copy| copy.slot != **param)) {
        Some(&param) => Err(Violation::CopyMissing { param }),
        None => Ok(()),
    }
}
