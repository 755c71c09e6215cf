//! Hosts whose values are words: small integers and doubles have no object.

use std::{
    cell::Cell,
    ffi::{c_char, c_void},
};

use springboard::abi::boxed::{Arguments, BoxedCall, Callable, Host};
use springboard::{Engine, ir::Signature};
use springboard_tests::hosts::{KIND_FLOAT, address, doubles, words};

use crate::{
    native::{self, Large, events, note},
    stub::{FROM_SLOW, Function, Word, slow_calls},
};

const THIS: Word = 0x7410;
const NIL: Word = 4;
const NO: Word = 2;
const YES: Word = 6;
/// What cannot be made an integer or a float.
const NONSENSE: Word = 10;

pub(crate) const fn small(value: i64) -> Word {
    (value as u64) << 1 | 1
}

/// An object: flags, then its memory.
#[repr(C, align(8))]
struct Object<T> {
    flags: u64,
    value: T,
}

/// The low bits of an object's flags are its kind, and the others anything.
pub(crate) fn object<T>(kind: u64, value: T) -> Word {
    let object = Box::leak(Box::new(Object { flags: kind | 0x1234_5600, value }));
    std::ptr::from_mut(object).expose_provenance() as u64
}

pub(crate) fn memory<T: Copy>(word: Word) -> T {
    let object = std::ptr::with_exposed_provenance::<Object<T>>(word as usize);
    // SAFETY: tests pass objects whose value is a `T`, or larger; they are never freed.
    unsafe { (*object).value }
}

pub(crate) fn float(value: f64) -> Word {
    object(KIND_FLOAT, value)
}

/// An integer with an object.
fn large(value: i64) -> Word {
    object(1, value)
}

thread_local! {
    static OCCURRED: Cell<bool> = const { Cell::new(false) };
}

extern "C" fn to_integer(word: Word) -> i64 {
    note("to_integer");
    OCCURRED.set(word == NONSENSE);
    match word {
        NONSENSE => -1,
        _ if word & 1 == 1 => word as i64 >> 1,
        _ => memory(word),
    }
}

extern "C" fn to_float(word: Word) -> f64 {
    note("to_float");
    if word == NONSENSE { -1.0 } else { memory::<i64>(word) as f64 }
}

extern "C" fn occurred() -> *const c_void {
    note("occurred");
    if OCCURRED.get() { std::ptr::dangling() } else { std::ptr::null() }
}

extern "C" fn wide(value: i64) -> Word {
    note("wide");
    large(value)
}

extern "C" fn new_float(value: f64) -> Word {
    float(value)
}

extern "C" fn record() -> Word {
    object(2, Large { words: [-1; 5] })
}

fn addresses() -> [Word; address::COUNT] {
    let function = |function: *const c_void| function.expose_provenance() as u64;
    let mut addresses = [0; address::COUNT];
    for (number, word) in [
        (address::NIL, NIL),
        (address::YES, YES),
        (address::NO, NO),
        (address::SIGNED, function(wide as *const c_void)),
        (address::UNSIGNED, function(wide as *const c_void)),
        (address::POINTER, function(wide as *const c_void)),
        (address::FLOAT, function(new_float as *const c_void)),
        (address::RECORD, function(record as *const c_void)),
        (address::TO_INTEGER, function(to_integer as *const c_void)),
        (address::TO_FLOAT, function(to_float as *const c_void)),
        (address::OCCURRED, function(occurred as *const c_void)),
    ] {
        addresses[usize::from(number.0)] = word;
    }
    addresses
}

/// A function of [`words`].
pub(crate) struct Called(Function);

pub(crate) fn of(declaration: &str, target: *const c_void) -> Called {
    Called(Function::new(&words(), declaration, target, &addresses()))
}

/// What nobody has promised to be zero above a count of 32 bits.
const ABOVE_COUNT: u64 = 0xdead << 32;

impl Called {
    fn words(arguments: &[Word]) -> [Word; 3] {
        let array = arguments.as_ptr().expose_provenance() as u64;
        [ABOVE_COUNT | arguments.len() as u64, array, THIS]
    }

    pub(crate) fn call(&self, arguments: &[Word]) -> Word {
        let result = self.0.enter(Called::words(arguments));
        assert_eq!(slow_calls(), [[0; 3]; 0], "the stub does it");
        result
    }

