//! Native functions that call JavaScript back, from fast calls. V8 allows it since 12.6.

use std::{cell::Cell, ffi::CString, ptr};

use springboard_js::v8::Settings;

use crate::{
    Case, Since,
    host::{Fixture, settings},
    realm::{Realm, shim},
    shim::RawRealm,
};

pub(crate) const CASES: &[Case] = &[
    Case { name: "reentry::javascript_within_a_fast_call", since: Since::V12_6, run: javascript_within },
    Case { name: "reentry::exceptions_come_through", since: Since::V12_6, run: exceptions_come_through },
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

/// Defines `call_back`, and its first argument as `callback`.
fn realm(fixture: &Fixture) -> (Realm, crate::realm::Handle) {
    let mut realm = Realm::new();
    let function = fixture.function_with("int32_t call_back(void *, int32_t)", Settings { ..settings() });
    let handle = realm.define("call_back", &function);
    realm.define("add", &fixture.function("int32_t add(int32_t, int32_t)"));
    REALM.set(realm.raw());
    realm.eval(&format!("callback = {}n; inner = () => {{}}; 0", (call_inner as *const ()).addr()));
    (realm, handle)
}

fn javascript_within() {
    let fixture = Fixture::open();
    let (realm, handle) = realm(&fixture);
    realm.eval("hot_add = optimised('add', 1, 2); hot = optimised('call_back', callback, 1); 0");
    // The inner call allocates, collects garbage, and calls fast itself, down to a depth.
    realm.eval(
        "sum = 0; depth = 0; inner = () => { sum += hot_add(20, 22); garbage = Array.from({length: 1000}, () => ({})); \
         if (++depth % 10) hot(callback, 5) }; 0",
    );
    let slow = realm.slow_calls(handle);
    assert_eq!(realm.eval("for (let i = 0; i < 100; i++) hot(callback, i); show(hot(callback, 6))"), "7");
    assert_eq!(realm.eval("depth + ' ' + sum"), format!("1010 {}", 1010 * 42));
    assert_eq!(realm.slow_calls(handle), slow);
}

fn exceptions_come_through() {
    let fixture = Fixture::open();
    let (realm, handle) = realm(&fixture);
    realm.eval(
        "hot = optimised('call_back', callback, 1); inner = () => { throw new Error('from inside') }; 0",
    );
    let slow = realm.slow_calls(handle);
    assert_eq!(realm.eval("attempt(hot, callback, 1)"), "Error: from inside");
    assert_eq!(realm.slow_calls(handle), slow);
    assert_eq!(realm.eval("inner = () => {}; attempt(hot, callback, 1)"), "2");
}
