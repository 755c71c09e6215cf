//! Taking away the frame of a stub that needs none.
//!
//! Cranelift gives every function of its `tail` convention a frame. A stub that loads registers and jumps on has no
//! use for one, and on x86_64 the four instructions are as many as the rest of a short stub has. They are cut out
//! of the machine code, and the result is accepted only if [`verify`], which reads instructions and knows nothing of
//! how they came about, agrees that what is left neither needs the frame nor could tell that it is gone.

use iced_x86::{
    Decoder, DecoderOptions, FlowControl, Instruction, InstructionInfoFactory, MemorySize, OpAccess, Register,
};

/// `push rbp; mov rbp, rsp`
pub(crate) const PROLOGUE: [u8; 4] = [0x55, 0x48, 0x89, 0xe5];
/// `mov rsp, rbp; pop rbp`
const EPILOGUE: [u8; 4] = [0x48, 0x89, 0xec, 0x5d];

/// The code of an x86_64 stub without its frame. `None` where it needs the frame, or where it is not of the shape
/// that this file knows.
pub(crate) fn without_frame(code: &[u8]) -> Option<Vec<u8>> {
    let body = code.strip_prefix(&PROLOGUE)?;
    // The jump is the last instruction, of two bytes, or of three with a prefix for r8 to r15.
    let jump = [3, 2].into_iter().find(|length| {
        body.len().checked_sub(length + EPILOGUE.len()).is_some_and(|at| body[at..].starts_with(&EPILOGUE))
    })?;
    let (body, jump) = body.split_at(body.len() - jump);
    let bare = [body.strip_suffix(&EPILOGUE)?, jump].concat();
    verify(&bare).then_some(bare)
}

/// Whether `code` is a straight line of plain moves that ends in its only branch, an indirect jump through a
/// register, and uses neither the stack nor a register that a callee must preserve.
///
/// Such code means the same with a frame around it and without one: it cannot see the frame, it cannot be in the
/// middle of a call (so no unwinder finds it on the stack but by interrupting it), and it is relative to nothing.
fn verify(code: &[u8]) -> bool {
    let mut decoder = Decoder::new(64, code, DecoderOptions::NONE);
    let mut info = InstructionInfoFactory::new();
    let mut instruction = Instruction::default();
    while decoder.can_decode() {
        decoder.decode_out(&mut instruction);
        let last = !decoder.can_decode();
        let flow = instruction.flow_control();
        let expected = if last { FlowControl::IndirectBranch } else { FlowControl::Next };
        if instruction.is_invalid() || flow != expected || instruction.is_stack_instruction() {
            return false;
        }
        if instruction.is_ip_rel_memory_operand() || (last && instruction.op0_register() == Register::None) {
            return false;
        }
        let used = info.info(&instruction);
        let caller_owned = |register: Register| {
            let full = register.full_register();
            full.is_xmm() || full.is_ymm() || full.is_zmm() || CALLER_SAVED.contains(&full)
        };
        let registers = used.used_registers().iter().all(|used| caller_owned(used.register()));
        // Loads from the slots and from what they point to; nothing is stored.
        let memory = used.used_memory().iter().all(|used| {
            used.access() == OpAccess::Read
                && used.memory_size() != MemorySize::Unknown
                && used.index() == Register::None
        });
        if !registers || !memory {
            return false;
        }
    }
    !code.is_empty()
}

/// General registers that a callee may change (System V AMD64 psABI, figure 3.4).
const CALLER_SAVED: [Register; 9] = [
    Register::RAX,
    Register::RCX,
    Register::RDX,
    Register::RSI,
    Register::RDI,
    Register::R8,
    Register::R9,
    Register::R10,
    Register::R11,
];

#[cfg(test)]
mod tests {
    use super::*;

    /// `body` as Cranelift frames it, with `jmp r10` after it.
    fn framed(body: &[u8]) -> Vec<u8> {
        [&PROLOGUE[..], body, &EPILOGUE, &[0x41, 0xff, 0xe2]].concat()
    }

    #[test]
    fn a_stub_of_loads_loses_its_frame() {
        // mov r10, rdi; mov rdi, [rsi]; movsd xmm0, [rsi+8]
        let body = [0x49, 0x89, 0xfa, 0x48, 0x8b, 0x3e, 0xf2, 0x0f, 0x10, 0x46, 0x08];
        let bare = without_frame(&framed(&body)).expect("needs no frame");
        assert_eq!(bare, [&body[..], &[0x41, 0xff, 0xe2]].concat());
    }

    #[test]
    fn what_could_tell_the_difference_keeps_its_frame() {
        let cases: [(&str, &[u8]); 11] = [
            ("reads the stack: mov rdi, [rsp+8]", &[0x48, 0x8b, 0x7c, 0x24, 0x08]),
            ("reads through the frame pointer: mov rdi, [rbp+16]", &[0x48, 0x8b, 0x7d, 0x10]),
            ("moves the stack pointer: sub rsp, 16", &[0x48, 0x83, 0xec, 0x10]),
            ("pushes: push rdi", &[0x57]),
            ("changes a callee-saved register: mov rbx, rdi", &[0x48, 0x89, 0xfb]),
            ("changes another: mov r12d, edi", &[0x41, 0x89, 0xfc]),
            ("calls: call rdi", &[0xff, 0xd7]),
            ("branches: jz +0", &[0x74, 0x00]),
            ("returns: ret", &[0xc3]),
            ("stores: mov [rsi], rdi", &[0x48, 0x89, 0x3e]),
            ("is relative to itself: mov rdi, [rip+0]", &[0x48, 0x8b, 0x3d, 0, 0, 0, 0]),
        ];
        for (what, body) in cases {
            assert_eq!(without_frame(&framed(body)), None, "{what}");
        }
    }

    #[test]
    fn only_the_known_frame_is_taken_away() {
        let body = [0x48, 0x8b, 0x3e];
        let whole = framed(&body);
        assert!(without_frame(&whole).is_some());
        assert_eq!(without_frame(&whole[1..]), None, "no prologue");
        assert_eq!(without_frame(&whole[..whole.len() - 3]), None, "no jump");
        // call rax instead of jmp rax
        let call = [&PROLOGUE[..], &body, &EPILOGUE, &[0xff, 0xd0]].concat();
        assert_eq!(without_frame(&call), None);
    }
}
