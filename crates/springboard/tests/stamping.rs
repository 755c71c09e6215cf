//! Stubs that a host enters by itself, stamped through the engine.

use std::{ffi::c_void, mem, ptr::NonNull};

use springboard::{
    Engine, Jit, Library, Reason,
    abi::{Entry, Ineligible, Plan, SlotForm, Target, plan},
    emit::HoleKind,
    ir::Signature,
    stamp::{Stamp, StampError, Stub},
};

fn planned(engine: &Engine, declaration: &str, entry: Entry) -> Plan {
    let signature = Signature::parse(declaration).unwrap();
    engine.plan_with(|target| plan(&signature, target, entry)).unwrap()
}

fn abs() -> NonNull<c_void> {
    Library::process().symbol("abs").unwrap()
}

fn bound(plan: &Plan) -> Stamp<'_> {
    Stamp::new(plan).hole(HoleKind::Target, abs().as_ptr())
}

/// Calls a stub of the bound entry for `int(int)`.
fn call(stub: &Stub, argument: i32) -> i32 {
    // SAFETY: a stub of the bound entry takes the address of its slots, and this one's function returns an `int`.
    let code =
        unsafe { mem::transmute::<NonNull<c_void>, unsafe extern "C" fn(*const u64) -> i32>(stub.address()) };
    // SAFETY: `abs` takes any `int` but the least, which no test passes, in one slot.
    unsafe { code([i64::from(argument) as u64].as_ptr()) }
}

#[test]
fn a_stub_of_its_own_is_freed_when_it_is_dropped() {
    let engine = Engine::new();
    let plan = planned(&engine, "int(int)", Entry::Slots).bound();
    let stub = engine.stamp(bound(&plan)).unwrap();
    assert_eq!(call(&stub, -5), 5);
    assert!(!stub.code().unwrap().is_empty());
    assert_eq!(engine.stats().live, 1);
    drop(stub);
    assert_eq!(engine.stats().live, 0);
}

#[test]
fn a_plan_without_holes_has_one_stub() {
    let engine = Engine::new();
    let plan = planned(&engine, "int(int)", Entry::Slots);
    let stub = engine.stamp(Stamp::new(&plan)).unwrap();
    let again = planned(&engine, "long(char *)", Entry::Slots);
    let again = engine.stamp(Stamp::new(&again).returns(SlotForm::None)).unwrap();
    assert_eq!(stub.address(), again.address());
    drop((stub, again));
    let stats = engine.stats();
    assert_eq!((stats.live, stats.compiles), (1, 1), "it stays");
}

#[test]
fn holes_are_those_of_the_plan() {
    let engine = Engine::new();
    let slots = planned(&engine, "int(int)", Entry::Slots);
    let plan = slots.clone().bound();
    let context = abs().as_ptr();
    let missing = engine.stamp(Stamp::new(&plan)).unwrap_err();
    assert!(matches!(missing, StampError::Missing(HoleKind::Target)), "{missing}");
    let superfluous = engine.stamp(bound(&plan).hole(HoleKind::Context, context)).unwrap_err();
    assert!(matches!(superfluous, StampError::Superfluous(HoleKind::Context)), "{superfluous}");
    let superfluous = engine.stamp(bound(&slots)).unwrap_err();
    assert!(matches!(superfluous, StampError::Superfluous(HoleKind::Target)), "{superfluous}");
    let stub = engine.stamp(bound(&plan).hole_if_any(HoleKind::Context, context)).unwrap();
    assert_eq!(call(&stub, -7), 7);
}

#[test]
fn many_are_made_at_once() {
    let engine = Engine::new();
    let slots = planned(&engine, "int(int)", Entry::Slots);
    let one = slots.clone().bound();
    let two = planned(&engine, "int(int, double)", Entry::Slots).bound();
    let stamps = [bound(&one), Stamp::new(&two), Stamp::new(&slots), bound(&two), bound(&one)];
    let stubs = engine.stamp_all(stamps.into_iter().enumerate());
    assert_eq!(engine.stats().compiles, 3, "each plan is compiled once");
    assert!(stubs.iter().map(|(index, _)| *index).eq(0..5), "what comes with a stamp comes back");
    let [(_, first), (_, missing), (_, shared), (_, other), (_, last)] = &*stubs else { panic!("five") };
    assert!(matches!(missing, Err(StampError::Missing(HoleKind::Target))), "{missing:?}");
    let [first, shared, other, last] = [first, shared, other, last].map(|stub| stub.as_ref().unwrap());
    assert_eq!([call(first, -1), call(last, -2)], [1, 2]);
    assert_ne!(first.address(), last.address(), "each has its own");
    assert_eq!(shared.address(), engine.stamp(Stamp::new(&slots)).unwrap().address());
    assert_ne!(other.code(), first.code());
    assert_eq!(engine.stamp_all(Vec::<((), Stamp<'_>)>::new()).len(), 0);
}

#[test]
fn where_there_is_not_room_for_all_there_is_for_some() {
    let engine = Engine::builder().code_limit(16 << 10).build();
    let plan = planned(&engine, "int(int)", Entry::Slots).bound();
    let stubs = engine.stamp_all((0..2000).map(|_| ((), bound(&plan))));
    let made = stubs.iter().filter(|(_, stub)| stub.is_ok()).count();
    assert!((64..2000).contains(&made), "{made} were made");
    let first = |failed: &&(_, Result<Stub, StampError>)| failed.1.is_err();
    let (_, failed) = stubs.iter().find(first).unwrap();
    assert!(matches!(failed, Err(StampError::Reason(Reason::CodeLimit { .. }))), "{failed:?}");
}

#[test]
fn there_are_plans_where_there_can_be_code() {
    let engine = Engine::new();
    assert_eq!(engine.target(), Target::host().ok().as_ref());
    let refused = engine.plan_with(|_| Err(Ineligible::NoWord));
    assert!(matches!(refused, Err(Reason::Ineligible(Ineligible::NoWord))), "{refused:?}");
    let plan = planned(&engine, "int(int)", Entry::Slots).bound();
    let off = Engine::builder().jit(Jit::Off).pack(springboard::Pack::Off).build();
    let refused = off.plan_with(|_| unreachable!("nothing is planned where nothing is compiled"));
    assert!(matches!(refused, Err(Reason::JitOff)), "{refused:?}");
    let refused = off.stamp(bound(&plan));
    assert!(matches!(refused, Err(StampError::Reason(Reason::JitOff))), "{refused:?}");
}

#[test]
fn a_plan_of_another_machine_is_refused() {
    let triple = if cfg!(target_arch = "x86_64") { "aarch64-linux-gnu" } else { "x86_64-linux-gnu" };
    let other = Target::of(&triple.parse().unwrap()).unwrap();
    let other = plan(&Signature::parse("int(int)").unwrap(), &other, Entry::Slots).unwrap();
    let engine = Engine::new();
    let refused = engine.stamp(Stamp::new(&other));
    assert!(matches!(refused, Err(StampError::Reason(Reason::Emit(_)))), "{refused:?}");
}
