//! The native functions that are called.

use std::{
    cell::RefCell,
    ffi::{c_char, c_int, c_long, c_short, c_uint, c_void},
};

thread_local! {
    /// What has been called, and how often the lock has been released and taken again, in order.
    static EVENTS: RefCell<Vec<&'static str>> = const { RefCell::new(Vec::new()) };
}

pub(crate) fn note(event: &'static str) {
    EVENTS.with_borrow_mut(|events| events.push(event));
}

/// What has happened since this was asked last.
pub(crate) fn events() -> Vec<&'static str> {
    EVENTS.take()
}

pub(crate) extern "C" fn nothing() {
    note("nothing");
}

pub(crate) extern "C" fn add(a: c_int, b: c_int) -> c_int {
    note("add");
    a.wrapping_add(b)
}

pub(crate) extern "C" fn same_short(value: c_short) -> c_short {
    value
}

pub(crate) extern "C" fn same_char(value: u8) -> u8 {
    value
}

pub(crate) extern "C" fn same_unsigned(value: c_uint) -> c_uint {
    value
}

pub(crate) extern "C" fn same_long(value: c_long) -> c_long {
    value
}

pub(crate) extern "C" fn same_size(value: u64) -> u64 {
    value
}

pub(crate) extern "C" fn not(value: bool) -> bool {
    !value
}

pub(crate) extern "C" fn multiply_add(a: f64, b: f64, c: f64) -> f64 {
    note("multiply_add");
    a * b + c
}

pub(crate) extern "C" fn half(value: f32) -> f32 {
    value / 2.0
}

pub(crate) extern "C" fn next(address: *mut c_char) -> *mut c_void {
    if address.is_null() { std::ptr::null_mut() } else { address.wrapping_add(1).cast() }
}

/// Each argument in a digit of its own.
pub(crate) extern "C" fn digits(
    a: c_long,
    b: c_long,
    c: c_long,
    d: c_long,
    e: c_long,
    f: c_long,
    g: c_long,
    h: c_long,
) -> c_long {
    [a, b, c, d, e, f, g, h].into_iter().fold(0, |number, digit| number * 10 + digit)
}

pub(crate) extern "C" fn four(a: c_long, b: c_long, c: c_long, d: c_long) -> c_long {
    ((a * 10 + b) * 10 + c) * 10 + d
}

pub(crate) extern "C" fn six(a: c_long, b: c_long, c: c_long, d: c_long, e: c_long, f: c_long) -> c_long {
    digits(0, 0, a, b, c, d, e, f)
}

/// Both classes, and more than there are registers for.
#[allow(clippy::too_many_arguments)]
pub(crate) extern "C" fn mixed(
    a: c_int,
    b: f64,
    c: f32,
    d: c_long,
    e: f64,
    f: u8,
    g: c_long,
    h: c_long,
    i: c_long,
    j: c_long,
    k: f32,
    l: c_short,
) -> f64 {
    let integers = [a.into(), d, f.into(), g, h, i, j, l.into()];
    let integers = integers.into_iter().fold(0, |number, digit| number * 10 + digit);
    integers as f64 + b / 10.0 + f64::from(c) / 100.0 + e / 1000.0 + f64::from(k) / 10000.0
}

#[repr(C)]
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Point {
    pub(crate) x: f64,
    pub(crate) y: f64,
}

pub(crate) extern "C" fn mirror(point: Point) -> Point {
    note("mirror");
    Point { x: point.y, y: point.x }
}

#[repr(C)]
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Large {
    pub(crate) words: [c_long; 5],
}

pub(crate) extern "C" fn rotate(large: Large, by: c_int) -> Large {
    let mut words = large.words;
    words.rotate_left(by as usize);
    Large { words }
}
