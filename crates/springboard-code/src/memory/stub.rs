//! A published stub.

use std::fmt;

use super::CodeMemory;
use crate::{announce::Announced, space::Slot};

/// The address of a native function or a stub, with its type erased. Never called as what it seems to be.
///
/// A function pointer and not a data pointer, because it is never null and may be shared between threads.
pub type CodePointer = unsafe extern "C" fn();

/// Code that can be called for as long as this value lives. Dropping it frees the code: whoever calls it later meets
/// a trap, and after a while something else.
/// It may be used and dropped on any thread, and keeps its [`CodeMemory`].
pub struct Stub {
    memory: CodeMemory,
    entry: CodePointer,
    slot: Slot,
    bytes: u32,
    /// Goes before the code does.
    announced: Option<Announced>,
}

impl Stub {
    /// `bytes` of code in `slot` of `memory`, written and synchronised, which are entered at `entry`.
    pub(crate) fn new(memory: CodeMemory, entry: CodePointer, slot: Slot, bytes: usize) -> Stub {
        Stub { memory, entry, slot, bytes: bytes as u32, announced: None }
    }

    /// Keeps debuggers told of it until it is freed.
    pub(crate) fn keep(&mut self, announced: Announced) {
        self.announced = Some(announced);
    }

    /// The address of the first instruction.
    pub fn entry(&self) -> CodePointer {
        self.entry
    }

    /// The code as it stands in memory.
    pub fn code(&self) -> &[u8] {
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
