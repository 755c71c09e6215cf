//! Functions of the host's own: fast variants beside a slow twin.

use std::{
    ffi::c_void,
    sync::atomic::{AtomicU64, Ordering},
};

use springboard_js::{
    v8::{
        Any, Call, ErrorKind, HostOptions, OneByteString, Receiver, Registry, Thrown, Twin, Value, Variant,
        calls,
    },
    v8_track,
};

use crate::{
    Case, Since,
    host::fail,
    realm::{Realm, context_of, is_modern},
};

pub(crate) const CASES: &[Case] = &[
    Case { name: "twins::errors_from_fast_calls", since: Since::Always, run: errors_from_fast_calls },
    Case { name: "twins::overloads_by_arity", since: Since::Always, run: overloads_by_arity },
    Case { name: "twins::more_arguments_than_any_variant", since: Since::Always, run: more_arguments },
    Case { name: "twins::strings_of_one_byte", since: Since::V12_6, run: strings_of_one_byte },
    Case { name: "twins::any_value", since: Since::Always, run: any_value },
];

/// The context of `maths.divide`: how many divisions there were.
static DIVISIONS: AtomicU64 = AtomicU64::new(0);

fn by_zero() -> Thrown {
    Thrown::new(ErrorKind::RangeError, "division by zero")
}

extern "C" fn divide(_: Receiver, a: i32, b: i32, options: HostOptions) -> i32 {
    // SAFETY: the twin's context is such a counter.
    let divisions = unsafe { &*context_of(options).cast::<AtomicU64>() };
    if b == 0 {
        v8_track!("maths.divide.error");
        fail(options.0.as_ptr(), &by_zero());
        return 0;
    }
    v8_track!("maths.divide.ok");
    divisions.fetch_add(1, Ordering::Relaxed);
    a.wrapping_div(b)
}

