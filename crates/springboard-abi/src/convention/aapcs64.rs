//! AAPCS64: the procedure call standard of 64-bit Arm, as Linux uses it (2024Q3, section 6.8).
//!
//! ```text
//!   arguments   x0 … x7          v0 … v7
//!   results     x0 x1            v0 … v3
//!   x8          address of a result in memory
//!
//!          ┌──────────────────────┐
//!          │ argument n           │   each in whole 8-byte words
//!          │ …                    │
//!   sp ──► │ first stack argument │   16-byte aligned at the call; the return address is in x30
//!          └──────────────────────┘
//! ```
//!
//! Not here: scalable vectors, half precision, and the `ilp32` variant. Variadic callees are called as any other
//! (section 6.8.2 makes no difference).

use alloc::{vec, vec::Vec};

use springboard_ir::{Aggregate, AggregateKind, Compiler, DataModel, Scalar, Signature, Type};
use target_lexicon::Architecture;

use super::{
    assignment::{Assignment, Passing, Piece, Returning, StackArea},
    rules::{RegisterFile, Rules},
};
use crate::{ineligible::Ineligible, place::Place};

pub(crate) const RULES: Rules = Rules {
    name: "aarch64/aapcs64",
    runs_on: |architecture| matches!(architecture, Architecture::Aarch64(_)),
    big_endian: false,
    float_keeps_width: false,
    sign_extends_u32: false,
    caller_extends: false,
    packs_stack: false,
    registers: REGISTERS,
    assign,
};

pub(crate) const REGISTERS: RegisterFile = RegisterFile {
    gpr_args: &["x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7"],
    vec_args: &["v0", "v1", "v2", "v3", "v4", "v5", "v6", "v7"],
    gpr_results: &["x0", "x1"],
    vec_results: &["v0", "v1", "v2", "v3"],
    result_pointer: Some("x8"),
    positional: false,
};

/// `Place::Gpr` of x8, the result's address.
const X8: Place = Place::Gpr { reg: 8, at: 0 };

/// Where an argument may begin, in registers and on the stack: what AAPCS64 and Apple's variant of it differ in.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Stacking {
    /// On the stack in whole 8-byte words (C.4, C.5, C.14, C.16); aligned as before any adjustment of the whole
    /// (section 5.9), which begins at an even register where it is 16 (C.10).
    Words,
    /// Scalars and homogeneous aggregates on the stack in as many bytes as they have; variadic arguments there in
    /// whole words, whatever registers are free; any register may begin a value (Apple, "Writing ARM64 code for Apple
    /// platforms"). A homogeneous aggregate is aligned as its members are, any other as it is itself (as Clang has it).
    Natural,
}

impl Stacking {
    fn alignment(
        self,
        ty: &Type,
        homogeneous: Option<&Homogeneous>,
        model: &DataModel,
    ) -> Result<u32, Ineligible> {
        match (self, homogeneous) {
            (Stacking::Words, _) => natural_alignment(ty, model),
            (Stacking::Natural, Some(homogeneous)) => Ok(homogeneous.bytes),
            (Stacking::Natural, None) => Ok(ty.layout(model)?.align),
        }
    }
}

/// The state that stage A sets up.
struct State {
    /// Next general register number.
    ngrn: u8,
    /// Next vector register number.
    nsrn: u8,
    /// Next stacked argument address.
    nsaa: StackArea,
    stacking: Stacking,
}

impl State {
    fn new(stacking: Stacking) -> State {
        State { ngrn: 0, nsrn: 0, nsaa: StackArea::default(), stacking }
    }

    /// Puts a whole value of `size` bytes on the stack.
    fn stack(&mut self, size: u32, natural: u32, stacking: Stacking) -> Result<Passing, Ineligible> {
        let place = match stacking {
            Stacking::Words => self.nsaa.take(u64::from(size).next_multiple_of(8), natural.clamp(8, 16))?,
            Stacking::Natural => self.nsaa.take(size.into(), natural.min(16))?,
        };
        Ok(Passing::Direct(vec![Piece { offset: 0, bytes: size, place }]))
    }

    /// The place of one 8-byte word, in the next general register or on the stack.
    fn word(&mut self) -> Result<Place, Ineligible> {
        if self.ngrn < 8 {
            self.ngrn += 1;
            Ok(Place::Gpr { reg: self.ngrn - 1, at: 0 })
        } else {
            self.nsaa.take(8, 8)
        }
    }
}

fn assign(signature: &Signature, model: &DataModel) -> Result<Assignment, Ineligible> {
    assign_with(signature, model, Stacking::Words)
}

