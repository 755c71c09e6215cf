//! Random takes and gives.

use std::collections::HashMap;

use super::*;

/// Random takes and gives, checked against a list of what is taken.
#[test]
fn no_byte_is_taken_twice() {
    let mut random = fastrand::Rng::with_seed(4);
    let mut space = Space::<()>::default();
    let mut taken: Vec<(Slot, usize)> = Vec::new();
    let mut blocks = HashMap::new();
    for round in 0..200_000 {
        let filling = (round / 20_000) % 2 == 0;
        if random.u32(..4) < if filling { 3 } else { 1 } {
            let bytes = random.usize(1..=2048) >> random.u32(0..6);
            let class = Class::of(bytes.max(1)).unwrap();
            let slot = space.take(class).map(|(slot, ())| slot).unwrap_or_else(|| {
                let segment = space.add(16, ());
                assert_eq!(blocks.insert(segment, 16), None, "an id is given once");
                space.take(class).expect("a new segment has room").0
            });
            taken.push((slot, class.size()));
        } else if !taken.is_empty() {
            let (slot, _) = taken.swap_remove(random.usize(..taken.len()));
            let others = taken.iter().filter(|(other, _)| other.segment == slot.segment);
            match space.give(slot) {
                Left::EmptySegment(block) => {
                    assert!(block.is_some());
                    assert_eq!(others.count(), 0);
                    assert_eq!(space.empty_blocks_of(slot.segment), 16);
                    space.remove(slot.segment);
                    blocks.remove(&slot.segment);
                }
                Left::EmptyBlock(id) => {
                    assert!(others.clone().count() > 0);
                    assert!(others.clone().all(|(other, _)| BlockId::of(*other) != id));
                }
                Left::InUse => {
                    assert!(others.clone().any(|(other, _)| BlockId::of(*other) == BlockId::of(slot)))
                }
            }
        }
        if round % 5_000 == 0 {
            check(&taken);
        }
    }
}

fn check(taken: &[(Slot, usize)]) {
    let mut ranges: Vec<_> = taken.iter().map(|(slot, size)| (slot.segment, slot.offset, *size)).collect();
    ranges.sort_unstable();
    for pair in ranges.windows(2) {
        let (segment, offset, size) = pair[0];
        assert!(pair[1].0 != segment || pair[1].1 as usize >= offset as usize + size, "{pair:?}");
    }
    assert!(ranges.iter().all(|(_, offset, size)| *offset as usize % BLOCK + size <= BLOCK));
}
