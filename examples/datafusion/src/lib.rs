//! C functions as scalar functions of DataFusion, over its own columns.

mod native;
mod number;

pub use native::{NativeFunction, RegisterError, Source, rows_called};
