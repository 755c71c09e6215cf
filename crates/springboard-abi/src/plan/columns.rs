//! Where the `columns` entry finds arguments and puts results.

use alloc::boxed::Box;

use super::{DowncallResult, Fill};
use crate::place::Place;

/// What a stub that calls once per row does besides calling.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Columns {
    /// One a parameter, in order.
    pub inputs: Box<[Column]>,
    /// Where a structure's bytes go first: to the memory whose address the slot after the arguments' holds, unless the
    /// callee has put them there. A scalar is in place.
    pub result: DowncallResult,
    /// What is stored of each result, at its row: one for a scalar, one for each member of a structure, none for `void`.
    pub outputs: Box<[Output]>,
    /// Which rows are called.
    pub rows: Rows,
    /// Whether each row's `errno` is stored.
    pub errors: Errors,
}

impl Columns {
    /// Bytes of the largest structure whose members go to columns.
    pub const MAX_RECORD: u32 = 64;

    /// Whether the slot after the arguments' holds the address of memory for a structure.
    pub fn has_record(&self) -> bool {
        self.outputs.iter().any(|output| matches!(output.from, OutputPlace::Record(_)))
    }
}

/// Where results go: elements of the result's or of a member's own C type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Output {
    /// Where a row's element is after the call.
    pub from: OutputPlace,
    /// Size of an element, in bytes: 1, 2, 4 or 8.
    pub bytes: u8,
}

/// Where what a row's call returns is found.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum OutputPlace {
    /// In a result register, from this byte on.
    Register(Place),
    /// At this offset of the structure's memory.
    Record(u32),
}

/// Which rows are called.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Debug)]
pub enum Rows {
    /// All of them.
    #[default]
    All,
    /// Those whose bit is set: one bit per row, from the least significant bit of each byte on.
    Valid,
}

/// What becomes of the `int` in which the C library leaves a call's error.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Debug)]
pub enum Errors {
    /// Nothing.
    #[default]
    Ignored,
    /// It is zero before each row's call, and stored at the row's place in a column of `int` after it.
    Stored,
}

/// Where a parameter's values come from: elements of its own C type.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Column {
    /// Size of an element, in bytes: 1, 2, 4 or 8.
    pub bytes: u8,
    /// By what an element is extended to a canonical slot.
    pub fill: Fill,
    /// Which element a row has.
    pub step: Step,
}

/// Which element of a column a row has.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Step {
    /// The row's own.
    Row,
    /// The row's own, of elements that lie so many bytes apart as the caller says.
    Stride,
    /// The first: all rows have the same value.
    Same,
}
