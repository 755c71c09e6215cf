//! What a convention demands of every byte of its argument registers and of the stack at the callee's entry.

use alloc::{collections::BTreeMap, vec::Vec};

use springboard_ir::{DataModel, Layout, LayoutError, Scalar, Signature, Type};

use super::{leaves, spot::Source, violation::Violation};
use crate::{ineligible::Ineligible, place::Place};

/// One argument as its type has it.
pub(super) struct Argument<'a> {
    /// Its number, from 0; also the number of its slot.
    pub(super) index: u16,
    pub(super) ty: &'a Type,
    pub(super) layout: Layout,
    /// Whether it is passed for the `...` of a variadic function.
    pub(super) variadic: bool,
    /// For each byte whether it carries a value. Empty where it is larger than any plan moves.
    occupied: Vec<bool>,
}

/// The arguments of a signature in order.
pub(super) fn arguments<'a>(
    signature: &'a Signature,
    model: &DataModel,
) -> Result<Vec<Argument<'a>>, LayoutError> {
    let fixed = signature.fixed().unwrap_or(signature.params().len());
    let argument = |(index, param): (usize, &'a springboard_ir::Param)| {
        let layout = param.ty.layout(model)?;
        let small = layout.size <= Ineligible::MAX_STACK;
        Ok(Argument {
            // The limit on parameters keeps it in range.
            index: index as u16,
            ty: &param.ty,
            layout,
            variadic: index >= fixed,
            occupied: if small { leaves::occupied(&param.ty, model)? } else { Vec::new() },
        })
    };
    signature.params().iter().enumerate().map(argument).collect()
}

/// What one byte has to hold.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Want {
    /// This, and nothing else.
    Exactly(Source),
    /// This, or what V8 left beside an argument of 32 bits: the callee does not look.
    OrUndefined(Source),
    /// Anything as far as the callee is concerned. A plan leaves it alone, makes it zero, or moves the one byte
    /// that belongs there.
    Open(Option<Source>),
}

/// How the result comes back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) enum Returned {
    /// There is none; or it is a scalar in the convention's first result register, where the stub's caller expects
    /// it too; or the callee writes it to the address that it was passed.
    InPlace,
    /// In pieces: the byte at an offset of the result's memory is in this byte of a result register. Padding that
    /// has no place is absent.
    Pieces(BTreeMap<u32, Place>),
}

/// What a convention demands of one call.
pub(super) struct Demand {
    model: DataModel,
    bytes: BTreeMap<Place, Want>,
    /// Bytes of stack that arguments have taken so far.
    stack: u64,
    /// The strictest alignment of any of them there.
    strictest: u32,
    /// Arguments passed by reference, by their number: size and least alignment of the copy.
    pub(super) copies: BTreeMap<u16, Layout>,
    /// For a variadic callee that is told: how many vector registers hold arguments.
    pub(super) vectors: Option<u8>,
    pub(super) returned: Returned,
}

impl Demand {
    pub(super) fn new(model: &DataModel) -> Demand {
        Demand {
            model: *model,
            bytes: BTreeMap::new(),
            stack: 0,
            strictest: 0,
            copies: BTreeMap::new(),
            vectors: None,
            returned: Returned::InPlace,
        }
    }

    /// Every byte that arguments own, with what it has to hold.
    pub(super) fn bytes(&self) -> impl Iterator<Item = (Place, Want)> {
        self.bytes.iter().map(|(place, want)| (*place, *want))
    }

    /// Whether an argument owns the byte.
    pub(super) fn wants(&self, place: Place) -> bool {
        self.bytes.contains_key(&place)
    }

    /// The byte belongs to an integer of which the callee looks at 32 bits, and lies outside them.
    pub(super) fn leave_open(&mut self, place: Place) {
        if let Some(want) = self.bytes.get_mut(&place)
            && let Want::Exactly(source) = *want
        {
            *want = Want::OrUndefined(source);
        }
    }

    /// The alignment of the argument area, where an argument wants more than the 16 bytes that every call has.
    pub(super) fn stack_align(&self) -> Option<u32> {
        (self.strictest > 16).then_some(self.strictest)
    }

    /// Bytes of the whole argument area.
    pub(super) fn stack_bytes(&self) -> u64 {
        self.stack.next_multiple_of(8)
    }

