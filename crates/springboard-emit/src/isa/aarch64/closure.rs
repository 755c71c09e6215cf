//! Closures of libffi on aarch64: their address arrives in `x17`, that of Go's in `x18`.

use springboard_abi::Entry;

use super::super::assembly::word_at;

/// `ldr x0, #8` and `b #12`, between which and what follows lie the eight bytes of a hole.
const LOAD: u32 = 0x5800_0040;
const SKIP: u32 = 0x1400_0003;
/// `mov x0, x0`.
const MOVE: u32 = 0xaa00_03e0;
/// The bits of `rd`.
const REGISTER: u32 = 0x1f;
/// Loads and stores of vector registers, which have their numbers in the same bits.
const VECTOR: u32 = 0x0e00_0000;
const VECTOR_ACCESS: u32 = 0x0c00_0000;

/// The code of a stub that takes its closure's register for what it loaded from the hole at `hole`. Cranelift allocates
/// neither register; `x17` it uses for addresses that no stub has. `None` where the load is another, or an instruction
/// before it may change the register.
pub(super) fn found(entry: Entry, code: &[u8], hole: usize) -> Option<Vec<u8>> {
    let arrives = if entry == Entry::GoClosure { 18 } else { 17 };
    let at = hole.checked_sub(8)?;
    let word = |at| word_at(code, at);
    let load = word(at)?;
    let keeps =
        |at| word(at).is_some_and(|word| word & REGISTER != arrives || word & VECTOR == VECTOR_ACCESS);
    if load & !REGISTER != LOAD || word(at + 4)? != SKIP || !(0..at).step_by(4).all(keeps) {
        return None;
    }
    let moved = MOVE | arrives << 16 | load & REGISTER;
    Some([&code[..at], &moved.to_le_bytes(), &code[hole + 8..]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn patched(entry: Entry, words: [u32; 6]) -> Option<Vec<u32>> {
        let code: Vec<u8> = words.iter().flat_map(|word| word.to_le_bytes()).collect();
        let word = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().expect("four bytes"));
        found(entry, &code, 12).map(|code| code.chunks_exact(4).map(word).collect())
    }

    #[test]
    fn a_load_becomes_a_move() {
        const NOP: u32 = 0xd503_201f;
        let loads = [NOP, LOAD | 9, SKIP, 0, 0, NOP];
        assert_eq!(patched(Entry::Closure, loads), Some(vec![NOP, 0xaa11_03e9, NOP]));
        assert_eq!(patched(Entry::GoClosure, loads), Some(vec![NOP, 0xaa12_03e9, NOP]));
        assert_eq!(patched(Entry::Closure, [NOP, NOP, SKIP, 0, 0, NOP]), None, "no load");
        assert_eq!(patched(Entry::Closure, [NOP, LOAD, NOP, 0, 0, NOP]), None, "the hole would be executed");
        // ldur d17, [sp, #192]
        assert!(patched(Entry::Closure, [0xfc4c_03f1, LOAD, SKIP, 0, 0, NOP]).is_some(), "a vector register");
        // mov x17, xzr
        assert_eq!(patched(Entry::Closure, [0xaa1f_03f1, LOAD, SKIP, 0, 0, NOP]), None, "another value");
    }
}
