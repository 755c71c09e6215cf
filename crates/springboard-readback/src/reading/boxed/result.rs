//! Results that are boxed.

use springboard_abi::{
    BoxedForm, Fill,
    boxed::{Boxing, Count, Returned},
};

use crate::{
    reading::{
        Reading,
        call::{Argument, Stores},
        downcall::extended,
    },
    refusal::{Refusal, Spot},
    terms::{Op, Word, ZERO, constant, zero_extended},
};

impl Reading<'_> {
    /// The result is boxed. `gpr` and `vec` are what the native function left.
    pub(super) fn boxes(
        &mut self,
        form: &BoxedForm,
        gpr: &Word,
        vec: &Word,
        allocated: Option<Word>,
        stores: Stores,
    ) -> Result<(), Refusal> {
        let double = match form.returned {
            Returned::Float => {
                let from = if self.callee.cpu.big_endian { 4 } else { 0 };
                let float: Word = std::array::from_fn(|at| vec[from + at % 4]);
                let float = zero_extended(&float, 4);
                self.machine.terms.op(Op::FloatToDouble, &float, &ZERO)
            }
            _ => *vec,
        };
        let integer = match form.returned {
            Returned::Integer { bytes, fill } => extended(gpr, bytes, fill),
            _ => *gpr,
        };
        match form.boxing {
            Boxing::Call { function, with } => {
                let function = self.host(function);
                let with = with.map(|with| self.host(with));
                let (at, how) = self.reaches(&function)?;
                let mut arguments = Vec::new();
                match form.returned {
                    Returned::Integer { .. } => arguments.push(Argument::word(integer)),
                    Returned::Float | Returned::Double => {
                        let number = self.caller.vec_args[0];
                        let found = self.machine.vecs[usize::from(number)][0];
                        if !self.machine.terms.same_word(&found, &double) {
                            return Err(Refusal::Place { at, place: Spot::Vec(0) });
                        }
                        // A register that is passed over, where arguments are counted by position.
                        if self.plan.caller.registers().positional {
                            arguments.push(Argument { word: ZERO, bytes: 0 });
                        }
                    }
                    Returned::Nothing | Returned::Memory => {}
                }
                arguments.extend(with.map(Argument::word));
                self.passes(at, &arguments)?;
                self.stored(at, &stores)?;
                self.ended(at, how)
            }
            Boxing::Constant { object, count } => {
                let object = self.host(object);
                self.gives_counted(&object, count, stores)
            }
            Boxing::Either { nonzero, zero, count } => {
                let Returned::Integer { bytes, .. } = form.returned else { return Err(Refusal::Plan) };
                let top = 1 << (u32::from(bytes) * 8 - 1);
                let value = [1, 0, top][self.deviates(3)];
                self.machine.terms.assume(gpr, bytes.into(), value);
                let object = self.host(if value == 0 { zero } else { nonzero });
                self.gives_counted(&object, count, stores)
            }
            Boxing::Tagged { shift, tag, otherwise } => {
                let Returned::Integer { bytes, fill } = form.returned else { return Err(Refusal::Plan) };
                let most = i64::MAX >> shift;
                let values =
                    [5, most, most.wrapping_add(1), !most, (!most).wrapping_sub(1), -1, i64::MAX, i64::MIN];
                let value = values[self.deviates(values.len())] as u64;
                self.machine.terms.assume(gpr, bytes.into(), value);
                let value = self.machine.terms.value(&integer, 1);
                let fits = match fill {
                    Fill::Sign => i128::from(value as i64) == i128::from((value << shift) as i64 >> shift),
                    Fill::Zero => value <= most as u64,
                };
                if !fits {
                    let otherwise = self.host(otherwise);
                    return self.ends_by(&otherwise, &[Argument::word(integer)]);
                }
                let shifted = self.machine.terms.shift(Op::Shl, &integer, shift.into());
                let word = self.machine.terms.or(&shifted, &constant(tag));
                self.gives_word(&word, &stores)
            }
            Boxing::Double { bias } => {
                let word = self.machine.terms.plus(&double, bias as i64);
                self.gives_word(&word, &stores)
            }
            Boxing::Memory { .. } => {
                let object = allocated.ok_or(Refusal::Plan)?;
                self.gives_word(&object, &stores)
            }
        }
    }

    /// One more reference to an object is counted, and it is returned.
    fn gives_counted(
        &mut self,
        object: &Word,
        count: Option<Count>,
        mut stores: Stores,
    ) -> Result<(), Refusal> {
        if let Some(Count { offset, bytes }) = count {
            let place = self.machine.terms.plus(object, offset.into());
            let before = self.machine.load_word(&place, bytes.into());
            let more = self.machine.terms.plus(&before, 1);
            for byte in 0..usize::from(bytes) {
                let significance =
                    if self.caller.cpu.big_endian { usize::from(bytes) - 1 - byte } else { byte };
                self.is_to_store(&mut stores, &place, byte as i64, more[significance]);
            }
        }
        self.gives_word(object, &stores)
    }
}
