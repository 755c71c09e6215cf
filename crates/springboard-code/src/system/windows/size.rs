//! What addresses and sizes are multiples of.

use std::sync::LazyLock;

use windows_sys::Win32::System::SystemInformation::{GetSystemInfo, SYSTEM_INFO};

/// What addresses of mappings, and offsets of views in their section, are multiples of, in bytes. The same on every
/// Windows.
pub(super) const GRANULE: usize = 64 << 10;

/// Size of a page, in bytes.
pub(crate) fn page_size() -> usize {
    static SIZE: LazyLock<usize> = LazyLock::new(|| {
        let mut info = SYSTEM_INFO::default();
        // SAFETY: the call writes the structure, which is ours.
        unsafe { GetSystemInfo(&mut info) };
        info.dwPageSize as usize
    });
    *SIZE
}
