//! Buffers of all kinds, and what stands before and after them.

use springboard_js::v8::Settings;

use crate::{
    Case, Since,
    host::{Fixture, settings},
    realm::{Handle, Realm, is_modern},
};

pub(crate) const CASES: &[Case] = &[
    Case { name: "buffers::of_all_kinds", since: Since::Always, run: of_all_kinds },
    Case { name: "buffers::empty_ones", since: Since::Always, run: empty },
    Case { name: "buffers::that_change_their_size", since: Since::V12_6, run: resizable },
    Case { name: "buffers::values_that_are_none", since: Since::Always, run: none },
    Case { name: "buffers::scalars_before_a_buffer_are_kept", since: Since::Always, run: scalars_before },
    Case { name: "buffers::two_in_one_call", since: Since::Always, run: two },
];

fn define(realm: &mut Realm, fixture: &Fixture, name: &str, declaration: &str, buffers: &[u16]) -> Handle {
    let settings = Settings { buffers: buffers.into(), ..settings() };
    realm.define(name, &fixture.function_with(declaration, settings))
}

const SUM: &str = "uint32_t sum_bytes(const uint8_t *, uint32_t)";

fn of_all_kinds() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    let handle = define(&mut realm, &fixture, "sum_bytes", SUM, &[0]);
    realm.eval("bytes = Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8); shared = new SharedArrayBuffer(8); 0");
    realm.eval("new Uint8Array(shared).set([11, 12, 13, 14, 15, 16, 17, 18]); 0");
    for (value, expected) in [
        ("bytes", 10),
        ("bytes.subarray(2)", 18),
        ("bytes.buffer", 10),
        ("new DataView(bytes.buffer, 3)", 22),
        ("new Uint32Array(bytes.buffer, 4, 1)", 26),
        ("new Float64Array(bytes.buffer)", 10),
        // Small enough for V8 to keep its bytes in the object itself, until somebody asks for their address.
        ("Uint8Array.of(9, 8, 7, 6)", 30),
        ("new Uint8Array(1 << 20).fill(3)", 12),
        ("shared", 50),
        ("new Uint8Array(shared, 1)", 54),
        ("new DataView(shared, 2)", 58),
    ] {
        realm.eval(&format!("value = {value}; hot = optimised('sum_bytes', value, 4); 0"));
        let (slow, calls) = (realm.slow_calls(handle), fixture.calls());
        assert_eq!(realm.eval("attempt(hot, value, 4)"), expected.to_string(), "{value}");
        assert_eq!((realm.slow_calls(handle), fixture.calls()), (slow, calls + 1), "{value} is passed fast");
        assert_eq!(realm.eval("attempt(sum_bytes, value, 4)"), expected.to_string(), "{value}, slow");
        assert_eq!(realm.slow_calls(handle), slow + 1);
    }
}

/// No bytes are passed as well: whether there is an address is V8's to say.
fn empty() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    let handle = define(&mut realm, &fixture, "sum_bytes", SUM, &[0]);
    for value in [
        "new Uint8Array(0)",
        "new ArrayBuffer(0)",
        "new SharedArrayBuffer(0)",
        "new DataView(new ArrayBuffer(0))",
        "new Uint8Array(8).subarray(8)",
        "new Uint8Array(new SharedArrayBuffer(8), 8)",
    ] {
        realm.eval(&format!("value = {value}; hot = optimised('sum_bytes', value, 0); 0"));
        let (slow, calls) = (realm.slow_calls(handle), fixture.calls());
        assert_eq!(realm.eval("attempt(hot, value, 0)"), "0", "{value}");
        assert_eq!((realm.slow_calls(handle), fixture.calls()), (slow, calls + 1), "{value} is passed fast");
        assert_eq!(realm.eval("attempt(sum_bytes, value, 0)"), "0", "{value}, slow");
    }
}

