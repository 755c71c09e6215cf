//! The types of `bun:ffi`.

use std::collections::HashSet;
use std::{
    cell::RefCell,
    ffi::{CString, c_void},
    mem,
    rc::Rc,
    thread,
};

use springboard::{
    CallbackType, Engine, Jit, Mailbox, Word,
    callback::CopyIn,
    ir::{DataModel, Type},
};

use springboard_js::{bun::*, v8::Any};

#[test]
fn tags_are_places_in_the_table_and_names_are_unique() {
    let mut names = HashSet::new();
    for (index, ty) in TYPES.iter().enumerate() {
        assert_eq!(usize::from(ty.tag), index);
        assert_eq!(BunType::tagged(ty.tag), Some(ty));
        for name in [ty.name].iter().chain(ty.aliases) {
            assert!(names.insert(*name), "{name} is there twice");
            assert_eq!(BunType::named(name), Some(ty));
        }
    }
    assert_eq!(BunType::tagged(22), None);
    assert_eq!(BunType::named("I32"), None);
    assert_eq!(BunType::named("int32_t").map(|ty| ty.tag), Some(5));
}

#[test]
fn every_c_type_has_the_size_that_its_name_says() {
    let model = DataModel::of(&target_lexicon::Triple::host()).unwrap();
    let size = |name| match Declared::new(Use::Function, &[], name).unwrap().signature().result().clone() {
        Type::Void => 0,
        ty => ty.layout(&model).unwrap().size,
    };
    let sizes = TYPES.iter().filter(|ty| ty.places.contains(&Place::Result)).map(|ty| size(ty.name));
    assert!(sizes.eq([1, 1, 1, 2, 2, 4, 4, 8, 8, 8, 4, 1, 8, 0, 8, 8, 8, 8]));
}

#[test]
fn types_stand_where_they_may() {
    let error = |used, arguments: &[&str], returns| Declared::new(used, arguments, returns).unwrap_err();
    let text = |used, arguments: &[&str], returns| error(used, arguments, returns).to_string();
    assert_eq!(text(Use::Function, &["void"], "i32"), "void cannot be an argument");
    assert_eq!(text(Use::Function, &["napi_env"], "i32"), "napi_env cannot be an argument");
    assert_eq!(text(Use::Function, &[], "buffer"), "buffer cannot be a result");
    assert_eq!(text(Use::Function, &["i33"], "i32"), "unknown type i33 for an argument");
    let misplaced = "buffer_length cannot be an argument of a callback";
    assert_eq!(text(Use::Callback, &["buffer_length"], "void"), misplaced);
    Declared::new(Use::Function, &["buffer", "buffer_length"], "void").unwrap();
    Declared::new(Use::Callback, &["ptr"], "i32").unwrap();
    Declared::new(Use::ThreadsafeCallback, &["ptr", "u64_fast"], "void").unwrap();
    let error = error(Use::ThreadsafeCallback, &["ptr"], "bool");
    assert_eq!(error, BunError::ThreadsafeResult("bool".to_owned()));
}

#[test]
fn fast_integers_change_at_the_same_place_on_every_side() {
    use Any::{BigInt, Number};
    const EDGE: i64 = 1 << 53;
    for (value, expected) in [
        (0, Number(0.0)),
        (1 << 31, Number(2_147_483_648.0)),
        ((1 << 31) - 1, Number(2_147_483_647.0)),
        (-(1 << 31) - 1, Number(-2_147_483_649.0)),
        (1 << 32, Number(4_294_967_296.0)),
        (EDGE - 2, Number(9_007_199_254_740_990.0)),
        (EDGE - 1, Number(9_007_199_254_740_991.0)),
        (EDGE, BigInt(1 << 53)),
        (EDGE + 1, BigInt((1 << 53) + 1)),
        (-(EDGE - 2), Number(-9_007_199_254_740_990.0)),
        (-(EDGE - 1), Number(-9_007_199_254_740_991.0)),
        (-EDGE, BigInt(-(1 << 53))),
        (-(EDGE + 1), BigInt(-(1 << 53) - 1)),
        (i64::MAX, BigInt(i64::MAX as i128)),
        (i64::MIN, BigInt(i64::MIN as i128)),
    ] {
        assert_eq!(i64_fast(value), expected, "{value}");
        if let Ok(unsigned) = u64::try_from(value) {
            assert_eq!(u64_fast(unsigned), expected, "{value}, unsigned");
        }
    }
    assert_eq!(u64_fast(1 << 63), BigInt(1 << 63));
    assert_eq!(u64_fast(u64::MAX), BigInt(u64::MAX.into()));
}

fn decoded(name: &str, slot: u64) -> Any<'static> {
    // SAFETY: no text is asked for here.
    unsafe { BunType::named(name).unwrap().decode(slot) }
}

