//! Stubs that call native code for a host.

use springboard_abi::{DowncallResult, ErrorSource, Fill, HoleKind, LastError, Move, Place, ResultMove};

use super::{
    Reading, Registers, Source, When,
    call::{How, Ranges, Stores, spot},
};
use crate::{
    refusal::{Leaving, Refusal, Spot},
    terms::{Byte, Node, Register, Word, ZERO, sign_extended, zero_extended},
};

/// What the native function left where a result stays.
struct Left {
    gpr: Word,
    vec: Word,
}

impl Reading<'_> {
    pub(super) fn relay(&mut self) -> Result<(), Refusal> {
        let target = self.hole(HoleKind::Helper);
        let words = vec![self.argument(0)?.into(), self.hole(HoleKind::Target).into()];
        self.downcall(target, &Source::Words(words), &DowncallResult::InPlace, None)
    }

    pub(super) fn direct(&mut self, context: u8) -> Result<(), Refusal> {
        let hole = self.hole(HoleKind::Context);
        let arguments = (0..usize::from(context)).map(|index| self.argument(index));
        let words =
            arguments.chain([Ok(hole)]).map(|word| Ok(word?.into())).collect::<Result<Vec<_>, _>>()?;
        let function = self.machine.load_word(&hole, 8);
        let (at, how) = self.reaches(&function)?;
        // What the plan does not move may be arguments as well.
        for &number in self.callee.vec_args {
            let entered = self.machine.entry(Register::Vec(number, 0));
            if self.machine.vecs[usize::from(number)][0] != entered {
                return Err(Refusal::Place { at, place: Spot::Vec(number) });
            }
        }
        self.called(at, how, &Source::Words(words), &DowncallResult::InPlace, None, Stores::new())
    }

    /// The native function is called with what the source has, and its result is handed on.
    pub(super) fn downcall(
        &mut self,
        target: Word,
        source: &Source,
        result: &DowncallResult,
        last_error: Option<LastError>,
    ) -> Result<(), Refusal> {
        let mut stores = Stores::new();
        let mut error = None;
        if let Some(LastError { source: from, slot }) = last_error {
            let to = self.slot(source, slot)?;
            let helper = self.hole(HoleKind::Helper);
            let location = match from {
                ErrorSource::Function => None,
                ErrorSource::Location => {
                    self.asks(&helper, &[], Some(&Stores::new()))?;
                    Some(self.returned_word())
                }
                ErrorSource::ThreadLocal => {
                    let thread = self.machine.terms.word(Node::Thread);
                    let pointer = self.machine.load_word(&thread, 8);
                    Some(self.machine.terms.add(&pointer, &helper))
                }
            };
            if let Some(location) = location {
                for byte in 0..4 {
                    self.is_to_store(&mut stores, &location, byte, Byte::Const(0));
                }
            }
            error = Some((location, to));
        }
        let (at, how) = self.reaches(&target)?;
        self.called(at, how, source, result, error, stores)
    }

    /// The native function is called at `at`, after `stores`; of the last error, where it is and where it is to go.
    pub(super) fn called(
        &mut self,
        at: usize,
        how: How,
        source: &Source,
        result: &DowncallResult,
        error: Option<(Option<Word>, Word)>,
        stores: Stores,
    ) -> Result<(), Refusal> {
        let address = match (result, source) {
            (
                DowncallResult::Memory { .. } | DowncallResult::Widened { .. },
                Source::Avalue { result, .. },
            ) => *result,
            (DowncallResult::Memory { slot, .. } | DowncallResult::Widened { slot, .. }, _) => {
                self.slot(source, *slot)?
            }
            _ => ZERO,
        };
        let copies = self.arguments(at, source)?;
        self.stored(at, &stores)?;
        if how == How::Jump {
            let nothing_left = matches!(result, DowncallResult::InPlace | DowncallResult::FloatInPlace);
            if !nothing_left || error.is_some() || !copies.is_empty() {
                return Err(Refusal::Leaves { at, wanted: Leaving::Call });
            }
            return Ok(());
        }
        self.goes_on(at, &copies)?;
        let left = self.left();
        let mut stores = Stores::new();
        self.result_stores(&mut stores, result, &address)?;
        if let Some((location, to)) = error {
            match location {
                Some(location) => {
                    for byte in 0..4 {
                        let value = self.machine.memory(&location, byte);
                        self.is_to_store(&mut stores, &to, byte, value);
                    }
                }
                None => {
                    let helper = self.hole(HoleKind::Helper);
                    let (at, how) = self.reaches(&helper)?;
                    if how != How::Call {
                        return Err(Refusal::Leaves { at, wanted: Leaving::Call });
                    }
                    // Results may be stored before the helper is called, or after it.
                    self.comes_back(at, self.caller, 0, &Ranges::new())?;
                    let value = self.returned_word();
                    for byte in 0..4 {
                        let significance = if self.caller.cpu.big_endian { 3 - byte } else { byte };
                        self.is_to_store(&mut stores, &to, byte as i64, value[significance]);
                    }
                }
            }
        }
        let at = self.returns()?;
        self.stored(at, &stores)?;
        self.result_in_place(at, result, &left)
    }

    /// Goes on after the native function, to which `copies` belonged.
    pub(super) fn goes_on(&mut self, at: usize, copies: &Ranges) -> Result<(), Refusal> {
        self.comes_back(at, self.callee, self.plan.stack_bytes, copies)
    }

    /// What the last call left in the first general result register of a host's function.
    pub(super) fn returned_word(&mut self) -> Word {
        self.machine.returned(Register::Gpr(self.caller.gpr_results[0]))
    }

    fn left(&mut self) -> Left {
        Left {
            gpr: self.machine.returned(Register::Gpr(self.callee.gpr_results[0])),
            vec: self.machine.returned(Register::Vec(self.callee.vec_results[0], 0)),
        }
    }

    /// What of the result that the last call left is to be stored, at an address.
    pub(super) fn result_stores(
        &mut self,
        stores: &mut Stores,
        result: &DowncallResult,
        address: &Word,
    ) -> Result<(), Refusal> {
        match result {
            DowncallResult::Memory { moves, .. } => {
                for step in moves {
                    self.result_move(stores, *step, address, i64::from(step.offset))?;
                }
            }
            DowncallResult::Widened { bytes, fill, .. } => {
                let word = extended(&self.left().gpr, *bytes, *fill);
                for byte in 0..8 {
                    let value = word[self.significance(byte)];
                    self.is_to_store(stores, address, byte as i64, value);
                }
            }
            DowncallResult::InPlace | DowncallResult::FloatInPlace | DowncallResult::Extended { .. } => {}
        }
        Ok(())
    }

    /// Bytes of a result register are to be stored.
    pub(super) fn result_move(
        &mut self,
        stores: &mut Stores,
        step: ResultMove,
        address: &Word,
        by: i64,
    ) -> Result<(), Refusal> {
        let registers = Registers::results(self.callee, When::Returned);
        for byte in 0..usize::from(step.bytes) {
            let value = self.place_byte(step.place, byte, registers, 0)?;
            self.is_to_store(stores, address, by + byte as i64, value);
        }
        Ok(())
    }

    /// What stays in registers is in those of the stub's caller.
    fn result_in_place(&mut self, at: usize, result: &DowncallResult, left: &Left) -> Result<(), Refusal> {
        if self.returns_nothing() {
            return Ok(());
        }
        let gpr = self.machine.gprs[usize::from(self.caller.gpr_results[0])];
        let vec = self.machine.vecs[usize::from(self.caller.vec_results[0])][0];
        let (same_gpr, same_vec) = match result {
            DowncallResult::InPlace => (gpr == left.gpr, vec == left.vec),
            DowncallResult::FloatInPlace => {
                let [found, wanted] = [&vec, &left.vec].map(|word| self.float_of(word));
                (gpr == left.gpr, found == wanted)
            }
            // 32 bits are looked at.
            DowncallResult::Extended { bytes, fill } => {
                let wanted = extended(&left.gpr, *bytes, *fill);
                (gpr[..4] == wanted[..4], vec == left.vec)
            }
            DowncallResult::Memory { .. } | DowncallResult::Widened { .. } => (true, true),
        };
        match (same_gpr, same_vec) {
            (true, true) => Ok(()),
            (false, _) => Err(Refusal::Place { at, place: Spot::Gpr(0) }),
            (_, false) => Err(Refusal::Place { at, place: Spot::Vec(0) }),
        }
    }

    /// Whether the result's address came in a register of its own, so that nothing is returned.
    fn returns_nothing(&self) -> bool {
        let pointer = self.plan.convention.registers().gpr_args.len();
        let is_pointer = |place| matches!(place, Place::Gpr { reg, .. } if usize::from(reg) == pointer);
        self.plan.moves.iter().any(|step| is_pointer(step.place))
    }

    /// The four bytes of a `float` in a floating point register.
    fn float_of(&self, word: &Word) -> [Byte; 4] {
        let from = if self.callee.cpu.big_endian { 4 } else { 0 };
        std::array::from_fn(|at| word[from + at])
    }

    /// The stub returns zero, in whatever register its result may be.
    pub(super) fn returns_zero(&mut self, result: &DowncallResult) -> Result<(), Refusal> {
        let at = self.returns()?;
        self.stored(at, &Stores::new())?;
        let gpr = self.machine.gprs[usize::from(self.caller.gpr_results[0])];
        let vec = self.machine.vecs[usize::from(self.caller.vec_results[0])][0];
        let is_zero = match result {
            DowncallResult::Memory { .. } | DowncallResult::Widened { .. } => true,
            DowncallResult::FloatInPlace => gpr == ZERO && self.float_of(&vec) == [Byte::Const(0); 4],
            DowncallResult::InPlace | DowncallResult::Extended { .. } => gpr == ZERO && vec == ZERO,
        };
        if is_zero || self.returns_nothing() {
            Ok(())
        } else {
            Err(Refusal::Place { at, place: Spot::Gpr(0) })
        }
    }

    /// A result that an upcall's move puts into its register.
    pub(super) fn move_is_done(
        &mut self,
        at: usize,
        step: Move,
        wanted: impl Fn(usize) -> Result<Byte, Refusal>,
        registers: Registers,
    ) -> Result<(), Refusal> {
        for byte in 0..usize::from(step.bytes) {
            let found = self.place_byte(step.place, byte, registers, 0)?;
            let wanted = wanted(byte)?;
            if !self.machine.terms.same(found, wanted) {
                return Err(Refusal::Place { at, place: spot(step.place) });
            }
        }
        Ok(())
    }
}

/// An integer of so many bytes as a whole word.
pub(super) fn extended(word: &Word, bytes: u8, fill: Fill) -> Word {
    match fill {
        Fill::Zero => zero_extended(word, bytes.into()),
        Fill::Sign => sign_extended(word, bytes.into()),
    }
}
