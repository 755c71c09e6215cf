//! What comes before the first call: reading a prototype, planning, compiling, finding what was compiled, binding.

use std::{collections::BTreeMap, ffi::c_void, hint::black_box, ptr::NonNull};

use fastrand::Rng;
use libffi::middle::{Cif, Type as FfiType};
use springboard::{
    Engine,
    abi::{Entry, Plan, Target, plan},
    emit::Compiler,
    ir::{Prototype, Signature, Type},
    stamp::Stamp,
};

use crate::{
    case::{Bench, Group, Runner, selected},
    jit_module,
    measure::{Effort, Samples, Timed, cpu_time},
    native,
    report::Row,
    types::{CaseType, P2, Q4, signature},
};

/// The name of the rows that stand for many plans.
const MANY: &str = "many_plans";

/// How many plans that are.
pub(crate) const PLANS: usize = 200;

/// A signature that is measured by itself: its name, and it.
fn signatures() -> Vec<(&'static str, Signature)> {
    let ints = |count| signature(i64::c(), &vec![i64::c(); count], None);
    let mixed = [i32::c(), f64::c(), P2::c(), <*const u8>::c(), f32::c(), i64::c(), Q4::c(), usize::c()];
    vec![
        ("ints_2", ints(2)),
        ("ints_8", ints(8)),
        ("ints_64", ints(64)),
        ("mixed_64", signature(P2::c(), &vec![mixed; 8].concat(), None)),
        ("p2_scale", signature(P2::c(), &[P2::c(), f64::c()], None)),
        ("sum_va", signature(i64::c(), &[i32::c(), i64::c(), i64::c(), i64::c()], Some(1))),
    ]
}

/// Measures the cases of the group that `wanted` selects by name.
pub(crate) fn measure(bench: &Bench, filters: &[String], effort: Effort) -> Vec<Row> {
    let wanted = |case: &str| {
        filters.is_empty() || filters.iter().any(|filter| selected(Group::Compile, case, filter))
    };
    let mut measured = Vec::new();
    for (case, signature) in signatures() {
        if wanted(case) {
            eprintln!("{} {case}: readying", Group::Compile);
            for runner in runners(bench, &signature) {
                measured.push((case, Timed::new(runner, longer(effort)), Samples::default()));
            }
        }
    }
    for round in 1..=effort.rounds {
        eprintln!("{}: round {round} of {}", Group::Compile, effort.rounds);
        for _ in 0..effort.repetitions {
            for (_, timed, samples) in &mut measured {
                samples.push(timed.sample());
            }
        }
    }
    let rows =
        measured.iter().map(|(case, timed, samples)| Row::plain(Group::Compile, case, timed.path(), samples));
    let mut rows: Vec<_> = rows.collect();
    if wanted(MANY) {
        rows.extend(many_plans(effort));
    }
    rows
}

/// Repetitions in which a compiler, whose code fills the CPU's caches, runs often enough to be warm.
fn longer(effort: Effort) -> Effort {
    Effort { repetition_us: effort.repetition_us * 5, ..effort }
}

/// Each step from text to a function, and what others do in its place.
fn runners(bench: &Bench, signature: &Signature) -> Vec<Runner> {
    // Nothing here is called, so any function will do.
    let address = native::address(&bench.library, SYMBOL);
    let target = Target::host().expect("the host has a convention");
    let shape = plan(signature, &target, Entry::Slots).expect("a case has a plan");
    let engine = &bench.engine;
    let library = &bench.library;
    let prototype = Prototype { name: Some(SYMBOL.to_owned()), signature: signature.clone() };
    let mut compiler = Compiler::host().expect("the host's code generator is built in");
    engine.stamp(Stamp::new(&shape)).expect("a case has a stub");

    let mut runners = vec![
        again("plan", {
            let signature = signature.clone();
            move || plan(&signature, &target, Entry::Slots)
        }),
        again("emit", {
            let shape = shape.clone();
            move || compiler.emit(&shape).map(|template| template.code.len())
        }),
        again("find", {
            let engine = engine.clone();
            move || engine.stamp(Stamp::new(&shape)).map(drop)
        }),
        again("bind", {
            let (engine, library) = (engine.clone(), library.clone());
            move || engine.function(&library, &prototype).map(drop)
        }),
    ];
    if let Some(text) = text(signature) {
        let (engine, library) = (engine.clone(), library.clone());
        runners.push(again("parse", {
            let text = text.clone();
            move || Prototype::parse(&text).map(drop)
        }));
        runners.push(again("bind-text", move || engine.function(&library, &text).map(drop)));
    }
    runners.extend(others(signature, address));
    runners
}

