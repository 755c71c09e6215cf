//! Calls of a library that has been closed and unloaded.

use std::{fs, process};

use springboard::Engine;
use springboard_js::v8::{BindError, Library};

use crate::{
    Case, Since,
    host::{self, settings},
    realm::{Realm, is_modern},
};

pub(crate) const CASES: &[Case] = &[
    Case { name: "closed::optimised_calls_throw", since: Since::Always, run: optimised_calls_throw },
    Case { name: "closed::another_library_goes_on", since: Since::Always, run: another_library_goes_on },
];

/// A copy of the fixture, which is nobody else's to keep loaded.
struct Copy {
    path: String,
}

impl Copy {
    fn new(name: &str) -> Copy {
        let original = std::env::var("SPRINGBOARD_V8_FIXTURE").expect("SPRINGBOARD_V8_FIXTURE is set");
        let path = format!("{original}.{name}.{}", process::id());
        fs::copy(original, &path).expect("the fixture can be copied");
        Copy { path }
    }

    fn open(&self) -> Library {
        // SAFETY: the fixture has no initialisers.
        let native = unsafe { springboard::Library::open(&self.path) }.expect("the copy loads");
        Library::new(&Engine::new(), &native, host::host())
    }

    fn is_loaded(&self) -> bool {
        fs::read_to_string("/proc/self/maps").expect("Linux has it").contains(&self.path)
    }
}

impl Drop for Copy {
    fn drop(&mut self) {
        let _ = fs::remove_file(&self.path);
    }
}

const ADD: &str = "int32_t add(int32_t, int32_t)";

fn optimised_calls_throw() {
    let copy = Copy::new("throw");
    let (library, mut realm) = (copy.open(), Realm::new());
    let mut handles = Vec::new();
    // One whose options are in a register, one whose options are on the stack, one that is framed.
    let many = format!("double many({})", ["double, int32_t"; 9].join(", "));
    for (name, declaration, count) in
        [("add", ADD, 2), ("many", &*many, 18), ("same_i8", "int8_t same_i8(int8_t)", 1)]
    {
        handles.push(realm.define(name, &library.function(declaration, &settings()).unwrap()));
        let values = vec!["1"; count].join(", ");
        realm.eval(&format!("hot_{name} = optimised('{name}', {values}); 0"));
    }
    let slow: Vec<u64> = handles.iter().map(|handle| realm.slow_calls(*handle)).collect();
    assert_eq!(realm.eval("show(hot_add(20, 22))"), "42");
    assert!(copy.is_loaded());
    // SAFETY: nothing of it runs.
    unsafe { library.close() };
    assert!(library.is_closed() && !copy.is_loaded(), "the library is unloaded");
    let ones = vec!["1"; 18].join(", ");
    for (name, values) in [("hot_add", "20, 22"), ("hot_many", &*ones), ("hot_same_i8", "1")] {
        let script = format!(
            "thrown(1000, 'Error [ERR_FFI_LIBRARY_CLOSED]: the library has been closed', {name}, {values})"
        );
        assert_eq!(realm.eval(&script), "1000", "{name}");
    }
    if is_modern() {
        let now: Vec<u64> = handles.iter().map(|handle| realm.slow_calls(*handle)).collect();
        assert_eq!(now, slow, "all of them threw from the fast call");
    }
    assert_eq!(
        realm.eval("attempt(add, 1, 2)"),
        "Error [ERR_FFI_LIBRARY_CLOSED]: the library has been closed"
    );
    assert!(matches!(library.function(ADD, &settings()), Err(BindError::Closed)));
    // Closing again does nothing.
    // SAFETY: nothing of it runs.
    unsafe { library.close() };
}

fn another_library_goes_on() {
    let (one, other) = (Copy::new("one"), Copy::new("other"));
    let (first, second, mut realm) = (one.open(), other.open(), Realm::new());
    realm.define("first", &first.function(ADD, &settings()).unwrap());
    realm.define("second", &second.function(ADD, &settings()).unwrap());
    realm.eval("hot_first = optimised('first', 1, 2); hot_second = optimised('second', 1, 2); 0");
    // SAFETY: nothing of it runs.
    unsafe { first.close() };
    assert_eq!(
        realm.eval("attempt(hot_first, 1, 2)"),
        "Error [ERR_FFI_LIBRARY_CLOSED]: the library has been closed"
    );
    assert_eq!(realm.eval("attempt(hot_second, 1, 2)"), "3");
    assert!(!one.is_loaded() && other.is_loaded());
}
