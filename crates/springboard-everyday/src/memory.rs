//! C memory, read and written by type.
//!
//! * [`View`] and [`ViewMut`] are typed looks at bytes that somebody else owns: a Rust slice, a [`Memory`], or native code.
//! * [`Memory`] is an object of a C type that the host owns.
//! * [`Member`] is the offset of a part, found once: reading and writing it costs a bounds check.
//! * [`Owned`] is a pointer that a function returned and that another function frees.
//!
//! `springboard-ir` says where the parts of a type are. Nothing needs to be aligned, and every access is checked against
//! the bytes that the view was given.

mod error;
mod number;
mod object;
mod owned;
mod text;
mod view;
mod view_mut;

pub use self::{
    error::MemoryError,
    number::ByteOrder,
    object::Memory,
    owned::{FreeError, Freed, Owned},
    text::{TextError, c_string, text_at, text_of},
    view::{Member, View},
    view_mut::ViewMut,
};
