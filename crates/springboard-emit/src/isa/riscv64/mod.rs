//! riscv64: stubs keep away from `fs1`, which Cranelift takes for a register that a callee may change. What Cranelift
//! emits is shortened, as far as an independent reading of the result agrees.

mod closure;
mod fs1;
mod reading;
mod shapes;

#[cfg(test)]
pub(super) use self::reading::CPU;
use super::{Frame, Isa, reading::Live};
use crate::error::EmitError;

pub(super) static ISA: Isa = Isa {
    configure: |_, _| Ok(()),
    finish: |plan, code, _| {
        if fs1::changes_fs1(&code.bytes) {
            return Err(EmitError::Backend(String::from("it changes fs1, which belongs to the caller")));
        }
        Ok(shapes::SHAPES.shorten(code, Live::of(&reading::CPU, plan), None))
    },
    find_closure: closure::found,
    landing: |_| None,
    // `tail` has registers of its own for arguments.
    jumps: |_, _| false,
    wraps_guard: |_| false,
    wraps_checks: |_| false,
    reserved_at_calls: |_| 0,
    // One of them might be `fs1`.
    stack_align: 16,
    spare_vectors: false,
    names_saved: shapes::names_saved,
    scratch: 12,
    stores_pairs: |_| false,
    finds_thread_locals: |_| false,
    holes_in_instructions: false,
    unwind_info: |_| Ok(None),
    frame: Some(Frame { frame_pointer: gimli::RiscV::S0, return_address: gimli::RiscV::RA, signs: false }),
};
