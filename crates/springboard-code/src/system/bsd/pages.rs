//! What pages of files would do: there are none that execute here.

use super::extent::{Extent, no_files};
#[cfg(all(target_os = "macos", target_arch = "aarch64"))]
pub(crate) use super::map_jit::Unsealed;
#[cfg(not(all(target_os = "macos", target_arch = "aarch64")))]
pub(crate) use crate::system::unix::private_pages::Unsealed;
pub(crate) use crate::system::unix::private_pages::{Reserved, page_size};
use crate::{error::CodeError, mapping::Mapping, site::Site};

impl Mapping {
    /// There are no files for code.
    pub(crate) fn of(extent: &Extent, _site: Site) -> Result<Mapping, CodeError> {
        match extent.0 {}
    }
}

impl Reserved {
    /// Pages are not replaced by a file's here: they are sealed. The hardened runtime refuses that: pages of `MAP_JIT`
    /// cannot replace others (mmap(2): not with `MAP_FIXED`).
    pub(crate) fn execute(&mut self, _offset: usize, _code: &[u8]) -> Result<(), CodeError> {
        Err(no_files())
    }
}
