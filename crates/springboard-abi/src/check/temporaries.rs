//! The copies that arguments passed by reference are made of.

use super::{demand::Demand, violation::Violation};
use crate::plan::Plan;

/// One copy for each argument that is passed by reference, in the order of the arguments, of its size and aligned
/// at least as it is. That each is referred to once follows from the places that hold their addresses.
pub(super) fn check(plan: &Plan, demand: &Demand) -> Result<(), Violation> {
    let mut last = None;
    for (index, copy) in plan.temporaries.iter().enumerate() {
        let Some(layout) = demand.copies.get(&copy.slot) else {
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
    match demand.copies.keys().find(|param| plan.temporaries.iter().all(|copy| copy.slot != **param)) {
        Some(&param) => Err(Violation::CopyMissing { param }),
        None => Ok(()),
    }
}
