//! Instructions that make a register, or the flags, of their operands, and do nothing else.

use iced_x86::{Instruction, Mnemonic, OpKind, Register};

/// What becomes of the first operand.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Target {
    /// It is written whole, whatever was in it.
    Written,
    /// It is a source too.
    Changed,
    /// It is a source only: a comparison.
    Read,
}

/// An instruction that this file knows.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) struct Operation {
    pub(super) target: Target,
    pub(super) sets_flags: bool,
}

impl Operation {
    pub(super) fn of(instruction: &Instruction) -> Option<Operation> {
        use Mnemonic as M;
        let (target, sets_flags) = match instruction.mnemonic() {
            M::Mov | M::Movzx | M::Movsx | M::Movsxd | M::Movd | M::Movq | M::Movss | M::Movsd => {
                (Target::Written, false)
            }
            M::Movups | M::Movupd | M::Movdqu | M::Movaps | M::Movapd | M::Movdqa => (Target::Written, false),
            M::Add | M::Sub | M::And | M::Or | M::Xor | M::Shl | M::Shr | M::Sar => (Target::Changed, true),
            M::Movlhps | M::Unpcklpd | M::Punpcklqdq | M::Pinsrq => (Target::Changed, false),
            M::Cmp | M::Test => (Target::Read, true),
            _ => return None,
        };
        // movss and movsd between registers leave the rest of the first one as it was.
        let merges = matches!(instruction.mnemonic(), M::Movss | M::Movsd)
            && instruction.op1_kind() == OpKind::Register;
        let target = if merges { Target::Changed } else { target };
        Some(Operation { target, sets_flags })
    }
}

/// Whether an instruction clears a register by taking it from itself.
pub(super) fn clears(instruction: &Instruction) -> bool {
    use Mnemonic as M;
    let same = instruction.op_count() == 2
        && instruction.op0_kind() == OpKind::Register
        && instruction.op1_kind() == OpKind::Register
        && instruction.op0_register() == instruction.op1_register();
    let whole = |register: Register| register.is_xmm() || register.is_gpr32() || register.is_gpr64();
    same && whole(instruction.op0_register())
        && matches!(instruction.mnemonic(), M::Xor | M::Xorps | M::Xorpd | M::Pxor)
}

/// Whether a register, or a part of one, is such that its number says which.
pub(super) fn is_plain(register: Register) -> bool {
    let high = matches!(register, Register::AH | Register::CH | Register::DH | Register::BH);
    (register.is_gpr() && !high) || register.is_xmm()
}
