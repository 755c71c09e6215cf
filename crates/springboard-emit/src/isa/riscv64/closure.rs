//! Closures of libffi on RISC-V: their address arrives in `t1`, that of Go's in `t2`.

use springboard_abi::Entry;

use super::super::assembly::word_at;

/// The number of `t5`, which Cranelift keeps for moves of its own.
const T5: u32 = 30;
/// `mv t5, x0`.
const KEEP: u32 = 0x0000_0f13;
/// `mv x0, t5`.
const MOVE: u32 = 0x000f_0013;
/// The bits of `rd`.
const REGISTER: u32 = 0x1f << 7;

/// The code of a stub that takes what its closure's register holds at its beginning for what it loaded from the hole at
/// `hole`: by `auipc` and `ld`, and a jump over the hole. Cranelift may use that register before, so that `t5` keeps it.
/// `None` where the load is another, or `t5` may be changed before it.
pub(super) fn found(entry: Entry, code: &[u8], hole: usize) -> Option<Vec<u8>> {
    let arrives = if entry == Entry::GoClosure { 7 } else { 6 };
    const AUIPC: u32 = 0x17;
    const LD: u32 = 0x3003;
    const JUMP: u32 = 0x6f;
    let at = hole.checked_sub(12)?;
    let word = |at| word_at(code, at);
    let [address, load, skip] = [word(at)?, word(at + 4)?, word(at + 8)?];
    let register = address & REGISTER;
    // The load is of the register that it loads to.
    let same = load & REGISTER == register && load >> 15 & 0x1f == register >> 7;
    if address & 0x7f != AUIPC || load & 0x707f != LD || skip & 0xfff != JUMP || !same {
        return None;
    }
    // Stores and branches have no destination; what is in its place may be any number.
    let keeps = |word: u32| word & REGISTER != T5 << 7 || matches!(word & 0x7f, 0x23 | 0x27 | 0x63);
    if !(0..at).step_by(4).all(|at| word(at).is_some_and(keeps)) {
        return None;
    }
    let moved = (MOVE | register).to_le_bytes();
    let keep = (KEEP | arrives << 15).to_le_bytes();
    Some([&keep, &code[..at], &moved, &code[hole + 8..]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A stub of `before`, the load of `a1`, the jump, a hole, and `ret`.
    fn patched(before: u32, load: u32, skip: u32) -> Option<Vec<u8>> {
        let words = [before, 0x0000_0597, load, skip, 0, 0, 0x0000_8067];
        found(Entry::Closure, &words.iter().flat_map(|word| word.to_le_bytes()).collect::<Vec<_>>(), 16)
    }

    #[test]
    fn a_load_becomes_a_move() {
        const NOP: u32 = 0x13;
        let (load, skip) = (0x00c5_b583, 0x00c0_006f);
        let moves: Vec<u8> = [0x0003_0f13, NOP, 0x000f_0593, 0x0000_8067]
            .iter()
            .flat_map(|word: &u32| word.to_le_bytes())
            .collect();
        assert_eq!(patched(NOP, load, skip), Some(moves));
        assert_eq!(patched(NOP, 0x00c6_3583, skip), None, "ld a1, 12(a2)");
        assert_eq!(patched(NOP, load, NOP), None, "the hole would be executed");
        assert_eq!(patched(0x0000_0f13, load, skip), None, "li t5, 0");
        assert!(patched(0x01e1_3023, load, skip).is_some(), "sd t5, 0(sp)");
    }
}
