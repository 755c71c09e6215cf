//! Readings of stubs and of their mutants.

use iced_x86::{Mnemonic, Register};
use springboard_abi::{
    Entry, ErrorSource, FastCall, Guard, Narrow, Plan, Target, plan, plan_fast_call, plan_with_last_error,
};
use springboard_ir::{Signature, Type};

use super::{super::super::reading::is_same, *};

fn code(bytes: &[&[u8]]) -> Code {
    Code { bytes: bytes.concat(), holes: Vec::new() }
}

const TWO_INTEGERS: Live = Live { native: 1 << 7 | 1 << 6, host: 0, stack_bytes: 0 };
const FRAME: &[u8] = &[0x55, 0x48, 0x89, 0xe5];
/// `mov r10, rdi`; `mov rdi, [rsi]`; `mov rsi, [rsi + 8]`
const LOADS: &[u8] = &[0x49, 0x89, 0xfa, 0x48, 0x8b, 0x3e, 0x48, 0x8b, 0x76, 0x08];
const CALL_R10: &[u8] = &[0x41, 0xff, 0xd2];
const JUMP_R10: &[u8] = &[0x41, 0xff, 0xe2];
/// `mov rsp, rbp`; `pop rbp`; `ret`
const RETURN: &[u8] = &[0x48, 0x89, 0xec, 0x5d, 0xc3];

#[test]
fn a_jump_is_a_call_with_nothing_after_it() {
    let framed = code(&[FRAME, LOADS, CALL_R10, RETURN]);
    assert!(is_same(&CPU, &framed, &code(&[LOADS, JUMP_R10]), TWO_INTEGERS));
    // leave; ret, and pop rbp; ret
    assert!(is_same(&CPU, &framed, &code(&[FRAME, LOADS, CALL_R10, &[0xc9, 0xc3]]), TWO_INTEGERS));
    assert!(is_same(&CPU, &framed, &code(&[FRAME, LOADS, CALL_R10, &[0x5d, 0xc3]]), TWO_INTEGERS));
    let others: [(&str, &[&[u8]]); 7] = [
        ("another slot", &[&LOADS[..9], &[0x10], JUMP_R10]),
        ("another register", &[&LOADS[..8], &[0x7e, 0x08], JUMP_R10]),
        ("another target: jmp r11", &[LOADS, &[0x41, 0xff, 0xe3]]),
        ("something on the stack: push rdi", &[&[0x57], LOADS, JUMP_R10]),
        ("a register of the caller's: mov rbx, rdi", &[&[0x48, 0x89, 0xfb], LOADS, JUMP_R10]),
        ("a call without a frame", &[&[0x57], LOADS, CALL_R10, &[0x5f, 0xc3]]),
        ("the stack is not aligned", &[FRAME, &[0x57], LOADS, CALL_R10, &[0xc9, 0xc3]]),
    ];
    for (what, bytes) in others {
        assert!(!is_same(&CPU, &framed, &code(bytes), TWO_INTEGERS), "{what}");
    }
}

#[test]
fn a_number_stored_is_compared() {
    // mov dword [rsi], 0; mov eax, 0; mov [rsi], eax
    let zero: &[u8] = &[0xc7, 0x06, 0, 0, 0, 0];
    let by_register: &[u8] = &[0xb8, 0, 0, 0, 0, 0x89, 0x06];
    let before = code(&[zero, LOADS, JUMP_R10]);
    assert!(is_same(&CPU, &before, &code(&[by_register, LOADS, JUMP_R10]), TWO_INTEGERS));
    let others: [(&str, &[u8]); 4] = [
        ("another number", &[0xc7, 0x06, 0, 1, 0, 0]),
        ("another address: [rdi]", &[0xc7, 0x07, 0, 0, 0, 0]),
        ("more bytes: qword", &[0x48, 0xc7, 0x06, 0, 0, 0, 0]),
        ("fewer: word", &[0x66, 0xc7, 0x06, 0, 0]),
    ];
    for (what, bytes) in others {
        assert!(!is_same(&CPU, &before, &code(&[bytes, LOADS, JUMP_R10]), TWO_INTEGERS), "{what}");
    }
}

