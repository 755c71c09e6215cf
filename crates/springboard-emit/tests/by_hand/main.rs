//! Stubs beside what one writes by hand: the same instructions, to the byte, and no other.
//!
//! One file per CPU has the code, as data: a line `target: <triple>`, then cases. A case is an entry, with what a fast
//! call has, and a signature; below it its code, an instruction per line:
//!
//! ```text
//! slots: int(int, int)
//!     49 89 fa                   mov r10, rdi
//!
//! v8 closed: int(int, int)
//!     58000010 =Guard            ldr x16, guard
//! ```
//!
//! Bytes are written as they follow each other, or as a word of the CPU. `Guard` stands for eight bytes that a stamp
//! fills in; `=Guard` says that the instruction before it finds them in a literal after the code, by its distance ([`Cpu`]). What
//! comes after that is for the reader.
//!
//! A case whose entry begins with `each number of` stands for every signature of so many integers as it has lines that
//! begin with `move`, and of up to eight floating point numbers.
#![cfg_attr(not(feature = "all-targets"), expect(dead_code, reason = "sequences of other CPUs"))]

use std::fmt::Write as _;

use springboard_abi::{Entry, FastCall, Guard, Narrow, Options, Plan, Target, plan, plan_fast_call};
use springboard_emit::{Compiler, Hole, HoleKind, Template};
use springboard_ir::{Signature, Type};
use target_lexicon::Triple;

/// A CPU whose code is written down.
struct Cpu {
    text: &'static str,
    /// Bytes of a word that is written as one number, from the lowest address.
    word: fn(u32) -> [u8; 4],
    /// Puts the distance from the first byte of an instruction to a literal into the instruction.
    refer: fn(&mut [u8], i32),
}

const X86_64: Cpu =
    Cpu { text: include_str!("x86_64.txt"), word: u32::to_le_bytes, refer: |_, _| panic!("no literals") };
const AARCH64: Cpu = Cpu {
    text: include_str!("aarch64.txt"),
    word: u32::to_le_bytes,
    // ldr of a literal: words, from bit 5 on.
    refer: |code, distance| add(code, (distance as u32 / 4) << 5),
};
const RISCV64: Cpu = Cpu {
    text: include_str!("riscv64.txt"),
    word: u32::to_le_bytes,
    // auipc, ld: the upper 20 bits, so that the lower 12 are added to them with their sign.
    refer: |code, distance| {
        add(code, (distance + 0x800) as u32 & !0xfff);
        add(&mut code[4..], (distance as u32) << 20);
    },
};
const S390X: Cpu = Cpu {
    text: include_str!("s390x.txt"),
    word: u32::to_be_bytes,
    // lgrl: halves of a word, in the last four bytes.
    refer: |code, distance| code[2..].copy_from_slice(&(distance / 2).to_be_bytes()),
};

/// Adds to a little-endian word.
fn add(code: &mut [u8], number: u32) {
    let word: [u8; 4] = code[..4].try_into().expect("a word");
    code[..4].copy_from_slice(&(u32::from_le_bytes(word) + number).to_le_bytes());
}

#[cfg(any(target_arch = "x86_64", feature = "all-targets"))]
#[test]
fn x86_64() {
    check(&X86_64, 27);
}

#[cfg(any(target_arch = "aarch64", feature = "all-targets"))]
#[test]
fn aarch64() {
    check(&AARCH64, 20);
}

#[cfg(any(target_arch = "riscv64", feature = "all-targets"))]
#[test]
fn riscv64() {
    check(&RISCV64, 16);
}

#[cfg(any(target_arch = "s390x", feature = "all-targets"))]
#[test]
fn s390x() {
    check(&S390X, 12);
}

/// Compares every case of a CPU, of which there are so many at least.
fn check(cpu: &Cpu, cases: usize) {
    let mut paragraphs = cpu.text.split("\n\n").filter(|paragraph| !paragraph.starts_with("//"));
    let triple = paragraphs.next().and_then(|line| line.trim().strip_prefix("target: "));
    let triple: Triple = triple.expect("a target").parse().expect("a triple");
    let mut compiler = Compiler::new(&triple).expect("a compiler");
    let target = Target::of(&triple).expect("a target");
    let mut differences = String::new();
    let mut count = 0;
    for paragraph in paragraphs {
        let case = Case::parse(paragraph);
        for (signature, integers) in case.signatures() {
            let emitted = compiler.emit(&case.plan(&signature, &target)).expect("a template");
            let by_hand = code(cpu, &case.lines(integers));
            if (&*emitted.code, &*emitted.holes) != (&*by_hand.0, &*by_hand.1) {
                let _ = writeln!(differences, "{}: {signature}\n{}", case.entry, shown(&emitted, &by_hand));
            }
        }
        count += 1;
    }
    assert!(differences.is_empty(), "{differences}");
    assert!(count >= cases, "{count} cases");
}

fn shown(emitted: &Template, by_hand: &(Vec<u8>, Vec<Hole>)) -> String {
    format!(
        "  emitted {:02x?} {:?}\n  by hand {:02x?} {:?}",
        emitted.code, emitted.holes, by_hand.0, by_hand.1
    )
}

struct Case<'a> {
    entry: &'a str,
    signature: &'a str,
    code: Vec<&'a str>,
}

