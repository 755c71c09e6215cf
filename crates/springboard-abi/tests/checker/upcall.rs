//! A machine that executes a callback's plan on real bytes, and mutants of such plans.
//!
//! As its sister it knows no calling convention: every register and every byte of the stack holds something random,
//! and a mutant that hands over other bytes than the plan is a mistake.

use std::collections::BTreeMap;

use fastrand::Rng;
use springboard_abi::{
    Convention, Entry, Fill, Form, Move, Operand, Place, Plan, SlotForm, Target, UpcallResult, check,
};
use springboard_ir::{Integer, Signature, Type};

use crate::{
    machine::{self, Byte, Fault, padding},
    mutate, planned, targets,
};

/// What a stub finds when it is entered, and what the host returns.
struct Input {
    big_endian: bool,
    general: Vec<u8>,
    vector: Vec<u8>,
    stack: Vec<u8>,
    /// For each parameter which bytes of its memory are padding; none where its slot holds it.
    params: Vec<Vec<bool>>,
    /// The result's slot, as the host leaves it.
    word: [u8; 8],
    /// The result's memory, and which of it is padding.
    result: Vec<Byte>,
}

/// What the host and the caller can see.
struct Outcome {
    slots: Vec<Option<u8>>,
    /// Memory by the slot that holds its address.
    areas: BTreeMap<u16, Area>,
    general: Vec<Option<Byte>>,
    vector: Vec<Option<Byte>>,
}

struct Area {
    align: u32,
    bytes: Vec<Option<u8>>,
}

impl Input {
    fn random(rng: &mut Rng, signature: &Signature, plan: &Plan, target: &Target) -> Input {
        let model = &target.model;
        let word = match SlotForm::of(signature.result(), model) {
            Ok(SlotForm::Word(scalar)) => machine::word(rng, scalar, model),
            _ => [0; 8],
        };
        let mut bytes = |count: usize| (0..count).map(|_| rng.u8(..)).collect::<Vec<_>>();
        let registers = plan.convention.registers();
        let general = registers.gpr_args.len() + usize::from(registers.result_pointer.is_some());
        let paddings = |ty| match SlotForm::of(ty, model) {
            Ok(SlotForm::Address(layout)) => padding(ty, layout.size as usize, model),
            _ => Vec::new(),
        };
        let result = paddings(signature.result());
        Input {
            big_endian: model.big_endian,
            general: bytes(general * 8),
            vector: bytes(registers.vec_args.len() * 16),
            stack: bytes(plan.stack_bytes as usize),
            params: signature.params().iter().map(|param| paddings(&param.ty)).collect(),
            word,
            result: bytes(result.len())
                .into_iter()
                .zip(result)
                .map(|(value, padding)| Byte { value, padding })
                .collect(),
        }
    }

    fn load(&self, place: Place, bytes: u8) -> Result<&[u8], Fault> {
        let (file, size, reg, at) = match place {
            Place::Stack { offset } => {
                return self.stack.get(offset as usize..offset as usize + usize::from(bytes)).ok_or(Fault);
            }
            Place::Gpr { reg, at } => (&self.general, 8, reg, at),
            Place::Vec { reg, at } => (&self.vector, 16, reg, at),
        };
        if at.checked_add(bytes).is_none_or(|end| end > size) {
            return Err(Fault);
        }
        let start = usize::from(reg) * usize::from(size) + usize::from(at);
        file.get(start..start + usize::from(bytes)).ok_or(Fault)
    }
}

/// A word whose own bytes are filled up to eight.
fn filled(own: &[u8], fill: Fill, big_endian: bool) -> [u8; 8] {
    let top = if big_endian { own[0] } else { own[own.len() - 1] };
    let rest = if fill == Fill::Sign && top >= 0x80 { 0xff } else { 0 };
    let mut word = [rest; 8];
    let start = if big_endian { 8 - own.len() } else { 0 };
    word[start..start + own.len()].copy_from_slice(own);
    word
}

/// Executes `plan`.
///
/// # Errors
/// Where it reads or writes what is not there, or writes a byte twice.
fn run(plan: &Plan, input: &Input) -> Result<Outcome, Fault> {
    let registers = plan.convention.registers();
    let mut outcome = Outcome {
        slots: vec![None; (input.params.len() + 1) * 8],
        areas: BTreeMap::new(),
        general: vec![None; registers.gpr_results.len() * 8],
        vector: vec![None; registers.vec_results.len() * 16],
    };
    for area in &plan.temporaries {
        let [low, high] = area.slot.to_le_bytes();
        outcome.write_slot(area.slot, [0xa0, 0xa1, 0xa2, low, high, 0xa5, 0xa6, 0xa7])?;
        let bytes =
            vec![None; usize::try_from(area.bytes).ok().filter(|bytes| *bytes < 1 << 16).ok_or(Fault)?];
        if !area.align.is_power_of_two() {
            return Err(Fault);
        }
        outcome.areas.insert(area.slot, Area { align: area.align, bytes });
    }
    for step in &plan.moves {
        if !step.bytes.is_power_of_two() || step.bytes > 16 {
            return Err(Fault);
        }
        let own = input.load(step.place, step.bytes)?;
        match step.operand {
            Operand::Slot { index, at: 0 } if own.len() <= 8 => {
                outcome.write_slot(index, filled(own, step.fill, input.big_endian))?;
            }
            Operand::Memory { slot, offset } => {
                let area = outcome.areas.get_mut(&slot).ok_or(Fault)?;
                for (cell, byte) in (offset as usize..).zip(own) {
                    let cell = area.bytes.get_mut(cell).ok_or(Fault)?;
                    if cell.replace(*byte).is_some() {
                        return Err(Fault);
                    }
                }
            }
            Operand::Slot { .. } | Operand::Temporary { .. } => return Err(Fault),
        }
    }
    outcome.returned(plan, input)?;
    Ok(outcome)
}

