//! What a stamp of such a stub is given, and what may leave a stub.

use std::{ffi::c_void, panic};

use springboard::{
    Engine,
    abi::{
        Plan,
        boxed::{BoxedCall, HostAddress},
        plan_boxed,
    },
    emit::HoleKind,
    ir::Signature,
    stamp::{Stamp, StampError},
};
use springboard_tests::hosts::{address, objects};

use crate::{
    heap::{Heap, Value, float, integer, value},
    stub::Word,
};

type Unwinding = unsafe extern "C-unwind" fn(Word, *const Word, Word) -> Word;

fn planned(engine: &Engine, declaration: &str) -> Plan {
    let signature = Signature::parse(declaration).expect("a declaration");
    let call = BoxedCall::new(signature, &objects(), engine.data_model()).expect("it has a layout");
    engine.plan_with(|target| plan_boxed(&call, target)).expect("a plan")
}

fn pointers(heap: &Heap) -> Vec<*const c_void> {
    let pointer = |address: &Word| std::ptr::with_exposed_provenance(*address as usize);
    heap.addresses.iter().map(pointer).collect()
}

extern "C-unwind" fn twice(value: i32) -> i32 {
    if value < 0 {
        panic::resume_unwind(Box::new(value));
    }
    value * 2
}

extern "C-unwind" fn slow(_this: Word, _arguments: *const Word, count: Word) -> Word {
    panic::resume_unwind(Box::new(count))
}

fn stamp<'p>(plan: &'p Plan, host: &'p [*const c_void]) -> Stamp<'p> {
    let (twice, slow) = (twice as *const c_void, slow as *const c_void);
    Stamp::new(plan).hole(HoleKind::Target, twice).hole(HoleKind::Slow, slow).host(host)
}

#[test]
fn a_stub_has_all_addresses_that_its_plan_names() {
    let engine = Engine::new();
    let plan = planned(&engine, "int(int)");
    let host = pointers(&Heap::new());
    let needed = usize::from(address::SIGNED.0) + 1;
    let missing = engine.stamp(stamp(&plan, &host[..needed - 1])).unwrap_err();
    let last = HoleKind::Host(HostAddress(address::SIGNED.0));
    assert!(matches!(missing, StampError::Missing(kind) if kind == last), "{missing}");
    engine.stamp(stamp(&plan, &host[..needed])).unwrap();
    let no_twin = Stamp::new(&plan).hole(HoleKind::Target, twice as *const c_void).host(&host);
    let missing = engine.stamp(no_twin).unwrap_err();
    assert!(matches!(missing, StampError::Missing(HoleKind::Slow)), "{missing}");
    assert_eq!(engine.stats().live, 0);
}

#[test]
fn functions_of_a_shape_share_its_code() {
    let engine = Engine::new();
    let heaps = [Heap::new(), Heap::new()];
    for (heap, declaration) in heaps.iter().zip(["int(int)", "int twice(int value)"]) {
        engine.stamp(stamp(&planned(&engine, declaration), &pointers(heap))).unwrap();
    }
    assert_eq!(engine.stats().compiles, 1);
    engine.stamp(stamp(&planned(&engine, "int(short)"), &pointers(&heaps[0]))).unwrap();
    assert_eq!(engine.stats().compiles, 2, "another range is checked");
}

/// On s390x an unwinder stops at a stub.
#[cfg(not(target_arch = "s390x"))]
#[test]
fn panics_cross_a_stub_and_leave_it_by_its_slow_twin() {
    let engine = Engine::new();
    let plan = planned(&engine, "int(int)");
    let stub = engine.stamp(stamp(&plan, &pointers(&Heap::new()))).unwrap();
    // SAFETY: the stub is a function of this type, and has an unwind row or is gone when the slow twin runs.
    let code = unsafe { std::mem::transmute::<*mut c_void, Unwinding>(stub.address().as_ptr()) };
    let call = |argument: Word| {
        let arguments = [argument];
        // SAFETY: the array holds one object of the host.
        panic::catch_unwind(|| unsafe { code(0, arguments.as_ptr(), 1) })
    };
    assert_eq!(value(call(integer(21)).expect("nothing is thrown")), Value::Integer(42));
    let thrown = call(integer(-3)).expect_err("the native function throws");
    assert_eq!(thrown.downcast_ref::<i32>(), Some(&-3));
    let thrown = call(float(1.0)).expect_err("the slow twin throws");
    assert_eq!(thrown.downcast_ref::<Word>(), Some(&1));
}
