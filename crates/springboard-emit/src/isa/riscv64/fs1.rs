//! What Cranelift gets wrong on RISC-V.
//!
//! `DEFAULT_CALLEE_SAVES` of Cranelift 0.135 lacks `f9`, which is `fs1` and belongs to the caller (RISC-V ELF psABI,
//! "Floating-point Register Convention"); its allocator uses it, and its prologue does not save it. Stubs are written
//! so that they need no float register beside those of arguments and results. This looks whether that holds.

use super::super::assembly::words;

/// The number of `fs1`.
const FS1: u32 = 9;

/// Whether an instruction of `code` may write to `fs1`. The code has no compressed instructions, and zeros in holes.
pub(crate) fn changes_fs1(code: &[u8]) -> bool {
    words(code).any(|word| {
        let (opcode, destination) = (word & 0x7f, word >> 7 & 0x1f);
        destination == FS1 && writes_float(opcode, word >> 27)
    })
}

/// Whether the destination of an instruction is a float register: `LOAD-FP`, the fused multiplications, and those
/// of `OP-FP` that neither compare, convert nor move to a general register.
fn writes_float(opcode: u32, function: u32) -> bool {
    match opcode {
        0b000_0111 | 0b100_0011 | 0b100_0111 | 0b100_1011 | 0b100_1111 => true,
        0b101_0011 => !matches!(function, 0b10100 | 0b11000 | 0b11100),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::changes_fs1;

    #[test]
    fn writes_are_told_from_reads() {
        for (text, word, changes) in [
            ("fld fs1, 8(a1)", 0x0085_b487_u32, true),
            ("flw fs1, 0(sp)", 0x0001_2487, true),
            ("fmv.d.x fs1, a0", 0xf205_04d3, true),
            ("fmv.d fs1, fa0", 0x22a5_04d3, true),
            ("fsd fs1, 8(a1)", 0x0095_b427, false),
            ("fld fs0, 8(a1)", 0x0085_b407, false),
            ("fmv.x.d s1, fa0", 0xe205_04d3, false),
            ("ld s1, 8(a1)", 0x0085_b483, false),
        ] {
            assert_eq!(changes_fs1(&word.to_le_bytes()), changes, "{text}");
        }
    }
}
