//! Templates that are accepted.

use std::{collections::BTreeMap, fs, panic};

use springboard_abi::{Target, plan_relay};
use springboard_emit::{Compiler, Protection};
use springboard_ir::Prototype;
use springboard_tests::{
    filetest,
    readback::{TRIPLES, agrees, common_shapes, read},
};
use target_lexicon::Triple;

#[test]
#[cfg_attr(not(target_arch = "x86_64"), ignore = "minutes under QEMU, and any host reads the code of all")]
fn every_filetest() {
    let (_, paths) = filetest::paths();
    let mut read_of = BTreeMap::<String, (usize, Vec<String>)>::new();
    for path in paths {
        let text = fs::read_to_string(&path).expect("a file");
        let (header, cases) = filetest::split(&text);
        let header = filetest::header(&header).unwrap_or_else(|why| panic!("{}: {why}", path.display()));
        let mut compiler = Compiler::new(&header.triple).expect("a compiler");
        for case in cases {
            let source = case.source.join("\n");
            let signature = Prototype::parse(&source).expect("C text").signature;
            let Ok(plan) = header.plan(&signature) else { continue };
            let template = compiler.emit(&plan).unwrap_or_else(|error| panic!("{source}: {error}"));
            let (count, refused) =
                read_of.entry(format!("{}/{}", header.target.convention, header.entry)).or_default();
            *count += 1;
            if let Err(why) = read(&plan, &template, Protection::default()) {
                let listing = compiler.disassemble(&template).expect("a listing");
                refused.push(format!("{}:{}: {why}\n{source}\n{plan}\n{listing}", path.display(), case.line));
            }
        }
    }
    for (kind, (count, refused)) in &read_of {
        println!("{kind}: {count} read, {} refused", refused.len());
        for why in refused.iter().take(2) {
            println!("{why}");
        }
    }
    let refused: usize = read_of.values().map(|(_, refused)| refused.len()).sum();
    assert_eq!(refused, 0);
    assert!(read_of.len() > 30 && read_of.values().map(|(count, _)| count).sum::<usize>() > 1000);
}

#[test]
fn common_shapes_and_relays() {
    for triple in TRIPLES {
        let triple: Triple = triple.parse().expect("a triple");
        let target = Target::of(&triple).expect("a target");
        let mut compiler = Compiler::new(&triple).expect("a compiler");
        let mut count = 0;
        for plan in common_shapes(&target).chain([plan_relay(&target)]) {
            let template = compiler.emit(&plan).unwrap_or_else(|error| panic!("{plan}: {error}"));
            if let Err(why) = read(&plan, &template, Protection::default()) {
                panic!("{triple}: {why}\n{plan}\n{}", compiler.disassemble(&template).expect("a listing"));
            }
            count += 1;
        }
        assert!(count > 50, "{triple} has {count} common shapes");
    }
}

#[test]
#[cfg_attr(not(target_arch = "x86_64"), ignore = "minutes under QEMU, and any host reads the code of all")]
fn random_signatures() {
    let read = (0..SIGNATURES).map(|seed| panic::catch_unwind(|| agrees(seed)).ok()).collect::<Vec<_>>();
    let count: usize = read.iter().flatten().sum();
    let refused = (0..).zip(&read).filter(|(_, read)| read.is_none()).map(|(seed, _)| seed);
    println!("{count} plans of {SIGNATURES} signatures");
    assert_eq!(refused.collect::<Vec<u64>>(), Vec::<u64>::new());
    assert!(count > SIGNATURES as usize * 5);
}

/// Random signatures that are read in the tests.
const SIGNATURES: u64 = 150;
