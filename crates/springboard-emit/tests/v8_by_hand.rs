//! Stubs for V8 on x86_64, beside what one writes by hand: the same instructions, and no other.

#![cfg(any(target_arch = "x86_64", feature = "all-targets"))]
use springboard_abi::{FastCall, Guard, Target, plan_fast_call};
use springboard_emit::{Compiler, Hole, HoleKind, Template};
use springboard_ir::Signature;
use target_lexicon::Triple;

/// What takes the receiver's place, and so on: `mov rdi, rsi` … `mov r8, r9`.
const MOVES: [[u8; 3]; 5] =
    [[0x48, 0x89, 0xf7], [0x48, 0x89, 0xd6], [0x48, 0x89, 0xca], [0x4c, 0x89, 0xc1], [0x4d, 0x89, 0xc8]];

/// `movabs r10, target`, with a hole, and `jmp r10`.
const TARGET: [u8; 10] = [0x49, 0xba, 0, 0, 0, 0, 0, 0, 0, 0];
const JUMP: [u8; 3] = [0x41, 0xff, 0xe2];

const INTEGERS: [&str; 6] = ["int", "unsigned", "long", "void *", "signed char", "unsigned short"];
const FLOATS: [&str; 2] = ["double", "float"];
const RESULTS: [&str; 6] = ["void", "int", "unsigned long", "void *", "float", "double"];

fn emitted(compiler: &mut Compiler, signature: &str, guard: Guard) -> Template {
    let triple: Triple = "x86_64-unknown-linux-gnu".parse().expect("a triple");
    let target = Target::of(&triple).expect("a target");
    let signature = Signature::parse(signature).expect("a signature");
    let call = FastCall { guard, ..FastCall::new(signature) };
    compiler.emit(&plan_fast_call(&call, &target).expect("a plan")).expect("a template")
}

/// Every signature whose arguments V8 passes in registers and whose result needs nothing: of each number of integers
/// and of floating point numbers, several.
fn signatures() -> impl Iterator<Item = (usize, String)> {
    (0..=MOVES.len()).flat_map(|integers| {
        (0..=8).map(move |floats| {
            let kind = |index: usize| INTEGERS[(index + floats) % INTEGERS.len()];
            let float = |index: usize| FLOATS[(index + integers) % FLOATS.len()];
            // Alternating, as long as there are both.
            let mut params = Vec::new();
            for index in 0..integers.max(floats) {
                params.extend((index < integers).then(|| kind(index)));
                params.extend((index < floats).then(|| float(index)));
            }
            let result = RESULTS[(integers + floats) % RESULTS.len()];
            let params = if params.is_empty() { "void".to_owned() } else { params.join(", ") };
            (integers, format!("{result}({params})"))
        })
    })
}

#[test]
fn a_stub_has_the_instructions_of_one_that_is_written_by_hand() {
    let mut compiler = Compiler::new(&"x86_64-unknown-linux-gnu".parse().expect("a triple")).expect("x86_64");
    let mut count = 0;
    for (integers, signature) in signatures() {
        let stub = emitted(&mut compiler, &signature, Guard::None);
        let by_hand = [&TARGET[..], &MOVES[..integers].concat(), &JUMP].concat();
        assert_eq!(*stub.code, by_hand, "{signature}");
        assert_eq!(*stub.holes, [Hole { offset: 2, kind: HoleKind::Target }], "{signature}");
        count += 1;
    }
    assert_eq!(count, 6 * 9);
}

#[test]
fn the_guard_takes_three_instructions_more() {
    let mut compiler = Compiler::new(&"x86_64-unknown-linux-gnu".parse().expect("a triple")).expect("x86_64");
    for (_, signature) in signatures() {
        let plain = emitted(&mut compiler, &signature, Guard::None);
        let guarded = emitted(&mut compiler, &signature, Guard::Closed);
        let (before, rest) = guarded.code.split_at(16);
        assert_eq!(before[..10], [0x49, 0xbb, 0, 0, 0, 0, 0, 0, 0, 0], "movabs r11, guard");
        assert_eq!(before[10..14], [0x41, 0x80, 0x3b, 0x00], "cmp byte ptr [r11], 0");
        assert_eq!(before[14..], [0x75, plain.code.len() as u8], "jne closed");
        assert_eq!(rest[..plain.code.len()], *plain.code, "{signature}");
    }
}
