//! The version of the library.

use std::ffi::{c_char, c_int};

/// The version as one number, to be compared with the header's.
#[unsafe(no_mangle)]
pub extern "C" fn sb_version() -> c_int {
    let number = |text: &str| text.bytes().fold(0, |number, digit| number * 10 + c_int::from(digit - b'0'));
    number(env!("CARGO_PKG_VERSION_MAJOR")) * 1_000_000
        + number(env!("CARGO_PKG_VERSION_MINOR")) * 1000
        + number(env!("CARGO_PKG_VERSION_PATCH"))
}

/// The version as text.
#[unsafe(no_mangle)]
pub extern "C" fn sb_version_text() -> *const c_char {
    concat!(env!("CARGO_PKG_VERSION"), "\0").as_ptr().cast()
}
