//! Receivers and objects, by a host in C++; functions by their address; what a debugger may call; functions that are
//! collected.

use std::{cell::RefCell, ffi::c_void, ptr::NonNull};

use springboard::Engine;
use springboard_js::v8::{
    Any, Call, Effects, NodeDeclaration, NodeSettings, Registry, Settings, Thrown, Twin, calls,
};

use crate::{
    Case, Since,
    host::{Fixture, settings},
    realm::{Handle, Realm, is_modern, shim},
    shim::RawHost,
};

pub(crate) const CASES: &[Case] = &[
    Case { name: "objects::properties_of_objects", since: Since::Always, run: properties },
    Case { name: "objects::receivers", since: Since::Always, run: receivers },
    Case { name: "objects::handles_end_with_their_call", since: Since::V12_6, run: handles },
    Case { name: "objects::functions_by_address", since: Since::Always, run: by_address },
    Case { name: "objects::what_a_debugger_may_call", since: Since::Always, run: debugger },
    Case { name: "objects::collected_functions_give_stubs_back", since: Since::Always, run: collected },
];

/// The host in C++.
struct Host(*mut RawHost);

impl Host {
    fn new() -> Host {
        // SAFETY: it has no contract.
        Host(unsafe { (shim().host_new)() })
    }

    fn define(&self, realm: &Realm) {
        // SAFETY: both are this thread's, and the host outlives the realm.
        unsafe { (shim().host_define)(self.0, realm.raw()) };
    }

    fn slow_calls(&self, index: u32) -> u64 {
        // SAFETY: there are two functions.
        unsafe { (shim().host_slow_calls)(self.0, index) }
    }
}

impl Drop for Host {
    fn drop(&mut self) {
        // SAFETY: the realms that had its functions are gone.
        unsafe { (shim().host_free)(self.0) };
    }
}

/// `FastHasProperty`: a fast call looks into an object, and throws where it is none; its slow half does the same.
fn properties() {
    let host = Host::new();
    let realm = Realm::new();
    host.define(&realm);
    let counts = || ["ok", "error", "slow"].map(|outcome| calls(&format!("object.has.{outcome}")));
    realm.eval("object = { one: 1 }; object[Symbol.iterator] = 2; bytes = new Uint8Array(2); 0");
    for (arguments, expected) in [
        ("object, 'one'", "true"),
        ("object, 'two'", "false"),
        ("object, Symbol.iterator", "true"),
        ("bytes, 'length'", "false"),
        ("bytes, '1'", "true"),
    ] {
        realm.eval("hot = optimised('has', object, 'one'); 0");
        let (before, slow) = (counts(), host.slow_calls(0));
        assert_eq!(realm.eval(&format!("attempt(hot, {arguments})")), expected, "{arguments}");
        assert_eq!((counts(), host.slow_calls(0)), ([before[0] + 1, before[1], before[2]], slow));
        assert_eq!(realm.eval(&format!("attempt(has, {arguments})")), expected, "{arguments}, slow");
        assert_eq!((counts()[2], host.slow_calls(0)), (before[2] + 1, slow + 1));
    }
    let refused = "TypeError [ERR_INVALID_ARG_TYPE]: has takes an object and a name";
    for arguments in ["5, 'one'", "object, {}", "undefined, 'one'"] {
        realm.eval("hot = optimised('has', object, 'one'); 0");
        let (before, slow) = (counts(), host.slow_calls(0));
        assert_eq!(realm.eval(&format!("attempt(hot, {arguments})")), refused, "{arguments}");
        let reported = if is_modern() { 0 } else { 1 };
        assert_eq!((counts()[1], host.slow_calls(0)), (before[1] + 1, slow + reported));
        assert_eq!(realm.eval(&format!("attempt(has, {arguments})")), refused, "{arguments}, slow");
    }
    drop(realm);
}

/// Both halves see what the function is called on.
fn receivers() {
    let host = Host::new();
    let realm = Realm::new();
    host.define(&realm);
    realm.eval("object = { is_receiver }; other = {}; 0");
    realm.eval(
        "hot = (object, value) => object.is_receiver(value); %PrepareFunctionForOptimization(hot); hot(object, 1); \
         hot(object, object); %OptimizeFunctionOnNextCall(hot); hot(object, 1); 0",
    );
    let fast = calls("object.is_receiver.fast");
    let slow = host.slow_calls(1);
    assert_eq!(realm.eval("hot(object, object) + ' ' + hot(object, other)"), "true false");
    assert_eq!((calls("object.is_receiver.fast"), host.slow_calls(1)), (fast + 2, slow));
    assert_eq!(realm.eval("object.is_receiver(object) + ' ' + object.is_receiver(other)"), "true false");
    assert_eq!(realm.eval("is_receiver.call(other, other)"), "true");
    assert_eq!(host.slow_calls(1), slow + 3);
    drop(realm);
}

