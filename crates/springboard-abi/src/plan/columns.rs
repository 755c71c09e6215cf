//! Where the `columns` entry finds arguments and puts results.

use alloc::boxed::Box;

use super::{Fill, ResultMove};

/// What a stub that calls once per row does besides calling.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Columns {
    /// One a parameter, in order.
    pub inputs: Box<[Column]>,
    /// What is stored of each result, at its row: the result register and its low bytes. `None` for `void`.
    pub result: Option<ResultMove>,
}

/// Where a parameter's values come from: elements of its own C type one after another.
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
    /// The first: all rows have the same value.
    Same,
}
