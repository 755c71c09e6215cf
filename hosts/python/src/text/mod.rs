//! C text: the dialect of `cdef`, and types out of what `springboard-ir` reads.

mod built_in;
mod declared;
mod dialect;
mod error;
mod names;
mod resolve;

pub(crate) use self::declared::{Declared, Named, Options, Spelled};
