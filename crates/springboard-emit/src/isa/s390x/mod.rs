//! s390x: big-endian, and stubs have no frame pointer.

use super::Isa;

pub(super) static ISA: Isa = Isa {
    configure: |_, _| Ok(()),
    finish: |_, code, _| Ok(code),
    landing: |_| None,
    // `tail` has registers of its own for arguments.
    jumps: |_, _| false,
    wraps_guard: |_| false,
    spare_vectors: true,
    scratch: 5,
    stores_pairs: |_| false,
    finds_thread_locals: |_| false,
    holes_in_instructions: false,
    frame: None,
};
