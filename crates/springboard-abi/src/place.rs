//! Places that calling conventions know.

/// A place that a calling convention knows.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Place {
    /// A general register, by its index in the [`RegisterFile`](crate::RegisterFile); and the byte in it at which
    /// the value begins, counted as memory is when the whole register is stored.
    #[allow(missing_docs)]
    Gpr { reg: u8, at: u8 },
    /// A floating point or vector register, likewise.
    #[allow(missing_docs)]
    Vec { reg: u8, at: u8 },
    /// The argument area: `offset` bytes after its first byte, which the callee finds at the lowest address at
    /// which its convention puts a stack argument (above shadow space or register save area).
    #[allow(missing_docs)]
    Stack { offset: u32 },
}
