//! A plan's moves, executed on symbols: what every byte of the registers and of the stack holds afterwards.

use alloc::{collections::BTreeMap, vec::Vec};

use springboard_ir::{Scalar, Signature};

use super::{
    demand::beyond,
    spot::{Source, Spot},
    violation::Violation,
};
use crate::{
    place::Place,
    plan::{Fill, Form, Move, Operand, Parameter, Plan, SlotForm},
    target::Target,
};

/// The registers and the stack at the callee's entry.
pub(super) struct Image {
    /// Bytes that a move has put there.
    moved: BTreeMap<Place, Source>,
    /// Bytes beside them in a general register or stack word.
    filled: BTreeMap<Place, Source>,
}

impl Image {
    /// What the moves of `plan` leave beyond, where the slots hold what `signature` says.
    ///
    /// # Errors
    /// Moves that no machine could execute, that read what they may not, or that are not in canonical order.
    pub(super) fn of(plan: &Plan, signature: &Signature, target: &Target) -> Result<Image, Violation> {
        let slots = Slots::of(signature, plan, target)?;
        let mut image = Image { moved: BTreeMap::new(), filled: BTreeMap::new() };
        let mut owners: BTreeMap<Place, usize> = BTreeMap::new();
        for (step, action) in plan.moves.iter().enumerate() {
            if step > 0 && plan.moves[step - 1].place >= action.place {
                return Err(Violation::Order { step });
            }
            place_exists(plan, step, action)?;
            for byte in 0..action.bytes {
                let place = beyond(action.place, byte.into());
                if let Some(first) = owners.insert(place, step) {
                    let spot = Spot::of_argument(place, plan.convention);
                    return Err(Violation::Overlap { spot, first, second: step });
                }
                image.moved.insert(place, slots.read(step, action, byte)?);
            }
        }
        for (step, action) in plan.moves.iter().enumerate() {
            image.fill(step, action, &owners, target.model.big_endian)?;
        }
        Ok(image)
    }

    /// What a byte holds. `None` where no move has to do with it.
    pub(super) fn at(&self, place: Place) -> Option<Source> {
        self.moved.get(&place).or_else(|| self.filled.get(&place)).copied()
    }

    /// The bytes that hold something that no fill with zero put there.
    pub(super) fn written(&self) -> impl Iterator<Item = (Place, Source)> {
        let signs = self.filled.iter().filter(|(_, source)| **source != Source::Zero);
        self.moved.iter().chain(signs).map(|(place, source)| (*place, *source))
    }

    /// What is beside a move in its word, or in both words that it lies in.
    fn fill(
        &mut self,
        step: usize,
        action: &Move,
        owners: &BTreeMap<Place, usize>,
        big_endian: bool,
    ) -> Result<(), Violation> {
        let last = beyond(action.place, u32::from(action.bytes) - 1);
        let words = [word_of(action.place), word_of(last)];
        let rest = |word: Place| (0..8).map(move |byte| beyond(word, byte));
        let source = match action.fill {
            Fill::Zero => Source::Zero,
            Fill::Sign => {
                // A sign is only defined for the lone move at the low end of one word.
                let flush = if big_endian { beyond(action.place, action.bytes.into()) } else { action.place };
                let low = if big_endian { words[0].map(|word| beyond(word, 8)) } else { words[0] };
                let alone =
                    |word| rest(word).all(|byte| owners.get(&byte).is_none_or(|owner| *owner == step));
                let lone = words[0].is_some_and(alone) && words[0] == words[1] && low == Some(flush);
                if !lone || action.bytes >= 8 {
                    return Err(Violation::SignFill { step });
                }
                let top = if big_endian { action.place } else { last };
                sign_of(self.moved[&top]).ok_or(Violation::SignFill { step })?
            }
        };
        for byte in words.into_iter().flatten().flat_map(rest) {
            if !owners.contains_key(&byte) {
                self.filled.insert(byte, source);
            }
        }
        Ok(())
    }
}

/// The first byte of the general register or stack word that a byte lies in.
fn word_of(place: Place) -> Option<Place> {
    match place {
        Place::Gpr { reg, .. } => Some(Place::Gpr { reg, at: 0 }),
        Place::Stack { offset } => Some(Place::Stack { offset: offset & !7 }),
        Place::Vec { .. } => None,
    }
}

/// What the sign bit of a byte fills other bytes with. Nothing that a plan could mean for an address.
fn sign_of(source: Source) -> Option<Source> {
    match source {
        Source::Value { param, byte } | Source::Sign { param, byte } => Some(Source::Sign { param, byte }),
        Source::Zero => Some(Source::Zero),
        Source::CopyAddress { .. } | Source::ResultAddress { .. } | Source::Undefined { .. } => None,
    }
}

