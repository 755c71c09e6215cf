//! Native functions that are called by another convention than the target's own, because their declarations say so.

use std::ffi::c_long;

use crate::{
    native::{Large, Point, note},
    words::{float, memory, object, of, small},
};

extern "win64" fn weighed(a: i32, b: f64, c: f32, d: u8, e: i64, f: f64) -> f64 {
    note("weighed");
    f64::from(a) + 10.0 * b + 100.0 * f64::from(c) + 1e3 * f64::from(d) + 1e4 * e as f64 + 1e5 * f
}

extern "win64" fn rotate(large: Large, by: i32) -> Large {
    let mut words = large.words;
    words.rotate_left(by as usize);
    Large { words }
}

/// Returned in a register by one convention, and in memory by the other.
extern "win64" fn mirror(by: c_long, point: Point) -> Point {
    Point { x: point.y + by as f64, y: point.x }
}

#[test]
fn numbers_in_registers_and_on_the_stack() {
    let declaration =
        "__attribute__((ms_abi)) double weighed(int, double, float, unsigned char, long long, double)";
    let called = of(declaration, weighed as *const _);
    let result = called.call(&[small(1), float(2.0), float(3.0), small(4), small(5), float(6.0)]);
    assert_eq!(memory::<f64>(result), 654_321.0);
    called.is_left(&[small(1), float(2.0), float(3.0), small(256), small(5), float(6.0)]);
}

#[test]
fn aggregates_by_reference() {
    let declaration = "struct { long w[5]; } (__attribute__((ms_abi)) *)(struct { long w[5]; }, int)";
    let called = of(declaration, rotate as *const _);
    let result = called.call(&[object(2, Large { words: [1, 2, 3, 4, 5] }), small(1)]);
    assert_eq!(memory::<Large>(result), Large { words: [2, 3, 4, 5, 1] });

    let declaration = "struct { double x, y; } (__attribute__((ms_abi)) *)(long, struct { double x, y; })";
    let called = of(declaration, mirror as *const _);
    let result = called.call(&[small(5), object(2, Point { x: 1.5, y: 2.5 })]);
    assert_eq!(memory::<Point>(result), Point { x: 7.5, y: 1.5 });
}
