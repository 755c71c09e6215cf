//! Functions of a host on x86_64 leave a caller's registers alone: no callee-saved one is used, so that the one unwind
//! row of all stubs describes them too.

#![cfg(any(target_arch = "x86_64", feature = "all-targets"))]
use iced_x86::{Decoder, DecoderOptions, Instruction, InstructionInfoFactory, Register};
use springboard_abi::{
    Fill, Target,
    boxed::{
        Arguments, Around, BoxedCall, Boxing, Callable, Check, DigitSign, HostAddress, Payload, Returns,
        Unbox,
    },
    plan_boxed,
};
use springboard_emit::Compiler;
use springboard_ir::Signature;
use target_lexicon::Triple;

/// What no function may change for its caller, except the frame pointer (System V AMD64 psABI, figure 3.4).
const CALLEE_SAVED: [Register; 5] =
    [Register::RBX, Register::R12, Register::R13, Register::R14, Register::R15];

fn type_is(number: u8) -> Vec<Check> {
    vec![
        Check::Bits { mask: 7, equal: 0 },
        Check::Word { offset: 8, equals: HostAddress(number) },
        Check::Flags { offset: 0, mask: 0xff00, equal: 0x1200 },
    ]
}

fn integer_ways() -> Vec<Vec<Unbox>> {
    let digit = |sign| Unbox::Object { checks: type_is(1), payload: Payload::Digit { offset: 24, sign } };
    let size = digit(DigitSign::Size { offset: 16 });
    let tag = digit(DigitSign::Tag { offset: 16, below: 16, mask: 3 });
    let small = Unbox::Tagged { mask: 1, tag: 1, shift: 1, fill: Fill::Sign };
    let asked = Unbox::Call {
        function: HostAddress(5),
        with: Some(HostAddress(6)),
        returns: Returns::Word { fill: Fill::Sign, error: Some(u64::MAX), occurred: Some(HostAddress(7)) },
    };
    vec![vec![size.clone()], vec![tag.clone(), size], vec![small.clone(), tag], vec![small, asked]]
}

fn float_ways() -> Vec<Vec<Unbox>> {
    let object = Unbox::Object { checks: type_is(2), payload: Payload::Float { offset: 16, bytes: 8 } };
    let word = Unbox::Double { from: 1 << 48, through: u64::MAX, bias: 1 << 48 };
    vec![vec![object.clone()], vec![object, integer_ways()[0][0].clone()], vec![word]]
}

fn callables() -> [Callable; 2] {
    let array = |parameters, zero| Callable {
        parameters,
        arguments: Arguments::Array { array: 1, count: 2, count_mask: u64::MAX },
        zero,
    };
    [array(3, None), array(4, Some(3))]
}

/// The callee-saved registers that `code` names.
fn saved_registers(code: &[u8]) -> Vec<Register> {
    let mut decoder = Decoder::new(64, code, DecoderOptions::NONE);
    let (mut info, mut instruction) = (InstructionInfoFactory::new(), Instruction::default());
    let mut found = Vec::new();
    // Constants stand after the instructions that read them.
    let mut end = code.len() as u64;
    while decoder.ip() < end {
        decoder.decode_out(&mut instruction);
        if instruction.is_ip_rel_memory_operand() {
            end = end.min(instruction.ip_rel_memory_address());
        }
        // What fills the place before them is no instruction.
        if instruction.next_ip() > end {
            break;
        }
        let used = info.info(&instruction).used_registers();
        found.extend(used.iter().map(|used| used.register().full_register()));
    }
    found.retain(|register| CALLEE_SAVED.contains(register));
    found
}

#[test]
fn no_callee_saved_register_is_used() {
    let triple: Triple = "x86_64-unknown-linux-gnu".parse().expect("a triple");
    let target = Target::of(&triple).expect("a target");
    let mut compiler = Compiler::new(&triple).expect("a compiler");
    let around = Some(Around { before: HostAddress(3), after: HostAddress(4) });
    let mut stubs = 0;
    for (integers, floats) in (0..10).flat_map(|integers| [0, 1, 2, 5, 9].map(|floats| (integers, floats))) {
        for (integer, float) in integer_ways()
            .iter()
            .flat_map(|integer| float_ways().into_iter().map(move |float| (integer, float)))
        {
            let types = ["int"; 10][..integers].iter().chain(&["double"; 10][..floats]);
            let types = types.copied().collect::<Vec<_>>();
            let types = if types.is_empty() { "void".to_owned() } else { types.join(", ") };
            let signature = Signature::parse(&format!("long({types})")).expect("a signature");
            let ways = [(integer, integers), (&float, floats)];
            let parameters = ways.into_iter().flat_map(|(ways, count)| vec![ways.clone(); count]).collect();
            let call = BoxedCall {
                signature,
                callable: callables()[stubs % 2],
                parameters,
                around: around.filter(|_| stubs % 3 == 0),
                result: Boxing::Tagged { shift: 1, tag: 1, otherwise: HostAddress(8) },
            };
            let plan = plan_boxed(&call, &target).expect("a plan");
            let template = compiler.emit(&plan).expect("a template");
            assert_eq!(saved_registers(&template.code), [], "{plan}");
            stubs += 1;
        }
    }
    assert_eq!(stubs, 600);
}
