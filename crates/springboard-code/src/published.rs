//! What debuggers and profilers are told of a stub.

pub(crate) struct Published<'a> {
    pub(crate) name: &'a str,
    /// As it stands in memory.
    pub(crate) code: &'a [u8],
}

impl Published<'_> {
    pub(crate) fn address(&self) -> u64 {
        self.code.as_ptr().addr() as u64
    }
}
