//! The instructions of stubs on all four CPUs, compared with those written down in `bench/counts/stubs.txt`.
//!
//! Counted is the way on which nothing is refused, from the stub's first instruction to the jump or return that ends it,
//! without what is called. Such a way is a straight line: branches on it are not taken, except over literals. So its
//! instructions are those of the listing, whatever machine this runs on, and no emulator is needed; what x86_64 executes
//! `cargo xtask counts` counts as well, under valgrind. `BLESS=1` writes the counts down.

use std::{fmt::Write as _, fs, path::Path};

use springboard_abi::{
    Convention, Entry, ErrorSource, FastCall, Guard, Narrow, Plan, Target, plan, plan_fast_call,
    plan_with_last_error,
};
use springboard_emit::Compiler;
use springboard_ir::{Signature, Type};
use target_lexicon::Triple;

const TARGETS: [&str; 4] = [
    "x86_64-unknown-linux-gnu",
    "aarch64-unknown-linux-gnu",
    "riscv64gc-unknown-linux-gnu",
    "s390x-unknown-linux-gnu",
];

const HEADER: &str = "\
# Instructions of stubs where nothing is refused, without what they call: x86_64, aarch64, riscv64, s390x.
# Written by `BLESS=1 cargo test -p springboard-tests --test counts`, compared by that test without BLESS.
";

/// An entry, with what a fast call has or that `errno` is delivered, and signatures.
const CASES: [(&str, &[&str]); 10] = [
    (
        "slots",
        &[
            "void(void)",
            "int(int, int)",
            "long(long, long, long, long, long, long, long, long)",
            "int(int, int, int, int, int, int, int, int, int, int, int, int)",
            "double(double, double)",
            "double(int, double, long, float)",
            "struct { double x, y; }(struct { double x, y; }, double)",
            "struct { double v[4]; }(struct { double v[4]; })",
            "int(struct { long v[3]; })",
            "long(int, ..., long, long, long)",
            "int(const char *, ..., double)",
        ],
    ),
    ("slots errno", &["int(int)", "int(int, int)", "struct { long x; double y; }(long)"]),
    ("bound", &["int(int, int)"]),
    ("relay", &["int(int, int)"]),
    ("direct", &["int(int, int)"]),
    ("callback", &["int(int, int)", "struct { double x, y; }(struct { double x, y; }, double)"]),
    (
        "v8",
        &[
            "int(int, int)",
            "int(int, int, int, int, int, int)",
            "int(int, int, int, int, int, int, int)",
            "double(int, double, int, float)",
            "signed char(int, int)",
        ],
    ),
    ("v8 closed", &["int(int, int)"]),
    ("v8 checked", &["int(signed char, unsigned short)"]),
    ("v8 buffers", &["int(void *, int)", "int(void *, void *)"]),
];

#[test]
fn stubs_take_the_instructions_that_are_written_down() {
    let mut fresh = HEADER.to_owned();
    let mut compilers: Vec<_> = TARGETS
        .iter()
        .map(|target| {
            let triple: Triple = target.parse().expect("a triple");
            (Compiler::new(&triple).expect("a compiler"), Target::of(&triple).expect("a target"))
        })
        .collect();
    for (entry, signatures) in CASES {
        for signature in signatures {
            let _ = write!(fresh, "{entry}: {signature} =");
            for (compiler, target) in &mut compilers {
                let template = compiler.emit(&planned(entry, signature, target)).expect("a template");
                let listing = compiler.disassemble(&template).expect("a listing");
                let count = on_the_way(&listing).unwrap_or_else(|| panic!("no end:\n{listing}"));
                let _ = write!(fresh, " {count}");
            }
            fresh.push('\n');
        }
    }
    let file = Path::new(env!("CARGO_MANIFEST_DIR")).join("../bench/counts/stubs.txt");
    if std::env::var_os("BLESS").is_some_and(|value| value == "1") {
        fs::write(&file, &fresh).expect("the counts can be written");
        return;
    }
    let expected = fs::read_to_string(&file).expect("the counts can be read");
    let differences: Vec<_> = fresh
        .lines()
        .filter(|line| !expected.lines().any(|known| known == *line))
        .map(|line| format!("now:     {line}"))
        .chain(
            expected
                .lines()
                .filter(|line| !fresh.lines().any(|now| now == *line))
                .map(|line| format!("written: {line}")),
        )
        .collect();
    assert!(differences.is_empty(), "{}", differences.join("\n"));
}

fn planned(entry: &str, signature: &str, target: &Target) -> Plan {
    let signature = Signature::parse(signature).expect("a signature");
    if entry == "slots errno" {
        // As the runtime has it on Linux.
        let is_found = target.caller == Convention::Sysv64;
        let source = if is_found { ErrorSource::ThreadLocal } else { ErrorSource::Location };
        return plan_with_last_error(&signature, target, source).expect("a plan");
    }
    let Some(fast) = entry.strip_prefix("v8") else {
        let entries = [Entry::Slots, Entry::Bound, Entry::Relay, Entry::Direct, Entry::Callback];
        let entry = entries.into_iter().find(|known| known.to_string() == entry).expect("an entry");
        return plan(&signature, target, entry).expect("a plan");
    };
    let mut call = FastCall::new(signature);
    call.guard = if fast == " closed" { Guard::Closed } else { Guard::None };
    call.narrow = if fast == " checked" { Narrow::Check } else { Narrow::Trust };
    if fast == " buffers" {
        let params = call.signature.params().iter().enumerate();
        let pointers = params.filter(|(_, param)| matches!(param.ty, Type::Pointer(_)));
        call.buffers = pointers.map(|(index, _)| index as u16).collect();
    }
    plan_fast_call(&call, target).expect("a plan")
}

/// How many instructions of a listing are on the way that refuses nothing. `None` where it does not end.
fn on_the_way(listing: &str) -> Option<usize> {
    count_from(listing, 0)
}

fn count_from(listing: &str, start: u64) -> Option<usize> {
    let mut count = 0;
    for line in listing.lines() {
        let (offset, instruction) = line.trim().split_once(":  ")?;
        if u64::from_str_radix(offset, 16).ok()? < start || instruction.starts_with('.') {
            continue;
        }
        count += 1;
        let mut words = instruction.split(' ');
        let (name, operand) = (words.next()?, words.next().unwrap_or(""));
        match (name, operand) {
            ("retq" | "ret" | "jr", _) => return Some(count),
            ("jmpq", target) if target.starts_with('*') => return Some(count),
            // aarch64's and s390x's jump through a register.
            ("br", _) => return Some(count),
            // A landing, which is part of the stub, reaches what the stub calls.
            ("callq", target) if target.starts_with("0x") => {
                count += count_from(listing, u64::from_str_radix(&target[2..], 16).ok()?)?;
            }
            _ => {}
        }
    }
    None
}

#[test]
fn a_way_ends_at_its_jump_or_return() {
    assert_eq!(
        on_the_way("   0:  movq %rdi, %r10\n   3:  jne 0x9\n   5:  jmpq *%r10\n   8:  nop\n"),
        Some(3)
    );
    assert_eq!(on_the_way("   0:  ldr x16, #8\n   4:  br x16\n   8:  .quad Target\n"), Some(2));
    assert_eq!(on_the_way("   0:  j 0xc\n   4:  .quad Target\n   c:  ret\n"), Some(2), "over a literal");
    assert_eq!(
        on_the_way("   0:  callq 0x6\n   5:  retq\n   6:  movl $0, %eax\n   b:  jmpq *8(%rsp)\n"),
        Some(4)
    );
    assert_eq!(on_the_way("   0:  nop\n"), None);
}
