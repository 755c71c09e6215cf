//! The methods of the class `CData`: what Python does with C data.

mod attributes;
mod call;
mod iterate;
mod number;
mod repr;
mod subscript;