pub(super) fn place_exists(plan: &Plan, step: usize, action: &Move) -> Result<(), Violation> {
    let registers = plan.convention.registers();
    let bytes = u32::from(action.bytes);
    let widest = if matches!(action.place, Place::Vec { .. }) { 16 } else { 8 };
    if !bytes.is_power_of_two() || bytes > widest {
        return Err(Violation::Width { step, bytes: action.bytes });
    }
    let exists = match action.place {
        Place::Gpr { reg, at } => {
            let count = registers.gpr_args.len() + usize::from(registers.result_pointer.is_some());
            usize::from(reg) < count && u32::from(at) + bytes <= 8
        }
        Place::Vec { reg, at } => usize::from(reg) < registers.vec_args.len() && u32::from(at) + bytes <= 16,
        Place::Stack { offset } => u64::from(offset) + u64::from(bytes) <= plan.stack_bytes.into(),
    };
    if exists { Ok(()) } else { Err(Violation::NoSuchPlace { step, place: action.place }) }
}

/// What the stub is entered with.
struct Slots<'a> {
    plan: &'a Plan,
    big_endian: bool,
    /// The form of every argument's slot, and of the result's after them.
    forms: Vec<SlotForm>,
}

impl Slots<'_> {
    fn of<'a>(signature: &Signature, plan: &'a Plan, target: &Target) -> Result<Slots<'a>, Violation> {
        let types = signature.params().iter().map(|param| &param.ty).chain([signature.result()]);
        let form = |ty| match (SlotForm::of(ty, &target.model)?, &plan.form) {
            // Every argument is read through its pointer, and every result has an address.
            (SlotForm::Word(_), Form::Avalue(_)) => Ok(SlotForm::Address(ty.layout(&target.model)?)),
            (form, _) => Ok::<_, Violation>(form),
        };
        let forms = types.map(form).collect::<Result<_, _>>()?;
        Ok(Slots { plan, big_endian: target.model.big_endian, forms })
    }

    /// What the byte numbered `byte` of those that a move loads holds.
    fn read(&self, step: usize, action: &Move, byte: u8) -> Result<Source, Violation> {
        let result = self.forms.len() as u16 - 1;
        match action.operand {
            Operand::Slot { index, at } => {
                let missing = Violation::NoSuchSlot { step, slot: index };
                let form = *self.forms.get(usize::from(index)).ok_or(missing.clone())?;
                let end = u64::from(at) + u64::from(action.bytes);
                if end > 8 {
                    return Err(Violation::OverRead { step, slot: index, end, size: 8 });
                }
                match form {
                    SlotForm::Word(scalar) if index < result => Ok(self.word(index, scalar, at + byte)),
                    SlotForm::Address(_) if index == result => Ok(Source::ResultAddress { byte: at + byte }),
                    SlotForm::Address(_) => Err(Violation::AddressAsValue { step, slot: index }),
                    SlotForm::Word(_) | SlotForm::None => Err(missing),
                }
            }
            Operand::Memory { slot, offset } => {
                let missing = Violation::NoSuchSlot { step, slot };
                let form = *self.forms[..usize::from(result)].get(usize::from(slot)).ok_or(missing)?;
                let SlotForm::Address(layout) = form else {
                    return Err(Violation::ValueAsAddress { step, slot });
                };
                let end = u64::from(offset) + u64::from(action.bytes);
                if end > layout.size {
                    return Err(Violation::OverRead { step, slot, end, size: layout.size });
                }
                Ok(Source::Value { param: slot, byte: offset + u32::from(byte) })
            }
            Operand::Temporary { index } => {
                let copy = self.plan.temporaries.get(usize::from(index));
                let copy = copy.ok_or(Violation::NoSuchCopy { step, index })?;
                if action.bytes != 8 {
                    return Err(Violation::Width { step, bytes: action.bytes });
                }
                Ok(Source::CopyAddress { param: copy.slot, byte })
            }
        }
    }

    /// What a byte of the canonical slot of a scalar holds: see [`SlotForm::Word`].
    fn word(&self, param: u16, scalar: Scalar, byte: u8) -> Source {
        let (size, signed) = match scalar {
            Scalar::Bool => (1, false),
            Scalar::Int { bytes, signed } => (bytes, signed),
            Scalar::Float(format) => (format.bytes(), false),
            Scalar::Pointer | Scalar::Vector { .. } => (8, false),
        };
        // V8 passes 32 bits, and promises nothing for the rest of the register.
        let passed = match &self.plan.form {
            Form::V8(form) => form.parameters.get(usize::from(param)),
            _ => None,
        };
        let half = matches!(passed, Some(Parameter::Int32 | Parameter::Narrow { .. }));
        if half && (byte < 4) == self.big_endian {
            return Source::Undefined { param };
        }
        let start = if self.big_endian { 8 - size } else { 0 };
        if (start..start + size).contains(&byte) {
            Source::Value { param, byte: (byte - start).into() }
        } else if signed {
            Source::Sign { param, byte: if self.big_endian { 0 } else { u32::from(size) - 1 } }
        } else {
            Source::Zero
        }
    }
}
