//! Calls by hosts with boxed values: the planner's plans are accepted, and mistakes in them refused.

use fastrand::Rng;
use springboard_abi::{
    BoxedForm, Fill, Form, Plan, Target, Violation,
    boxed::{
        Arguments, Around, BoxedCall, Boxing, Callable, Check, Count, DigitSign, Host, HostAddress, Kind,
        Memory, Payload, Returned, Returns, Unbox, Unboxed, Wanted,
    },
    check, check_boxed, plan_boxed,
};
use springboard_ir::Signature;

use crate::{calls::Calls, random, signatures, targets};

/// A way for integers, of any kind.
fn integer(rng: &mut Rng) -> Unbox {
    let fill = if rng.bool() { Fill::Sign } else { Fill::Zero };
    match rng.u32(0..4) {
        0 => Unbox::Tagged { mask: 1, tag: 1, shift: 1, fill },
        1 => Unbox::Call {
            function: HostAddress(9),
            with: None,
            returns: Returns::Word { fill, error: Some(3), occurred: Some(HostAddress(8)) },
        },
        2 => Unbox::Object {
            checks: vec![Check::Word { offset: 8, equals: HostAddress(0) }],
            payload: Payload::Digit { offset: 24, sign: DigitSign::Tag { offset: 16, below: 16, mask: 3 } },
        },
        _ => Unbox::Object {
            checks: vec![Check::Flags { offset: 0, mask: 7, equal: 2 }],
            payload: Payload::Integer {
                offset: 16,
                bytes: rng.choice([1, 2, 4, 8]).expect("one of them"),
                fill,
            },
        },
    }
}

fn float(rng: &mut Rng) -> Unbox {
    match rng.u32(0..4) {
        0 => Unbox::Double { from: 1 << 48, through: u64::MAX, bias: 1 << 48 },
        1 => Unbox::Object {
            checks: vec![Check::Bits { mask: 7, equal: 0 }],
            payload: Payload::Float { offset: 16, bytes: if rng.bool() { 4 } else { 8 } },
        },
        2 => Unbox::Call {
            function: HostAddress(7),
            with: Some(HostAddress(6)),
            returns: Returns::Double { error: None, occurred: None },
        },
        _ => integer(rng),
    }
}

fn host(rng: &mut Rng) -> Host {
    let call = Boxing::Call { function: HostAddress(5), with: None };
    let ways = |rng: &mut Rng, way: fn(&mut Rng) -> Unbox| (0..rng.usize(1..3)).map(|_| way(rng)).collect();
    let count = rng.bool().then_some(Count { offset: 0, bytes: 8 });
    let whole = |rng: &mut Rng| if rng.bool() { call } else { tagged() };
    let address = |_: &mut Rng| Unbox::Object { checks: Vec::new(), payload: Payload::Address { offset: 8 } };
    Host {
        callable: Callable {
            parameters: 4,
            arguments: Arguments::Array { array: 1, count: 2, count_mask: u64::MAX },
            zero: rng.bool().then_some(3),
        },
        around: rng.bool().then_some(Around { before: HostAddress(3), after: HostAddress(4) }),
        nothing: Boxing::Constant { object: HostAddress(1), count },
        boolean: Kind {
            unbox: vec![
                Unbox::Constant { object: HostAddress(1), value: 1 },
                Unbox::Constant { object: HostAddress(2), value: 0 },
            ],
            boxing: Boxing::Either { nonzero: HostAddress(1), zero: HostAddress(2), count },
        },
        signed: Kind { unbox: ways(rng, integer), boxing: whole(rng) },
        unsigned: Kind { unbox: ways(rng, integer), boxing: whole(rng) },
        pointer: Kind { unbox: ways(rng, address), boxing: whole(rng) },
        float: Kind {
            unbox: ways(rng, float),
            boxing: if rng.bool() { call } else { Boxing::Double { bias: 1 << 48 } },
        },
        aggregate: Kind {
            unbox: ways(rng, address),
            boxing: Boxing::Memory {
                allocate: HostAddress(2),
                with: None,
                memory: Memory::Inline { offset: 16 },
            },
        },
    }
}

fn tagged() -> Boxing {
    Boxing::Tagged { shift: 1, tag: 1, otherwise: HostAddress(5) }
}

fn call(rng: &mut Rng, target: &Target) -> Option<BoxedCall> {
    let signature = random::signature(rng);
    BoxedCall::new(signature, &host(rng), &target.model).ok()
}