/// The function that is bound, over and over.
const SYMBOL: &str = "noop";

/// A runner of something that must not fail.
fn again<T, E: std::fmt::Debug>(
    path: &'static str,
    mut step: impl FnMut() -> Result<T, E> + 'static,
) -> Runner {
    Runner::new(path, move |times| {
        for _ in 0..times {
            black_box(step().expect("it has been done before"));
        }
        0
    })
}

/// The prototype as text, where it needs no declarations.
fn text(signature: &Signature) -> Option<String> {
    let named = Prototype { name: Some(SYMBOL.to_owned()), signature: signature.clone() };
    let text = named.to_string();
    Prototype::parse(&text).ok().map(|_| text)
}

/// A module of cranelift-jit, and a call interface of libffi.
fn others(signature: &Signature, address: NonNull<c_void>) -> Vec<Runner> {
    let mut runners = Vec::new();
    if jit_module::compile::<u64>(signature, address).is_some() {
        let signature = signature.clone();
        runners.push(again("jit-module", move || {
            jit_module::compile::<u64>(&signature, address).ok_or("compiled before")
        }));
    }
    let ints = signature.params().iter().all(|param| param.ty == i64::c());
    if ints {
        let count = signature.params().len();
        runners.push(again("libffi", move || {
            Cif::try_new((0..count).map(|_| FfiType::i64()), FfiType::i64()).map(drop)
        }));
    }
    runners
}

/// Compiling each of many plans: by the emitter alone, and by a fresh engine, which also publishes the stub.
fn many_plans(effort: Effort) -> [Row; 2] {
    let plans = plans();
    let mut compiler = Compiler::host().expect("the host's code generator is built in");
    let mut least = [(); 2].map(|()| vec![f64::INFINITY; plans.len()]);
    for round in 0..effort.rounds * effort.repetitions {
        if round % effort.repetitions == 0 {
            eprintln!(
                "{} {MANY}: round {} of {}",
                Group::Compile,
                round / effort.repetitions + 1,
                effort.rounds
            );
        }
        let engine = Engine::new();
        for (index, plan) in plans.iter().enumerate() {
            let emitted = once(|| compiler.emit(plan).map(drop));
            let compiled = once(|| engine.stamp(Stamp::new(plan)).map(drop));
            for (least, ns) in least.iter_mut().zip([emitted, compiled]) {
                least[index] = least[index].min(ns);
            }
        }
    }
    let row = |path, times: &[f64]| {
        let mut samples = Samples::default();
        times.iter().for_each(|ns| samples.push(*ns));
        Row::plain(Group::Compile, MANY, path, &samples)
    };
    [row("emit", &least[0]), row("compile", &least[1])]
}

fn once<E: std::fmt::Debug>(step: impl FnOnce() -> Result<(), E>) -> f64 {
    let taken = cpu_time(|| step().expect("a plan that exists can be compiled"));
    taken.as_secs_f64() * 1e9
}

/// Plans of up to 12 parameters of all kinds, the same in each run, with a signature each.
fn many() -> BTreeMap<Plan, Signature> {
    let mut rng = Rng::with_seed(1);
    let target = Target::host().expect("the host has a convention");
    let kinds: [fn() -> Type; 8] = [i32::c, i64::c, <*const u8>::c, usize::c, f32::c, f64::c, P2::c, Q4::c];
    let mut plans = BTreeMap::new();
    while plans.len() < PLANS {
        let params: Vec<_> = (0..rng.usize(..=12)).map(|_| kinds[rng.usize(..kinds.len())]()).collect();
        let result = kinds[rng.usize(..kinds.len())]();
        let signature = signature(result, &params, None);
        plans.insert(plan(&signature, &target, Entry::Slots).expect("plain types have plans"), signature);
    }
    plans
}

fn plans() -> Vec<Plan> {
    many().into_keys().collect()
}

/// A signature for each of many plans.
pub(crate) fn signatures_of_many() -> Vec<Signature> {
    many().into_values().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_plans_are_the_same_each_time() {
        let first = plans();
        assert_eq!(first.len(), PLANS);
        assert_eq!(first, plans());
    }

    #[test]
    fn plain_prototypes_are_text() {
        let texts = signatures().iter().filter(|(_, signature)| text(signature).is_some()).count();
        assert_eq!(texts, 4, "those without structures");
    }
}
