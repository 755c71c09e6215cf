//! Parts of a file for code: there are none here.

use std::{convert::Infallible, io, ops::Range};

use crate::error::{CodeError, Step};

/// None exists.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Extent(pub(super) Infallible);

/// What is said of files that execute.
pub(super) fn no_files() -> CodeError {
    Step::CreateFile.failed(io::Error::from_raw_os_error(libc::ENOTSUP))
}

impl Extent {
    /// Refused, so that pages are written and sealed.
    pub(crate) fn new(_bytes: usize) -> Result<Extent, CodeError> {
        Err(no_files())
    }

    pub(crate) fn is_lost(&self) -> bool {
        match self.0 {}
    }

    pub(crate) fn write(
        &self,
        _offset: usize,
        _bytes: &[u8],
        _stubs: impl Iterator<Item = (usize, Option<u32>)>,
    ) -> Result<(), CodeError> {
        match self.0 {}
    }

    pub(crate) fn trap(&self, _range: Range<usize>) -> Result<(), CodeError> {
        match self.0 {}
    }

    pub(crate) fn lose(&self) -> CodeError {
        match self.0 {}
    }

    pub(crate) fn release(&self, _range: Range<usize>) -> Result<(), CodeError> {
        match self.0 {}
    }

    pub(crate) fn give_back(self) {
        match self.0 {}
    }
}
