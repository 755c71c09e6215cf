//! s390x: big-endian, and stubs have no frame pointer. What Cranelift emits is shortened, as far as an independent reading
//! of the result agrees.

mod closure;
mod reading;
mod shapes;

#[cfg(test)]
pub(super) use self::reading::CPU;
use super::{Isa, reading::Live};

pub(super) static ISA: Isa = Isa {
    configure: |_, _| Ok(()),
    finish: |plan, code, _| Ok(shapes::SHAPES.shorten(code, Live::of(&reading::CPU, plan), None)),
    find_closure: |_, code, hole| closure::from_r0(code, hole),
    landing: |_| None,
    // `tail` has registers of its own for arguments.
    jumps: |_, _| false,
    wraps_guard: |_| false,
    wraps_checks: |_| false,
    // The register save area (zSeries ELF ABI, "The Stack Frame").
    reserved_at_calls: |_| 160,
    stack_align: 8,
    spare_vectors: true,
    names_saved: |_| false,
    scratch: 4,
    stores_pairs: |_| false,
    finds_thread_locals: |_| false,
    holes_in_instructions: false,
    unwind_info: |_| Ok(None),
    frame: None,
};
