//! Which slots are taken. Plain data: nothing here touches the pages.

use crate::class::{BLOCK, Class};

/// A segment, by its place in the list of segments.
pub(crate) type SegmentId = u32;

/// Where code lies.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub(crate) struct Slot {
    pub(crate) segment: SegmentId,
    /// From the start of the segment, in bytes.
    pub(crate) offset: u32,
}

/// A block, by its segment and its place there.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct BlockId {
    pub(crate) segment: SegmentId,
    index: u32,
}

impl BlockId {
    /// From the start of the segment, in bytes.
    pub(crate) fn offset(self) -> usize {
        self.index as usize * BLOCK
    }

    fn of(slot: Slot) -> BlockId {
        BlockId { segment: slot.segment, index: slot.offset / BLOCK as u32 }
    }
}

/// All segments' slots. `W` is what a segment is written by: whoever takes a slot is shown it, and a segment without it
/// has no slots to take.
pub(crate) struct Space<W> {
    rooms: Vec<Option<Room<W>>>,
    /// Indices of `None`s in `rooms`.
    vacant: Vec<SegmentId>,
    /// By class: the blocks that have both taken and free slots. Each knows its place here.
    partial: [Vec<BlockId>; Class::COUNT],
    /// Blocks without taken slots.
    empty: Vec<BlockId>,
    /// The same, with their pages given back.
    released: Vec<BlockId>,
}

struct Room<W> {
    /// Taken slots.
    occupied: u32,
    /// `None` where nothing is written any more.
    open: Option<Open<W>>,
}

struct Open<W> {
    writer: W,
    /// None where the segment is one slot, which is taken.
    blocks: Box<[Block]>,
}

#[derive(Clone)]
struct Block {
    /// `None` where no slot is taken.
    class: Option<Class>,
    /// Free slots, as bits.
    free: u128,
    /// Index in `partial`; of no meaning where the block is full or empty.
    at: u32,
}

/// What a segment is after one of its slots was given back.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Left {
    /// Slots are taken, in the slot's block too.
    InUse,
    /// Slots are taken, but none in this block.
    EmptyBlock(BlockId),
    /// No slot is taken. The block, where the segment has such.
    EmptySegment(Option<BlockId>),
}

impl<W> Default for Space<W> {
    fn default() -> Space<W> {
        Space {
            rooms: Vec::new(),
            vacant: Vec::new(),
            partial: [const { Vec::new() }; Class::COUNT],
            empty: Vec::new(),
            released: Vec::new(),
        }
    }
}

impl<W> Space<W> {
    /// A segment of `blocks` empty blocks.
    pub(crate) fn add(&mut self, blocks: usize, writer: W) -> SegmentId {
        let block = Block { class: None, free: 0, at: 0 };
        let open = Open { writer, blocks: vec![block; blocks].into() };
        let segment = self.insert(Room { occupied: 0, open: Some(open) });
        // Taken from the end, so in the order of their addresses.
        self.empty.extend((0..blocks as u32).rev().map(|index| BlockId { segment, index }));
        segment
    }

    /// A segment that is one slot, which is taken.
    pub(crate) fn add_whole(&mut self, writer: W) -> SegmentId {
        self.insert(Room { occupied: 1, open: Some(Open { writer, blocks: Box::default() }) })
    }

    /// A segment that is not written, in which `occupied` slots are.
    pub(crate) fn add_frozen(&mut self, occupied: u32) -> SegmentId {
        self.insert(Room { occupied, open: None })
    }

    fn insert(&mut self, room: Room<W>) -> SegmentId {
        match self.vacant.pop() {
            Some(segment) => {
                self.rooms[segment as usize] = Some(room);
                segment
            }
            None => {
                self.rooms.push(Some(room));
                self.rooms.len() as SegmentId - 1
            }
        }
    }

    /// Forgets a segment. What it was written by.
    pub(crate) fn remove(&mut self, segment: SegmentId) -> Option<W> {
        let room = self.rooms[segment as usize].take()?;
        self.vacant.push(segment);
        self.empty.retain(|block| block.segment != segment);
        self.released.retain(|block| block.segment != segment);
        room.open.map(|open| open.writer)
    }

    /// Takes nothing more from the segments whose writer is as `which` says. Those of them in which no slot is taken.
    pub(crate) fn freeze(&mut self, which: impl Fn(&W) -> bool) -> Vec<SegmentId> {
        let mut unused = Vec::new();
        for (segment, room) in (0..).zip(&mut self.rooms) {
            let Some(room) = room else { continue };
            if room.open.take_if(|open| which(&open.writer)).is_some() && room.occupied == 0 {
                unused.push(segment);
            }
        }
        let is_open =
            |id: &BlockId| self.rooms[id.segment as usize].as_ref().is_some_and(|room| room.open.is_some());
        self.empty.retain(is_open);
        self.released.retain(is_open);
        self.partial.iter_mut().for_each(|blocks| blocks.retain(is_open));
        for class in 0..Class::COUNT {
            for at in 0..self.partial[class].len() {
                let id = self.partial[class][at];
                self.block(id).at = at as u32;
            }
        }
        unused
    }

