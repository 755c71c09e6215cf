//! The stack area of a call that a stub makes.
//!
//! Cranelift's calls pass in registers alone what a stub passes: the words of the stack area the stub stores itself, into
//! the first stack slot of its function. A frame of Cranelift's has, from the stack pointer upwards, what the conventions
//! of its calls reserve there (the shadow space of Windows, the register save area of s390x), and then the stack slots
//! in the order in which they were created. So the first one is where a callee looks for its arguments. Where it lies is
//! compared in every function that was compiled ([`Outgoing::check`]).
//!
//! ```text
//!        │ other stack slots       │
//!        │ first slot: the words   │  Outgoing
//!        │ (reserved space)        │  Isa::reserved_at_calls
//! sp ──► └─────────────────────────┘
//! ```

use cranelift_codegen::{
    CompiledCode,
    ir::{InstBuilder, StackSlot, Value, types},
};
use cranelift_frontend::FunctionBuilder;
use springboard_abi::{Convention, Plan};

use crate::{
    error::EmitError,
    isa::Isa,
    memory::{SLOT, stack_words},
    words::WORD,
};

/// The first stack slot of a stub that passes words on the stack.
#[derive(Clone, Copy)]
pub(crate) struct Outgoing {
    slot: StackSlot,
    /// Bytes by which the callee's words begin below the slot: functions of the host, which the stub calls as well, may
    /// have more reserved there than the callee.
    below: u32,
}

impl Outgoing {
    /// Makes room for `words` words, if there are any. To be called before any other slot is created. `host` is
    /// the convention of functions of the host that the stub calls as well.
    pub(crate) fn reserve(
        builder: &mut FunctionBuilder<'_>,
        plan: &Plan,
        host: Option<Convention>,
        words: usize,
    ) -> Option<Outgoing> {
        if words == 0 {
            return None;
        }
        let below = host.map_or(0, |host| reserved(host).saturating_sub(reserved(plan.convention)));
        Some(Outgoing { slot: stack_words(builder, words), below })
    }

    /// The address from which [`Outgoing::store`] counts.
    pub(crate) fn address(self, builder: &mut FunctionBuilder<'_>) -> Value {
        builder.ins().stack_addr(types::I64, self.slot, 0)
    }

    /// Stores the word of an index.
    pub(crate) fn store(self, builder: &mut FunctionBuilder<'_>, address: Value, index: usize, word: Value) {
        let offset = index as i32 * WORD as i32 - self.below as i32;
        builder.ins().store(SLOT, word, address, offset);
    }

    /// Whether the words of a function that was compiled lie where a callee of `plan`'s convention looks for them.
    pub(crate) fn check(self, compiled: &CompiledCode, plan: &Plan) -> Result<(), EmitError> {
        let layout = compiled.buffer.frame_layout();
        let at = layout.map(|layout| layout.stackslots[self.slot].offset);
        let wanted = reserved(plan.convention) + self.below;
        if at == Some(wanted) {
            return Ok(());
        }
        Err(EmitError::Backend(format!("stack arguments at {at:?}, not at {wanted}")))
    }
}

fn reserved(convention: Convention) -> u32 {
    (Isa::with(convention).reserved_at_calls)(convention)
}
