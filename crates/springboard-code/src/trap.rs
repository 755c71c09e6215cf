//! What memory for code holds where no code is: instructions that trap wherever a jump lands among them.

/// The instruction: `int3`; `brk #0x5b`; `c.ebreak`, which is two bytes long, so that no jump lands inside one; zeros,
/// which are not an instruction.
const TRAP: &[u8] = if cfg!(target_arch = "x86_64") {
    &[0xcc]
} else if cfg!(target_arch = "aarch64") {
    &0xd420_0b60_u32.to_le_bytes()
} else if cfg!(target_arch = "riscv64") {
    &0x9002_u16.to_le_bytes()
} else {
    &[0]
};

/// Fills `bytes`, which start at a multiple of 4 bytes.
pub(crate) fn fill(bytes: &mut [u8]) {
    match TRAP {
        [byte] => bytes.fill(*byte),
        instruction => {
            bytes.chunks_mut(instruction.len()).for_each(|to| to.copy_from_slice(&instruction[..to.len()]))
        }
    }
}
