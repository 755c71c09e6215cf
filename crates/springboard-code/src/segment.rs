//! Segments: pages that execute, and the view through which they are written.

use std::ops::Range;

use crate::{
    error::{CodeError, Step},
    mapping::{Access, CodeFile, Mapping, Site},
    strategy::CodeWrites,
    unwind::Frame,
};

/// What is opened for writing at a time, in bytes: a page or a few. Larger windows take longer to protect, smaller
/// ones are more mappings.
pub(crate) const WINDOW: usize = 16 << 10;

/// Pages that execute. What is published in them does not change until it is freed.
pub(crate) struct Segment {
    /// Goes before the pages that it describes.
    _frame: Option<Frame>,
    pages: Mapping,
    /// The same file at another address. `None` where nothing is written any more.
    view: Option<View>,
}

struct View {
    mapping: Mapping,
    writes: CodeWrites,
}

impl Segment {
    /// A file in memory of `bytes` zeros, mapped twice.
    pub(crate) fn shared(bytes: usize, writes: CodeWrites, site: Site) -> Result<Segment, CodeError> {
        let file = CodeFile::new(bytes)?;
        let pages = Mapping::shared(&file, bytes, Access::Execute, Some(site), Step::MapExecutable)?;
        let access = match writes {
            CodeWrites::Strict => Access::None,
            CodeWrites::Fast => Access::Write,
        };
        let mapping = Mapping::shared(&file, bytes, access, None, Step::MapView)?;
        if writes == CodeWrites::Strict {
            // Windows that are joined are opened as well, if not as fast.
            let _ = mapping.divide(window());
        }
        Ok(Segment { _frame: Frame::register(&pages), pages, view: Some(View { mapping, writes }) })
    }

    /// Private pages, whose first `bytes` are written.
    pub(crate) fn sealed(pages: Mapping, bytes: usize) -> Result<Segment, CodeError> {
        // SAFETY: the pages are handed over, so whoever wrote them holds no reference.
        unsafe { pages.protect(0..bytes, Access::Execute, Step::SealPages) }?;
        Ok(Segment { _frame: Frame::register(&pages), pages, view: None })
    }

    /// Whether it can be written.
    pub(crate) fn is_writable(&self) -> bool {
        self.view.is_some()
    }

    /// Size in bytes.
    pub(crate) fn bytes(&self) -> usize {
        self.pages.bytes()
    }

    /// Where the byte at `offset` executes.
    pub(crate) fn at(&self, offset: usize) -> *mut u8 {
        self.pages.at(offset)
    }

    /// The bytes of `range` as they execute.
    pub(crate) fn code(&self, range: Range<usize>) -> &[u8] {
        // SAFETY: the range is mapped and readable. It changes only while a slot in it is written, through
        // `Segment::writable`, which borrows the segment exclusively.
        unsafe { std::slice::from_raw_parts(self.pages.at(range.start), range.len()) }
    }

    /// Makes the windows around `range` writable through the view, until they are [closed](Segment::close): also where
    /// this fails, because some of them may be open then.
    pub(crate) fn open(&mut self, range: Range<usize>) -> Result<(), CodeError> {
        match &self.view {
            // SAFETY: more is allowed than before.
            Some(View { mapping, writes: CodeWrites::Strict }) => unsafe {
                mapping.protect(windows(range), Access::Write, Step::OpenView)
            },
            _ => Ok(()),
        }
    }

    /// Takes the right to write away. Where the system refuses even that, the whole view goes, and the segment is
    /// never written again.
    pub(crate) fn close(&mut self, range: Range<usize>) {
        if let Some(View { mapping, writes: CodeWrites::Strict }) = &self.view {
            // SAFETY: references into the view borrow `self` exclusively, so there are none.
            if unsafe { mapping.protect(windows(range), Access::None, Step::CloseView) }.is_err() {
                self.freeze();
            }
        }
    }

    /// Gives the view up.
    pub(crate) fn freeze(&mut self) {
        self.view = None;
    }

    /// The bytes of `range` for writing, which must be open.
    pub(crate) fn writable(&mut self, range: Range<usize>) -> &mut [u8] {
        let View { mapping, .. } = self.view.as_ref().expect("only segments with a view are opened");
        assert!(range.end <= mapping.bytes());
        // SAFETY: the range is mapped, and writable because it is open; the result borrows `self` exclusively.
        unsafe { std::slice::from_raw_parts_mut(mapping.at(range.start), range.len()) }
    }

    /// Gives the whole pages of `range`, in which no stub is, back to the system.
    pub(crate) fn release(&mut self, range: Range<usize>) -> Result<(), CodeError> {
        self.while_open(range.clone(), |view| {
            // SAFETY: no stub is there, and references for writing borrow `self` exclusively.
            unsafe { view.release(range) }
        })
    }

    /// Makes sure that released pages are there again.
    pub(crate) fn restore(&mut self, range: Range<usize>) -> Result<(), CodeError> {
        self.while_open(range.clone(), |view| view.restore(range))
    }

    fn while_open(
        &mut self,
        range: Range<usize>,
        act: impl FnOnce(&Mapping) -> Result<(), CodeError>,
    ) -> Result<(), CodeError> {
        let opened = self.open(range.clone());
        let result = opened.and_then(|()| self.view.as_ref().map_or(Ok(()), |view| act(&view.mapping)));
        self.close(range);
        result
    }
}

/// Size of a window, in bytes: whole pages.
fn window() -> usize {
    WINDOW.max(rustix::param::page_size())
}

/// The windows that `range` touches. The last one of a segment may end before this does.
fn windows(range: Range<usize>) -> Range<usize> {
    range.start / window() * window()..range.end.next_multiple_of(window())
}
