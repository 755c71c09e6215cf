//! Which instructions load, store, or make a register of others.

use yaxpeax_arm::armv8::a64::{Opcode, Operand, SIMDSizeCode, SizeCode};

pub(super) fn is_pure(opcode: Opcode) -> bool {
    use Opcode::{AND, EOR, FMOV, MOVI, MOVK, MOVN, MOVZ, ORR, SBFM, UBFM, UMOV};
    matches!(opcode, AND | EOR | FMOV | MOVI | MOVK | MOVN | MOVZ | ORR | SBFM | UBFM | UMOV)
}

pub(super) fn is_load(opcode: Opcode) -> bool {
    use Opcode::{LDR, LDRB, LDRH, LDRSB, LDRSH, LDRSW, LDUR, LDURB, LDURH, LDURSB, LDURSH, LDURSW};
    matches!(
        opcode,
        LDR | LDRB | LDRH | LDRSB | LDRSH | LDRSW | LDUR | LDURB | LDURH | LDURSB | LDURSH | LDURSW
    )
}

pub(super) fn is_store(opcode: Opcode) -> bool {
    use Opcode::{STR, STRB, STRH, STUR, STURB, STURH};
    matches!(opcode, STR | STRB | STRH | STUR | STURB | STURH)
}

/// The same access with another form of its offset.
pub(super) fn scaled(opcode: Opcode) -> Opcode {
    match opcode {
        Opcode::LDUR => Opcode::LDR,
        Opcode::LDURB => Opcode::LDRB,
        Opcode::LDURH => Opcode::LDRH,
        Opcode::LDURSB => Opcode::LDRSB,
        Opcode::LDURSH => Opcode::LDRSH,
        Opcode::LDURSW => Opcode::LDRSW,
        Opcode::STUR => Opcode::STR,
        Opcode::STURB => Opcode::STRB,
        Opcode::STURH => Opcode::STRH,
        other => other,
    }
}

/// How many bytes an access moves for one register.
pub(super) fn bytes_of(opcode: Opcode, register: Operand) -> Option<u8> {
    Some(match (scaled(opcode), register) {
        (Opcode::LDRB | Opcode::LDRSB | Opcode::STRB, _) => 1,
        (Opcode::LDRH | Opcode::LDRSH | Opcode::STRH, _) => 2,
        (Opcode::LDRSW, _) | (_, Operand::Register(SizeCode::W, _)) => 4,
        (_, Operand::Register(SizeCode::X, _)) => 8,
        (_, Operand::SIMDRegister(SIMDSizeCode::S, _)) => 4,
        (_, Operand::SIMDRegister(SIMDSizeCode::D, _)) => 8,
        (_, Operand::SIMDRegister(SIMDSizeCode::Q, _)) => 16,
        _ => return None,
    })
}
