//! Looking whether a stub changes registers that belong to its caller.

use iced_x86::{Decoder, DecoderOptions, Instruction, InstructionInfoFactory, Register};

/// Those that no function may change for its caller, except the frame pointer (System V AMD64 psABI, figure 3.4; Windows
/// has more).
const CALLEE_SAVED: [Register; 5] =
    [Register::RBX, Register::R12, Register::R13, Register::R14, Register::R15];

/// The instructions of a stub. Constants stand after those that read them, and what fills the place before them is none.
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
    let mut info = InstructionInfoFactory::new();
    instructions(code).any(|instruction| {
        let used = info.info(&instruction).used_registers();
        used.iter().any(|used| CALLEE_SAVED.contains(&used.register().full_register()))
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