#[test]
fn slots_become_values_by_their_types() {
    use Any::{BigInt, Bool, Null, Number, Undefined};
    const DIRT: u64 = 0xabcd_ef01_2345_6700;
    for (name, slot, expected) in [
        ("char", DIRT | 0x80, Number(-128.0)),
        ("i8", (-1i64) as u64, Number(-1.0)),
        ("u8", DIRT | 0xff, Number(255.0)),
        ("i16", 0x8000, Number(-32768.0)),
        ("u16", 0xffff, Number(65535.0)),
        ("i32", 0x8000_0000, Number(-2_147_483_648.0)),
        ("u32", 0x8000_0000, Number(2_147_483_648.0)),
        ("i64", u64::MAX, BigInt(-1)),
        ("i64", 5, BigInt(5)),
        ("u64", 5, BigInt(5)),
        ("u64", u64::MAX, BigInt(u64::MAX.into())),
        ("i64_fast", 5, Number(5.0)),
        ("u64_fast", 5, Number(5.0)),
        ("i64_fast", (1 << 53) - 1, Number(9_007_199_254_740_991.0)),
        ("u64_fast", (1 << 53) - 1, Number(9_007_199_254_740_991.0)),
        ("i64_fast", 1 << 53, BigInt(1 << 53)),
        ("u64_fast", 1 << 53, BigInt(1 << 53)),
        ("i64_fast", (-(1i64 << 53)) as u64, BigInt(-(1 << 53))),
        ("i64_fast", (1 - (1i64 << 53)) as u64, Number(-9_007_199_254_740_991.0)),
        ("f64", 0.1f64.to_bits(), Number(0.1)),
        ("f32", u64::from(0.5f32.to_bits()), Number(0.5)),
        ("f64", (-0.0f64).to_bits(), Number(-0.0)),
        ("bool", 0x100, Bool(false)),
        ("bool", 0x102, Bool(true)),
        ("ptr", 0, Null),
        ("ptr", 0x7fff_dead_beef, Number(0x7fff_dead_beef_u64 as f64)),
        ("ptr", 1 << 63, BigInt(1 << 63)),
        ("function", 0, Null),
        ("cstring", 0, Null),
        ("void", 7, Undefined),
    ] {
        let value = decoded(name, slot);
        // Numbers by their bits, which tell -0 from 0.
        match (&value, &expected) {
            (Number(a), Number(b)) => assert_eq!(a.to_bits(), b.to_bits(), "{name} {slot:#x}"),
            _ => assert_eq!(value, expected, "{name} {slot:#x}"),
        }
    }
    // A payload could be a boxed value.
    for payload in [0xfffe_0000_0000_0002, 0x7ff8_0000_0000_0001, 0xfff0_0000_0000_0001_u64] {
        let Number(value) = decoded("f64", payload) else { panic!("a number") };
        assert_eq!(value.to_bits(), f64::NAN.to_bits(), "{payload:#x}");
    }
    for (bytes, text) in [(&b"caf\xc3\xa9"[..], "caf\u{e9}"), (b"caf\xe9", "caf\u{e9}"), (b"", "")] {
        let copy = CString::new(bytes).unwrap();
        // SAFETY: it ends with a zero byte.
        let value = unsafe { BunType::named("cstring").unwrap().decode(copy.as_ptr().into_slot()) };
        assert_eq!(value, Any::Text(text.into()));
    }
}

/// Every type that a callback takes, from another thread: raw words there, values here.
#[test]
fn a_threadsafe_callback_gets_values_of_every_type() {
    let names = [
        "char", "i8", "u8", "i16", "u16", "i32", "u32", "i64", "u64", "f64", "f32", "bool", "ptr", "cstring",
        "i64_fast", "u64_fast", "function", "buffer",
    ];
    let declared = Declared::new(Use::ThreadsafeCallback, &names, "void").unwrap();
    assert_eq!(declared.arguments().iter().map(|ty| ty.name).collect::<Vec<_>>(), names);
    for jit in [Jit::On, Jit::Off] {
        let engine = Engine::builder().jit(jit).build();
        let mailbox = Mailbox::unbounded().unwrap();
        let seen = Rc::new(RefCell::new(Vec::new()));
        let list = Rc::clone(&seen);
        let copied = |kind: &CallbackType, mailbox: &Mailbox| kind.copy_in(13, CopyIn::Text)?.post(mailbox);
        let handler = move |values: &[Any<'static>]| list.borrow_mut().push(values.to_vec());
        // SAFETY: the text is copied in.
        let callback = unsafe { declared.threadsafe(&engine, &mailbox, copied, handler) }.unwrap();
        type Code = extern "C" fn(
            i8,
            i8,
            u8,
            i16,
            u16,
            i32,
            u32,
            i64,
            u64,
            f64,
            f32,
            bool,
            *const c_void,
            *const i8,
            i64,
            u64,
            *const c_void,
            *const c_void,
        );
        // SAFETY: that is the type of its C signature.
        let code = unsafe { mem::transmute::<*mut c_void, Code>(callback.as_ptr()) };
        thread::spawn(move || {
            for round in 0..50i64 {
                let text = CString::new(format!("text {round}")).unwrap();
                let nowhere = std::ptr::null();
                code(
                    -1,
                    -2,
                    200,
                    -300,
                    60_000,
                    -70_000,
                    4_000_000_000,
                    round,
                    u64::MAX,
                    f64::NAN,
                    0.5,
                    true,
                    std::ptr::without_provenance(0x1000),
                    text.as_ptr().cast(),
                    round,
                    u64::MAX,
                    nowhere,
                    std::ptr::without_provenance(usize::MAX),
                );
            }
        })
        .join()
        .unwrap();
        assert!(seen.borrow().is_empty());
        assert_eq!(mailbox.drain(usize::MAX), Ok(50));
        for (round, values) in (0..50).zip(seen.take()) {
            use Any::{BigInt, Bool, Null, Number};
            assert!(matches!(values[9], Number(value) if value.is_nan()));
            let expected = [
                Number(-1.0),
                Number(-2.0),
                Number(200.0),
                Number(-300.0),
                Number(60_000.0),
                Number(-70_000.0),
                Number(4e9),
                BigInt(round),
                BigInt(u64::MAX.into()),
            ];
            assert_eq!(values[..9], expected);
            let expected = [
                Number(0.5),
                Bool(true),
                Number(4096.0),
                Any::Text(format!("text {round}").into()),
                Number(round as f64),
                BigInt(u64::MAX.into()),
                Null,
                BigInt(u64::MAX.into()),
            ];
            assert_eq!(values[10..], expected);
        }
        drop(callback);
        assert_eq!(Rc::strong_count(&seen), 1, "the handler is freed");
    }
}