/// The whole procedure, for either way of stacking.
pub(crate) fn assign_with(
    signature: &Signature,
    model: &DataModel,
    stacking: Stacking,
) -> Result<Assignment, Ineligible> {
    let mut state = State::new(stacking);
    let result = returning(signature.result(), stacking, model)?;
    let fixed = match stacking {
        Stacking::Words => signature.params().len(),
        Stacking::Natural => signature.fixed().unwrap_or(signature.params().len()),
    };
    let mut params = Vec::with_capacity(signature.params().len());
    for param in &signature.params()[..fixed] {
        params.push(passing(&param.ty, model, &mut state)?);
    }
    for param in &signature.params()[fixed..] {
        params.push(anonymous(&param.ty, model, &mut state)?);
    }
    Ok(Assignment { params, result, stack_bytes: state.nsaa.bytes(), stack_align: None, vector_count: None })
}

fn passing(ty: &Type, model: &DataModel, state: &mut State) -> Result<Passing, Ineligible> {
    let layout = ty.layout(model)?;
    let size = layout.size as u32;
    if size == 0 {
        return Ok(Passing::Nothing);
    }
    let homogeneous = homogeneous(ty, model)?;
    let natural = state.stacking.alignment(ty, homogeneous.as_ref(), model)?;
    // C.1 to C.6: one floating point or vector value, or a homogeneous aggregate of them.
    if let Some(homogeneous) = homogeneous {
        if state.nsrn + homogeneous.count <= 8 {
            let pieces = homogeneous.pieces(state.nsrn);
            state.nsrn += homogeneous.count;
            return Ok(Passing::Direct(pieces));
        }
        state.nsrn = 8;
        return state.stack(size, natural, state.stacking);
    }
    // B.4: a larger composite is copied, and the address of the copy is passed.
    if layout.size > 16 {
        return Ok(Passing::Reference { to: state.word()?, copy: layout });
    }
    if natural >= 16 && state.stacking == Stacking::Words {
        // C.10
        state.ngrn = state.ngrn.next_multiple_of(2);
    }
    let words = size.div_ceil(8) as u8;
    if state.ngrn + words <= 8 {
        // C.9, C.11, C.12
        let pieces = words_of(size, state.ngrn);
        state.ngrn += words;
        return Ok(Passing::Direct(pieces));
    }
    // C.13 to C.17. Composites are whole words in either way of stacking.
    state.ngrn = 8;
    let stacking = if ty.scalar(model).is_some() { state.stacking } else { Stacking::Words };
    state.stack(size, natural, stacking)
}

/// Passes a variadic argument where those are always on the stack.
fn anonymous(ty: &Type, model: &DataModel, state: &mut State) -> Result<Passing, Ineligible> {
    let layout = ty.layout(model)?;
    let size = layout.size as u32;
    if size == 0 {
        return Ok(Passing::Nothing);
    }
    let homogeneous = homogeneous(ty, model)?;
    if layout.size > 16 && homogeneous.is_none() {
        return Ok(Passing::Reference { to: state.nsaa.take(8, 8)?, copy: layout });
    }
    let align = state.stacking.alignment(ty, homogeneous.as_ref(), model)?;
    // A scalar takes the whole word, so that an `int` and a `long` are passed alike.
    let size = if ty.scalar(model).is_some() { size.next_multiple_of(8) } else { size };
    state.stack(size, align, Stacking::Words)
}

/// The words of a value in consecutive general registers.
fn words_of(size: u32, first: u8) -> Vec<Piece> {
    (0..size.div_ceil(8))
        .map(|index| Piece {
            offset: index * 8,
            bytes: (size - index * 8).min(8),
            place: Place::Gpr { reg: first + index as u8, at: 0 },
        })
        .collect()
}

/// Section 6.9: a result comes back where it would go as the only argument, or through x8 if that is memory.
fn returning(ty: &Type, stacking: Stacking, model: &DataModel) -> Result<Returning, Ineligible> {
    if *ty == Type::Void {
        return Ok(Returning::Nothing);
    }
    Ok(match passing(ty, model, &mut State::new(stacking))? {
        Passing::Nothing => Returning::Nothing,
        Passing::Direct(pieces) => Returning::Direct(pieces),
        Passing::Reference { .. } => Returning::Memory { pointer: X8 },
    })
}

/// A value made of one to four equal floating point or vector values and nothing else: such a scalar itself, an
/// HFA or an HVA (section 5.9.5).
struct Homogeneous {
    bytes: u32,
    count: u8,
}

