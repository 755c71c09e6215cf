//! The few instructions that no Cranelift signature can ask for.
//!
//! A *landing* is appended to a template. The stub calls it in place of the native function, with a direct call
//! inside the template; the landing sets what is missing and jumps on to the target, so that the target returns to
//! the stub. All argument registers are taken by then, so the landing finds the target's address where the stub put
//! it: in the stack word behind the last argument, which belongs to nobody's argument.
//!
//! ```text
//!        ┌─────────────────────┐
//!        │ address of target   │  put there by the stub
//!        │ stack arguments     │  stack_bytes
//!        │ (shadow space)      │
//! rsp ─► │ return into stub    │  on entry of the landing, and of the target
//!        └─────────────────────┘
//! ```

use springboard_abi::{Convention, Plan};

/// What a landing sets before it jumps.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Landing {
    /// `%al`: the number of vector registers that hold arguments (System V AMD64 psABI 3.2.3, variadic calls).
    VectorCount(u8),
}

impl Landing {
    /// What `plan` needs, if anything.
    pub(crate) fn of(plan: &Plan) -> Option<Landing> {
        plan.vector_count.map(Landing::VectorCount)
    }

    /// The instructions.
    pub(crate) fn code(self, plan: &Plan) -> Vec<u8> {
        debug_assert_eq!(plan.convention, Convention::Sysv64, "only x86_64 needs landings");
        let mut code = Vec::with_capacity(12);
        match self {
            // mov eax, count
            Landing::VectorCount(count) => code.extend([0xb8, count, 0, 0, 0]),
        }
        // jmp qword ptr [rsp + return address + stack arguments]
        code.extend([0xff, 0xa4, 0x24]);
        code.extend((8 + plan.stack_bytes).to_le_bytes());
        code
    }
}