const CALLS: Calls<BoxedCall, springboard_abi::Ineligible> =
    Calls { call, signature: |call| &call.signature, plan: plan_boxed, check: check_boxed };

fn planned(target: &Target) -> impl Iterator<Item = (u64, BoxedCall, Plan)> {
    CALLS.planned(target)
}

#[test]
fn accepts_what_the_planner_makes() {
    CALLS.are_accepted(4);
}

#[test]
fn refuses_mutants_of_moves() {
    CALLS.mutants_are_refused();
}

/// What the stub does to the host's values: any change is a mistake.
#[test]
fn refuses_changes_of_what_the_host_says() {
    let mut refused = [0; 8];
    for target in targets() {
        for (seed, call, plan) in planned(&target) {
            let mut rng = Rng::with_seed(seed);
            let Form::Boxed(form) = &plan.form else { panic!("{plan}") };
            let mut refuse = |number: usize, form: BoxedForm, kind: fn(&Violation) -> bool| {
                let mutant = Plan { form: Form::Boxed(form), ..plan.clone() };
                let violation = check_boxed(&mutant, &call, &target).expect_err("a mistake");
                assert!(kind(&violation), "seed {seed}: {violation}\n{}\n{mutant}", call.signature);
                assert!(!violation.to_string().is_empty());
                refused[number] += 1;
            };
            let callable = Callable { parameters: form.callable.parameters - 1, ..form.callable };
            refuse(0, BoxedForm { callable, ..form.clone() }, |found| {
                matches!(found, Violation::Callable { .. })
            });
            let around = match form.around {
                Some(_) => None,
                None => Some(Around { before: HostAddress(3), after: HostAddress(4) }),
            };
            refuse(1, BoxedForm { around, ..form.clone() }, |found| *found == Violation::Around);
            let boxing = Boxing::Call { function: HostAddress(77), with: None };
            refuse(2, BoxedForm { boxing, ..form.clone() }, |found| *found == Violation::Boxing);
            let returned = match form.returned {
                Returned::Integer { bytes: 8, fill } => Returned::Integer { bytes: 4, fill },
                Returned::Integer { bytes, fill: Fill::Sign } => {
                    Returned::Integer { bytes, fill: Fill::Zero }
                }
                Returned::Integer { bytes, fill: Fill::Zero } => {
                    Returned::Integer { bytes, fill: Fill::Sign }
                }
                Returned::Float => Returned::Double,
                Returned::Double => Returned::Float,
                Returned::Nothing | Returned::Memory => Returned::Integer { bytes: 8, fill: Fill::Zero },
            };
            refuse(3, BoxedForm { returned, ..form.clone() }, |found| {
                matches!(found, Violation::Returned { .. })
            });
            if form.arguments.is_empty() {
                continue;
            }
            let index = rng.usize(..form.arguments.len());
            let mut with = |number, argument: Unboxed, kind| {
                let mut arguments = form.arguments.clone();
                arguments[index] = argument;
                refuse(number, BoxedForm { arguments, ..form.clone() }, kind);
            };
            let Unboxed { slot, ways } = form.arguments[index].clone();
            let wider = match slot {
                Wanted::Integer { least, most: u64::MAX } => Wanted::Integer { least, most: u64::MAX - 1 },
                Wanted::Integer { least, most } => Wanted::Integer { least, most: most + 1 },
                Wanted::Float => Wanted::Double,
                Wanted::Double => Wanted::Float,
            };
            with(4, Unboxed { slot: wider, ways: ways.clone() }, |found| {
                matches!(found, Violation::Unboxed { .. })
            });
            let other = Unbox::Constant { object: HostAddress(1), value: 0 };
            let more = ways.iter().cloned().chain([other]).collect();
            with(5, Unboxed { slot, ways: more }, |found| matches!(found, Violation::Unboxing { .. }));
            let fewer = ways[1..].into();
            with(6, Unboxed { slot, ways: fewer }, |found| matches!(found, Violation::Unboxing { .. }));
            let arguments = form.arguments[1..].into();
            refuse(7, BoxedForm { arguments, ..form.clone() }, |found| {
                matches!(found, Violation::Unboxing { .. })
            });
        }
    }
    assert!(refused.iter().all(|count| *count > signatures()), "{refused:?}");
}