impl Outcome {
    fn write_slot(&mut self, index: u16, word: [u8; 8]) -> Result<(), Fault> {
        let start = usize::from(index) * 8;
        for (cell, byte) in self.slots.get_mut(start..start + 8).ok_or(Fault)?.iter_mut().zip(word) {
            if cell.replace(byte).is_some() {
                return Err(Fault);
            }
        }
        Ok(())
    }

    fn returned(&mut self, plan: &Plan, input: &Input) -> Result<(), Fault> {
        let last = input.params.len() as u16;
        match plan.form.upcall_result().ok_or(Fault)? {
            UpcallResult::Nothing => Ok(()),
            UpcallResult::Word(Move { operand: Operand::Slot { index, at }, place, bytes, fill })
                if *index == last && at.checked_add(*bytes).is_some_and(|end| end <= 8) && *bytes > 0 =>
            {
                let own = &input.word[usize::from(*at)..usize::from(at + bytes)];
                let value = |value: &u8| Byte { value: *value, padding: false };
                match *place {
                    Place::Gpr { at, .. } if u32::from(at) + u32::from(*bytes) > 8 => Err(Fault),
                    Place::Gpr { reg, at } => {
                        let low = if input.big_endian { at + bytes == 8 } else { at == 0 };
                        if !low {
                            return Err(Fault);
                        }
                        let word = filled(own, *fill, input.big_endian);
                        self.write_register(Place::Gpr { reg, at: 0 }, &word.each_ref().map(value))
                    }
                    place => self.write_register(place, &own.iter().map(value).collect::<Vec<_>>()),
                }
            }
            UpcallResult::Address { slot } if *slot == last => {
                let start = usize::from(last) * 8;
                let word = self.slots[start..].iter().copied().collect::<Option<Vec<_>>>().ok_or(Fault)?;
                let bytes = word.iter().map(|value| Byte { value: *value, padding: false });
                self.write_register(Place::Gpr { reg: 0, at: 0 }, &bytes.collect::<Vec<_>>())
            }
            UpcallResult::Memory { slot, moves } if *slot == last && self.areas.contains_key(&last) => {
                moves.iter().try_for_each(|step| {
                    let start = step.offset as usize;
                    let bytes =
                        input.result.get(start..start.saturating_add(step.bytes.into())).ok_or(Fault)?;
                    self.write_register(step.place, bytes)
                })
            }
            _ => Err(Fault),
        }
    }

    fn write_register(&mut self, place: Place, bytes: &[Byte]) -> Result<(), Fault> {
        let (file, size, reg, at) = match place {
            Place::Gpr { reg, at } => (&mut self.general, 8, usize::from(reg), usize::from(at)),
            Place::Vec { reg, at } => (&mut self.vector, 16, usize::from(reg), usize::from(at)),
            Place::Stack { .. } => return Err(Fault),
        };
        if at + bytes.len() > size {
            return Err(Fault);
        }
        let start = reg * size + at;
        for (cell, byte) in file.get_mut(start..start + bytes.len()).ok_or(Fault)?.iter_mut().zip(bytes) {
            if cell.replace(*byte).is_some() {
                return Err(Fault);
            }
        }
        Ok(())
    }

    /// Whether a host and a caller that know only the C types could not tell `other` from this one: padding, and the
    /// upper part of a vector register, carry nothing.
    fn is_as_good(&self, other: &Outcome, input: &Input) -> bool {
        let area = |(slot, area): (&u16, &Area)| {
            let padding = input.params.get(usize::from(*slot));
            other.areas.get(slot).is_some_and(|theirs| {
                let same = |(index, (ours, theirs)): (usize, (&Option<u8>, &Option<u8>))| {
                    padding.is_some_and(|padding| padding[index]) || ours == theirs
                };
                let bytes = area.bytes.iter().zip(&theirs.bytes).enumerate();
                area.bytes.len() == theirs.bytes.len()
                    && area.align <= theirs.align
                    && bytes.into_iter().all(same)
            })
        };
        let files = [(&self.general, &other.general), (&self.vector, &other.vector)];
        let register = |(ours, theirs): (&Option<Byte>, &Option<Byte>)| match (ours, theirs) {
            (Some(ours), _) if ours.padding => true,
            // Zeros beside a float in its word.
            (Some(ours), None) => ours.value == 0,
            _ => ours == theirs,
        };
        self.slots == other.slots
            && self.areas.len() == other.areas.len()
            && self.areas.iter().all(area)
            && files.iter().all(|(ours, theirs)| ours.iter().zip(theirs.iter()).all(register))
    }
}

