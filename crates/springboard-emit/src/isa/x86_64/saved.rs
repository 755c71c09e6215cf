//! Looking whether a stub changes registers that belong to its caller.

use iced_x86::{Decoder, DecoderOptions, Instruction, Register};

/// Those that no function may change for its caller, except the frame pointer (System V AMD64 psABI, figure 3.4; Windows
/// has more).
const CALLEE_SAVED: [Register; 5] =
    [Register::RBX, Register::R12, Register::R13, Register::R14, Register::R15];

/// The instructions of a stub. Constants stand after those that read them, and what fills the gap before them is no code.
pub(super) fn instructions(code: &[u8]) -> impl Iterator<Item = Instruction> {
    let mut decoder = Decoder::new(64, code, DecoderOptions::NONE);
    let mut end = code.len() as u64;
    std::iter::from_fn(move || {
        let instruction = (decoder.ip() < end).then(|| decoder.decode())?;
        if instruction.is_ip_rel_memory_operand() {
            end = end.min(instruction.ip_rel_memory_address());
        }
        (instruction.next_ip() <= end).then_some(instruction)
    })
}

/// Whether an instruction of `code` names one of them: to save it, first of all.
pub(super) fn names_saved(code: &[u8]) -> bool {
    instructions(code).any(|instruction| {
        let operands = (0..instruction.op_count()).map(|operand| instruction.op_register(operand));
        let mut named = operands.chain([instruction.memory_base(), instruction.memory_index()]);
        named.any(|register| CALLEE_SAVED.contains(&register.full_register()))
    })
}

#[cfg(test)]
mod tests {
    use super::names_saved;

    #[test]
    fn a_saved_register_is_seen_and_a_constant_is_not() {
        // mov rdi, [rsi]; ret
        assert!(!names_saved(&[0x48, 0x8b, 0x3e, 0xc3]));
        // mov [rsp], rbx
        assert!(names_saved(&[0x48, 0x89, 0x1c, 0x24]));
        // mov eax, r12d
        assert!(names_saved(&[0x44, 0x89, 0xe0]));
        // and rdi, [rip + 1]; ret; and bytes that would be mov rax, rbx
        assert!(!names_saved(&[0x48, 0x23, 0x3d, 1, 0, 0, 0, 0xc3, 0x48, 0x89, 0xd8]));
    }
}