#[test]
fn a_word_pushed_is_a_word_stored() {
    let live = Live { native: 0, host: 0, stack_bytes: 16 };
    // sub rsp, 16; mov rax, [rsi + 8]; mov [rsp + 8], rax; mov rax, [rsi]; mov [rsp], rax
    let stored: &[u8] = &[
        0x48, 0x83, 0xec, 0x10, 0x48, 0x8b, 0x46, 0x08, 0x48, 0x89, 0x44, 0x24, 0x08, 0x48, 0x8b, 0x06, 0x48,
        0x89, 0x04, 0x24,
    ];
    let call: &[u8] = &[0xff, 0xd7, 0xc9, 0xc3];
    let before = code(&[FRAME, stored, call]);
    assert!(is_same(&CPU, &before, &code(&[FRAME, &[0xff, 0x76, 0x08, 0xff, 0x36], call]), live));
    assert!(
        !is_same(&CPU, &before, &code(&[FRAME, &[0xff, 0x36, 0xff, 0x76, 0x08], call]), live),
        "in this order"
    );
    let other = Live { stack_bytes: 0, ..live };
    // push [rsi + 8] twice
    let twice = code(&[FRAME, &[0xff, 0x76, 0x08, 0xff, 0x76, 0x08], call]);
    assert!(!is_same(&CPU, &before, &twice, live));
    assert!(!is_same(&CPU, &before, &twice, other), "what is loaded is compared as well");
}

fn plans() -> Vec<(String, Plan)> {
    let target = Target::of(&"x86_64-unknown-linux-gnu".parse().expect("a triple")).expect("a target");
    let mut plans = Vec::new();
    for text in [
        "int(int, int)",
        "double(double, double, long, long)",
        "struct { double x, y; }(struct { double x, y; }, double)",
        "void(long, long, long, long, long, long, long, long, long, float)",
        "int(struct { long v[3]; }, int)",
        "int(int, ...)",
    ] {
        let signature = Signature::parse(text).expect("a signature");
        for entry in [Entry::Slots, Entry::Bound, Entry::Avalue, Entry::Callback] {
            if let Ok(plan) = plan(&signature, &target, entry) {
                plans.push((format!("{text} by {entry}"), plan));
            }
        }
        if let Ok(plan) = plan_with_last_error(&signature, &target, ErrorSource::Location) {
            plans.push((format!("{text} with errno"), plan));
        }
    }
    for text in [
        "signed char(int, double, unsigned short)",
        "int(int, int, int, int, int, int)",
        "void(int, int, int, int, int, int, double, int, long)",
        "int(void *, int, void *)",
    ] {
        let signature = Signature::parse(text).expect("a signature");
        let pointers = signature.params().iter().enumerate();
        let pointers = pointers.filter(|(_, param)| matches!(param.ty, Type::Pointer(_)));
        let buffers = pointers.map(|(index, _)| index as u16).collect();
        let call =
            FastCall { guard: Guard::Closed, narrow: Narrow::Check, buffers, ..FastCall::new(signature) };
        plans.push((format!("{text} by v8"), plan_fast_call(&call, &target).expect("a plan")));
    }
    plans
}

