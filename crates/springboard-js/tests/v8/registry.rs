//! Functions of the host's own, and what a snapshot has to know.

use std::{ffi::c_void, ptr};

use springboard_process::together;

use super::{host, libc};
use springboard::{Engine, Jit, Library as Native};
use springboard_js::v8::*;

extern "C" fn one(_: Receiver, value: i64) -> bool {
    value > 0
}

extern "C" fn another(_: Receiver, value: f32) -> f32 {
    value
}

extern "C" fn with_options(_: Receiver, _: Value, _: u32, _: HostOptions) {}

fn slow(_: *mut c_void, _: &Call<'_>) -> Result<Any<'static>, Thrown> {
    Ok(Any::Undefined)
}

#[test]
fn variants_describe_themselves() {
    let variant = Variant::new(one as extern "C" fn(Receiver, i64) -> bool);
    let described = Description {
        result: Kind::Bool,
        arguments: [Kind::I64].into(),
        options: false,
        int64: Int64::BigInt,
    };
    assert_eq!(*variant.description(), described);
    assert_eq!(variant.int64(Int64::Number).description().int64, Int64::Number);
    let variant = Variant::new(with_options as extern "C" fn(Receiver, Value, u32, HostOptions));
    let described = Description {
        result: Kind::Void,
        arguments: [Kind::Value, Kind::U32].into(),
        options: true,
        int64: Int64::Number,
    };
    assert_eq!(*variant.description(), described);
    assert_eq!(variant.address(), with_options as *const c_void);
}

#[test]
fn mistakes_are_found_when_a_twin_is_registered() {
    let one = || Variant::new(one as extern "C" fn(Receiver, i64) -> bool);
    let another = || Variant::new(another as extern "C" fn(Receiver, f32) -> f32);
    let options = || Variant::new(with_options as extern "C" fn(Receiver, Value, u32, HostOptions));
    let mut registry = Registry::new();
    registry.add(Twin::new("a.b", slow).variant(one()).outcome("ok")).unwrap();
    let mut mistake = |twin| registry.add(twin).unwrap_err().to_string();
    assert_eq!(mistake(Twin::new("a.b", slow)), "a function named a.b is registered already");
    let twice = Twin::new("a.c", slow).variant(one()).variant(another());
    assert_eq!(mistake(twice), "a.c has two variants of 1 arguments");
    let lost = Twin::new("a.c", slow).variant(options());
    assert_eq!(mistake(lost), "the variant of a.c of 2 arguments takes options, and a.c has no context");
    let keys = Twin::new("a.c", slow).outcome("ok").outcome("ok");
    assert_eq!(mistake(keys), "the tracking key a.c.ok is taken");
    for name in ["", "a", "a.", ".b", "a.b.c"] {
        assert_eq!(mistake(Twin::new(name, slow)), format!("{name:?} is no namespace.function"));
    }
    assert_eq!(mistake(Twin::new("a.c", slow).outcome("o.k")), "\"o.k\" is no namespace.function");
    // What was refused has left nothing behind.
    let mut context = 0;
    let twin = Twin::new("a.c", slow).context((&raw mut context).cast()).variant(options()).outcome("ok");
    registry.add(twin).unwrap();
}

#[test]
fn a_snapshot_knows_every_address() {
    let _process = together();
    let native = libc().function("int abs(int)", &Settings::default()).unwrap();
    let mut registry = Registry::new();
    let variant = || Variant::new(one as extern "C" fn(Receiver, i64) -> bool);
    let two = Variant::new(with_options as extern "C" fn(Receiver, Value, u32, HostOptions));
    let mut context = 0;
    let twin = Twin::new("a.b", slow).context((&raw mut context).cast()).variant(variant()).variant(two);
    let twin = registry.add(twin).unwrap();
    let native = registry.add_native(&native);
    let last = registry.add(Twin::new("a.c", slow).variant(variant())).unwrap();
    // What a host makes of a description is where the description is, here.
    let info = |description: &Description| (&raw const *description).cast::<c_void>();
    let references = registry.external_references(info);
    let mut expected = Vec::new();
    for function in [&twin, &native, &last] {
        expected.push(function.data());
        for FastCode { address, description } in function.fast() {
            expected.extend([address, info(description)]);
        }
    }
    assert_eq!(expected.len(), 5 + 3 + 3);
    assert_eq!(references, expected);
    assert_eq!(references, registry.clone().external_references(info), "they do not move with the registry");
    // SAFETY: the twin lives.
    let found = unsafe { Registered::of(twin.data()) };
    assert_eq!(found.context(), (&raw mut context).cast());
    assert!(registry.get("a.b").is_some_and(|known| ptr::eq(&raw const **known, found)));
    // SAFETY: abs takes any integer but the smallest.
    assert_eq!(unsafe { native.call_slow(&Call::with(&[Any::Number(-5.0)])) }, Ok(Any::Number(5.0)));
}

#[test]
fn a_function_without_code_keeps_its_places_in_a_snapshot() {
    let _process = together();
    let references = |jit| {
        let engine = Engine::builder().jit(jit).build();
        let library = Library::new(&engine, &Native::process(), host());
        let mut registry = Registry::new();
        let native = library.function("int abs(int)", &Settings::default()).unwrap();
        let has_code = !registry.add_native(&native).fast().is_empty();
        (has_code, registry.external_references(|_| ptr::null()).len())
    };
    assert_eq!((references(Jit::On), references(Jit::Off)), ((true, 3), (false, 3)));
}

#[cfg(feature = "v8-tracking")]
#[test]
fn calls_are_counted_by_key() {
    let count = || springboard_js::v8_track!("tests.counted.ok");
    assert_eq!(calls("tests.counted.ok"), 0);
    count();
    count();
    springboard_js::v8_track!("tests.counted.error");
    assert_eq!((calls("tests.counted.ok"), calls("tests.counted.error"), calls("tests.counted")), (2, 1, 0));
}

#[cfg(feature = "v8-tracking")]
#[test]
fn a_key_stands_in_one_place() {
    springboard_js::v8_track!("tests.twice.ok");
    let again = std::panic::catch_unwind(|| springboard_js::v8_track!("tests.twice.ok")).unwrap_err();
    let again = again.downcast::<String>().unwrap();
    assert!(again.contains("tests.twice.ok") && again.matches("registry.rs").count() == 2, "{again}");
    assert_eq!(calls("tests.twice.ok"), 1);
}

#[cfg(feature = "v8-tracking")]
#[test]
fn keys_have_two_or_three_parts() {
    const { Tracker::new("a.b") };
    for key in ["", "a", "a.", ".b", "a..b", "a.b.", "a.b.c.d"] {
        assert!(std::panic::catch_unwind(|| Tracker::new(key)).is_err(), "{key:?}");
    }
}

/// Nothing is what a constant can hold, and counting is not.
#[cfg(not(feature = "v8-tracking"))]
const _: () = {
    springboard_js::v8_track!("tests.off.nothing");
};
