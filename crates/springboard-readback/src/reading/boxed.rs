//! Stubs that are functions of a host.
//!
//! In each run one thing at most is other than what the first ways of all arguments want: a check that fails, a value at an
//! end of its range or beyond, another way. What the stub is to do then follows from the plan, by the values assumed.

mod object;
mod result;

use springboard_abi::{
    BoxedForm, DowncallResult, Fill, HoleKind,
    boxed::{
        Arguments, Boxing, Check, DigitSign, HostAddress, Memory, Payload, Returns, Unbox, Unboxed, Wanted,
    },
};

use object::{FAILURES, Object, Variant, value_of};

use super::{
    Passed, Reading, Source,
    call::{Argument, How, Stores},
    downcall::extended,
};
use crate::{
    refusal::{Leaving, Refusal, Spot},
    terms::{Op, Register, Word, ZERO, constant},
};

/// A number that nothing compares with.
const JUNK: u64 = 0x3b5d_0000_7f01_0b00;

/// Values of a way: one within its range, both ends and what is beyond them, and what an error looks like.
const VALUES: usize = 8;

impl Reading<'_> {
    pub(super) fn boxed(&mut self, form: &BoxedForm) -> Result<(), Refusal> {
        for number in 0..form.addresses() as u8 {
            let hole = self.hole(HoleKind::Host(HostAddress(number)));
            self.machine.terms.assume(&hole, 8, address(HostAddress(number)));
        }
        let parameters = (0..usize::from(form.callable.parameters))
            .map(|index| self.argument(index))
            .collect::<Result<Vec<_>, _>>()?;
        if !self.is_well_called(form, &parameters)? {
            return self.slow(&parameters);
        }
        let mut words = Vec::new();
        for (number, argument) in (0..).zip(&form.arguments) {
            let object = self.object(form, number, argument, &parameters)?;
            match self.unboxed(argument, &object)? {
                Some(word) => words.push(word),
                None => return self.slow(&parameters),
            }
        }
        let mut allocated = None;
        if let Boxing::Memory { allocate, with, memory } = form.boxing {
            let with = with.map(|with| self.host(with));
            let function = self.host(allocate);
            let arguments = with.into_iter().map(Argument::word).collect::<Vec<_>>();
            self.asks(&function, &arguments, Some(&Stores::new()))?;
            let object = self.returned_word();
            let bits = [0x5200_0000_1230, 0, 1 << 40][self.deviates(3)];
            self.machine.terms.assume(&object, 8, bits);
            if bits == 0 {
                return self.gives_word(&ZERO, &Stores::new());
            }
            words.push(match memory {
                Memory::Inline { offset } => self.machine.terms.plus(&object, offset.into()),
                Memory::Behind { offset } => self.word_of(&object, offset),
            });
            allocated = Some(object);
        }
        let state = match form.around {
            None => None,
            Some(around) => {
                let before = self.host(around.before);
                self.asks(&before, &[], Some(&Stores::new()))?;
                Some((around.after, self.returned_word()))
            }
        };
        let target = self.hole(HoleKind::Target);
        let (at, how) = self.reaches(&target)?;
        if how != How::Call {
            return Err(Refusal::Leaves { at, wanted: Leaving::Call });
        }
        let to = match &form.result {
            DowncallResult::Memory { slot, .. } => *words.get(usize::from(*slot)).ok_or(Refusal::Plan)?,
            _ => ZERO,
        };
        let mut words = words.into_iter().map(Passed::from).collect::<Vec<_>>();
        for (word, argument) in words.iter_mut().zip(&form.arguments) {
            if argument.slot == Wanted::Float {
                (word.own, word.known) = (4, 4);
            }
        }
        let copies = self.arguments(at, &Source::Words(words))?;
        self.stored(at, &Stores::new())?;
        self.goes_on(at, &copies)?;
        let mut stores = Stores::new();
        self.result_stores(&mut stores, &form.result, &to)?;
        let gpr = self.machine.returned(Register::Gpr(self.callee.gpr_results[0]));
        let vec = self.machine.returned(Register::Vec(self.callee.vec_results[0], 0));
        if let Some((after, state)) = state {
            let after = self.host(after);
            // Results may be stored before it or after it.
            self.asks(&after, &[Argument::word(state)], None)?;
        }
        self.boxes(form, &gpr, &vec, allocated, stores)
    }

    /// One of `count` ways, of which the first is the usual one.
    fn deviates(&mut self, count: usize) -> usize {
        if self.deviated {
            return 0;
        }
        let way = self.choices.choose(count);
        self.deviated = way != 0;
        way
    }

    fn host(&mut self, address: HostAddress) -> Word {
        self.hole(HoleKind::Host(address))
    }

    /// Whether the number of arguments is right, and zero what has to be.
    fn is_well_called(&mut self, form: &BoxedForm, parameters: &[Word]) -> Result<bool, Refusal> {
        let parameter = |index: u8| parameters.get(usize::from(index)).copied().ok_or(Refusal::Plan);
        let mut right = true;
        if let Arguments::Array { count, count_mask, array } = form.callable.arguments {
            let expected = form.arguments.len() as u64;
            let other = JUNK & !count_mask;
            let counts = [
                expected | other,
                expected + 1,
                expected.wrapping_sub(1) | other,
                expected | 1 << 31 | 1 << 62,
            ];
            let found = counts[self.deviates(counts.len())];
            self.machine.terms.assume(&parameter(count)?, 8, found);
            right &= found & count_mask == expected;
            let array = parameter(array)?;
            self.machine.is_stable(&array);
        }
        if let Some(zero) = form.callable.zero {
            let values = [0, 1, 1 << 32, 1 << 63];
            let found = values[self.deviates(values.len())];
            self.machine.terms.assume(&parameter(zero)?, 8, found);
            right &= found == 0;
        }
        Ok(right)
    }

    /// The slow twin is reached with what the stub was entered with.
    fn slow(&mut self, parameters: &[Word]) -> Result<(), Refusal> {
        let slow = self.hole(HoleKind::Slow);
        let arguments = parameters.iter().copied().map(Argument::word).collect::<Vec<_>>();
        self.ends_by(&slow, &arguments)
    }

    /// A function of the host ends the stub, by a jump or by a call whose result is returned.
    fn ends_by(&mut self, function: &Word, arguments: &[Argument]) -> Result<(), Refusal> {
        let (at, how) = self.reaches(function)?;
        self.passes(at, arguments)?;
        self.stored(at, &Stores::new())?;
        self.ended(at, how)
    }

    fn ended(&mut self, at: usize, how: How) -> Result<(), Refusal> {
        if how == How::Jump {
            return Ok(());
        }
        self.comes_back(at, self.caller, 0, &Vec::new())?;
        let word = self.returned_word();
        self.gives_word(&word, &Stores::new())
    }

    /// The stub returns a word.
    fn gives_word(&mut self, word: &Word, stores: &Stores) -> Result<(), Refusal> {
        let at = self.returns()?;
        self.stored(at, stores)?;
        let found = self.machine.gprs[usize::from(self.caller.gpr_results[0])];
        let known = self.machine.terms.is_decided(&found) && self.machine.terms.is_decided(word);
        let same = self.machine.terms.same_word(&found, word)
            || known && self.machine.terms.value(&found, 1) == self.machine.terms.value(word, 1);
        if same { Ok(()) } else { Err(Refusal::Place { at, place: Spot::Gpr(0) }) }
    }

    /// What one argument is in this run.
    fn object(
        &mut self,
        form: &BoxedForm,
        number: u64,
        argument: &Unboxed,
        parameters: &[Word],
    ) -> Result<Object, Refusal> {
        let word = match form.callable.arguments {
            Arguments::Array { array, .. } => {
                let array = *parameters.get(usize::from(array)).ok_or(Refusal::Plan)?;
                self.word_of(&array, number as i32 * 8)
            }
            Arguments::Parameters { first } => {
                *parameters.get(usize::from(first) + number as usize).ok_or(Refusal::Plan)?
            }
        };
        let checks = |way: &Unbox| match way {
            Unbox::Object { checks, .. } => checks.len(),
            _ => 1,
        };
        let counts = argument.ways.iter().map(|way| VALUES + checks(way) * FAILURES).collect::<Vec<_>>();
        let mut chosen = self.deviates(counts.iter().sum());
        let mut way = 0;
        while chosen >= counts[way] {
            chosen -= counts[way];
            way += 1;
        }
        let fails = chosen.checked_sub(VALUES).map(|chosen| (chosen / FAILURES, chosen % FAILURES));
        let variant = Variant { way, fails, value: if fails.is_some() { 0 } else { chosen } };
        let (bits, memory) = self.made(argument, number, &variant);
        self.machine.terms.assume(&word, 8, bits);
        Ok(Object { word, bits, memory, variant, number })
    }

    /// What the ways of an argument make of an object. `None` where none fits.
    fn unboxed(&mut self, argument: &Unboxed, object: &Object) -> Result<Option<Word>, Refusal> {
        for (index, way) in argument.ways.iter().enumerate() {
            let is_meant = index == object.variant.way;
            if let Some(word) = self.by_way(argument.slot, way, object, is_meant)? {
                return Ok(Some(word));
            }
        }
        Ok(None)
    }

    /// What one way makes of an object.
    fn by_way(
        &mut self,
        slot: Wanted,
        way: &Unbox,
        object: &Object,
        is_meant: bool,
    ) -> Result<Option<Word>, Refusal> {
        let number = object.number;
        let value = value_of(slot, number, if is_meant { object.variant.value } else { 0 });
        let word = match *way {
            Unbox::Object { ref checks, payload } => {
                for check in checks {
                    let holds = match *check {
                        Check::Bits { mask, equal } => object.bits & mask == equal,
                        Check::Word { offset, equals } => self.object_word(object, offset) == address(equals),
                        Check::Flags { offset, mask, equal } => {
                            self.object_word(object, offset) & mask == equal
                        }
                    };
                    if !holds {
                        return Ok(None);
                    }
                }
                match self.payload(slot, payload, object, value, is_meant) {
                    Some(word) => word,
                    None => return Ok(None),
                }
            }
            Unbox::Constant { object: constant_object, value } => {
                if object.bits != address(constant_object) {
                    return Ok(None);
                }
                return Ok(Some(match slot {
                    Wanted::Integer { .. } | Wanted::Double => constant(value),
                    Wanted::Float => constant((f64::from_bits(value) as f32).to_bits().into()),
                }));
            }
            Unbox::Tagged { mask, tag, shift, fill } => {
                if object.bits & mask != tag {
                    return Ok(None);
                }
                let op = if fill == Fill::Sign { Op::Sar } else { Op::Shr };
                self.machine.terms.shift(op, &object.word, shift.into())
            }
            Unbox::Double { from, through, bias } => {
                if object.bits < from || object.bits > through {
                    return Ok(None);
                }
                let bits = self.machine.terms.plus(&object.word, (bias as i64).wrapping_neg());
                return Ok(Some(self.as_float(slot, &bits, 8)));
            }
            Unbox::Call { function, with, returns } => {
                let function = self.host(function);
                let with = with.map(|with| self.host(with));
                let arguments = [object.word].into_iter().chain(with).map(Argument::word).collect::<Vec<_>>();
                self.asks(&function, &arguments, Some(&Stores::new()))?;
                return self.by_call(slot, returns, value, object, is_meant);
            }
        };
        Ok(self.held(slot, way, &word))
    }

    /// What a function that unboxes has returned, unless that is an error.
    fn by_call(
        &mut self,
        slot: Wanted,
        returns: Returns,
        value: u64,
        object: &Object,
        is_meant: bool,
    ) -> Result<Option<Word>, Refusal> {
        let (Returns::Word { error, occurred, .. } | Returns::Double { error, occurred }) = returns;
        let found = match returns {
            Returns::Word { .. } => self.returned_word(),
            Returns::Double { .. } => self.machine.returned(Register::Vec(self.caller.vec_results[0], 0)),
        };
        // Last of the values: what means an error, and is one or not.
        let suspect = is_meant && (object.variant.value >= VALUES - 2 || object.variant.fails.is_some());
        let bits = match (error, returns) {
            (Some(error), _) if suspect => error,
            (_, Returns::Word { .. }) => value,
            (_, Returns::Double { .. }) => (1.5 + object.number as f64).to_bits(),
        };
        self.machine.terms.assume(&found, 8, bits);
        if error == Some(bits) {
            let Some(occurred) = occurred else { return Ok(None) };
            let occurred = self.host(occurred);
            self.asks(&occurred, &[], Some(&Stores::new()))?;
            let report = self.returned_word();
            let is_error = !(is_meant && object.variant.value == VALUES - 2);
            self.machine.terms.assume(&report, 8, if is_error { 1 << 33 } else { 0 });
            if is_error {
                return Ok(None);
            }
            let known = constant(bits);
            return Ok(match returns {
                Returns::Word { fill, .. } => self.integer_held(slot, &known, fill == Fill::Zero),
                Returns::Double { .. } => Some(self.as_float(slot, &known, 8)),
            });
        }
        Ok(match returns {
            Returns::Word { fill, .. } => self.integer_held(slot, &found, fill == Fill::Zero),
            Returns::Double { .. } => Some(self.as_float(slot, &found, 8)),
        })
    }

    /// The value in an object's memory. `None` where it has more than one digit.
    fn payload(
        &mut self,
        slot: Wanted,
        payload: Payload,
        object: &Object,
        value: u64,
        is_meant: bool,
    ) -> Option<Word> {
        match payload {
            Payload::Integer { offset, bytes, fill } => {
                let place = self.machine.terms.plus(&object.word, offset.into());
                let word = self.machine.load_word(&place, bytes.into());
                self.machine.terms.assume(&word, bytes.into(), value);
                Some(extended(&word, bytes, fill))
            }
            Payload::Float { offset, bytes } => {
                let place = self.machine.terms.plus(&object.word, offset.into());
                let word = self.machine.load_word(&place, bytes.into());
                Some(self.as_float(slot, &word, bytes))
            }
            Payload::Address { offset } => Some(self.machine.terms.plus(&object.word, offset.into())),
            Payload::Digit { offset, sign } => {
                let place = self.machine.terms.plus(&object.word, offset.into());
                let digit = self.machine.load_word(&place, 4);
                let wanted = value as i64;
                let magnitude = wanted.unsigned_abs() & 0x3fff_ffff;
                self.machine.terms.assume(&digit, 4, magnitude);
                let last = if is_meant { object.variant.value } else { 0 };
                let sign = match sign {
                    DigitSign::Size { offset } => {
                        let size = self.word_of(&object.word, offset);
                        let several = [2i64, -2, i64::MIN + 1];
                        let found = match last.checked_sub(VALUES - 3) {
                            Some(index) => several[index],
                            None => wanted.signum(),
                        };
                        self.machine.terms.assume(&size, 8, found as u64);
                        if !(-1..=1).contains(&found) {
                            return None;
                        }
                        size
                    }
                    DigitSign::Tag { offset, below, mask } => {
                        let tag = self.word_of(&object.word, offset);
                        let low = 1i64.wrapping_sub(wanted.signum()) as u64 & mask;
                        let found = match last {
                            5 => below,
                            6 => u64::MAX,
                            7 => below + 1,
                            _ => low | (below - 1) & !mask,
                        };
                        self.machine.terms.assume(&tag, 8, found);
                        if found >= below {
                            return None;
                        }
                        let taken = self.machine.terms.and(&tag, &constant(mask));
                        self.machine.terms.sub(&constant(1), &taken)
                    }
                };
                Some(self.machine.terms.mul(&sign, &digit))
            }
        }
    }

    /// What a way gives, as its slot holds it. `None` where that cannot.
    fn held(&mut self, slot: Wanted, way: &Unbox, word: &Word) -> Option<Word> {
        match way.integers() {
            Some((_, most)) => self.integer_held(slot, word, most > i64::MAX.into()),
            None => Some(*word),
        }
    }

    fn integer_held(&mut self, slot: Wanted, word: &Word, unsigned: bool) -> Option<Word> {
        let Wanted::Integer { least, most } = slot else {
            let op = if slot == Wanted::Double { Op::IntToDouble } else { Op::IntToFloat };
            return Some(self.machine.terms.op(op, word, &ZERO));
        };
        let value = self.machine.terms.value(word, 1);
        let value = if unsigned { i128::from(value) } else { i128::from(value as i64) };
        (i128::from(least) <= value && value <= i128::from(most)).then_some(*word)
    }

    /// A floating point number of so many bytes as its slot holds it.
    fn as_float(&mut self, slot: Wanted, word: &Word, bytes: u8) -> Word {
        match (slot, bytes) {
            (Wanted::Double, 4) => self.machine.terms.op(Op::FloatToDouble, word, &ZERO),
            (Wanted::Float, 8) => self.machine.terms.op(Op::DoubleToFloat, word, &ZERO),
            _ => *word,
        }
    }

    /// A word in an object's memory, as this run has it.
    fn object_word(&mut self, object: &Object, offset: i32) -> u64 {
        let value = object.memory.get(&offset).copied().unwrap_or(JUNK);
        let word = self.word_of(&object.word, offset);
        self.machine.terms.assume(&word, 8, value);
        value
    }

    fn word_of(&mut self, address: &Word, offset: i32) -> Word {
        let place = self.machine.terms.plus(address, offset.into());
        self.machine.load_word(&place, 8)
    }
}

/// What stands for an address of the host's.
fn address(HostAddress(number): HostAddress) -> u64 {
    0x6100_0000_0000 + u64::from(number) * 0x1_0000
}
