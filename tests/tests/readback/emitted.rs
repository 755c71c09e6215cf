//! Plans that are compiled: every plan that there is.

use springboard_abi::Target;
use springboard_emit::Compiler;
use springboard_ir::Signature;
use springboard_tests::{
    readback::{TRIPLES, plans},
    types::Types,
};
use target_lexicon::Triple;

/// Parameters of which stubs are made that have many: what comes in registers, on the stack, by reference and as several.
const KINDS: [&str; 17] = [
    "int",
    "unsigned char",
    "short",
    "long",
    "void *",
    "float",
    "double",
    "long double",
    "float _Complex",
    "double _Complex",
    "long double _Complex",
    "struct { char c[3]; }",
    "struct { long l; char c; }",
    "struct { double d[2]; }",
    "struct { float f[3]; }",
    "struct { char c[17]; }",
    "struct { long l[8]; }",
];

/// How many parameters of a kind.
const COUNTS: [usize; 2] = [9, 33];

const RESULTS: [&str; 4] = ["void", "int", "double", "struct { long l[4]; }"];

/// Signatures of many parameters: of each kind alone, of each two kinds in turn, and variadic ones.
fn crowded() -> Vec<Signature> {
    let mut sources = Vec::new();
    for (number, kind) in KINDS.iter().enumerate() {
        for (round, count) in COUNTS.into_iter().enumerate() {
            let parameters = vec![*kind; count].join(", ");
            let result = RESULTS[(number + round) % RESULTS.len()];
            sources.push(format!("{result}({parameters})"));
            let other = KINDS[(number + round + 1) % KINDS.len()];
            let mixed = [*kind, other].repeat(count.div_ceil(2)).join(", ");
            sources.push(format!("{}({mixed})", RESULTS[(number + round + 1) % RESULTS.len()]));
            if !matches!(*kind, "unsigned char" | "short" | "float") {
                sources.push(format!("{result}(int, ..., {parameters})"));
            }
        }
    }
    let parsed = |source: &String| Signature::parse(source).unwrap_or_else(|why| panic!("{source}: {why}"));
    sources.iter().map(parsed).collect()
}

#[test]
#[cfg_attr(not(target_arch = "x86_64"), ignore = "minutes under QEMU, and any host emits the code of all")]
fn no_plan_is_refused() {
    let mut signatures = crowded();
    signatures.extend((0..RANDOM).map(|seed| Types::new(seed).signature()));
    for triple in TRIPLES {
        let triple: Triple = triple.parse().expect("a triple");
        let target = Target::of(&triple).expect("a target");
        let mut compiler = Compiler::new(&triple).expect("a compiler");
        let (mut count, mut refused) = (0, Vec::new());
        for signature in &signatures {
            for plan in plans(signature, &target) {
                count += 1;
                if let Err(why) = compiler.emit(&plan) {
                    refused.push(format!("{} {signature}: {why}", plan.entry()));
                }
            }
        }
        println!("{triple}: {count} plans");
        assert_eq!(refused, Vec::<String>::new(), "{triple}, of {count} plans");
        assert!(count > 2000, "{triple}: {count} plans");
    }
}

/// Random signatures that are compiled for each platform.
const RANDOM: u64 = 40;
