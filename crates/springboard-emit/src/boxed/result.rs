//! What becomes of the native function's result.

use cranelift_codegen::ir::{InstBuilder, MemFlagsData, StackSlot, Value, condcodes::IntCC, types};
use cranelift_frontend::FunctionBuilder;
use springboard_abi::{
    Fill,
    boxed::{Boxing, Count, HostAddress, Returned},
};

use super::{Boxed, OBJECT, host_address};
use crate::{
    body::{extended, narrow_type},
    error::Malformed,
    memory::MEMORY,
    template::HoleKind,
};

impl Boxed<'_> {
    /// Ends the stub: boxes the result, and returns that.
    pub(super) fn give(
        &self,
        builder: &mut FunctionBuilder<'_>,
        object: Option<StackSlot>,
        results: &[Value],
    ) -> Result<(), Malformed> {
        match self.form.boxing {
            Boxing::Call { function, with } => {
                let result = self.result(builder, results)?;
                let with = with.map(|with| host_address(builder, self.plan, with));
                let arguments = result.into_iter().chain(with).collect::<Vec<_>>();
                self.leave(builder, HoleKind::Host(function), &arguments);
            }
            Boxing::Constant { object, count } => {
                let object = host_address(builder, self.plan, object);
                give_counted(builder, object, count)?;
            }
            Boxing::Either { nonzero, zero, count } => {
                let (result, ..) = self.integer(builder, results)?;
                let [nonzero, zero] = [nonzero, zero].map(|object| host_address(builder, self.plan, object));
                let object = builder.ins().select(result, nonzero, zero);
                give_counted(builder, object, count)?;
            }
            Boxing::Tagged { shift, tag, otherwise } => {
                self.give_tagged(builder, results, shift, tag, otherwise)?;
            }
            Boxing::Double { bias } => {
                let result = match self.form.returned {
                    Returned::Float | Returned::Double => self.result(builder, results)?,
                    Returned::Nothing | Returned::Integer { .. } | Returned::Memory => None,
                };
                let result = result.ok_or(Malformed::Boxed)?;
                let bits = builder.ins().bitcast(types::I64, MemFlagsData::new(), result);
                let bias = builder.ins().iconst(types::I64, bias as i64);
                let word = builder.ins().iadd(bits, bias);
                builder.ins().return_(&[word]);
            }
            Boxing::Memory { .. } => {
                let object = object.ok_or(Malformed::Boxed)?;
                let object = builder.ins().stack_load(types::I64, types::I64, object, OBJECT);
                builder.ins().return_(&[object]);
            }
        }
        Ok(())
    }

    /// A tagged word, where the integer comes back when that is shifted to the right by sign.
    fn give_tagged(
        &self,
        builder: &mut FunctionBuilder<'_>,
        results: &[Value],
        shift: u8,
        tag: u64,
        otherwise: HostAddress,
    ) -> Result<(), Malformed> {
        let (result, bytes, fill) = self.integer(builder, results)?;
        let shifted = builder.ins().ishl_imm_u(result, i64::from(shift));
        let bits = u32::from(bytes) * 8 + u32::from(fill == Fill::Zero);
        if bits + u32::from(shift) > 64 {
            let same = match fill {
                Fill::Sign => {
                    let again = builder.ins().sshr_imm_u(shifted, i64::from(shift));
                    builder.ins().icmp(IntCC::Equal, again, result)
                }
                // The highest bit that is left is the sign.
                Fill::Zero => {
                    let most = i64::MAX >> shift;
                    builder.ins().icmp_imm_s(IntCC::UnsignedLessThanOrEqual, result, most)
                }
            };
            let [fits, lost] = [(); 2].map(|()| builder.create_block());
            builder.set_cold_block(lost);
            builder.ins().brif(same, fits, &[], lost, &[]);
            builder.switch_to_block(lost);
            self.leave(builder, HoleKind::Host(otherwise), &[result]);
            builder.switch_to_block(fits);
        }
        let word = match tag {
            0 => shifted,
            _ => builder.ins().bor_imm_s(shifted, tag as i64),
        };
        builder.ins().return_(&[word]);
        Ok(())
    }

    /// The result as functions of the host take it.
    fn result(
        &self,
        builder: &mut FunctionBuilder<'_>,
        results: &[Value],
    ) -> Result<Option<Value>, Malformed> {
        let Some(&result) = results.first() else { return Ok(None) };
        Ok(Some(match self.form.returned {
            Returned::Integer { bytes: 8, .. } | Returned::Double | Returned::Nothing | Returned::Memory => {
                result
            }
            Returned::Integer { bytes, fill } => extended(builder, result, bytes, fill)?,
            Returned::Float => builder.ins().fpromote(types::F64, result),
        }))
    }

    /// The same of an integer, with its size and sign.
    fn integer(
        &self,
        builder: &mut FunctionBuilder<'_>,
        results: &[Value],
    ) -> Result<(Value, u8, Fill), Malformed> {
        let Returned::Integer { bytes, fill } = self.form.returned else { return Err(Malformed::Boxed) };
        let result = self.result(builder, results)?;
        Ok((result.ok_or(Malformed::Boxed)?, bytes, fill))
    }
}

/// Returns an object, one more reference to which is counted.
fn give_counted(
    builder: &mut FunctionBuilder<'_>,
    object: Value,
    count: Option<Count>,
) -> Result<(), Malformed> {
    if let Some(Count { offset, bytes }) = count {
        let ty = if bytes == 8 { types::I64 } else { narrow_type(bytes)? };
        let before = builder.ins().load(ty, MEMORY, object, offset);
        let more = builder.ins().iadd_imm_s(before, 1);
        builder.ins().store(MEMORY, more, object, offset);
    }
    builder.ins().return_(&[object]);
    Ok(())
}