/// A description that has no meaning: the planner gives its reason, and the checker refuses a plan with it.
#[test]
fn descriptions_without_meaning_have_no_plan() {
    let target = crate::target("x86_64-unknown-linux-gnu");
    let object = |payload| Unbox::Object { checks: Vec::new(), payload };
    let integer = Payload::Integer { offset: 0, bytes: 4, fill: Fill::Sign };
    let ways: [(&str, Unbox, &str); 9] = [
        ("int", object(Payload::Float { offset: 0, bytes: 8 }), "unboxing"),
        ("double", object(Payload::Address { offset: 0 }), "unboxing"),
        ("double", object(Payload::Float { offset: 0, bytes: 2 }), "unboxing"),
        ("int", object(Payload::Integer { offset: 0, bytes: 3, fill: Fill::Zero }), "unboxing"),
        ("int", Unbox::Tagged { mask: 0, tag: 0, shift: 64, fill: Fill::Zero }, "unboxing"),
        ("_Bool", Unbox::Constant { object: HostAddress(0), value: 2 }, "unboxing"),
        ("signed char", Unbox::Constant { object: HostAddress(0), value: 128 }, "unboxing"),
        ("char *", Unbox::Double { from: 0, through: 1, bias: 0 }, "unboxing"),
        ("struct { int x; }", object(Payload::Float { offset: 0, bytes: 4 }), "unboxing"),
    ];
    let host = host(&mut Rng::with_seed(1));
    for (ty, way, code) in ways {
        let signature = Signature::parse(&format!("void({ty})")).expect("a signature");
        let mut call = BoxedCall::new(signature, &host, &target.model).expect("it has a layout");
        let mut plan = plan_boxed(&call, &target).expect("the host's own ways have a meaning");
        call.parameters[0] = vec![way.clone()];
        let reason = plan_boxed(&call, &target).expect_err("it has no meaning");
        assert_eq!(reason.code(), code, "{ty} of {way}");
        let Form::Boxed(form) = &mut plan.form else { panic!("{plan}") };
        form.arguments[0].ways = [way].into();
        assert_eq!(check_boxed(&plan, &call, &target), Err(Violation::Unboxing { param: 0 }), "{plan}");
    }
    let either = Boxing::Either { nonzero: HostAddress(0), zero: HostAddress(1), count: None };
    let count = Some(Count { offset: 0, bytes: 2 });
    let results: [(&str, Boxing); 6] = [
        ("double", either),
        ("void", tagged()),
        ("int", Boxing::Double { bias: 0 }),
        ("struct { int x; }", Boxing::Call { function: HostAddress(0), with: None }),
        (
            "int",
            Boxing::Memory { allocate: HostAddress(0), with: None, memory: Memory::Inline { offset: 0 } },
        ),
        ("int", Boxing::Constant { object: HostAddress(0), count }),
    ];
    for (ty, boxing) in results {
        let signature = Signature::parse(&format!("{ty}(void)")).expect("a signature");
        let mut call = BoxedCall::new(signature, &host, &target.model).expect("it has a layout");
        let mut plan = plan_boxed(&call, &target).expect("the host's own way has a meaning");
        call.result = boxing;
        assert_eq!(plan_boxed(&call, &target).expect_err("it has no meaning").code(), "boxing", "{ty}");
        let Form::Boxed(form) = &mut plan.form else { panic!("{plan}") };
        form.boxing = boxing;
        assert_eq!(check_boxed(&plan, &call, &target), Err(Violation::Boxing), "{plan}");
    }
    let callables = [
        Callable { parameters: 7, ..host.callable },
        Callable { parameters: 2, ..host.callable },
        Callable { parameters: 3, zero: Some(3), ..host.callable },
        Callable { parameters: 1, arguments: Arguments::Parameters { first: 1 }, zero: None },
    ];
    for callable in callables {
        let signature = Signature::parse("void(int)").expect("a signature");
        let mut call = BoxedCall::new(signature.clone(), &host, &target.model).expect("it has a layout");
        call.parameters[0] = vec![object(integer)];
        let mut plan = plan_boxed(&call, &target).expect("the host's own type has a meaning");
        call.callable = callable;
        assert_eq!(plan_boxed(&call, &target).expect_err("it has no meaning").code(), "callable");
        let Form::Boxed(form) = &mut plan.form else { panic!("{plan}") };
        form.callable = callable;
        let parameters = callable.parameters;
        assert_eq!(check(&plan, &signature, &target), Err(Violation::Callable { parameters }));
    }
}
