//! One argument: the ways to unbox it, tried in order.

use cranelift_codegen::ir::{Block, InstBuilder, MemFlagsData, Type, Value, condcodes::IntCC, types};
use cranelift_frontend::FunctionBuilder;
use springboard_abi::{
    Fill, Plan,
    boxed::{Check, DigitSign, Payload, Returns, Unbox, Unboxed, Wanted},
};

use super::{
    checks::{go_on_if, masked, stay_cold},
    host::{ask_host, host_address},
};
use crate::{
    error::Malformed,
    memory::{self, MEMORY},
};

/// The value of an argument. `boxed` gives the object; where no way fits, the code goes to `miss`.
pub(super) fn argument(
    builder: &mut FunctionBuilder<'_>,
    plan: &Plan,
    argument: &Unboxed,
    boxed: &dyn Fn(&mut FunctionBuilder<'_>) -> Value,
    miss: Block,
) -> Result<Value, Malformed> {
    let way = |builder: &mut FunctionBuilder<'_>, way: &Unbox, miss| {
        // The object is found anew for each way: what was in a register may be gone.
        let object = boxed(builder);
        Way { plan, wanted: argument.slot, object, miss }.value(builder, way)
    };
    if let [only] = &*argument.ways {
        return way(builder, only, miss);
    }
    let done = builder.create_block();
    builder.append_block_param(done, register(argument.slot));
    for (index, each) in argument.ways.iter().enumerate() {
        let last = index + 1 == argument.ways.len();
        let next = if last { miss } else { builder.create_block() };
        let value = way(builder, each, next)?;
        builder.ins().jump(done, &[value.into()]);
        if !last {
            // The first way is the one to be fast.
            builder.set_cold_block(next);
            builder.switch_to_block(next);
        }
    }
    builder.switch_to_block(done);
    Ok(builder.block_params(done)[0])
}

/// The type as which a slot's content is in a register.
fn register(wanted: Wanted) -> Type {
    match wanted {
        Wanted::Integer { .. } => types::I64,
        Wanted::Float => types::F32,
        Wanted::Double => types::F64,
    }
}

/// One way to unbox one object.
struct Way<'a> {
    plan: &'a Plan,
    wanted: Wanted,
    object: Value,
    /// Where the code goes if it does not fit.
    miss: Block,
}