    /// Takes `size` bytes of stack at the next multiple of `align`: the next stacked argument address (NSAA) of
    /// Arm's document and its like in the others.
    ///
    /// # Errors
    /// Where that is more than any plan moves, so that a demand never has more bytes than a plan can.
    pub(super) fn take_stack(&mut self, size: u64, align: u32) -> Result<Place, Violation> {
        let offset = self.stack.next_multiple_of(align.into());
        self.strictest = self.strictest.max(align);
        self.stack = offset + size;
        if self.stack > Ineligible::MAX_STACK {
            return Err(Violation::StackLimit { bytes: self.stack });
        }
        Ok(Place::Stack { offset: offset as u32 })
    }

    /// The next argument on the stack begins at a multiple of `align`.
    pub(super) fn align_stack(&mut self, align: u32) {
        self.stack = self.stack.next_multiple_of(align.into());
    }

    fn want(&mut self, place: Place, want: Want) {
        let before = self.bytes.insert(place, want);
        debug_assert!(before.is_none(), "two arguments own {place:?}");
    }

    /// Bytes `from..from + count` of an argument's memory image are at `place` and after it.
    pub(super) fn image(&mut self, argument: &Argument<'_>, from: u64, count: u64, place: Place) {
        for byte in 0..count {
            let source = Source::Value { param: argument.index, byte: (from + byte) as u32 };
            let value = argument.occupied[(from + byte) as usize];
            let want = if value { Want::Exactly(source) } else { Want::Open(Some(source)) };
            self.want(beyond(place, byte as u32), want);
        }
    }

    /// The eight bytes of an argument's memory image from `start` on, or as many as it has, are in the word at `place`. The
    /// rest of that is open.
    pub(super) fn word(&mut self, argument: &Argument<'_>, start: u64, place: Place) {
        let bytes = (argument.layout.size - start).min(8);
        self.image(argument, start, bytes, place);
        self.open(beyond(place, bytes as u32), (8 - bytes) as u8);
    }

    /// The first `count` bytes of an argument's memory image may be in the word at `place`, and need not be.
    pub(super) fn open_image(&mut self, argument: &Argument<'_>, count: u8, place: Place) {
        for byte in 0..count {
            let source = Source::Value { param: argument.index, byte: byte.into() };
            self.want(beyond(place, byte.into()), Want::Open(Some(source)));
        }
        self.open(beyond(place, count.into()), 8 - count);
    }

    /// `count` bytes from `place` on belong to an argument and may hold anything.
    pub(super) fn open(&mut self, place: Place, count: u8) {
        for byte in 0..count {
            self.want(beyond(place, byte.into()), Want::Open(None));
        }
    }

    /// An integer of at most 8 bytes is in the word at `place`, extended to all of it by `extension`.
    pub(super) fn integer(&mut self, argument: &Argument<'_>, place: Place, extension: Source) {
        let size = argument.layout.size;
        let (value, rest) = if self.model.big_endian { (8 - size, 0) } else { (0, size) };
        self.image(argument, 0, size, beyond(place, value as u32));
        for byte in rest..rest + (8 - size) {
            self.want(beyond(place, byte as u32), Want::Exactly(extension));
        }
    }

    /// The address of the result's memory is in the word at `place`.
    pub(super) fn result_address(&mut self, place: Place) {
        for byte in 0..8 {
            self.want(beyond(place, byte.into()), Want::Exactly(Source::ResultAddress { byte }));
        }
    }

    /// The address of a copy of the argument, aligned to `align`, is in the word at `place`.
    pub(super) fn reference(&mut self, argument: &Argument<'_>, align: u32, place: Place) {
        let param = argument.index;
        for byte in 0..8 {
            self.want(beyond(place, byte.into()), Want::Exactly(Source::CopyAddress { param, byte }));
        }
        self.copies.insert(param, Layout { size: argument.layout.size, align });
    }
}

/// The byte `count` bytes after `place`.
pub(super) fn beyond(place: Place, count: u32) -> Place {
    match place {
        Place::Gpr { reg, at } => Place::Gpr { reg, at: at + count as u8 },
        Place::Vec { reg, at } => Place::Vec { reg, at: at + count as u8 },
        Place::Stack { offset } => Place::Stack { offset: offset + count },
    }
}

/// What a scalar is extended with by its own type: the sign of a signed integer, and zero for all others.
pub(super) fn own_extension(argument: &Argument<'_>, model: &DataModel) -> Source {
    match argument.ty.scalar(model) {
        Some(Scalar::Int { bytes, signed: true }) => {
            let byte = if model.big_endian { 0 } else { u32::from(bytes) - 1 };
            Source::Sign { param: argument.index, byte }
        }
        _ => Source::Zero,
    }
}
