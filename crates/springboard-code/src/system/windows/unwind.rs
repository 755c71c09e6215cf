//! Tells the system's unwinder about segments, so that panics and exceptions cross stubs.

use windows_sys::Win32::System::Diagnostics::Debug::{
    IMAGE_RUNTIME_FUNCTION_ENTRY, RtlAddFunctionTable, RtlDeleteFunctionTable,
};

use super::row;
use crate::mapping::Mapping;

/// A table of rows that the unwinder knows, for as long as this lives.
#[derive(Debug)]
pub(crate) struct Frame {
    /// The address of the table.
    table: usize,
}

impl Frame {
    /// Describes all of `pages`, which must stay mapped for longer than the result lives.
    pub(crate) fn register(pages: &Mapping) -> Option<Frame> {
        let table = pages.at(pages.bytes()).cast::<IMAGE_RUNTIME_FUNCTION_ENTRY>();
        let entries = row::entries(pages.bytes()) as u32;
        // SAFETY: the entries were written before the pages became executable, are sorted, and stay as long as the pages do.
        let known = unsafe { RtlAddFunctionTable(table, entries, pages.at(0).addr() as u64) };
        known.then(|| Frame { table: table.expose_provenance() })
    }
}

impl Drop for Frame {
    fn drop(&mut self) {
        let table = std::ptr::with_exposed_provenance::<IMAGE_RUNTIME_FUNCTION_ENTRY>(self.table);
        // SAFETY: it was registered when `self` was made, at this address.
        unsafe { RtlDeleteFunctionTable(table) };
    }
}