impl Way<'_> {
    fn value(&self, builder: &mut FunctionBuilder<'_>, way: &Unbox) -> Result<Value, Malformed> {
        Ok(match *way {
            Unbox::Object { ref checks, payload } => {
                checks.iter().for_each(|check| self.check(builder, *check));
                let value = self.payload(builder, payload)?;
                self.wanted(builder, way, value)?
            }
            Unbox::Constant { object, value } => {
                let known = host_address(builder, self.plan, object);
                let same = builder.ins().icmp(IntCC::Equal, self.object, known);
                go_on_if(builder, same, self.miss);
                match self.wanted {
                    Wanted::Integer { .. } => builder.ins().iconst(types::I64, value as i64),
                    Wanted::Double => builder.ins().f64const(f64::from_bits(value)),
                    Wanted::Float => builder.ins().f32const(f64::from_bits(value) as f32),
                }
            }
            Unbox::Tagged { mask, tag, shift, fill } => {
                self.bits(builder, self.object, mask, tag);
                let value = match fill {
                    Fill::Sign => builder.ins().sshr_imm_u(self.object, i64::from(shift)),
                    Fill::Zero => builder.ins().ushr_imm_u(self.object, i64::from(shift)),
                };
                self.wanted(builder, way, value)?
            }
            Unbox::Double { from, through, bias } => {
                self.within(builder, self.object, from, through);
                let bias = builder.ins().iconst(types::I64, bias as i64);
                let bits = builder.ins().isub(self.object, bias);
                let value = builder.ins().bitcast(types::F64, MemFlagsData::new(), bits);
                self.wanted(builder, way, value)?
            }
            Unbox::Call { function, with, returns } => {
                let with = with.map(|with| host_address(builder, self.plan, with));
                let arguments = [self.object].into_iter().chain(with).collect::<Vec<_>>();
                let ty = match returns {
                    Returns::Word { .. } => types::I64,
                    Returns::Double { .. } => types::F64,
                };
                let value = ask_host(builder, self.plan, function, &arguments, ty);
                let value = self.unless_error(builder, value, returns);
                self.wanted(builder, way, value)?
            }
        })
    }

    fn check(&self, builder: &mut FunctionBuilder<'_>, check: Check) {
        match check {
            Check::Bits { mask, equal } => self.bits(builder, self.object, mask, equal),
            Check::Word { offset, equals } => {
                let wanted = host_address(builder, self.plan, equals);
                let found = builder.ins().load(types::I64, MEMORY, self.object, offset);
                let same = builder.ins().icmp(IntCC::Equal, wanted, found);
                go_on_if(builder, same, self.miss);
            }
            Check::Flags { offset, mask, equal } => {
                let found = builder.ins().load(types::I64, MEMORY, self.object, offset);
                self.bits(builder, found, mask, equal);
            }
        }
    }

    /// Goes on where the bits of a word under a mask are these.
    fn bits(&self, builder: &mut FunctionBuilder<'_>, word: Value, mask: u64, equal: u64) {
        let found = masked(builder, word, mask);
        // One bit is there or not.
        let (condition, than) = match mask.is_power_of_two() && equal == mask {
            true => (IntCC::NotEqual, 0),
            false => (IntCC::Equal, equal as i64),
        };
        let right = builder.ins().icmp_imm_s(condition, found, than);
        go_on_if(builder, right, self.miss);
    }

    /// Goes on where a word lies in a range, both taken without sign; or both with it, where the range begins below zero.
    fn within(&self, builder: &mut FunctionBuilder<'_>, word: Value, from: u64, through: u64) {
        let from_zero = match from {
            0 => word,
            _ => builder.ins().iadd_imm_s(word, (from as i64).wrapping_neg()),
        };
        let size = through.wrapping_sub(from) as i64;
        let inside = builder.ins().icmp_imm_s(IntCC::UnsignedLessThanOrEqual, from_zero, size);
        go_on_if(builder, inside, self.miss);
    }

    fn payload(&self, builder: &mut FunctionBuilder<'_>, payload: Payload) -> Result<Value, Malformed> {
        let object = self.object;
        Ok(match payload {
            Payload::Integer { offset, bytes, fill } => {
                memory::load(builder, types::I64, MEMORY, (object, offset), (bytes, fill))?
            }
            Payload::Float { offset, bytes } => {
                let ty = match bytes {
                    4 => types::F32,
                    8 => types::F64,
                    _ => return Err(Malformed::Width(bytes)),
                };
                builder.ins().load(ty, MEMORY, object, offset)
            }
            Payload::Digit { offset, sign } => {
                let sign = self.sign(builder, sign);
                let digit = builder.ins().uload32(MEMORY, object, offset);
                builder.ins().imul(sign, digit)
            }
            Payload::Address { offset } => builder.ins().iadd_imm_s(object, i64::from(offset)),
        })
    }

    /// The sign of an integer of one digit.
    fn sign(&self, builder: &mut FunctionBuilder<'_>, sign: DigitSign) -> Value {
        match sign {
            DigitSign::Size { offset } => {
                let size = builder.ins().load(types::I64, MEMORY, self.object, offset);
                self.within(builder, size, u64::MAX, 1);
                size
            }
            DigitSign::Tag { offset, below, mask } => {
                let tag = builder.ins().load(types::I64, MEMORY, self.object, offset);
                let one = builder.ins().icmp_imm_s(IntCC::UnsignedLessThan, tag, below as i64);
                go_on_if(builder, one, self.miss);
                let taken = builder.ins().band_imm_s(tag, mask as i64);
                let one = builder.ins().iconst(types::I64, 1);
                builder.ins().isub(one, taken)
            }
        }
    }

    /// What a function has returned, unless that means an error.
    fn unless_error(&self, builder: &mut FunctionBuilder<'_>, value: Value, returns: Returns) -> Value {
        let (Returns::Word { error, occurred, .. } | Returns::Double { error, occurred }) = returns;
        let Some(error) = error else { return value };
        let ty = builder.func.dfg.value_type(value);
        let word = match ty {
            types::F64 => builder.ins().bitcast(types::I64, MemFlagsData::new(), value),
            _ => value,
        };
        let is_value = builder.ins().icmp_imm_s(IntCC::NotEqual, word, error as i64);
        let Some(occurred) = occurred else {
            go_on_if(builder, is_value, self.miss);
            return value;
        };
        let [suspect, ongoing] = [(); 2].map(|()| builder.create_block());
        builder.set_cold_block(suspect);
        stay_cold(builder, ongoing);
        builder.append_block_param(ongoing, ty);
        builder.ins().brif(is_value, ongoing, &[value.into()], suspect, &[]);
        builder.switch_to_block(suspect);
        let report = ask_host(builder, self.plan, occurred, &[], types::I64);
        let none = builder.ins().icmp_imm_s(IntCC::Equal, report, 0);
        go_on_if(builder, none, self.miss);
        // What was returned is known here, and gone from its register.
        let known = match ty {
            types::F64 => builder.ins().f64const(f64::from_bits(error)),
            _ => builder.ins().iconst(types::I64, error as i64),
        };
        builder.ins().jump(ongoing, &[known.into()]);
        builder.switch_to_block(ongoing);
        builder.block_params(ongoing)[0]
    }

    /// Makes what is wanted of what a way gives. What cannot be held is a miss.
    fn wanted(
        &self,
        builder: &mut FunctionBuilder<'_>,
        way: &Unbox,
        value: Value,
    ) -> Result<Value, Malformed> {
        let found = builder.func.dfg.value_type(value);
        Ok(match (self.wanted, way.integers()) {
            (Wanted::Integer { least, most }, Some(given)) => {
                self.in_range(builder, value, given, (least.into(), most.into()));
                value
            }
            (wanted, Some((_, most))) => {
                let ty = register(wanted);
                if most > i64::MAX.into() {
                    builder.ins().fcvt_from_uint(ty, value)
                } else {
                    builder.ins().fcvt_from_sint(ty, value)
                }
            }
            (wanted, None) => match (found, register(wanted)) {
                (types::F32, types::F64) => builder.ins().fpromote(types::F64, value),
                (types::F64, types::F32) => builder.ins().fdemote(types::F32, value),
                (found, wanted) if found == wanted => value,
                _ => return Err(Malformed::Boxed),
            },
        })
    }

    /// Goes on where an integer, one of those that are `given`, is one of those that are wanted.
    fn in_range(
        &self,
        builder: &mut FunctionBuilder<'_>,
        value: Value,
        given: (i128, i128),
        wanted: (i128, i128),
    ) {
        let (least, most) = (given.0.max(wanted.0), given.1.min(wanted.1));
        if (least, most) == given {
            return;
        }
        // A narrower integer that is what its own bytes are extended to.
        let own = |narrow| {
            let bits = Type::bits(narrow);
            let signed = (-(1i128 << (bits - 1)), (1i128 << (bits - 1)) - 1);
            let unsigned = (0, (1i128 << bits) - 1);
            [(Fill::Sign, signed), (Fill::Zero, unsigned)]
                .into_iter()
                .find_map(|(fill, range)| (range == (least, most)).then_some((narrow, fill)))
        };
        if let Some((narrow, fill)) = [types::I8, types::I16, types::I32].into_iter().find_map(own) {
            let low = builder.ins().ireduce(narrow, value);
            let again = match fill {
                Fill::Sign => builder.ins().sextend(types::I64, low),
                Fill::Zero => builder.ins().uextend(types::I64, low),
            };
            let same = builder.ins().icmp(IntCC::Equal, again, value);
            return go_on_if(builder, same, self.miss);
        }
        if least == 0 && most >= i64::MAX.into() {
            let positive = builder.ins().icmp_imm_s(IntCC::SignedGreaterThanOrEqual, value, 0);
            return go_on_if(builder, positive, self.miss);
        }
        self.within(builder, value, least as u64, most as u64);
    }
}
