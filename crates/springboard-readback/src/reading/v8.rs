//! Stubs that V8 calls.

use springboard_abi::{FastForm, Fill, GUARD_HELPER, Guard, HoleKind, Parameter, Place};

use super::{
    Passed, Reading, Registers, Source, When,
    call::{Argument, Stores},
    downcall::extended,
};
use crate::{
    refusal::Refusal,
    terms::{Beyond, Op, ZERO, constant},
};

/// What is answered for a value that cannot be unwrapped.
const NO_POINTER: u64 = u64::MAX;

impl Reading<'_> {
    pub(super) fn fast_call(&mut self, form: &FastForm) -> Result<(), Refusal> {
        let mut words = self.parameters(form)?;
        let options = match words.last() {
            Some(options) if form.takes_options() => options.word,
            _ => ZERO,
        };
        if form.guard == Guard::Closed && self.is_closed() {
            let guard = self.hole(HoleKind::Guard);
            let helper = self.machine.terms.plus(&guard, GUARD_HELPER as i64);
            let helper = self.machine.load_word(&helper, 8);
            let context = self.hole(HoleKind::Context);
            self.asks(&helper, &[Argument::word(context), Argument::word(options)], Some(&Stores::new()))?;
            return self.returns_zero(&form.result);
        }
        if let Some((index, fill)) = self.out_of_range(form, &words) {
            let range = self.hole(HoleKind::Range);
            let context = self.hole(HoleKind::Context);
            let value = extended(&words[index].word, 4, fill);
            let arguments = [context, constant(index as u64), value, options].map(Argument::word);
            self.asks(&range, &arguments, Some(&Stores::new()))?;
            return self.returns_zero(&form.result);
        }
        if let Some(index) = self.not_exact(form, &words) {
            let range = self.hole(HoleKind::Range);
            let context = self.hole(HoleKind::Context);
            let arguments = [context, constant(index as u64), words[index].word, options].map(Argument::word);
            self.asks(&range, &arguments, Some(&Stores::new()))?;
            return self.returns_zero(&form.result);
        }
        for (index, parameter) in form.parameters.iter().enumerate() {
            if let Parameter::Exact { bytes, fill } = *parameter {
                // Which double it is is known here, and it is whole.
                let whole = Op::DoubleToInt(Beyond::Nearest);
                let whole = self.machine.terms.op(whole, &words[index].word, &ZERO);
                words[index] = Passed { word: extended(&whole, bytes, fill), own: bytes.into(), known: 8 };
            }
            if *parameter == Parameter::Buffer {
                let helper = self.hole(HoleKind::Helper);
                let number = Argument { word: constant(index as u64), bytes: 4 };
                self.asks(
                    &helper,
                    &[Argument::word(words[index].word), Argument::word(options), number],
                    Some(&Stores::new()),
                )?;
                let pointer = self.returned_word();
                words[index] = pointer.into();
                // Pointers of which a part is as in a failure are good.
                let good = 0x5a5a_0000_1000_0000 + index as u64;
                let answers = [good, NO_POINTER, 0, 0xffff_ffff, 0xffff_ffff << 32];
                let answer = answers[self.choices.choose(answers.len())];
                self.machine.terms.assume(&pointer, 8, answer);
                if answer == NO_POINTER {
                    return self.returns_zero(&form.result);
                }
            }
        }
        let target = self.hole(HoleKind::Target);
        self.downcall(target, &Source::Words(words), &form.result, None)
    }

    /// Whether the library has been closed.
    fn is_closed(&mut self) -> bool {
        let guard = self.hole(HoleKind::Guard);
        let flag = [self.machine.memory(&guard, 0); 8];
        let value = [0, 1, 0x80][self.choices.choose(3)];
        self.machine.terms.assume(&flag, 1, value);
        value != 0
    }

    /// The argument that is out of its range, and how it is extended. Of several at once any may be told of, so that only
    /// one is in each run.
    fn out_of_range(&mut self, form: &FastForm, words: &[Passed]) -> Option<(usize, Fill)> {
        let mut narrow = Vec::new();
        for (index, parameter) in form.parameters.iter().enumerate() {
            if let Parameter::Narrow { bytes, fill } = *parameter {
                narrow.push((index, bytes, fill));
            }
        }
        if narrow.is_empty() {
            return None;
        }
        const BAD: usize = 4;
        let way = self.choices.choose(2 + narrow.len() * BAD);
        let refused = way.checked_sub(2).map(|way| (narrow[way / BAD].0, way % BAD));
        for &(index, bytes, fill) in &narrow {
            let (least, most) = range(bytes, fill);
            let value = match refused {
                Some((refused, bad)) if refused == index => {
                    [least - 1, most + 1, 16 << (bytes * 8), i64::from(i32::MIN) + 1][bad]
                }
                _ if way == 0 => least,
                _ => most,
            };
            self.machine.terms.assume(&words[index].word, 4, value as u64);
        }
        refused.and_then(|(refused, _)| {
            narrow.iter().find(|(index, ..)| *index == refused).map(|(index, _, fill)| (*index, *fill))
        })
    }

    /// The double that is no whole number or out of range, and so ends the call. As above, only one is in each run. The others are
    /// different ones, so that none can take another's place.
    fn not_exact(&mut self, form: &FastForm, words: &[Passed]) -> Option<usize> {
        let mut exact = Vec::new();
        for (index, parameter) in form.parameters.iter().enumerate() {
            if let Parameter::Exact { bytes, fill } = *parameter {
                exact.push((index, range(bytes, fill)));
            }
        }
        if exact.is_empty() {
            return None;
        }
        const GOOD: usize = 4;
        const BAD: usize = 9;
        let way = self.choices.choose(GOOD + exact.len() * BAD);
        let refused = way.checked_sub(GOOD).map(|way| (exact[way / BAD].0, way % BAD));
        for (index, (least, most)) in exact {
            let value = match refused {
                Some((refused, bad)) if refused == index => [
                    least as f64 - 1.0,
                    most as f64 + 1.0,
                    0.5,
                    f64::NAN,
                    f64::INFINITY,
                    f64::NEG_INFINITY,
                    // By its low 32 bits this is in range, by its low 64 as well.
                    (1u64 << 32) as f64,
                    1e300,
                    -1e300,
                ][bad],
                _ => [least as f64, most as f64, (index % 125) as f64 + 2.0, -0.0]
                    [if refused.is_some() { 2 } else { way }],
            };
            self.machine.terms.assume(&words[index].word, 8, value.to_bits());
        }
        refused.map(|(index, _)| index)
    }

    /// What the stub is passed after the receiver, as canonical slots of which the parameters' own bytes are defined.
    fn parameters(&mut self, form: &FastForm) -> Result<Vec<Passed>, Refusal> {
        let entered = form.entered(self.plan.caller).map_err(|_| Refusal::Plan)?;
        let registers = Registers::arguments(self.caller, When::Entered);
        let mut words = Vec::new();
        for (parameter, place) in form.parameters.iter().zip(entered.parameters) {
            let (own, known) = match *parameter {
                Parameter::Int32 | Parameter::Float => (4, 4),
                Parameter::Narrow { bytes, .. } => (bytes.into(), 4),
                Parameter::Int64
                | Parameter::Double
                | Parameter::Exact { .. }
                | Parameter::Buffer
                | Parameter::Options => (8, 8),
            };
            // What a register holds beside its value is passed on as it is, or not.
            let (from, bytes) = match place {
                Place::Gpr { reg, .. } => (Place::Gpr { reg, at: 0 }, 8),
                Place::Vec { reg, .. } => {
                    (Place::Vec { reg, at: 0 }, if *parameter == Parameter::Float { 4 } else { 8 })
                }
                Place::Stack { .. } => (place, known),
            };
            let mut word = ZERO;
            for byte in 0..bytes {
                let significance = if self.caller.cpu.big_endian { bytes - 1 - byte } else { byte };
                word[significance] = self.place_byte(from, byte, registers, self.caller.above)?;
            }
            words.push(Passed { word, own, known });
        }
        Ok(words)
    }
}

/// The least and the most that an integer can be.
fn range(bytes: u8, fill: Fill) -> (i64, i64) {
    let values = 1i64 << (bytes * 8);
    match fill {
        Fill::Zero => (0, values - 1),
        Fill::Sign => (-values / 2, values / 2 - 1),
    }
}
