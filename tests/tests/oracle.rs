//! A slice of the oracle, for every run of the tests. More of it: `cargo xtask oracle --help`.

use std::path::Path;

use springboard_abi::Target;
use springboard_tests::{
    machine::Machine,
    oracle::{
        Case, Source, Suite,
        compile::{Compiler, Level},
        drive::{Batch, Drive},
    },
};

/// Runs cases of the host, and fails with what was found.
fn run(source: Source, cases: impl Iterator<Item = u64>, levels: &[Level]) {
    let machine = Machine::host().expect("a machine with a C compiler");
    let suite = Suite { source, seed: 1, target: Target::host().expect("a target of springboard") };
    let compiler = Compiler::new(&machine.cc().get_program().to_string_lossy()).expect("a C compiler");
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("oracle-{source}"));
    std::fs::create_dir_all(&folder).expect("a folder for tests");
    let drive = Drive {
        suite: &suite,
        target: &["--target", machine.triple],
        compiler: &compiler,
        program: &|| machine.program(Path::new(env!("CARGO_BIN_EXE_oracle"))),
        jobs: 1,
        folder: &folder,
    };
    let cases = cases.map(Case::whole).collect::<Vec<_>>();
    let count = cases.len() as u64;
    let tally = drive.run(&Batch::in_turn(cases.into_iter(), 150, levels), &|_| {}).expect("the oracle runs");
    assert_eq!(tally.signatures, count);
    assert_eq!(tally.mismatches(), 0, "{:#?}", tally.failures);
    // All were called, and most by every path.
    let called = |path: &str| tally.counts.get(path).copied().unwrap_or(0);
    let left_out =
        tally.counts.iter().filter(|(what, _)| what.starts_with("left out")).map(|(_, count)| count);
    let left_out: u64 = left_out.sum();
    assert_eq!(called("compiled") + left_out, count, "{:?}", tally.counts);
    for path in ["stub", "runtime", "libffi"] {
        assert!(called(path) > count / 2, "{path}: {:?}", tally.counts);
    }
    // Of those whose arguments are all words.
    assert!(called("columns") > 0, "{:?}", tally.counts);
}

#[test]
fn scalars() {
    run(Source::Scalars, 0..300, &[Level::None, Level::More]);
}

#[test]
fn all_types() {
    run(Source::All, 0..300, &[Level::None, Level::More]);
}

#[test]
fn decorated_text() {
    run(Source::Declarations, 0..300, &[Level::None, Level::More]);
}

#[test]
fn a_part_of_the_matrix() {
    // A prime, so that no digit of the number stays the same.
    let every = 127;
    run(Source::Matrix, (0..Source::Matrix.cases().expect("the matrix ends")).step_by(every), &[Level::Some]);
}
