//! What is checked, and where the stub goes on.

use cranelift_codegen::ir::{Block, InstBuilder, Value, condcodes::IntCC, types};
use cranelift_frontend::FunctionBuilder;
use springboard_abi::{
    BoxedForm,
    boxed::{Arguments, Callable},
};

use super::{Boxed, words::Entered};
use crate::template::HoleKind;

impl Boxed<'_> {
    /// Checks what the stub was entered with, arguments aside.
    pub(super) fn check(&self, builder: &mut FunctionBuilder<'_>, entered: &Entered, slow: Block) {
        let found = known(self.form).map(|(index, _)| entered.values[usize::from(index)].into());
        let found = found.collect::<Vec<_>>();
        let Callable { arguments, zero, .. } = self.form.callable;
        let equals = |builder: &mut FunctionBuilder<'_>, word, expected| {
            let right = builder.ins().icmp_imm_s(IntCC::Equal, word, expected);
            let ongoing = builder.create_block();
            builder.ins().brif(right, ongoing, &[], slow, &found);
            builder.switch_to_block(ongoing);
        };
        if let Arguments::Array { count, count_mask, .. } = arguments {
            let count = masked(builder, entered.values[usize::from(count)], count_mask);
            equals(builder, count, self.form.arguments.len() as i64);
        }
        if let Some(zero) = zero {
            equals(builder, entered.values[usize::from(zero)], 0);
        }
    }

    /// Hands everything over to the slow twin. The block is told what may be known.
    pub(super) fn slow(&self, builder: &mut FunctionBuilder<'_>, entered: &Entered, slow: Block) {
        builder.switch_to_block(slow);
        let told = known(self.form).map(|(index, _)| (index, builder.append_block_param(slow, types::I64)));
        let told = told.collect::<Vec<_>>();
        let word = |index| match told.iter().find(|(known, _)| *known == index) {
            Some((_, told)) => *told,
            None => entered.parameter(builder, index),
        };
        let words = (0..self.form.callable.parameters).map(word).collect::<Vec<_>>();
        self.leave(builder, HoleKind::Slow, &words);
    }
}

/// The parameters of the stub whose values are known after the check, with these.
pub(super) fn known(form: &BoxedForm) -> impl Iterator<Item = (u8, i64)> {
    let Callable { arguments, zero, .. } = form.callable;
    let count = match arguments {
        Arguments::Array { count, count_mask: u64::MAX, .. } => Some((count, form.arguments.len() as i64)),
        Arguments::Array { .. } | Arguments::Parameters { .. } => None,
    };
    count.into_iter().chain(zero.map(|zero| (zero, 0)))
}

/// The bits of a word under a mask.
pub(super) fn masked(builder: &mut FunctionBuilder<'_>, word: Value, mask: u64) -> Value {
    const LOW_HALF: u64 = u32::MAX as u64;
    match mask {
        u64::MAX => word,
        LOW_HALF => {
            let low = builder.ins().ireduce(types::I32, word);
            builder.ins().uextend(types::I64, low)
        }
        _ => builder.ins().band_imm_s(word, mask as i64),
    }
}

/// Goes on where a condition holds, and elsewhere where it does not.
pub(super) fn go_on_if(builder: &mut FunctionBuilder<'_>, condition: Value, elsewhere: Block) {
    let ongoing = builder.create_block();
    builder.ins().brif(condition, ongoing, &[], elsewhere, &[]);
    stay_cold(builder, ongoing);
    builder.switch_to_block(ongoing);
}

/// What comes after cold code is cold as well.
pub(super) fn stay_cold(builder: &mut FunctionBuilder<'_>, next: Block) {
    let current = builder.current_block().expect("a block is being built");
    if builder.func.layout.is_cold(current) {
        builder.set_cold_block(next);
    }
}