/// What a fast call makes handles for, to find memory or an error's class, is not left in its caller's scope.
fn handles() {
    let (fixture, host, mut realm) = (Fixture::open(), Host::new(), Realm::new());
    host.define(&realm);
    let buffer = Settings { buffers: vec![0], ..settings() };
    let sum = "uint32_t sum_bytes(const uint8_t *, uint32_t)";
    let slow = [
        realm.define("sum_bytes", &fixture.function_with(sum, buffer)),
        realm.define("same_i8", &fixture.function("int8_t same_i8(int8_t)")),
        realm.define("text", &fixture.node("same_pointer", &["string"], "u64", NodeSettings::default())),
    ];
    realm.eval("object = { one: 1 }; bytes = Uint8Array.of(1, 2, 3, 4); 0");
    for (name, warm, values) in [
        ("sum_bytes", "bytes, 4", "bytes, 4"),
        ("sum_bytes", "bytes, 4", "5, 4"),
        ("same_i8", "1", "128"),
        ("text", "'a'", "'b'"),
        ("text", "'a'", "true"),
        ("has", "object, 'one'", "object, 'one'"),
        ("has", "object, 'one'", "5, 'one'"),
    ] {
        realm.eval(&format!("hot = optimised('{name}', {warm}); 0"));
        let before = slow.map(|handle| realm.slow_calls(handle));
        realm.eval(&format!("thrown(1000, '', hot, {values}); 0"));
        assert_eq!(slow.map(|handle| realm.slow_calls(handle)), before, "{name}({values}) is called fast");
        let left = realm.handles();
        assert!((1..100).contains(&left), "{left} handles after 1000 calls {name}({values})");
    }
    drop(realm);
}

/// What native code has handed out is called fast, and is refused once its library has been closed.
fn by_address() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    let address = NonNull::new(fixture.native.symbol("add").expect("it is there").as_ptr()).expect("no null");
    let function = fixture.library.function_at(address, "int32_t (*)(int32_t, int32_t)", &settings());
    let node = NodeDeclaration { name: "", arguments: &["i32", "i32"], result: "i32" };
    let node = fixture.library.node_function_at(address, &node, &NodeSettings::default());
    for (name, function) in
        [("plain", function.expect("it is bound")), ("strict", node.expect("it is bound"))]
    {
        let handle = realm.define(name, &function);
        realm.eval(&format!("hot_{name} = optimised('{name}', 1, 2); 0"));
        let slow = realm.slow_calls(handle);
        assert_eq!(realm.eval(&format!("show(hot_{name}(20, 22))")), "42", "{name}");
        assert_eq!(realm.slow_calls(handle), slow, "{name} is called fast");
        assert_eq!(realm.eval(&format!("show({name}(20, 22))")), "42", "{name}, slow");
    }
    // SAFETY: nothing of it runs.
    unsafe { fixture.library.close() };
    for name in ["hot_plain", "plain", "hot_strict", "strict"] {
        assert_eq!(
            realm.eval(&format!("attempt({name}, 1, 2)")),
            "Error [ERR_FFI_LIBRARY_CLOSED]: the library has been closed",
            "{name}"
        );
    }
}

/// A debugger that wants no effects calls the functions that have none.
fn debugger() {
    let (fixture, mut realm) = (Fixture::open(), Realm::new());
    let pure = Settings { effects: Effects::None, ..settings() };
    realm.define("pure", &fixture.function_with("int32_t plain_add(int32_t, int32_t)", pure));
    realm.define("impure", &fixture.function("int32_t add(int32_t, int32_t)"));
    fn half(_: *mut c_void, _: &Call<'_>) -> Result<Any<'static>, Thrown> {
        Ok(Any::Number(0.5))
    }
    let mut registry = Registry::new();
    let twin = registry.add(Twin::new("maths.half", half).without_effects()).expect("it is right");
    realm.define_registered("half", &twin);
    let answer = realm.inspect("pure(20, 22)");
    assert!(answer.contains("\"value\":42"), "{answer}");
    let answer = realm.inspect("half()");
    assert!(answer.contains("\"value\":0.5"), "{answer}");
    let answer = realm.inspect("impure(20, 22)");
    assert!(answer.contains("Possible side-effect in debug-evaluate"), "{answer}");
    assert_eq!(realm.eval("impure(20, 22)"), "42");
}

thread_local! {
    /// The functions that JavaScript may still have.
    static REGISTRY: RefCell<Registry> = RefCell::new(Registry::new());
}

unsafe extern "C" fn give_back(data: *const c_void) {
    let removed = REGISTRY.with_borrow_mut(|registry| registry.remove(data));
    assert!(removed.is_some(), "it was there");
}

/// JavaScript loses functions, each of a context of its own; the host takes them out of its registry, and their stubs are freed.
fn collected() {
    let engine = Engine::new();
    let (fixture, realm) = (Fixture::open_by(engine.clone()), Realm::new());
    let define = |name: &str| {
        let function = fixture.function("int32_t add(int32_t, int32_t)");
        let function = REGISTRY.with_borrow_mut(|registry| registry.add_native(&function));
        realm.define_weak(name, &function, function.data(), give_back);
        Handle::of(&function)
    };
    let kept = define("kept");
    let before = engine.stats().live;
    for index in 0..100 {
        define(&format!("f{index}"));
    }
    assert_eq!(engine.stats().live, before + 100);
    realm.eval(
        "for (let i = 0; i < 100; i++) { const f = globalThis['f' + i]; if (f(i, 1) !== i + 1) throw i }; 0",
    );
    realm.eval("for (let i = 0; i < 100; i++) delete globalThis['f' + i]; 0");
    for _ in 0..10 {
        realm.collect();
    }
    assert_eq!(REGISTRY.with_borrow(|registry| registry.functions().len()), 1, "all but one are gone");
    assert_eq!(engine.stats().live, before);
    // V8 calls a function of another context by its slow twin, also from optimised code.
    realm.eval("hot = optimised('kept', 1, 2); 0");
    let slow = realm.slow_calls(kept);
    assert_eq!((realm.eval("show(hot(20, 22))"), realm.slow_calls(kept)), ("42".to_owned(), slow + 1));
}
