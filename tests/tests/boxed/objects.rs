//! A host whose values are objects with types.

use std::ffi::c_void;

use springboard::abi::boxed::Host;
use springboard_tests::hosts::{objects, objects_with_lock};

use crate::{
    heap::{self, Heap, Value, float, integer, pointer, record, record_of, value},
    native::{self, Large, Point, events},
    stub::{FROM_SLOW, Function, Word, slow_calls},
};

const THIS: Word = 0x7415;

/// A function of the host.
struct Called {
    function: Function,
    heap: Heap,
}

fn of(host: &Host, declaration: &str, target: *const c_void) -> Called {
    let heap = Heap::new();
    Called { function: Function::new(host, declaration, target, &heap.addresses), heap }
}

impl Called {
    fn raw(&self, arguments: &[Word]) -> Word {
        let array = arguments.as_ptr().expose_provenance() as u64;
        self.function.enter([THIS, array, arguments.len() as u64])
    }

    /// The result of a call that the stub makes by itself.
    fn call(&self, arguments: &[Word]) -> Word {
        let result = self.raw(arguments);
        assert_eq!(slow_calls(), [[0; 3]; 0], "the stub does it");
        result
    }

    /// A call that the stub leaves to its slow twin, with the very arguments.
    fn is_left(&self, arguments: &[Word]) {
        assert_eq!(self.raw(arguments), FROM_SLOW);
        let array = arguments.as_ptr().expose_provenance() as u64;
        assert_eq!(slow_calls(), [[THIS, array, arguments.len() as u64]]);
        assert_eq!(events(), [""; 0], "nothing was called");
    }
}

#[test]
fn nothing_in_and_out() {
    let called = of(&objects(), "void(void)", native::nothing as *const c_void);
    let nil = called.heap.nil;
    assert_eq!(called.call(&[]), nil.word());
    assert_eq!(events(), ["nothing"]);
    assert_eq!(nil.count.get(), 2, "the reference that was returned is counted");
    called.is_left(&[nil.word()]);
    assert_eq!(nil.count.get(), 2);
}

#[test]
fn integers_of_one_digit() {
    for host in [objects(), objects_with_lock()] {
        let called = of(&host, "int(int, int)", native::add as *const c_void);
        for (a, b) in [(0, 0), (2, 3), (-7, 5), ((1 << 30) - 1, 1), (1 - (1 << 30), -1)] {
            assert_eq!(value(called.call(&[integer(a), integer(b)])), Value::Integer(i128::from(a + b)));
        }
        let expected: &[&str] = if host.around.is_some() { &["release", "add", "regain"] } else { &["add"] };
        assert_eq!(events(), expected.repeat(5));
        // More digits, another type, another number of arguments.
        called.is_left(&[integer(1 << 30), integer(0)]);
        called.is_left(&[integer(0), integer(-1 << 40)]);
        called.is_left(&[integer(1), float(1.0)]);
        called.is_left(&[called.heap.yes.word(), integer(1)]);
        called.is_left(&[integer(1)]);
        called.is_left(&[integer(1), integer(2), integer(3)]);
        called.is_left(&[]);
    }
}

#[test]
fn narrow_integers_are_in_range() {
    let cases: [(&str, *const c_void, i64, i64); 6] = [
        ("short(short)", native::same_short as *const c_void, i16::MIN.into(), i16::MAX.into()),
        ("unsigned char(unsigned char)", native::same_char as *const c_void, 0, u8::MAX.into()),
        ("unsigned(unsigned)", native::same_unsigned as *const c_void, 0, (1 << 30) - 1),
        ("long(long)", native::same_long as *const c_void, 1 - (1 << 30), (1 << 30) - 1),
        ("unsigned long(unsigned long)", native::same_size as *const c_void, 0, (1 << 30) - 1),
        ("int(int)", native::same_long as *const c_void, 1 - (1 << 30), (1 << 30) - 1),
    ];
    for host in [objects(), objects_with_lock()] {
        for (declaration, target, least, most) in cases {
            let called = of(&host, declaration, target);
            for inside in [least, most, 0, 1, most / 2] {
                let result = value(called.call(&[integer(inside)]));
                assert_eq!(result, Value::Integer(inside.into()), "{declaration}");
            }
            events();
            for outside in [least - 1, most + 1] {
                called.is_left(&[integer(outside)]);
            }
        }
    }
}

#[test]
fn booleans_are_two_objects() {
    let called = of(&objects(), "_Bool(_Bool)", native::not as *const c_void);
    let (yes, no) = (called.heap.yes, called.heap.no);
    assert_eq!(called.call(&[yes.word()]), no.word());
    assert_eq!(called.call(&[no.word()]), yes.word());
    assert_eq!((yes.count.get(), no.count.get()), (2, 2));
    called.is_left(&[called.heap.nil.word()]);
    called.is_left(&[integer(1)]);
}