/// Memory that grows and shrinks stays where it is; a view of what has gone is none.
fn resizable() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    let handle = define(&mut realm, &fixture, "sum_bytes", SUM, &[0]);
    realm.eval("changing = new ArrayBuffer(4, { maxByteLength: 1 << 20 }); 0");
    realm.eval(
        "all = new Uint8Array(changing); part = new Uint8Array(changing, 3, 1); all.set([1, 2, 3, 4]); 0",
    );
    realm.eval("growing = new SharedArrayBuffer(4, { maxByteLength: 1 << 20 }); 0");
    realm.eval("new Uint8Array(growing).set([5, 6, 7, 8]); hot = optimised('sum_bytes', all, 4); 0");
    let (slow, calls) = (realm.slow_calls(handle), fixture.calls());
    for (change, value, count, expected) in [
        ("0", "changing", 4, 10),
        ("0", "part", 1, 4),
        ("changing.resize(70000); all[69999] = 9", "all", 70_000, 19),
        ("changing.resize(2)", "all", 2, 3),
        ("growing.grow(70000); new Uint8Array(growing)[69999] = 9", "growing", 70_000, 35),
    ] {
        realm.eval(&format!("{change}; 0"));
        assert_eq!(realm.eval(&format!("attempt(hot, {value}, {count})")), expected.to_string(), "{value}");
        assert_eq!(realm.eval(&format!("attempt(sum_bytes, {value}, {count})")), expected.to_string());
    }
    assert_eq!((realm.slow_calls(handle), fixture.calls()), (slow + 5, calls + 10), "half of them fast");
    let refused = "TypeError [ERR_INVALID_ARG_VALUE]: argument 1 must be a buffer, not another value";
    assert_eq!(realm.eval("attempt(hot, part, 1)"), refused, "the buffer ends before it");
    assert_eq!(realm.eval("attempt(sum_bytes, part, 1)"), refused);
    assert_eq!(fixture.calls(), calls + 10);
}

fn none() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    let handle = define(&mut realm, &fixture, "sum_bytes", SUM, &[0]);
    realm.eval("bytes = Uint8Array.of(1, 2, 3, 4); 0");
    if is_modern() {
        realm.eval("gone = new Uint8Array(8); gone.buffer.transfer(); 0");
    } else {
        realm.eval("gone = new Uint8Array(8); %ArrayBufferDetach(gone.buffer); 0");
    }
    for (value, shown) in [
        ("5", "5"),
        ("-1n", "-1n"),
        ("true", "true"),
        ("null", "null"),
        ("undefined", "undefined"),
        ("'text'", "a string"),
        ("{}", "another value"),
        ("[1, 2]", "another value"),
        ("gone", "another value"),
        ("gone.buffer", "another value"),
    ] {
        realm.eval(&format!("value = ({value}); hot = optimised('sum_bytes', bytes, 4); 0"));
        let (slow, calls) = (realm.slow_calls(handle), fixture.calls());
        let expected = format!("TypeError [ERR_INVALID_ARG_VALUE]: argument 1 must be a buffer, not {shown}");
        assert_eq!(realm.eval("attempt(hot, value, 4)"), expected, "{value}");
        // A modern V8 throws from within the fast call; an old one has the slow twin do it.
        let slow_calls = if is_modern() { 0 } else { 1 };
        assert_eq!((realm.slow_calls(handle), fixture.calls()), (slow + slow_calls, calls), "{value}");
        assert_eq!(realm.eval("attempt(sum_bytes, value, 4)"), expected, "{value}, slow");
    }
}

/// Node's stubs lose an argument that stands before a buffer: unwrapping the buffer overwrites its register.
fn scalars_before() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    let declaration = "double scalars_before(uint32_t, double, const uint8_t *, uint32_t)";
    let handle = define(&mut realm, &fixture, "scalars_before", declaration, &[2]);
    realm.eval("bytes = Uint8Array.of(10, 20, 30); hot = optimised('scalars_before', 3, 0.25, bytes, 1); 0");
    let (slow, calls) = (realm.slow_calls(handle), fixture.calls());
    assert_eq!(realm.eval("show(hot(7, 0.5, bytes, 2))"), "210.5");
    assert_eq!((realm.slow_calls(handle), fixture.calls()), (slow, calls + 1));
    assert_eq!(realm.eval("attempt(scalars_before, 7, 0.5, bytes, 2)"), "210.5");
}

fn two() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    let declaration = "uint32_t two_buffers(uint32_t, uint8_t *, const uint8_t *, uint32_t)";
    let handle = define(&mut realm, &fixture, "two_buffers", declaration, &[1, 2]);
    realm.eval("to = new Uint8Array(4); from = Uint8Array.of(1, 2, 3, 4); 0");
    realm.eval("hot = optimised('two_buffers', 4, to, from, 0); to.fill(0); 0");
    let slow = realm.slow_calls(handle);
    assert_eq!(realm.eval("show(hot(3, to, from, 255)) + ' ' + to"), "255003 254,253,252,0");
    assert_eq!(realm.slow_calls(handle), slow);
    // The second is none: the first has been unwrapped by then, and the function must not run.
    let calls = fixture.calls();
    assert_eq!(
        realm.eval("attempt(hot, 3, to, 1, 255)"),
        "TypeError [ERR_INVALID_ARG_VALUE]: argument 3 must be a buffer, not 1"
    );
    assert_eq!(fixture.calls(), calls);
}
