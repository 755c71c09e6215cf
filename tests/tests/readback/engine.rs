//! Engines that read back what they compile.

use springboard::{Engine, Library, Pack, Path, Value, Verify};

#[test]
fn an_engine_that_verifies_calls_natively() {
    let engine = Engine::builder().verify(Verify::On).pack(Pack::Off).build();

    for declaration in ["long labs(long)", "long long llabs(long long)"] {
        let function =
            engine.function(&Library::process(), declaration).expect("a function of the C library");
        assert!(matches!(function.path(), Path::Native), "{declaration}: {}", function.path());
        // SAFETY: it takes a number and touches no memory.
        let result = unsafe { function.call(&[Value::Signed(-7)]) };
        assert!(result.is_ok(), "{declaration}: {result:?}");
    }
    let callback = engine.callback("int (int, double)", |a: i32, b: f64| a + b as i32).expect("a callback");
    assert!(!callback.as_ptr().is_null());
    assert_eq!(engine.stats().fallbacks.emit, 0);
}
