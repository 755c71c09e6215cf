//! Functions for V8: code that it calls fast, what it is told about it, and calls with any values.

mod data;
mod description;
mod function;
mod library;
mod node;
mod registry;
mod settings;
mod tracking;
mod value;

pub(crate) use self::value::returned;
pub use self::{
    data::*,
    description::{V8Description, V8Variant},
    function::*,
    library::*,
    node::*,
    registry::*,
    settings::V8Settings,
    tracking::*,
    value::{V8Thrown, V8Value, sb_v8_helper_error},
};
