//! C memory, read and written by type.
//!
//! * [`View`] and [`ViewMut`] are typed looks at bytes that somebody else owns: a Rust slice, a [`Memory`], or C.
//! * [`Memory`] is an object of a C type that the host owns.
//! * [`Member`] is a path, found once, for reading and writing at nearly the cost of a native access.
//! * [`Owned`] is a pointer that came out of a function, and that another function frees.
//!
//! Where things lie is what `springboard-ir` says. Nothing needs to be aligned, and nothing is read or written outside
//! of what is known to be there.

mod error;
mod number;
mod object;
mod owned;
mod text;
mod view;
mod view_mut;

pub use self::{
    error::MemoryError,
    object::Memory,
    owned::{FreeError, Freed, Owned},
    text::{TextError, c_string, text_at, text_of},
    view::{ByteOrder, Member, View},
    view_mut::ViewMut,
};