fn divide_slow(context: *mut c_void, call: &Call<'_>) -> Result<Any<'static>, Thrown> {
    v8_track!("maths.divide.slow");
    let [Any::Number(a), Any::Number(b)] = call.arguments else {
        return Err(Thrown::new(ErrorKind::TypeError, "divide takes two numbers"));
    };
    if *b == 0.0 {
        return Err(by_zero());
    }
    // SAFETY: the twin's context is such a counter.
    unsafe { &*context.cast::<AtomicU64>() }.fetch_add(1, Ordering::Relaxed);
    Ok(Any::Number((a / b).trunc()))
}

/// `maths.divide`: its fast variant takes V8's options.
pub(crate) fn division() -> Twin {
    let fast: extern "C" fn(Receiver, i32, i32, HostOptions) -> i32 = divide;
    let context = (&raw const DIVISIONS).cast_mut().cast::<c_void>();
    let twin = Twin::new("maths.divide", divide_slow).context(context).variant(Variant::new(fast));
    twin.outcome("ok").outcome("error").outcome("slow")
}

fn errors_from_fast_calls() {
    let twin = Registry::new().add(division()).expect("it is right");
    let mut realm = Realm::new();
    let handle = realm.define_registered("divide", &twin);
    let counts = || ["ok", "error", "slow"].map(|outcome| calls(&format!("maths.divide.{outcome}")));
    realm.eval("hot = optimised('divide', 12, 3); 0");
    let (slow, before) = (realm.slow_calls(handle), counts());
    assert_eq!(realm.eval("show(hot(42, -4))"), "-10");
    assert_eq!(counts(), [before[0] + 1, before[1], before[2]], "the fast variant, exactly once");
    assert_eq!(realm.eval("attempt(hot, 1, 0)"), "RangeError: division by zero");
    // An old V8 has the slow twin report the error.
    let reported = if is_modern() { 0 } else { 1 };
    assert_eq!(counts(), [before[0] + 1, before[1] + 1, before[2] + reported]);
    assert_eq!(realm.slow_calls(handle), slow + reported);
    assert_eq!(realm.eval("attempt(hot, 'x', 0)"), "TypeError: divide takes two numbers");
    assert_eq!(realm.eval("attempt(divide, 42, -4)"), "-10");
    // Twice to warm, and once just now.
    assert_eq!(DIVISIONS.load(Ordering::Relaxed), counts()[0] + 3, "both halves have the same context");
}

extern "C" fn one(_: Receiver, a: f64) -> f64 {
    v8_track!("maths.sum.one");
    a
}

extern "C" fn two(_: Receiver, a: f64, b: f64) -> f64 {
    v8_track!("maths.sum.two");
    a + b
}

fn sum_slow(_: *mut c_void, call: &Call<'_>) -> Result<Any<'static>, Thrown> {
    v8_track!("maths.sum.slow");
    let mut numbers = call.arguments.iter().map(|any| match any {
        Any::Number(value) => Ok(*value),
        _ => Err(Thrown::new(ErrorKind::TypeError, "sum takes numbers")),
    });
    let sum = |sum: f64, number: Result<f64, Thrown>| Ok(sum + number?);
    Ok(Any::Number(numbers.try_fold(0.0, sum)?))
}

/// `maths.sum`: fast for one number and for two.
pub(crate) fn sum() -> Twin {
    let (one, two) =
        (one as extern "C" fn(Receiver, f64) -> f64, two as extern "C" fn(Receiver, f64, f64) -> f64);
    Twin::new("maths.sum", sum_slow).variant(Variant::new(one)).variant(Variant::new(two))
}

fn overloads_by_arity() {
    let twin = Registry::new().add(sum()).expect("it is right");
    let mut realm = Realm::new();
    realm.define_registered("sum", &twin);
    let counts = || ["one", "two", "slow"].map(|outcome| calls(&format!("maths.sum.{outcome}")));
    realm.eval("hot1 = optimised('sum', 1.5); hot2 = optimised('sum', 1.5, 2); 0");
    realm.eval("hot3 = optimised('sum', 1.5, 2, 3); hot0 = optimised('sum'); 0");
    let before = counts();
    assert_eq!(realm.eval("show(hot1(7.5))"), "7.5");
    assert_eq!(counts(), [before[0] + 1, before[1], before[2]]);
    assert_eq!(realm.eval("show(hot2(7.5, 2))"), "9.5");
    assert_eq!(counts(), [before[0] + 1, before[1] + 1, before[2]]);
    // No variant takes none.
    assert_eq!(realm.eval("show(hot0())"), "0");
    assert_eq!(counts(), [before[0] + 1, before[1] + 1, before[2] + 1]);
    assert_eq!(realm.eval("attempt(hot2, 'x', 2)"), "TypeError: sum takes numbers");
    assert_eq!(counts(), [before[0] + 1, before[1] + 1, before[2] + 2]);
}

/// Before 12.6 V8 drops arguments for the largest variant that they suffice for; since then it wants the exact number.
fn more_arguments() {
    let twin = Registry::new().add(sum()).expect("it is right");
    let mut realm = Realm::new();
    let handle = realm.define_registered("sum", &twin);
    realm.eval("hot4 = optimised('sum', 1, 2, 3, 4); 0");
    let slow = realm.slow_calls(handle);
    let (result, slow_calls) = if is_modern() { ("10", 1) } else { ("3", 0) };
    assert_eq!(
        (realm.eval("show(hot4(1, 2, 3, 4))"), realm.slow_calls(handle) - slow),
        (result.into(), slow_calls)
    );
    assert_eq!(realm.eval("show(sum(1, 2, 3, 4))"), "10");
}

extern "C" fn length(_: Receiver, text: *const OneByteString) -> u32 {
    v8_track!("text.length.fast");
    // SAFETY: V8 passes the address of a string that is good during the call.
    unsafe { &*text }.latin1().iter().map(|byte| u32::from(*byte)).sum()
}

fn length_slow(_: *mut c_void, call: &Call<'_>) -> Result<Any<'static>, Thrown> {
    let [Any::Text(text)] = call.arguments else {
        return Err(Thrown::new(ErrorKind::TypeError, "it takes a string"));
    };
    Ok(Any::Number(text.chars().map(|character| f64::from(u32::from(character))).sum()))
}

fn strings_of_one_byte() {
    let mut registry = Registry::new();
    let fast = length as extern "C" fn(Receiver, *const OneByteString) -> u32;
    let twin =
        registry.add(Twin::new("text.length", length_slow).variant(Variant::new(fast))).expect("it is right");
    let mut realm = Realm::new();
    let handle = realm.define_registered("len", &twin);
    realm.eval("hot = optimised('len', 'abc'); 0");
    let (slow, before) = (realm.slow_calls(handle), calls("text.length.fast"));
    assert_eq!(realm.eval("show(hot('ab\\u00ff'))"), (97 + 98 + 255).to_string());
    assert_eq!((realm.slow_calls(handle), calls("text.length.fast")), (slow, before + 1));
    // Not of one byte a character.
    assert_eq!(realm.eval("attempt(hot, '\\u20ac')"), 0x20ac.to_string());
    assert_eq!(realm.eval("attempt(hot, 5)"), "TypeError: it takes a string");
    assert_eq!((realm.slow_calls(handle), calls("text.length.fast")), (slow + 2, before + 1));
}

extern "C" fn takes(_: Receiver, value: Value, factor: u32) -> u32 {
    v8_track!("value.takes.fast");
    // Nothing is known of the value but that there is one.
    if value.0.is_null() { 0 } else { factor * 2 }
}

fn takes_slow(_: *mut c_void, call: &Call<'_>) -> Result<Any<'static>, Thrown> {
    match call.arguments {
        [_, Any::Number(factor)] => Ok(Any::Number(factor * 2.0)),
        _ => Err(Thrown::new(ErrorKind::TypeError, "it takes a value and a number")),
    }
}

fn any_value() {
    let mut registry = Registry::new();
    let fast = takes as extern "C" fn(Receiver, Value, u32) -> u32;
    let twin =
        registry.add(Twin::new("value.takes", takes_slow).variant(Variant::new(fast))).expect("it is right");
    let mut realm = Realm::new();
    realm.define_registered("takes", &twin);
    realm.eval("hot = optimised('takes', {}, 1); 0");
    let before = calls("value.takes.fast");
    for value in ["{}", "[1]", "'text'", "5", "null", "undefined", "Symbol()", "5n"] {
        assert_eq!(realm.eval(&format!("show(hot(({value}), 21))")), "42", "{value}");
    }
    assert_eq!(calls("value.takes.fast"), before + 8);
}
