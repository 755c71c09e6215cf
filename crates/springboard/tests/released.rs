//! Code memory goes when its last user goes. The one test of its program, so that nothing else has any meanwhile.

use springboard::{Engine, Value};
use springboard_process::{code_mappings, descriptors};

mod support;

#[test]
fn code_memory_goes_with_the_last_user() {
    let mapped = || code_mappings().len();
    let open = descriptors();
    let engine = Engine::new();
    let negate = support::function(&engine, "neg_i32");
    assert_eq!(mapped(), 1, "to execute: none is there to write");
    // Wine counts no handles.
    let one = usize::from(open != 0);
    assert_eq!(descriptors(), open + one, "by which it is written");
    drop(engine);
    assert_eq!(support::call(&negate, &[5.into()]), Value::from(-5));
    drop(negate);
    assert_eq!((mapped(), descriptors()), (0, open));
}
