//! The call of the native function, and the memory of an aggregate result.

use cranelift_codegen::ir::{InstBuilder, StackSlot, Value, types};
use cranelift_frontend::FunctionBuilder;
use springboard_abi::{
    DowncallResult,
    boxed::{Boxing, Memory, Returned},
};

use super::{
    ADDRESS, Boxed, OBJECT,
    host::{ask_host, host_address},
    words::Unboxed,
};
use crate::{
    body::{Body, Kept, Notes, Source},
    error::Malformed,
    memory::{MEMORY, load_word, slot_offset, stack_words},
    native,
    outgoing::Outgoing,
    symbol::{Symbol, address_in_hole, symbol},
    template::HoleKind,
};

impl Boxed<'_> {
    /// Makes the object of an aggregate result, and keeps it.
    pub(super) fn allocate(&self, builder: &mut FunctionBuilder<'_>, slots: &Unboxed) -> Option<StackSlot> {
        // Where a function of the host is called, words are on the stack.
        let (Boxing::Memory { allocate, with, memory }, Unboxed::Array(slots)) = (self.form.boxing, slots)
        else {
            return None;
        };
        let kept = stack_words(builder, 2);
        let with = with.map(|with| host_address(builder, self.plan, with));
        let object = ask_host(builder, self.plan, allocate, with.as_slice(), types::I64);
        let [refused, ongoing] = [(); 2].map(|()| builder.create_block());
        builder.set_cold_block(refused);
        builder.ins().brif(object, ongoing, &[], refused, &[]);
        builder.switch_to_block(refused);
        let null = builder.ins().iconst(types::I64, 0);
        builder.ins().return_(&[null]);
        builder.switch_to_block(ongoing);
        builder.ins().stack_store(types::I64, object, kept, OBJECT);
        let address = match memory {
            Memory::Inline { offset } => builder.ins().iadd_imm_s(object, i64::from(offset)),
            Memory::Behind { offset } => builder.ins().load(types::I64, MEMORY, object, offset),
        };
        let (to, offset) = match self.form.result {
            // The callee is passed it, from its slot.
            DowncallResult::InPlace => (*slots, slot_offset(self.form.arguments.len() as u16)),
            _ => (kept, ADDRESS),
        };
        builder.ins().stack_store(types::I64, address, to, offset);
        Some(kept)
    }

    /// Calls the native function, and stores an aggregate result.
    pub(super) fn call(
        &self,
        builder: &mut FunctionBuilder<'_>,
        words: &Unboxed,
        object: Option<StackSlot>,
        outgoing: Option<Outgoing>,
    ) -> Result<(Notes, Vec<Value>), Malformed> {
        let plan = self.plan;
        let results = match self.form.returned {
            Returned::Nothing => Vec::new(),
            Returned::Integer { .. } => vec![types::I64],
            Returned::Float => vec![types::F32],
            Returned::Double => vec![types::F64],
            Returned::Memory => native::downcall_results(plan, &self.form.result),
        };
        let signature = builder.import_signature(native::signature(plan, &self.arguments, &results));
        let source = match words {
            Unboxed::Values(values) => Source::Words(values.iter().copied().map(Kept::Value).collect()),
            Unboxed::Array(slots) => Source::Array(builder.ins().stack_addr(types::I64, *slots, 0)),
        };
        let mut body = Body::new(builder, source, plan);
        body.copy_temporaries(plan);
        let target = address_in_hole(body.builder, signature, HoleKind::Target);
        if let Some(outgoing) = outgoing {
            if self.has_landing() {
                let address = outgoing.address(body.builder);
                outgoing.store(body.builder, address, self.stack.len(), target);
            }
            body.store_stack(outgoing, &self.stack)?;
        }
        let (target, values) = body.values(&self.arguments, &[], |_| target)?;
        let call = if self.has_landing() {
            let landing = symbol(body.builder, signature, Symbol::Landing);
            body.builder.ins().call(landing, &values)
        } else {
            body.builder.ins().call_indirect(signature, target, &values)
        };
        let mut results = body.builder.inst_results(call).to_vec();
        if let DowncallResult::Memory { slot, moves } = &self.form.result {
            let object = object.ok_or(Malformed::Boxed)?;
            let to = load_word(body.builder, object, 0);
            body.store_results(*slot, to, moves, &results)?;
        }
        if self.form.returned == Returned::Memory {
            results.clear();
        }
        Ok((body.finish_part(), results))
    }
}
