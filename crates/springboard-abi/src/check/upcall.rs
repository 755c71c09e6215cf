//! The `callback` entry: the same demand, read from the other end. What the document wants in a place is what the
//! stub finds there, and each slot and each area of the host has to get its bytes from where they are.
//!
//! Of a scalar only its own bytes are of use. What a document has a caller put beside them is taken for nothing:
//! compilers disagree about who extends.

use alloc::{boxed::Box, collections::BTreeMap, vec, vec::Vec};

use springboard_ir::{DataModel, Layout, Param, Scalar, Signature, Type};

use super::{
    compare,
    demand::{Demand, Want, beyond},
    demanded,
    image::{Image, place_exists},
    leaves,
    result::{self, Stored},
    spot::{Source, Spot},
    stack_size, temporaries,
    violation::Violation,
};
use crate::{
    place::Place,
    plan::{DowncallResult, Fill, Form, Move, Operand, Plan, SlotForm, SlotsForm, UpcallResult},
    target::Target,
};

/// Accepts a plan that hands over every argument and the result as [`Entry::Callback`](crate::Entry::Callback) says.
pub(super) fn check(
    plan: &Plan,
    result: &UpcallResult,
    signature: &Signature,
    target: &Target,
    demand: &Demand,
) -> Result<(), Violation> {
    stack_size(plan, demand)?;
    match plan.vector_count {
        None => {}
        found => return Err(Violation::VectorCount { least: None, found }),
    }
    let host = Host::of(signature, demand, &target.model)?;
    temporaries::check(&plan.temporaries, &host.areas)?;
    arguments(plan, &host, demand, &target.model)?;
    returned(plan, result, signature, target, demand, &host)
}

/// What the host has to find.
struct Host<'a> {
    /// The type and form of every argument.
    params: Vec<(&'a Type, SlotForm)>,
    /// Slots whose value lies in memory of the stub's: what has an address and was not passed by one.
    areas: BTreeMap<u16, Layout>,
    /// Whether the caller has passed an address for the result.
    in_memory: bool,
}

impl Host<'_> {
    fn of<'a>(signature: &'a Signature, demand: &Demand, model: &DataModel) -> Result<Host<'a>, Violation> {
        let is_address = |(_, want)| matches!(want, Want::Exactly(Source::ResultAddress { .. }));
        let in_memory = demand.bytes().any(is_address);
        let mut params = Vec::new();
        let mut areas = BTreeMap::new();
        for (index, param) in (0..).zip(signature.params()) {
            let form = SlotForm::of(&param.ty, model)?;
            params.push((&param.ty, form));
            match form {
                SlotForm::Address(layout) if !demand.copies.contains_key(&index) => {
                    areas.insert(index, layout);
                }
                _ => {}
            }
        }
        match SlotForm::of(signature.result(), model)? {
            SlotForm::Address(layout) if !in_memory => {
                areas.insert(params.len() as u16, layout);
            }
            _ => {}
        }
        Ok(Host { params, areas, in_memory })
    }

    /// The slot of the result.
    fn result(&self) -> u16 {
        self.params.len() as u16
    }

    /// Every byte that moves have to write, with what it has to be; `None` for padding, which may be anything.
    fn wants(&self, model: &DataModel) -> Result<BTreeMap<Spot, Option<Source>>, Violation> {
        let mut wants = BTreeMap::new();
        for (index, (ty, form)) in (0..).zip(&self.params) {
            match (form, self.areas.get(&index)) {
                (SlotForm::Word(scalar), _) => {
                    let word = word(index, *scalar, model).into_iter();
                    wants
                        .extend((0..).zip(word).map(|(byte, want)| (Spot::Slot { index, byte }, Some(want))));
                }
                (SlotForm::Address(_), Some(_)) => {
                    for (byte, occupied) in (0..).zip(leaves::occupied(ty, model)?) {
                        let value = Source::Value { param: index, byte };
                        wants.insert(Spot::Area { slot: index, byte }, occupied.then_some(value));
                    }
                }
                (SlotForm::Address(_), None) => wants.extend((0..8).map(|byte| {
                    (Spot::Slot { index, byte }, Some(Source::CopyAddress { param: index, byte }))
                })),
                (SlotForm::None, _) => {}
            }
        }
        if self.in_memory {
            let index = self.result();
            wants.extend(
                (0..8).map(|byte| (Spot::Slot { index, byte }, Some(Source::ResultAddress { byte }))),
            );
        }
        Ok(wants)
    }
}

/// The canonical slot of a scalar: see [`SlotForm::Word`].
fn word(param: u16, scalar: Scalar, model: &DataModel) -> [Source; 8] {
    let size = usize::from(scalar.bytes(model));
    let top = if model.big_endian { 0 } else { size as u32 - 1 };
    let rest = match scalar {
        Scalar::Int { signed: true, .. } => Source::Sign { param, byte: top },
        _ => Source::Zero,
    };
    let start = if model.big_endian { 8 - size } else { 0 };
    core::array::from_fn(|byte| match byte.checked_sub(start) {
        Some(byte) if byte < size => Source::Value { param, byte: byte as u32 },
        _ => rest,
    })
}

