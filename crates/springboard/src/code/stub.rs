//! A published stub.

use std::fmt;

use super::{CodeMemory, CodePointer, space::Slot};
use crate::announce::Announced;

/// Code that can be called for as long as this value lives. Dropping it frees the code: whoever calls it later meets
/// a trap, and after a while something else.
pub(crate) struct Stub {
    memory: CodeMemory,
    entry: CodePointer,
    slot: Slot,
    bytes: u32,
    /// Goes before the code does.
    announced: Option<Announced>,
}

impl Stub {
    /// `bytes` of code in `slot` of `memory`, written and synchronised, which are entered at `entry`.
    pub(super) fn new(memory: CodeMemory, entry: CodePointer, slot: Slot, bytes: usize) -> Stub {
        Stub { memory, entry, slot, bytes: bytes as u32, announced: None }
    }

    /// Keeps debuggers told of it until it is freed.
    pub(super) fn keep(&mut self, announced: Announced) {
        self.announced = Some(announced);
    }

    /// The address of the first instruction.
    pub(crate) fn entry(&self) -> CodePointer {
        self.entry
    }

    /// The code as it stands in memory.
    pub(crate) fn code(&self) -> &[u8] {
        // SAFETY: the range is readable and initialised, and published code does not change while `self` lives.
        unsafe { std::slice::from_raw_parts(self.entry as *const u8, self.bytes as usize) }
    }
}

impl Drop for Stub {
    fn drop(&mut self) {
        self.announced = None;
        self.memory.free(self.slot, self.bytes as usize);
    }
}

impl fmt::Debug for Stub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stub").field("entry", &self.entry).field("bytes", &self.bytes).finish_non_exhaustive()
    }
}
