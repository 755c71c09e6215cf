//! Closures of libffi on x86_64: their address arrives in `r10`, the register that System V AMD64 keeps for a static
//! chain (psABI 3.2.3, figure 3.4). No Cranelift signature can ask for it.

use iced_x86::{Code, Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind, Register};

/// The code of a stub that keeps what it finds in `r10` where it kept what is in the hole at `hole`, the closure's. `None`
/// where the code is not of the shape that this file knows.
///
/// Cranelift may use `r10` for moves of its own at the stub's beginning. So `r10` is stored first of all, right after
/// the frame's making, and the two instructions that did so with the hole go. Nothing is relative to what lies between.
pub(super) fn from_r10(code: &[u8], hole: usize) -> Option<Vec<u8>> {
    let load = hole.checked_sub(2)?;
    let mut decoder = Decoder::new(64, code, DecoderOptions::NONE);
    let mut before: Option<Instruction> = None;
    let (mut made, mut kept) = (None, None);
    while decoder.can_decode() {
        let start = decoder.position();
        let instruction = decoder.decode();
        let straight = matches!(
            instruction.flow_control(),
            FlowControl::Next | FlowControl::IndirectCall | FlowControl::Return
        );
        if instruction.is_invalid() || !straight || instruction.is_ip_rel_memory_operand() {
            return None;
        }
        // sub rsp, bytes
        if made.is_none() && start == PROLOGUE.len() {
            let is_made =
                instruction.mnemonic() == Mnemonic::Sub && instruction.op0_register() == Register::RSP;
            made = is_made.then(|| decoder.position());
        }
        if start == load + LOAD {
            kept = before.and_then(|load| kept_at(&load, &instruction));
            kept?;
        }
        before = Some(instruction);
    }
    let (made, (offset, end)) = (made?, kept?);
    if !code.starts_with(&PROLOGUE) || made > load {
        return None;
    }
    // mov [rsp + offset], r10
    let store = [&[0x4c, 0x89, 0x94, 0x24], &offset.to_le_bytes()[..]].concat();
    Some([&code[..made], &store, &code[made..load], &code[end as usize..]].concat())
}

/// `push rbp`; `mov rbp, rsp`
const PROLOGUE: [u8; 4] = [0x55, 0x48, 0x89, 0xe5];
/// Bytes of `mov reg, imm64`.
const LOAD: usize = 10;

/// Where on the stack, and up to which byte of the code, `store` keeps what `load` has loaded.
fn kept_at(load: &Instruction, store: &Instruction) -> Option<(u32, u64)> {
    let loads = load.code() == Code::Mov_r64_imm64;
    let keeps = store.code() == Code::Mov_rm64_r64
        && store.op0_kind() == OpKind::Memory
        && store.memory_base() == Register::RSP
        && store.memory_index() == Register::None
        && store.op1_register() == load.op0_register();
    (loads && keeps).then(|| (store.memory_displacement32(), store.next_ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// push rbp; mov rbp, rsp; sub rsp, 16
    const FRAME: [u8; 8] = [0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x10];

    /// `between`, then mov rsi, imm64; mov [rsp + 8], rsi; ret
    fn patched(frame: &[u8], between: &[u8], load: [u8; 2]) -> Option<Vec<u8>> {
        let before = [frame, between].concat();
        let code = [&before, &load[..], &[0; 8], &[0x48, 0x89, 0x74, 0x24, 0x08, 0xc3]].concat();
        from_r10(&code, before.len() + 2)
    }

    #[test]
    fn r10_is_kept_before_anything_else() {
        // mov r10, rsi
        let between = [0x49, 0x89, 0xf2];
        let store = [0x4c, 0x89, 0x94, 0x24, 0x08, 0, 0, 0];
        let expected = [&FRAME[..], &store, &between, &[0xc3]].concat();
        assert_eq!(patched(&FRAME, &between, [0x48, 0xbe]), Some(expected));
    }

    #[test]
    fn other_code_is_refused() {
        assert_eq!(patched(&FRAME[..4], &[], [0x48, 0xbe]), None, "no room on the stack");
        assert_eq!(patched(&FRAME[1..], &[], [0x48, 0xbe]), None, "another frame");
        assert_eq!(patched(&FRAME, &[0x74, 0x00], [0x48, 0xbe]), None, "a branch");
        assert_eq!(patched(&FRAME, &[], [0x48, 0xbf]), None, "another register is kept");
    }
}