    pub(crate) fn is_left(&self, arguments: &[Word]) {
        let words = Called::words(arguments);
        assert_eq!(self.0.enter(words), FROM_SLOW);
        assert_eq!(slow_calls(), [words]);
    }
}

#[test]
fn small_integers_have_no_object() {
    let called = of("long(long)", native::same_long as *const c_void);
    let most = i64::MAX >> 1;
    for value in [0, 1, -1, 77, most, -most - 1] {
        assert_eq!(called.call(&[small(value)]), small(value));
    }
    assert_eq!(events(), [""; 0]);
    called.is_left(&[]);
    called.is_left(&[small(1), small(2)]);
}

#[test]
fn other_integers_are_asked_for() {
    let called = of("long(long)", native::same_long as *const c_void);
    // One bit more than a word with a tag has.
    for value in [i64::MAX, i64::MIN, i64::MAX / 2 + 1, i64::MIN / 2 - 1] {
        let result = called.call(&[large(value)]);
        assert_eq!(memory::<i64>(result), value);
        assert_eq!(events(), ["to_integer", "wide"]);
    }
    assert_eq!(called.call(&[large(5)]), small(5));
    assert_eq!(events(), ["to_integer"]);
    // The value that reports errors, and the error.
    assert_eq!(called.call(&[large(-1)]), small(-1));
    assert_eq!(events(), ["to_integer", "occurred"]);
    called.is_left(&[NONSENSE]);
    assert_eq!(events(), ["to_integer", "occurred"]);
}

#[test]
fn what_is_asked_for_is_in_range() {
    let called = of("short(short)", native::same_short as *const c_void);
    for value in [i16::MIN, i16::MAX, -1, 0] {
        assert_eq!(called.call(&[small(value.into())]), small(value.into()));
        assert_eq!(called.call(&[large(value.into())]), small(value.into()));
    }
    for value in [i64::from(i16::MIN) - 1, i64::from(i16::MAX) + 1, i64::MIN] {
        called.is_left(&[large(value)]);
    }
    called.is_left(&[small(1 << 20)]);
    let called = of("unsigned long(unsigned long)", native::same_size as *const c_void);
    called.is_left(&[small(-1)]);
    called.is_left(&[large(-5)]);
    assert_eq!(called.call(&[small(i64::MAX >> 1)]), small(i64::MAX >> 1));
    events();
    assert_eq!(memory::<i64>(called.call(&[large(i64::MAX)])), i64::MAX);
    assert_eq!(events(), ["to_integer", "wide"]);
    events();
}

extern "C" fn top() -> u64 {
    u64::MAX
}

#[test]
fn unsigned_integers_never_come_back_negative() {
    let called = of("unsigned long(void)", top as *const c_void);
    assert_eq!(memory::<u64>(called.call(&[])), u64::MAX);
    assert_eq!(events(), ["wide"]);
    extern "C" fn narrow() -> u32 {
        u32::MAX
    }
    let called = of("unsigned(void)", narrow as *const c_void);
    assert_eq!(called.call(&[]), small(u32::MAX.into()));
    assert_eq!(events(), [""; 0]);
}

#[test]
fn arguments_that_are_asked_for_wait_on_the_stack() {
    let declaration =
        "double(int, double, float, long, double, unsigned char, long, long, long, long, float, short)";
    let called = of(declaration, native::mixed as *const c_void);
    let arguments = [
        large(1),
        float(5.0),
        large(6),
        small(2),
        small(7),
        large(3),
        large(4),
        small(5),
        large(6),
        small(7),
        float(8.0),
        large(8),
    ];
    let expected = native::mixed(1, 5.0, 6.0, 2, 7.0, 3, 4, 5, 6, 7, 8.0, 8);
    assert_eq!(memory::<f64>(called.call(&arguments)), expected);
    events();
    for index in 0..arguments.len() {
        let mut arguments = arguments;
        arguments[index] = NONSENSE;
        called.is_left(&arguments);
    }
    events();
}

#[test]
fn an_object_is_told_from_a_value_before_it_is_read() {
    let called = of("char(const char *)", first as *const c_void);
    extern "C" fn first(text: *const c_char) -> c_char {
        // SAFETY: the test passes objects with bytes.
        unsafe { text.read() }
    }
    assert_eq!(called.call(&[object(3, *b"words\0")]), small(i64::from(b'w')));
    for word in [small(3), NIL, YES] {
        called.is_left(&[word]);
    }
}

