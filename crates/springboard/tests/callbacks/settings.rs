//! What shapes stubs or their memory keeps engines' callbacks apart.

use springboard::{EngineBuilder, code::Announce, emit::LandingPads};

use super::*;

const DECLARATION: &str = "short (short, int64_t, short)";

fn some(kind: &CallbackType) -> Callback {
    kind.callback(|_: i16, _: i64, _: i16| 1i16).unwrap()
}

/// Whether callbacks of the two engines share their stubs, and so the count of late calls.
fn share(one: &Engine, other: &Engine) -> bool {
    let [one, other] = [one, other].map(|engine| engine.callback_type(DECLARATION).unwrap());
    assert!([&one, &other].iter().all(|kind| matches!(kind.path(), Path::Native)));
    let before = other.calls_after_close();
    let closed = some(&one);
    closed.close();
    let late = Engine::new().function_at(closed.address(), DECLARATION).unwrap();
    assert_eq!(call(&late, &[1i16.into(), 2i64.into(), 3i16.into()]), 0i16.into());
    other.calls_after_close() != before
}

#[test]
fn engines_that_differ_in_a_setting_share_no_stubs() {
    type Setting = fn(EngineBuilder) -> EngineBuilder;
    let settings: [(&str, Setting); 3] = [
        ("landing pads", |engine| engine.landing_pads(LandingPads::Emit)),
        ("limit", |engine| engine.code_limit(1 << 20)),
        ("announce", |engine| engine.announce(Announce::Gdb)),
    ];
    let plain = Engine::new();
    assert!(share(&plain, &Engine::new()));
    for (name, set) in settings {
        // Where landing pads are on by default, the setting changes nothing.
        if name == "landing pads" && cfg!(not(target_arch = "x86_64")) {
            continue;
        }
        let engine = set(Engine::builder()).build();
        assert!(!share(&plain, &engine) && !share(&engine, &plain), "{name}");
        assert!(share(&engine, &set(Engine::builder()).build()), "{name}");
    }
}

#[cfg(target_arch = "x86_64")]
#[test]
fn a_callback_begins_with_a_landing_pad_where_its_engine_says_so() {
    for (pads, expected) in
        [(LandingPads::Omit, false), (LandingPads::Emit, true), (LandingPads::Omit, false)]
    {
        let engine = Engine::builder().landing_pads(pads).build();
        let callback = some(&engine.callback_type(DECLARATION).unwrap());
        // SAFETY: a stub is longer than four bytes, and readable.
        let start = unsafe { callback.as_ptr().cast::<[u8; 4]>().read() };
        assert_eq!(start == [0xf3, 0x0f, 0x1e, 0xfa], expected);
    }
}

#[test]
fn callbacks_keep_to_their_engines_limit() {
    let engine = Engine::builder().code_limit(16 << 10).build();
    let kind = engine.callback_type("void (short, short, short, short)").unwrap();
    let made: Result<Vec<_>, _> =
        (0..10_000).map(|_| kind.callback(|_: i16, _: i16, _: i16, _: i16| {})).collect();
    let error = made.unwrap_err();
    assert!(matches!(error, CreateError::CodeLimit { bytes } if bytes == 16 << 10), "{error}");
    let unlimited = Engine::new().callback_type("void (short, short, short, short)").unwrap();
    unlimited.callback(|_: i16, _: i16, _: i16, _: i16| {}).unwrap();
}