impl Homogeneous {
    fn pieces(&self, first: u8) -> Vec<Piece> {
        (0..self.count)
            .map(|index| Piece {
                offset: u32::from(index) * self.bytes,
                bytes: self.bytes,
                place: Place::Vec { reg: first + index, at: 0 },
            })
            .collect()
    }
}

fn homogeneous(ty: &Type, model: &DataModel) -> Result<Option<Homogeneous>, Ineligible> {
    let mut base = None;
    let Some(count @ 1..=4) = count_members(ty, model, &mut base)? else { return Ok(None) };
    Ok(base.map(|base| Homogeneous { bytes: base.bytes(model).into(), count: count as u8 }))
}

/// How many values of one base type `ty` is made of. `None` where it has another member, or padding.
fn count_members(ty: &Type, model: &DataModel, base: &mut Option<Scalar>) -> Result<Option<u64>, Ineligible> {
    if let Some(scalar) = ty.scalar(model) {
        let eligible = matches!(scalar, Scalar::Float(_) | Scalar::Vector { .. });
        return Ok((eligible && *base.get_or_insert(scalar) == scalar).then_some(1));
    }
    let count = match ty {
        Type::Complex(complex) => count_members(&complex.part(), model, base)?.map(|count| count * 2),
        // The document is silent; GCC and Clang both want at least one element.
        Type::Array(array) if array.length == 0 => None,
        Type::Array(array) => {
            count_members(&array.element, model, base)?.map(|count| count.saturating_mul(array.length))
        }
        Type::Aggregate(aggregate) => count_fields(aggregate, model, base)?,
        _ => None,
    };
    let bytes = base.map_or(0, |base| u64::from(base.bytes(model)));
    let size = ty.layout(model)?.size;
    Ok(count.filter(|count| count.saturating_mul(bytes) == size))
}

/// Whether Clang takes a type for an aggregate of nothing: of unnamed bit-fields and arrays without elements.
fn is_empty(ty: &Type) -> bool {
    match ty {
        Type::Array(array) => array.length > 0 && is_empty(&array.element),
        Type::Aggregate(aggregate) => aggregate.fields.iter().all(|field| match (field.bits, &field.ty) {
            (Some(_), _) => field.name.is_none(),
            (None, Type::Array(array)) if array.length == 0 => !field.declared.flexible,
            (None, ty) => is_empty(ty),
        }),
        _ => false,
    }
}

fn count_fields(
    aggregate: &Aggregate,
    model: &DataModel,
    base: &mut Option<Scalar>,
) -> Result<Option<u64>, Ineligible> {
    let mut total = 0u64;
    for field in &aggregate.fields {
        // Clang takes `_Atomic` for a type of its own, and what has no members of any size for nothing.
        let clang = model.compiler == Some(Compiler::Clang);
        if field.declared.flexible || (field.declared.atomic && clang) {
            return Ok(None);
        }
        if clang && field.bits.is_none() && is_empty(&field.ty) {
            continue;
        }
        match field.bits {
            // A zero-width bit-field is not a member; but GCC, unlike Clang, takes one for a member of a union.
            Some(0) if aggregate.kind == AggregateKind::Struct || clang => continue,
            Some(_) => return Ok(None),
            None => {}
        }
        let Some(count) = count_members(&field.ty, model, base)? else { return Ok(None) };
        total = match aggregate.kind {
            AggregateKind::Struct => total.saturating_add(count),
            AggregateKind::Union => total.max(count),
        };
    }
    Ok(Some(total))
}

/// Section 5.9: the natural alignment of a composite is that of its strictest member, before any adjustment of
/// the composite itself; of a fundamental type it is its own. A bit-field counts as its container does, one
/// without a width too.
fn natural_alignment(ty: &Type, model: &DataModel) -> Result<u32, Ineligible> {
    let Type::Aggregate(aggregate) = ty else { return Ok(ty.layout(model)?.align) };
    let mut align = 1;
    for field in &aggregate.fields {
        let own = match field.declared.type_align {
            // Packing does not weaken a zero-width bit-field (so GCC).
            _ if (aggregate.packed || field.declared.packed) && field.bits != Some(0) => 1,
            Some(align) => align,
            None => field.ty.layout(model)?.align,
        };
        let most = aggregate.pack.filter(|_| field.bits != Some(0)).unwrap_or(u32::MAX);
        align = align.max(own.max(field.align.unwrap_or(1)).min(most));
    }
    Ok(align)
}
