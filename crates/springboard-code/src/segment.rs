//! Segments: pages that execute.

use crate::{
    error::CodeError,
    mapping::Mapping,
    site::Site,
    system::{extent::Extent, pages::Unsealed, unwind::Frame},
};

/// Pages that execute. What is published in them does not change until it is freed.
pub(crate) struct Segment {
    /// Goes before the pages that it describes.
    _frame: Option<Frame>,
    pages: Mapping,
}

impl Segment {
    /// A part of the file for code, as long as `bytes`, and by what it is written.
    pub(crate) fn in_file(bytes: usize, site: Site) -> Result<(Segment, Extent), CodeError> {
        let extent = Extent::new(bytes)?;
        match Mapping::of(&extent, site) {
            Ok(pages) => Ok((Segment::new(pages), extent)),
            Err(error) => {
                extent.give_back();
                Err(error)
            }
        }
    }

    /// Private pages, which were written.
    pub(crate) fn sealed(pages: Unsealed) -> Result<Segment, CodeError> {
        Ok(Segment::new(pages.seal()?))
    }

    fn new(pages: Mapping) -> Segment {
        Segment { _frame: Frame::register(&pages), pages }
    }

    /// Size in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.pages.bytes()
    }

    /// Where the byte at `offset` executes.
    pub(crate) fn at(&self, offset: usize) -> *mut u8 {
        self.pages.at(offset)
    }
}
