//! `%al` for stubs that call functions which may be variadic.
//!
//! System V has the caller of a variadic function say in `%al` how many vector registers hold arguments
//! (psABI 3.2.3). No Cranelift signature can ask for it. Most stubs are a straight line with one call or jump in it, so
//! the instruction is put before that in the finished machine code: nothing that the code refers to lies on the other
//! side of it. Stubs that may branch or call more than once, and calls whose stack area is aligned, have a landing instead
//! (`landing.rs`).

use iced_x86::{Decoder, DecoderOptions, FlowControl, Instruction, Register};
use springboard_abi::{Convention, Form, Parameter, Plan};

/// The count that is to be put into the stub of `plan`, if any.
pub(crate) fn of(plan: &Plan) -> Option<u8> {
    let is_straight = match &plan.form {
        Form::Avalue(_) => true,
        Form::Slots(form) | Form::Bound(form) => form.last_error.is_none(),
        // What is checked as 32 bits is checked before.
        Form::V8(fast) => !fast.parameters.iter().any(branches),
        _ => false,
    };
    plan.vector_count
        .filter(|_| is_straight && plan.caller == Convention::Sysv64 && plan.stack_align.is_none())
}

/// Whether a stub has a branch among its moves because of a parameter.
fn branches(parameter: &Parameter) -> bool {
    matches!(parameter, Parameter::Buffer | Parameter::Exact { .. })
}

/// `code` with `count` in `%al` at its call. `None` where `code` is no straight line with one call or jump, through a
/// register, to somewhere else.
pub(crate) fn insert(code: &[u8], count: u8) -> Option<Vec<u8>> {
    let mut decoder = Decoder::new(64, code, DecoderOptions::NONE);
    let mut instruction = Instruction::default();
    let mut call = None;
    while decoder.can_decode() {
        let at = decoder.position();
        decoder.decode_out(&mut instruction);
        if instruction.is_invalid() || instruction.is_ip_rel_memory_operand() {
            return None;
        }
        match instruction.flow_control() {
            FlowControl::Next | FlowControl::Return => {}
            FlowControl::IndirectCall | FlowControl::IndirectBranch if call.is_none() => {
                call = Some((at, decoder.position(), instruction.op0_register()));
            }
            _ => return None,
        }
    }
    let (start, end, register) = call?;
    let mut fresh = code[..start].to_vec();
    // mov eax, count; xor eax, eax
    let set: Vec<u8> = if count == 0 { vec![0x31, 0xc0] } else { vec![0xb8, count, 0, 0, 0] };
    match register {
        Register::None => return None,
        // The target moves out of the way: mov r11, rax; ...; call or jmp r11. No argument is ever in r11, and
        // nobody keeps it.
        Register::RAX => {
            fresh.extend([0x49, 0x89, 0xc3]);
            fresh.extend(set);
            fresh.extend([0x41, 0xff, code[end - 1] | 3]);
        }
        _ => {
            fresh.extend(set);
            fresh.extend(&code[start..end]);
        }
    }
    fresh.extend(&code[end..]);
    Some(fresh)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_count_is_set_right_before_the_call() {
        // mov rdi, [rsi]; call r10; ret
        let code = [0x48, 0x8b, 0x3e, 0x41, 0xff, 0xd2, 0xc3];
        let set = [0x48, 0x8b, 0x3e, 0xb8, 2, 0, 0, 0, 0x41, 0xff, 0xd2, 0xc3];
        assert_eq!(insert(&code, 2).as_deref(), Some(&set[..]));
        let none = [0x48, 0x8b, 0x3e, 0x31, 0xc0, 0x41, 0xff, 0xd2, 0xc3];
        assert_eq!(insert(&code, 0).as_deref(), Some(&none[..]));
    }

    #[test]
    fn a_target_in_rax_moves_out_of_the_way() {
        // call rax; ret, and jmp rax
        let call = [0x49, 0x89, 0xc3, 0xb8, 1, 0, 0, 0, 0x41, 0xff, 0xd3, 0xc3];
        assert_eq!(insert(&[0xff, 0xd0, 0xc3], 1).as_deref(), Some(&call[..]));
        let jump = [0x49, 0x89, 0xc3, 0xb8, 1, 0, 0, 0, 0x41, 0xff, 0xe3];
        assert_eq!(insert(&[0xff, 0xe0], 1).as_deref(), Some(&jump[..]));
    }

    #[test]
    fn code_that_could_tell_the_difference_is_refused() {
        let cases: [(&str, &[u8]); 5] = [
            ("no call: ret", &[0xc3]),
            ("two calls: call r10; call r10", &[0x41, 0xff, 0xd2, 0x41, 0xff, 0xd2]),
            ("a branch: jz +0; call r10", &[0x74, 0x00, 0x41, 0xff, 0xd2]),
            ("a call through memory: call [rsi]", &[0xff, 0x16]),
            (
                "relative to itself: mov rdi, [rip]; call r10",
                &[0x48, 0x8b, 0x3d, 0, 0, 0, 0, 0x41, 0xff, 0xd2],
            ),
        ];
        for (what, code) in cases {
            assert_eq!(insert(code, 1), None, "{what}");
        }
    }
}
