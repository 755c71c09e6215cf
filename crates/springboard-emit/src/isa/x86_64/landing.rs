//! The few instructions that no Cranelift signature can ask for.
//!
//! A *landing* is appended to a template. The stub calls it in place of the native function, with a direct call
//! inside the template; the landing sets what is missing and jumps on to the target, so that the target returns to
//! the stub. All argument registers are taken by then, so the landing finds the target's address where the stub put
//! it: in the stack word after the last argument, which belongs to nobody's argument.
//!
//! ```text
//!        ┌─────────────────────┐
//!        │ address of target   │  put there by the stub
//!        │ stack arguments     │  stack_bytes
//!        │ (shadow space)      │
//! rsp ─► │ return into stub    │  on entry of the landing, and of the target
//!        └─────────────────────┘
//! ```

use springboard_abi::{Place, Plan};

use super::count;

/// What a landing sets before it jumps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Landing {
    /// `%al`: the number of vector registers that hold arguments (System V AMD64 psABI 3.2.3, variadic calls).
    VectorCount(u8),
    /// The general register of a position gets a copy of its vector register: one flag a position, from the lowest
    /// bit (Microsoft x64 calling convention, "Varargs").
    Duplicate(u8),
}

impl Landing {
    /// What `plan` needs, if anything.
    pub(crate) fn of(plan: &Plan) -> Option<Landing> {
        if !plan.convention.registers().positional {
            if count::of(plan).is_some() {
                return None;
            }
            return plan.vector_count.map(Landing::VectorCount);
        }
        let positions = |wanted: fn(Place) -> Option<u8>| {
            plan.moves.iter().filter_map(|step| wanted(step.place)).fold(0, |flags, reg| flags | 1 << reg)
        };
        let gprs = positions(|place| if let Place::Gpr { reg, .. } = place { Some(reg) } else { None });
        let vecs = positions(|place| if let Place::Vec { reg, .. } = place { Some(reg) } else { None });
        (gprs & vecs != 0).then_some(Landing::Duplicate(gprs & vecs))
    }

    /// The instructions.
    pub(crate) fn code(self, plan: &Plan) -> Vec<u8> {
        let mut code = Vec::with_capacity(32);
        let shadow_space = match self {
            // mov eax, count
            Landing::VectorCount(count) => {
                code.extend([0xb8, count, 0, 0, 0]);
                0
            }
            Landing::Duplicate(positions) => {
                let copies: [[u8; 5]; 4] = [
                    [0x66, 0x48, 0x0f, 0x7e, 0xc1], // movq rcx, xmm0
                    [0x66, 0x48, 0x0f, 0x7e, 0xca], // movq rdx, xmm1
                    [0x66, 0x49, 0x0f, 0x7e, 0xd0], // movq r8, xmm2
                    [0x66, 0x49, 0x0f, 0x7e, 0xd9], // movq r9, xmm3
                ];
                let wanted = copies.iter().enumerate().filter(|(index, _)| positions & 1 << index != 0);
                code.extend(wanted.flat_map(|(_, copy)| copy));
                32
            }
        };
        // jmp qword ptr [rsp + return address + shadow space + stack arguments]
        code.extend([0xff, 0xa4, 0x24]);
        code.extend((8 + shadow_space + plan.stack_bytes).to_le_bytes());
        code
    }
}