/// Changes to what a callback does with its result, beside those that go for every plan.
const OF_RESULTS: &[mutate::Mutation] = &[
    mutate::Mutation { name: "change a result's slot", apply: |plan, _| result(plan, 0) },
    mutate::Mutation { name: "take a result from elsewhere", apply: |plan, _| result(plan, 1) },
    mutate::Mutation { name: "narrow a result's word", apply: |plan, _| result(plan, 2) },
    mutate::Mutation { name: "change a word's register", apply: |plan, _| result(plan, 3) },
    mutate::Mutation { name: "return nothing", apply: |plan, _| result(plan, 4) },
];

fn result(plan: &Plan, change: u8) -> Option<Plan> {
    let mut plan = plan.clone();
    let Form::Callback(result) = &mut plan.form else { return None };
    match (result, change) {
        (UpcallResult::Nothing, _) => return None,
        (result, 4) => *result = UpcallResult::Nothing,
        (UpcallResult::Address { slot }, 0) => *slot = slot.wrapping_sub(1),
        (UpcallResult::Word(step), 0..=3) => match (change, &mut step.operand, &mut step.place) {
            (0, Operand::Slot { index, .. }, _) => *index += 1,
            (1, Operand::Slot { at, .. }, _) => *at ^= 4,
            (2, ..) => step.bytes /= 2,
            (_, _, Place::Gpr { reg, .. } | Place::Vec { reg, .. }) => *reg += 1,
            _ => return None,
        },
        _ => return None,
    }
    Some(plan)
}

/// As for the other entries: what the machine can tell from the plan, the checker has to refuse.
#[test]
fn refuses_mutants_of_callbacks() {
    let mut counts: BTreeMap<&str, (u32, u32)> = BTreeMap::new();
    for target in targets() {
        for (seed, signature, plan) in planned(&target, Entry::Callback).step_by(3) {
            // The same value in two places is more than random bytes can express.
            if target.convention == Convention::Win64 && signature.fixed().is_some() {
                continue;
            }
            let mut rng = Rng::with_seed(seed);
            let inputs: Vec<_> =
                (0..4).map(|_| Input::random(&mut rng, &signature, &plan, &target)).collect();
            let run_it =
                |input| run(&plan, input).unwrap_or_else(|_| panic!("cannot run\n{signature}\n{plan}"));
            let ours: Vec<_> = inputs.iter().map(run_it).collect();
            for mutation in mutate::MUTATIONS.iter().chain(OF_RESULTS) {
                let Some(mutant) = (mutation.apply)(&plan, &mut rng) else { continue };
                let (mutants, mistakes) = counts.entry(mutation.name).or_default();
                *mutants += 1;
                let as_good = mutant.stack_bytes == plan.stack_bytes
                    && mutant.stack_align == plan.stack_align
                    && mutant.vector_count == plan.vector_count
                    && inputs.iter().zip(&ours).all(|(input, ours)| {
                        run(&mutant, input).is_ok_and(|theirs| ours.is_as_good(&theirs, input))
                    });
                if as_good {
                    continue;
                }
                *mistakes += 1;
                assert!(
                    check(&mutant, &signature, &target).is_err(),
                    "{}, seed {seed}, {}:\n{signature}\n{mutant}\nmade of\n{plan}",
                    target.convention,
                    mutation.name,
                );
            }
        }
    }
    for mutation in mutate::MUTATIONS.iter().chain(OF_RESULTS) {
        let (mutants, mistakes) = counts.get(mutation.name).copied().unwrap_or_default();
        assert!(mistakes >= 20, "{}: {mistakes} of {mutants} mutants were mistakes", mutation.name);
    }
}

/// Few results have a rest to be filled at all: an `unsigned` of RISC-V, by its sign bit.
#[test]
fn refuses_a_result_filled_otherwise() {
    let target = super::target("riscv64gc-unknown-linux-gnu");
    let signature = Signature::new(Type::Int(Integer::UInt), Vec::new()).expect("a plain signature");
    let mut plan = springboard_abi::plan(&signature, &target, Entry::Callback).expect("a plan");
    assert_eq!(check(&plan, &signature, &target), Ok(()));
    let Form::Callback(UpcallResult::Word(step)) = &mut plan.form else { panic!("{plan}") };
    assert_eq!(step.fill, Fill::Sign);
    step.fill = Fill::Zero;
    assert!(check(&plan, &signature, &target).is_err(), "{plan}");
}