#[test]
fn floats_and_what_can_be_one() {
    for host in [objects(), objects_with_lock()] {
        let called = of(&host, "double(double, double, double)", native::multiply_add as *const c_void);
        assert_eq!(value(called.call(&[float(0.5), float(3.0), float(-1.25)])), Value::Float(0.25));
        assert_eq!(value(called.call(&[integer(-3), float(2.0), integer(7)])), Value::Float(1.0));
        events();
        called.is_left(&[float(0.5), float(3.0), called.heap.nil.word()]);
        called.is_left(&[float(0.5), integer(1 << 40), float(0.0)]);
        let called = of(&host, "float(float)", native::half as *const c_void);
        assert_eq!(value(called.call(&[float(0.1)])), Value::Float(f64::from(0.1f32 / 2.0)));
        assert_eq!(value(called.call(&[integer(-3)])), Value::Float(-1.5));
    }
    events();
}

#[test]
fn pointers_and_nil() {
    let called = of(&objects(), "void *(char *)", native::next as *const c_void);
    let memory = [0u8; 4];
    let address = memory.as_ptr().addr() as u64;
    assert_eq!(value(called.call(&[pointer(memory.as_ptr())])), Value::Pointer(address + 1));
    assert_eq!(value(called.call(&[called.heap.nil.word()])), Value::Pointer(0));
    called.is_left(&[integer(0)]);
    called.is_left(&[called.heap.no.word()]);
}

#[test]
fn as_many_arguments_as_there_are() {
    for host in [objects(), objects_with_lock()] {
        let numbers = |count: i64| (1..=count).map(integer).collect::<Vec<_>>();
        let four = of(&host, "long(long, long, long, long)", native::four as *const c_void);
        assert_eq!(value(four.call(&numbers(4))), Value::Integer(1234));
        let six = of(&host, "long(long, long, long, long, long, long)", native::six as *const c_void);
        assert_eq!(value(six.call(&numbers(6))), Value::Integer(123_456));
        let declaration = "long(long, long, long, long, long, long, long, long)";
        let eight = of(&host, declaration, native::digits as *const c_void);
        assert_eq!(value(eight.call(&numbers(8))), Value::Integer(12_345_678));
        events();
        for called in [four, six] {
            called.is_left(&numbers(8));
        }
        for index in 0..8 {
            let mut arguments = numbers(8);
            arguments[index] = float(1.0);
            eight.is_left(&arguments);
        }
    }
}

#[test]
fn both_kinds_of_registers_and_the_stack() {
    let declaration =
        "double(int, double, float, long, double, unsigned char, long, long, long, long, float, short)";
    for host in [objects(), objects_with_lock()] {
        let called = of(&host, declaration, native::mixed as *const c_void);
        let arguments = [
            integer(1),
            float(5.0),
            float(6.0),
            integer(2),
            float(7.0),
            integer(3),
            integer(4),
            integer(5),
            integer(6),
            integer(7),
            integer(8),
            integer(8),
        ];
        let expected = native::mixed(1, 5.0, 6.0, 2, 7.0, 3, 4, 5, 6, 7, 8.0, 8);
        assert_eq!(value(called.call(&arguments)), Value::Float(expected));
        events();
    }
}

#[test]
fn aggregates_by_value() {
    let declaration = "struct { double x, y; }(struct { double x, y; })";
    let called = of(&objects(), declaration, native::mirror as *const c_void);
    let result = called.call(&[record(Point { x: 1.0, y: 2.0 })]);
    assert_eq!(record_of::<Point>(result), Point { x: 2.0, y: 1.0 });
    assert_eq!(events(), ["allocate", "mirror"]);
    called.is_left(&[float(1.0)]);
    heap::EXHAUSTED.set(true);
    assert_eq!(called.call(&[record(Point { x: 1.0, y: 2.0 })]), 0, "the host has reported it");
    heap::EXHAUSTED.set(false);
    assert_eq!(events(), ["allocate"]);

    let with_lock = of(&objects_with_lock(), declaration, native::mirror as *const c_void);
    let result = with_lock.call(&[record(Point { x: -1.0, y: 0.5 })]);
    assert_eq!(record_of::<Point>(result), Point { x: 0.5, y: -1.0 });
    assert_eq!(events(), ["allocate", "release", "mirror", "regain"]);
}

#[test]
fn aggregates_in_memory() {
    let declaration = "struct { long words[5]; }(struct { long words[5]; }, int)";
    for host in [objects(), objects_with_lock()] {
        let called = of(&host, declaration, native::rotate as *const c_void);
        let result = called.call(&[record(Large { words: [1, 2, 3, 4, 5] }), integer(2)]);
        assert_eq!(record_of::<Large>(result), Large { words: [3, 4, 5, 1, 2] });
        events();
        called.is_left(&[record(Large { words: [0; 5] }), float(1.0)]);
    }
}