    /// What a segment is written by. `None` where it is not written any more.
    pub(crate) fn writer(&self, segment: SegmentId) -> Option<&W> {
        let room = self.rooms[segment as usize].as_ref()?;
        Some(&room.open.as_ref()?.writer)
    }

    fn room(&mut self, segment: SegmentId) -> &mut Room<W> {
        self.rooms[segment as usize].as_mut().expect("a segment lives as long as its slots")
    }

    /// A block of the lists, or one with a taken slot in a segment that is open: only such have blocks.
    fn block(&mut self, id: BlockId) -> &mut Block {
        let open = self.room(id.segment).open.as_mut().expect("the lists have blocks of open segments only");
        &mut open.blocks[id.index as usize]
    }

    /// Takes a slot, and says by what it is written. `None` where there is neither one of this class nor an empty block.
    pub(crate) fn take(&mut self, class: Class) -> Option<(Slot, &W)> {
        let id = match self.partial[class.index()].last() {
            Some(&id) => id,
            None => {
                let id = self.empty.pop()?;
                let block = self.block(id);
                (block.class, block.free) = (Some(class), class.all_slots());
                self.list(class, id);
                id
            }
        };
        let block = self.block(id);
        let slot = block.free.trailing_zeros();
        block.free &= block.free - 1;
        if block.free == 0 {
            // The last of its list.
            self.partial[class.index()].pop();
        }
        let room = self.room(id.segment);
        room.occupied += 1;
        let offset = (id.offset() + slot as usize * class.size()) as u32;
        Some((Slot { segment: id.segment, offset }, &room.open.as_ref()?.writer))
    }

    /// Puts a block at the end of its class' list.
    fn list(&mut self, class: Class, id: BlockId) {
        let at = self.partial[class.index()].len() as u32;
        self.partial[class.index()].push(id);
        self.block(id).at = at;
    }

    /// Takes a block out of its class' list.
    fn unlist(&mut self, class: Class, id: BlockId) {
        let at = self.block(id).at as usize;
        let list = &mut self.partial[class.index()];
        list.swap_remove(at);
        if let Some(&moved) = list.get(at) {
            self.block(moved).at = at as u32;
        }
    }

    /// Gives a slot back.
    pub(crate) fn give(&mut self, slot: Slot) -> Left {
        let room = self.room(slot.segment);
        room.occupied -= 1;
        let occupied = room.occupied;
        let id = BlockId::of(slot);
        let in_block = room.open.as_ref().is_some_and(|open| !open.blocks.is_empty());
        let emptied = in_block && self.give_to_block(id, slot);
        match (occupied, emptied) {
            (0, _) => Left::EmptySegment(emptied.then_some(id)),
            (_, true) => Left::EmptyBlock(id),
            (_, false) => Left::InUse,
        }
    }

    /// Says whether the block is empty now.
    fn give_to_block(&mut self, id: BlockId, slot: Slot) -> bool {
        let block = self.block(id);
        let class = block.class.expect("a block with a taken slot has a class");
        let bit = 1 << ((slot.offset as usize - id.offset()) / class.size());
        assert_eq!(block.free & bit, 0, "a slot is given back once");
        let was_full = block.free == 0;
        block.free |= bit;
        let is_empty = block.free == class.all_slots();
        match (was_full, is_empty) {
            (true, false) => self.list(class, id),
            (false, true) => self.unlist(class, id),
            _ => {}
        }
        if is_empty {
            self.block(id).class = None;
            self.empty.push(id);
        }
        is_empty
    }

    /// How many blocks are empty and have their pages.
    pub(crate) fn empty_blocks(&self) -> usize {
        self.empty.len()
    }

    /// How many blocks of `segment` are.
    pub(crate) fn empty_blocks_of(&self, segment: SegmentId) -> usize {
        self.empty.iter().filter(|block| block.segment == segment).count()
    }

    /// Notes that the pages of an empty block, the one that became so last, were given back.
    pub(crate) fn release(&mut self, id: BlockId) {
        let last = self.empty.pop();
        debug_assert_eq!(last, Some(id));
        self.released.push(id);
    }

    /// A block whose pages were given back.
    pub(crate) fn released(&self) -> Option<BlockId> {
        self.released.last().copied()
    }

    /// Notes that the pages of the block that [`Space::released`] returns are there again.
    pub(crate) fn restore(&mut self) {
        self.empty.extend(self.released.pop());
    }
}

#[cfg(test)]
mod tests;
