//! Instruction synchronisation: what is written as data, fetched as instructions, on every CPU.

use windows_sys::Win32::System::{Diagnostics::Debug::FlushInstructionCache, Threading::GetCurrentProcess};

/// Makes code visible to the instruction fetch of every CPU that runs a thread of this process: each piece by the
/// address at which it executes and its size in bytes. Returns when all of them may jump there.
pub(crate) fn synchronise(pieces: impl Iterator<Item = (*const u8, usize)>) {
    for (start, bytes) in pieces {
        // SAFETY: the call changes no memory. It fails for no range of the process's own.
        unsafe { FlushInstructionCache(GetCurrentProcess(), start.cast(), bytes) };
    }
}
