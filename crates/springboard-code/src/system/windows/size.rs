//! What sizes are multiples of.

use std::sync::LazyLock;

use windows_sys::Win32::System::SystemInformation::{GetSystemInfo, SYSTEM_INFO};

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