/// Every bit of every instruction of many stubs, turned round: what is accepted does the same.
#[test]
fn mutants_are_refused() {
    let triple = "x86_64-unknown-linux-gnu".parse().expect("a triple");
    let mut compiler = crate::Compiler::new(&triple).expect("a compiler");
    let (mut mutants, mut accepted) = (0, Vec::new());
    for (name, plan) in plans() {
        let mut live = super::live(&plan).expect("System V");
        if plan.vector_count.is_some() {
            // al
            live.native |= 1;
        }
        let template = compiler.emit(&plan).expect("a template");
        let whole = Code { bytes: template.code.to_vec(), holes: template.holes.to_vec() };
        assert!(is_same(&CPU, &whole, &whole, live), "{name} can be read");
        let in_hole = |byte: usize| {
            whole.holes.iter().any(|hole| (hole.offset as usize..hole.offset as usize + 8).contains(&byte))
        };
        for bit in (0..whole.bytes.len() * 8).filter(|bit| !in_hole(bit / 8)) {
            let mut bytes = whole.bytes.clone();
            bytes[bit / 8] ^= 1 << (bit % 8);
            mutants += 1;
            let mutant = Code { bytes, holes: whole.holes.clone() };
            if is_same(&CPU, &whole, &mutant, live) && !means_the_same(&whole, &mutant) {
                accepted.push(format!("{name}: {}", difference(&whole, &mutant)));
            }
        }
    }
    assert!(mutants > 8000, "{mutants} mutants");
    assert!(accepted.is_empty(), "{} accepted:\n{}", accepted.len(), accepted.join("\n"));
}

fn instructions(code: &Code) -> Vec<Instruction> {
    Decoder::new(64, &code.bytes, DecoderOptions::NONE).iter().collect()
}

/// The first instructions that are not the same.
fn first_two(before: &Code, after: &Code) -> Option<(Instruction, Instruction)> {
    instructions(before).into_iter().zip(instructions(after)).find(|(a, b)| !a.eq_all_bits(b))
}

fn shown(i: &Instruction) -> String {
    format!(
        "{:?} {:?} {:?} [{:?}+{:x}] {:x}",
        i.code(),
        i.op0_register(),
        i.op1_register(),
        i.memory_base(),
        i.memory_displacement64(),
        i.immediate64()
    )
}

fn difference(before: &Code, after: &Code) -> String {
    first_two(before, after).map_or(String::new(), |(a, b)| format!("{} -> {}", shown(&a), shown(&b)))
}

/// The mutants that are the same program, by these rules and no other.
fn means_the_same(before: &Code, after: &Code) -> bool {
    let (whole, mutant) = (instructions(before), instructions(after));
    // `pop rax` before `xor eax, eax`, in front of `leave`, which takes the stack down from wherever it is.
    if let Some(at) = mutant.iter().position(|i| i.code() == Op::Pop_r64 && i.op0_register() == Register::RAX)
    {
        let then = mutant.get(at + 1).and_then(cleared) == Some(Register::RAX);
        return then && whole.get(at).and_then(cleared) == Some(Register::RAX);
    }
    whole.len() == mutant.len() && whole.iter().zip(&mutant).all(|(a, b)| is_the_same(a, b))
}

fn is_the_same(a: &Instruction, b: &Instruction) -> bool {
    let mut unscaled = *b;
    // Nothing is scaled where there is no index.
    if b.memory_index() == Register::None {
        unscaled.set_memory_index_scale(a.memory_index_scale());
    }
    // A register cleared is a register cleared.
    let clears = cleared(a).is_some() && cleared(a) == cleared(b);
    // Another encoding of the same move.
    let operands =
        |i: &Instruction| (i.mnemonic(), i.op0_kind(), i.op1_kind(), i.op0_register(), i.op1_register());
    let moves =
        a.mnemonic() == Mnemonic::Mov && a.op1_kind() == OpKind::Register && operands(a) == operands(b);
    // More room on the stack than is needed, and as well aligned.
    let room = |i: &Instruction| {
        (i.code() == Op::Sub_rm64_imm8 && i.op0_register() == Register::RSP).then(|| i.immediate(1) as i64)
    };
    let roomier = room(a).zip(room(b)).is_some_and(|(a, b)| b > a && (b - a) % 16 == 0);
    *a == unscaled || clears || moves || roomier
}

/// The register that an instruction clears.
fn cleared(i: &Instruction) -> Option<Register> {
    let same = i.op1_kind() == OpKind::Register && i.op0_register() == i.op1_register();
    let clears = matches!(i.mnemonic(), Mnemonic::Xor | Mnemonic::Xorpd | Mnemonic::Xorps);
    let whole = !i.op0_register().is_gpr8() && !i.op0_register().is_gpr16();
    (same && clears && whole).then(|| i.op0_register().full_register())
}
