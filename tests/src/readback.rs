//! Code read back: which plans there are of a signature, and what is compiled and read.

use springboard_abi::{
    Entry, ErrorSource, Errors, FastCall, Guard, Narrow, Options, Plan, Rows, Step, Target, boxed::BoxedCall,
    common, plan, plan_boxed, plan_columns, plan_fast_call, plan_with_last_error,
};
use springboard_emit::{Compiler, LandingPads, Protection, ReturnAddresses, Template};
use springboard_ir::{Signature, Type};
use springboard_readback::{Code, Refusal, read_back};
use target_lexicon::Triple;

use crate::{hosts, types::Types};

/// Platforms whose code is read: each CPU, and each convention of it.
pub const TRIPLES: [&str; 6] = [
    "x86_64-unknown-linux-gnu",
    "x86_64-pc-windows-gnu",
    "aarch64-unknown-linux-gnu",
    "aarch64-apple-darwin",
    "riscv64gc-unknown-linux-gnu",
    "s390x-unknown-linux-gnu",
];

/// Every plan that `target` has of a signature, by all entries and their settings.
pub fn plans(signature: &Signature, target: &Target) -> Vec<Plan> {
    let mut plans = Vec::new();
    let plain = Entry::ALL
        .into_iter()
        .filter(|entry| !matches!(entry, Entry::Relay | Entry::V8 | Entry::Columns | Entry::Boxed));
    plans.extend(plain.filter_map(|entry| plan(signature, target, entry).ok()));
    let sources = [ErrorSource::Location, ErrorSource::Function, ErrorSource::ThreadLocal];
    for source in sources {
        let here = source != ErrorSource::ThreadLocal || target.caller == springboard_abi::Convention::Sysv64;
        plans.extend(plan_with_last_error(signature, target, source).ok().filter(|_| here));
    }
    let parameters = signature.params();
    let buffers = (0..).zip(parameters).filter(|(_, param)| param.ty == Type::void_pointer());
    let buffers: Vec<u16> = buffers.map(|(index, _)| index).collect();
    for guard in [Guard::None, Guard::Closed] {
        for options in [Options::ForBuffers, Options::Always] {
            for narrow in [Narrow::Trust, Narrow::Check, Narrow::Exact] {
                let buffers = if options == Options::Always { Vec::new() } else { buffers.clone() };
                let call = FastCall { signature: signature.clone(), buffers, guard, narrow, options };
                plans.extend(plan_fast_call(&call, target).ok());
            }
        }
    }
    let steps = [Step::Row, Step::Stride, Step::Same];
    for (rows, errors) in
        [(Rows::All, Errors::Ignored), (Rows::Valid, Errors::Ignored), (Rows::All, Errors::Stored)]
    {
        plans.extend(plan_columns(signature, target, |index| steps[index % 3], rows, errors).ok());
    }
    for host in [hosts::objects_with_lock(), hosts::objects(), hosts::words(), hosts::doubles()] {
        let call = BoxedCall::new(signature.clone(), &host, &target.model);
        plans.extend(call.ok().and_then(|call| plan_boxed(&call, target).ok()));
    }
    plans
}

/// Reads a template back that was compiled with this protection.
///
/// # Errors
/// Why it is refused.
pub fn read(plan: &Plan, template: &Template, protection: Protection) -> Result<(), Refusal> {
    let code = Code { bytes: &template.code, holes: &template.holes, row: template.row, protection };
    read_back(plan, &code)
}

/// Compiles every plan of a random signature for one platform and reads it back. Gives how many were read.
///
/// # Panics
/// With those that are refused.
pub fn agrees(seed: u64) -> usize {
    let triple: Triple = TRIPLES[seed as usize % TRIPLES.len()].parse().expect("a triple");
    let target = Target::of(&triple).expect("a target");
    let protections = [
        Protection::default(),
        Protection { landing_pads: LandingPads::Emit, return_addresses: ReturnAddresses::Signed },
    ];
    let protection = protections[seed as usize / TRIPLES.len() % 2];
    let mut compiler = Compiler::protected(&triple, protection).expect("a compiler");
    let signature = Types::new(seed).signature();
    let plans = plans(&signature, &target);
    for plan in &plans {
        let template = compiler.emit(plan).unwrap_or_else(|error| panic!("{signature}: {error}"));
        if let Err(why) = read(plan, &template, protection) {
            let listing = compiler.disassemble(&template).expect("a listing");
            panic!("seed {seed}, {triple}: {why}\n{signature}\n{plan}\n{listing}");
        }
    }
    plans.len()
}

/// The common shapes of a platform.
pub fn common_shapes(target: &Target) -> impl Iterator<Item = Plan> + '_ {
    (0..springboard_abi::COMMON).filter_map(|number| common(number, target))
}