#[test]
fn booleans_and_nothing() {
    let called = of("_Bool(_Bool)", native::not as *const c_void);
    assert_eq!((called.call(&[NO]), called.call(&[YES])), (YES, NO));
    called.is_left(&[NIL]);
    called.is_left(&[small(1)]);
    let called = of("void(void)", native::nothing as *const c_void);
    assert_eq!(called.call(&[]), NIL);
    assert_eq!(events(), ["nothing"]);
}

#[test]
fn aggregates_have_their_memory_in_the_object() {
    let declaration = "struct { long words[5]; }(struct { long words[5]; }, int)";
    let called = of(declaration, native::rotate as *const c_void);
    let result = called.call(&[object(2, Large { words: [1, 2, 3, 4, 5] }), small(1)]);
    assert_eq!(memory::<Large>(result), Large { words: [2, 3, 4, 5, 1] });
    called.is_left(&[small(0), small(1)]);
}

/// A host without objects: the words of [`doubles`].
fn boxed_double(value: f64) -> Word {
    value.to_bits() + (1 << 48)
}

fn of_host(host: Host, declaration: &str, target: *const c_void) -> Function {
    let engine = Engine::new();
    let signature = Signature::parse(declaration).expect("a declaration");
    let call = BoxedCall::new(signature, &host, engine.data_model()).expect("it has a layout");
    Function::of(&engine, &call, target, &addresses())
}

#[test]
fn doubles_are_words() {
    extern "C" fn subtract(a: f64, b: f32) -> f64 {
        a - f64::from(b)
    }
    let function = of_host(doubles(), "double(double, float)", subtract as *const c_void);
    for (a, b) in [(1.0, 0.5), (-0.0, 0.0), (f64::INFINITY, 1.0), (-1e300, 2.0)] {
        assert_eq!(function.enter([THIS, boxed_double(a), boxed_double(b)]), boxed_double(a - b));
    }
    assert_eq!(slow_calls(), [[0; 3]; 0]);
    let none = (1 << 48) - 1;
    for words in [[THIS, none, boxed_double(1.0)], [THIS, boxed_double(1.0), 0]] {
        assert_eq!(function.enter(words), FROM_SLOW);
        assert_eq!(slow_calls(), [words]);
    }
    extern "C" fn third(value: f32) -> f32 {
        value / 3.0
    }
    let function = of_host(doubles(), "float(float)", third as *const c_void);
    assert_eq!(function.enter([0, boxed_double(1.0), 0]), boxed_double(f64::from(1.0f32 / 3.0)));
}

#[test]
fn a_parameter_that_has_to_be_zero() {
    let callable = Callable {
        parameters: 3,
        arguments: Arguments::Array { array: 0, count: 1, count_mask: !(1 << 63) },
        zero: Some(2),
    };
    let function = of_host(Host { callable, ..words() }, "long(long)", native::same_long as *const c_void);
    let arguments = [small(7)];
    let array = arguments.as_ptr().expose_provenance() as u64;
    assert_eq!(function.enter([array, 1 | 1 << 63, 0]), small(7));
    assert_eq!(function.enter([array, 1, 0]), small(7));
    assert_eq!(slow_calls(), [[0; 3]; 0]);
    for words in [[array, 1 | 1 << 63, 9], [array, 2, 0], [array, 0, 0], [array, 1 << 62, 0]] {
        assert_eq!(function.enter(words), FROM_SLOW);
        assert_eq!(slow_calls(), [words]);
    }
}

#[test]
fn a_variadic_function_is_told_how_many_vector_registers_there_are() {
    // SAFETY: declared by the C library as here.
    unsafe extern "C" {
        fn snprintf(to: *mut c_char, size: usize, format: *const c_char, ...) -> i32;
    }
    let declaration = "int(char *, unsigned long, const char *, ..., double, long, double)";
    let called = of(declaration, snprintf as *const c_void);
    let to = object(3, [0u8; 64]);
    let format = object(3, *b"%.2f %ld %.1f\0\0\0");
    let length = called.call(&[to, small(64), format, float(1.25), small(-7), float(0.5)]);
    assert_eq!(length, small(11));
    let text: [u8; 11] = memory(to);
    assert_eq!(&text, b"1.25 -7 0.5");
}