impl<'a> Case<'a> {
    fn parse(paragraph: &'a str) -> Case<'a> {
        let mut lines = paragraph.lines().filter(|line| !line.starts_with("//"));
        let (entry, signature) =
            lines.next().and_then(|head| head.split_once(": ")).expect("entry: signature");
        Case { entry, signature, code: lines.map(str::trim).collect() }
    }

    /// The signatures that it stands for, and how many integers are in each.
    fn signatures(&self) -> Vec<(String, usize)> {
        if !self.entry.starts_with("each number of") {
            return vec![(self.signature.to_owned(), 0)];
        }
        let moves = self.code.iter().filter(|line| line.starts_with("move ")).count();
        (0..=moves)
            .flat_map(|integers| (0..=8).map(move |floats| (mixed(integers, floats), integers)))
            .collect()
    }

    /// The lines of its code, with so many of its moves.
    fn lines(&self, moves: usize) -> Vec<&'a str> {
        let mut left = moves;
        let wanted = |line: &&'a str| match line.strip_prefix("move ") {
            None => Some(*line),
            Some(line) => {
                let wanted = left > 0;
                left = left.saturating_sub(1);
                wanted.then_some(line)
            }
        };
        self.code.iter().filter_map(wanted).collect()
    }

    fn plan(&self, signature: &str, target: &Target) -> Plan {
        let signature = Signature::parse(signature).expect("a signature");
        let mut words = self.entry.strip_prefix("each number of ").unwrap_or(self.entry).split(' ');
        let entry = words.next().expect("an entry");
        if entry != "v8" {
            let entries = [
                Entry::Slots,
                Entry::Bound,
                Entry::Relay,
                Entry::Direct,
                Entry::Avalue,
                Entry::Callback,
                Entry::Closure,
            ];
            let entry = entries.into_iter().find(|known| known.to_string() == entry).expect("an entry");
            return plan(&signature, target, entry).expect("a plan");
        }
        let mut call = FastCall::new(signature);
        call.guard = Guard::None;
        call.narrow = Narrow::Trust;
        for word in words {
            match word {
                "closed" => call.guard = Guard::Closed,
                "checked" => call.narrow = Narrow::Check,
                "options" => call.options = Options::Always,
                "buffers" => {
                    let params = call.signature.params().iter().enumerate();
                    let pointers = params.filter(|(_, param)| matches!(param.ty, Type::Pointer(_)));
                    call.buffers = pointers.map(|(index, _)| index as u16).collect();
                }
                other => panic!("a fast call has no {other}"),
            }
        }
        plan_fast_call(&call, target).expect("a plan")
    }
}

/// A signature of so many integers and floating point numbers, alternating as long as there are both.
fn mixed(integers: usize, floats: usize) -> String {
    const INTEGERS: [&str; 6] = ["int", "unsigned", "long", "void *", "signed char", "unsigned short"];
    const FLOATS: [&str; 2] = ["double", "float"];
    const RESULTS: [&str; 6] = ["void", "int", "unsigned long", "void *", "float", "double"];
    let mut params = Vec::new();
    for index in 0..integers.max(floats) {
        params.extend((index < integers).then(|| INTEGERS[(index + floats) % INTEGERS.len()]));
        params.extend((index < floats).then(|| FLOATS[(index + integers) % FLOATS.len()]));
    }
    let params = if params.is_empty() { "void".to_owned() } else { params.join(", ") };
    format!("{}({params})", RESULTS[(integers + floats) % RESULTS.len()])
}

/// Bytes and holes of lines.
fn code(cpu: &Cpu, lines: &[&str]) -> (Vec<u8>, Vec<Hole>) {
    let (mut bytes, mut holes, mut loads) = (Vec::new(), Vec::new(), Vec::new());
    for line in lines {
        let start = bytes.len();
        for token in line.split_whitespace() {
            let number = u32::from_str_radix(token, 16).ok();
            match (number, token.len()) {
                (Some(byte), 2) => bytes.push(byte as u8),
                (Some(word), 8) => bytes.extend((cpu.word)(word)),
                _ => match (kind(token), token.strip_prefix('=').and_then(kind)) {
                    (Some(kind), _) => {
                        holes.push(Hole { offset: bytes.len() as u32, kind });
                        bytes.extend([0; 8]);
                    }
                    (None, Some(kind)) => loads.push((start, bytes.len(), kind)),
                    // The reader's.
                    (None, None) => break,
                },
            }
        }
    }
    let mut literals: Vec<(HoleKind, usize)> = Vec::new();
    for (start, end, kind) in loads {
        let known = literals.iter().find(|(known, _)| *known == kind).map(|(_, offset)| *offset);
        let offset = known.unwrap_or_else(|| {
            bytes.resize(bytes.len().next_multiple_of(8), 0);
            let offset = bytes.len();
            bytes.extend([0; 8]);
            literals.push((kind, offset));
            holes.push(Hole { offset: offset as u32, kind });
            offset
        });
        (cpu.refer)(&mut bytes[start..end], (offset - start) as i32);
    }
    holes.sort_unstable();
    (bytes, holes)
}

fn kind(token: &str) -> Option<HoleKind> {
    HoleKind::ALL.into_iter().find(|kind| format!("{kind:?}") == token)
}
