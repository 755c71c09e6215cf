//! Pages of files in memory, which execute and cannot be made writable.

use std::os::fd::OwnedFd;

use rustix::{
    fs::{MemfdFlags, memfd_create},
    io::{Errno, pwrite},
    mm::{MapFlags, mmap},
};

use super::extent::Extent;
pub(crate) use crate::system::unix::private_pages::{Reserved, Unsealed, page_size};
use crate::{
    error::{CodeError, Step},
    faults::perform,
    mapping::{Mapping, retry_unmapping},
    site::Site,
    system::{protection::executable, unix::private_pages::near},
};

impl Mapping {
    /// Maps all of `extent`, executable, at `site`. No mapping of the file can be made writable: it is shared with
    /// nobody who may write; or else private, so that what is written to it by force is seen by nobody else.
    pub(crate) fn of(extent: &Extent, site: Site) -> Result<Mapping, CodeError> {
        retry_unmapping();
        let bytes = extent.bytes();
        let reopened = extent.reopened();
        let (file, flags) = match &reopened {
            Some(file) => (file.borrow(), MapFlags::SHARED),
            None => (extent.descriptor()?, MapFlags::PRIVATE),
        };
        // SAFETY: the kernel takes the address as a wish only, so no mapping that exists is touched.
        let map = || unsafe { mmap(near(site, bytes), bytes, executable(), flags, file, extent.start()) };
        Ok(Mapping::owning(perform(Step::MapExecutable, map)?, bytes))
    }
}

impl Reserved {
    /// Has whole pages from `offset` on execute `code`. Where it fails, they are as they were.
    pub(crate) fn execute(&mut self, offset: usize, code: &[u8]) -> Result<(), CodeError> {
        assert!(offset + code.len() <= self.0.bytes());
        let file = CodeFile::holding(code)?;
        let (at, flags) = (self.0.at(offset).cast(), MapFlags::PRIVATE | MapFlags::FIXED);
        // SAFETY: the pages that this replaces are this value's own, and nobody has a reference to them.
        perform(Step::MapExecutable, || unsafe { mmap(at, code.len(), executable(), flags, &file.0, 0) })?;
        Ok(())
    }
}

/// A file in memory that holds code and is mapped privately: what is written to it by force is seen by nobody.
struct CodeFile(OwnedFd);

impl CodeFile {
    fn holding(code: &[u8]) -> Result<CodeFile, CodeError> {
        let create = || memfd_create("springboard closures", MemfdFlags::CLOEXEC);
        let file = perform(Step::CreateFile, create)?;
        let whole = |written| if written == code.len() { Ok(()) } else { Err(Errno::IO) };
        perform(Step::WriteFile, || pwrite(&file, code, 0).and_then(whole))?;
        Ok(CodeFile(file))
    }
}
