//! Native functions that call JavaScript back.

use std::{cell::Cell, ffi::CString, ptr};

use springboard_js::v8::{Callbacks, NoFast, NodeSettings, Registry, Settings};

use crate::{
    Case, Since,
    host::{Fixture, settings},
    realm::{Handle, Realm, shim},
    shim::RawRealm,
    snapshot::child,
};

pub(crate) const CASES: &[Case] = &[
    Case { name: "reentry::javascript_within_a_call", since: Since::V12_6, run: javascript_within },
    Case { name: "reentry::exceptions_come_through", since: Since::V12_6, run: exceptions_come_through },
    Case {
        name: "reentry::calls_within_calls_have_strings_of_their_own",
        since: Since::Always,
        run: strings,
    },
    Case {
        name: "reentry::fast_calls_that_call_back_die",
        since: if cfg!(target_arch = "x86_64") { Since::V12_6 } else { Since::Never },
        run: fast_calls_that_call_back_die,
    },
];

thread_local! {
    /// The realm whose function `inner` is called back.
    static REALM: Cell<*mut RawRealm> = const { Cell::new(ptr::null_mut()) };
}

extern "C" fn call_inner() {
    let name = CString::new("inner").expect("no NUL");
    // SAFETY: the test has put its own realm there, which is this thread's and runs.
    unsafe { (shim().call)(REALM.get(), name.as_ptr()) };
}

/// Defines `call_back`, which says that it may call back, and its first argument as `callback`.
fn realm(fixture: &Fixture) -> (Realm, Handle) {
    let mut realm = Realm::new();
    let settings = Settings { callbacks: Callbacks::Possible, ..settings() };
    let function = fixture.function_with("int32_t call_back(void *, int32_t)", settings);
    assert!(matches!(function.fast(), Err(NoFast::CallsBack)));
    let handle = realm.define_registered("call_back", &Registry::new().add_native(&function));
    realm.define("add", &fixture.function("int32_t add(int32_t, int32_t)"));
    REALM.set(realm.raw());
    realm.eval(&format!("callback = {}n; inner = () => {{}}; 0", (call_inner as *const ()).addr()));
    (realm, handle)
}

/// Optimised code calls such a function by its slow twin, and what it calls back does as it likes: allocates much, collects
/// garbage, makes fast calls, calls the function again, and throws away the code that waits for it to return.
fn javascript_within() {
    let fixture = Fixture::open();
    let (realm, handle) = realm(&fixture);
    realm.eval("hot_add = optimised('add', 1, 2); hot = optimised('call_back', callback, 1); 0");
    realm.eval(
        "sum = 0; depth = 0; inner = () => { sum += hot_add(20, 22); \
         for (let i = 0; i < 20; i++) garbage = [new Uint8Array(100000), ...Array.from({length: 50}, () => ({}))]; \
         if (depth % 37 === 0) { %DeoptimizeFunction(hot) } \
         if (++depth % 10) hot(callback, 5) }; 0",
    );
    let slow = realm.slow_calls(handle);
    assert_eq!(realm.eval("times(100, hot, callback, 3); show(hot(callback, 6))"), "7");
    assert_eq!(realm.eval("depth + ' ' + sum"), format!("1010 {}", 1010 * 42));
    assert_eq!(realm.slow_calls(handle) - slow, 1010);
}

fn exceptions_come_through() {
    let fixture = Fixture::open();
    let (realm, handle) = realm(&fixture);
    realm.eval(
        "hot = optimised('call_back', callback, 1); inner = () => { throw new Error('from inside') }; 0",
    );
    let slow = realm.slow_calls(handle);
    assert_eq!(realm.eval("attempt(hot, callback, 1)"), "Error: from inside");
    assert_eq!(realm.slow_calls(handle), slow + 1);
    assert_eq!(realm.eval("inner = () => {}; attempt(hot, callback, 1)"), "2");
}

/// The copy of a string lives through calls that copy others.
fn strings() {
    let fixture = Fixture::open();
    let (mut realm, _) = realm(&fixture);
    let function = fixture.node("text_stays", &["string", "function"], "u64", NodeSettings::default());
    realm.define_registered("text_stays", &Registry::new().add_native(&function));
    realm.eval(
        "depth = 0; inner_sum = 0; inner = () => { if (++depth < 6) { const sum = Number(text_stays('a', callback)); inner_sum += sum } }; 0",
    );
    // A byte's weight is its value, and each text's is a thousand times that, and its length.
    assert_eq!(realm.eval("Number(text_stays('bb', callback))"), (2 * 98 * 1000 + 2).to_string());
    assert_eq!(realm.eval("depth + ' ' + inner_sum"), format!("6 {}", 5 * (97 * 1000 + 1)));
}

/// What the setting keeps hosts from: the command `call-back-fast` does the same by a fast call, and garbage collection
/// moves the code that waits for it. The test fails with a V8 that has been mended. The same V8 for aarch64 survives, under
/// QEMU at least.
fn fast_calls_that_call_back_die() {
    let output = child(&["call-back-fast"]);
    assert!(!output.status.success(), "this V8 survives JavaScript within a fast call: {output:?}");
    let stdout = String::from_utf8_lossy(&output.stdout);
    assert!(stdout.contains("calling back") && !stdout.contains("called back"), "{output:?}");
}

/// The command `call-back-fast`.
pub(crate) fn call_back_fast() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    let settings = Settings { callbacks: Callbacks::Never, ..settings() };
    realm.define("call_back", &fixture.function_with("int32_t call_back(void *, int32_t)", settings));
    REALM.set(realm.raw());
    realm.eval(&format!("callback = {}n; inner = () => {{}}; 0", (call_inner as *const ()).addr()));
    realm.eval(
        "hot = optimised('call_back', callback, 1); inner = () => { for (let i = 0; i < 200; i++) \
                garbage = new Uint8Array(100000) }; 0",
    );
    println!("calling back");
    realm.eval("for (let i = 0; i < 200; i++) hot(callback, i); 0");
    println!("called back");
}
