//! Closures of libffi on s390x: their address arrives in `r0`, as in libffi's own code.

/// The code of a stub that takes `r0` for what it loaded from the hole at `hole`. Until then `r0` holds what it held at
/// the beginning, because Cranelift allocates it to nothing. `None` where the load is another.
pub(super) fn from_r0(code: &[u8], hole: usize) -> Option<Vec<u8>> {
    // bras r1, over the hole
    const SKIP: [u8; 4] = [0xa7, 0x15, 0x00, 0x06];
    let at = hole.checked_sub(SKIP.len())?;
    let [0xe3, register, 0x10, 0x00, 0x00, 0x04] = *code.get(hole + 8..hole + 14)? else { return None };
    if code[at..hole] != SKIP || register & 0xf != 0 {
        return None;
    }
    // lgr register, r0
    Some([&code[..at], &[0xb9, 0x04, 0x00, register], &code[hole + 14..]].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_becomes_a_move() {
        let before = [0xa7, 0xfb, 0xff, 0x60]; // aghi r15, -160
        let load = [0xe3, 0x30, 0x10, 0x00, 0x00, 0x04]; // lg r3, 0(r1)
        let stub = |skip: [u8; 4], load: [u8; 6]| {
            from_r0(&[&before, &skip[..], &[0; 8], &load, &[0x07, 0xfe]].concat(), 8)
        };
        let skip = [0xa7, 0x15, 0x00, 0x06];
        let moves = [&before[..], &[0xb9, 0x04, 0x00, 0x30], &[0x07, 0xfe]].concat();
        assert_eq!(stub(skip, load), Some(moves));
        assert_eq!(stub([0xa7, 0x15, 0x00, 0x07], load), None, "the jump goes elsewhere");
        assert_eq!(stub(skip, [0xe3, 0x30, 0x20, 0x00, 0x00, 0x04]), None, "lg r3, 0(r2)");
    }
}