/// Whether every slot and every area gets its bytes.
fn arguments(plan: &Plan, host: &Host<'_>, demand: &Demand, model: &DataModel) -> Result<(), Violation> {
    let found = demand.bytes().collect::<BTreeMap<_, _>>();
    let mut written: BTreeMap<Spot, (usize, Option<Source>)> = BTreeMap::new();
    let mut end: Option<Place> = None;
    for (step, action) in plan.moves.iter().enumerate() {
        place_exists(plan, step, action)?;
        if end.is_some_and(|end| end >= action.place) {
            return Err(Violation::Order { step });
        }
        end = Some(beyond(action.place, u32::from(action.bytes) - 1));
        let mut sources = Vec::new();
        for byte in 0..action.bytes {
            let place = beyond(action.place, byte.into());
            let want = found.get(&place).ok_or(Violation::NoSuchPlace { step, place })?;
            sources.push(content(*want));
        }
        for (spot, source) in destinations(step, action, &sources, host, model)? {
            if let Some((first, _)) = written.insert(spot, (step, source)) {
                return Err(Violation::Overlap { spot, first, second: step });
            }
        }
    }
    let wants = host.wants(model)?;
    for (&spot, want) in &wants {
        let found = written.get(&spot).and_then(|(_, source)| *source);
        match *want {
            Some(expected) if found != Some(expected) => {
                return Err(Violation::Content { spot, expected, found });
            }
            _ => {}
        }
    }
    match written.iter().find(|(spot, _)| !wants.contains_key(spot)) {
        Some((&spot, (step, source))) => Err(match source {
            Some(found) => Violation::Stray { spot, found: *found },
            None => Violation::NoSuchPlace { step: *step, place: plan.moves[*step].place },
        }),
        None => Ok(()),
    }
}

/// What a stub knows to be in a byte that arrives.
fn content(want: Want) -> Option<Source> {
    match want {
        Want::Exactly(Source::Zero | Source::Sign { .. }) => None,
        Want::Exactly(source) => Some(source),
        Want::Open(source) => source,
        Want::OrUndefined(_) => None,
    }
}

/// Where the bytes of one move go: into a whole slot, the rest of which is filled, or into an area.
fn destinations(
    step: usize,
    action: &Move,
    sources: &[Option<Source>],
    host: &Host<'_>,
    model: &DataModel,
) -> Result<Vec<(Spot, Option<Source>)>, Violation> {
    match action.operand {
        Operand::Slot { index, at } => {
            let exists = index < host.result() || index == host.result() && host.in_memory;
            if !exists || at != 0 {
                return Err(Violation::NoSuchSlot { step, slot: index });
            }
            let size = sources.len();
            if size > 8 {
                return Err(Violation::Width { step, bytes: action.bytes });
            }
            let top = if model.big_endian { sources[0] } else { sources[size - 1] };
            let rest = match (action.fill, top) {
                (Fill::Zero, _) => Some(Source::Zero),
                (Fill::Sign, Some(Source::Value { param, byte })) => Some(Source::Sign { param, byte }),
                (Fill::Sign, _) => return Err(Violation::SignFill { step }),
            };
            let start = if model.big_endian { 8 - size } else { 0 };
            let byte = |byte: usize| match byte.checked_sub(start) {
                Some(own) if own < size => sources[own],
                _ => rest,
            };
            Ok((0..8u8).map(|at| (Spot::Slot { index, byte: at }, byte(at.into()))).collect())
        }
        Operand::Memory { slot, offset } => {
            let area = host.areas.get(&slot).filter(|_| slot < host.result());
            let area = area.ok_or(Violation::NoSuchSlot { step, slot })?;
            let end = u64::from(offset) + sources.len() as u64;
            if end > area.size {
                return Err(Violation::OverRead { step, slot, end, size: area.size });
            }
            Ok((offset..).zip(sources).map(|(byte, source)| (Spot::Area { slot, byte }, *source)).collect())
        }
        Operand::Temporary { index } => Err(Violation::NoSuchCopy { step, index }),
    }
}

/// Whether the result goes back as the document says.
fn returned(
    plan: &Plan,
    result: &UpcallResult,
    signature: &Signature,
    target: &Target,
    demand: &Demand,
    host: &Host<'_>,
) -> Result<(), Violation> {
    let expected = host.result();
    match (SlotForm::of(signature.result(), &target.model)?, result) {
        (SlotForm::Word(_), UpcallResult::Word(step)) => match step.operand {
            Operand::Slot { index, at } if index == expected => {
                let operand = Operand::Slot { index: 0, at };
                as_argument(plan, Move { operand, ..*step }, signature.result(), target)
            }
            Operand::Slot { index: found, .. } => Err(Violation::ResultSlot { expected, found }),
            Operand::Memory { .. } | Operand::Temporary { .. } => Err(Violation::ResultNotInPlace),
        },
        // Some conventions want it back, and others have no use for it.
        (SlotForm::Address(_), UpcallResult::Address { slot: found }) if host.in_memory => {
            if *found == expected { Ok(()) } else { Err(Violation::ResultSlot { expected, found: *found }) }
        }
        (SlotForm::Address(_), _) if host.in_memory => Err(Violation::ResultNotInPlace),
        (SlotForm::Word(_), _) => Err(Violation::ResultNotInPlace),
        (SlotForm::Address(_) | SlotForm::None, _) => {
            result::check(Stored::upcall(result)?, signature, target, demand)
        }
    }
}

/// A scalar comes back as a first argument goes in, in the register of the same number: AAPCS64 6.9 and the RISC-V
/// psABI say so in as many words, and in the others it comes to the same.
fn as_argument(plan: &Plan, step: Move, ty: &Type, target: &Target) -> Result<(), Violation> {
    let there = Plan {
        form: Form::Slots(SlotsForm { result: DowncallResult::InPlace, last_error: None }),
        moves: Box::new([step]),
        temporaries: Box::default(),
        stack_bytes: 0,
        stack_align: None,
        ..plan.clone()
    };
    let signature = Signature::new(Type::Void, vec![Param { name: None, ty: ty.clone() }])
        .expect("what can be returned can be passed");
    let image = Image::of(&there, &signature, target)?;
    compare(&there, &demanded(&signature, target)?, &image)
}
