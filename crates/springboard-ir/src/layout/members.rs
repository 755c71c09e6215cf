//! Where each member of an aggregate goes.
//!
//! Positions are in bits, alignments in bytes, as everywhere in this module.

use super::{Layout, LayoutError, MAX_SIZE, checked_align};
use crate::{
    model::{BitFields, Compiler, DataModel},
    types::{Aggregate, AggregateKind, Field},
};

/// An aggregate whose first members have been placed.
pub(crate) struct Placement {
    rule: BitFields,
    compiler: Option<Compiler>,
    kind: AggregateKind,
    packed: bool,
    /// The most that a pragma lets members be aligned to, in bytes.
    pack: Option<u32>,
    /// The strictest alignment that any type of the target has by itself, in bytes.
    max_align: u32,
    /// Strictest alignment so far, in bytes.
    align: u32,
    /// Where the next member may begin.
    next: u64,
    /// Where the furthest member ends.
    end: u64,
    /// The unit that bit-fields are being packed into, under [`BitFields::Microsoft`].
    unit: Option<Unit>,
}

/// A storage unit that has room for more bit-fields of types of its size.
#[derive(Clone, Copy)]
struct Unit {
    /// Size of the type, in bits.
    bits: u64,
    /// Where the unit ends.
    end: u64,
}

impl Placement {
    pub(crate) fn new(aggregate: &Aggregate, model: &DataModel) -> Placement {
        let Aggregate { kind, packed, pack, .. } = *aggregate;
        let DataModel { bit_fields: rule, compiler, max_align, .. } = *model;
        Placement {
            rule,
            compiler,
            kind,
            packed,
            pack,
            max_align: max_align.into(),
            align: 1,
            next: 0,
            end: 0,
            unit: None,
        }
    }

    /// Places `field`, whose type has the layout `own`. Returns its offset in bits.
    pub(crate) fn place(&mut self, field: &Field, own: Layout) -> Result<u64, LayoutError> {
        let asked = field.align.map(checked_align).transpose()?;
        // What a bit-field without width asks for is not weakened, except in Microsoft's layout.
        let capped = field.bits != Some(0) || self.rule == BitFields::Microsoft;
        let asked = asked.map(|align| if capped { self.capped(align) } else { align });
        let named = field.declared.type_align.map(checked_align).transpose()?;
        let raised = named.filter(|align| *align > own.align);
        let own = Layout { align: named.unwrap_or(own.align), ..own };
        let whole = self.packed;
        self.packed |= field.declared.packed;
        let placed = match (field.bits, self.rule) {
            (None, _) => Ok(self.place_whole(asked, own)),
            (Some(_), BitFields::Microsoft) if named.is_some() => Err(LayoutError::Compilers),
            (Some(bits), BitFields::Microsoft) => {
                let own = Layout { align: self.capped(own.align), ..own };
                Ok(self.place_in_unit(bits.into(), asked, own))
            }
            (Some(bits), _) => self.place_bits_of(bits.into(), field.name.is_some(), asked, own, raised),
        };
        self.packed = whole;
        let (offset, end) = placed?;
        if end > MAX_SIZE * 8 {
            return Err(LayoutError::TooLarge);
        }
        self.end = self.end.max(end);
        match self.kind {
            AggregateKind::Struct => self.next = end,
            // The next one begins where this one did, in a unit of its own.
            AggregateKind::Union => self.unit = None,
        }
        Ok(offset)
    }

    /// What a pragma makes of an alignment.
    fn capped(&self, align: u32) -> u32 {
        self.pack.map_or(align, |pack| align.min(pack))
    }

    /// Size and alignment of the whole, which itself asks for `asked`.
    pub(crate) fn finish(self, asked: Option<u32>) -> Result<Layout, LayoutError> {
        let align = self.align.max(asked.map_or(Ok(1), checked_align)?);
        let end = self.unit.map_or(self.end, |unit| self.end.max(unit.end));
        Ok(Layout { size: end.div_ceil(8).next_multiple_of(align.into()), align })
    }

    /// A member that is no bit-field.
    fn place_whole(&mut self, asked: Option<u32>, own: Layout) -> (u64, u64) {
        let natural = if self.packed { 1 } else { self.capped(own.align) };
        let align = natural.max(asked.unwrap_or(1));
        self.align = self.align.max(align);
        let closed = self.unit.take();
        let offset = self.realigned(closed, Some(align)).next_multiple_of(bits_of(natural));
        (offset, offset + own.size * 8)
    }

    /// Where the next member may begin that asks for an alignment, after the unit that it closes.
    ///
    /// GCC looks at where the unit's last bit-field ends, and not at where the unit does, to see whether the member
    /// has its alignment already.
    fn realigned(&self, closed: Option<Unit>, asked: Option<u32>) -> u64 {
        let from = closed.map_or(self.next, |unit| unit.end);
        match asked.map(bits_of) {
            Some(align) if !self.next.is_multiple_of(align) => from.next_multiple_of(align),
            _ => from,
        }
    }

    /// A bit-field, whose type may have by its name an alignment that is `raised` over its own. GCC takes that for the
    /// bit-field's own as well.
    ///
    /// It counts from the last multiple of the strictest alignment that a type has by itself, which some of its options make
    /// more (`-mavx`): where that matters, it lays out in two ways itself.
    fn place_bits_of(
        &mut self,
        bits: u64,
        has_name: bool,
        asked: Option<u32>,
        own: Layout,
        raised: Option<u32>,
    ) -> Result<(u64, u64), LayoutError> {
        // Under a pragma it lies at any bit, and aligns its aggregate as far as the pragma allows, packed by an attribute or
        // not. One without width is as ever.
        if self.pack.is_some() && bits > 0 {
            self.packed = true;
            if self.aligns(has_name) {
                self.align = self.align.max(self.capped(own.align));
            }
        }
        let before = self.align;
        let by_clang = (self.place_bits(bits, has_name, asked, own), self.align);
        let Some(aligns) = raised.filter(|_| !self.packed) else { return Ok(by_clang.0) };
        if self.compiler == Some(Compiler::Clang) {
            return Ok(by_clang.0);
        }
        let (next, last) = (self.next, self.next - self.next % bits_of(self.max_align));
        let mut by_gcc = |base: u64| {
            (self.align, self.next) = (before, next - base);
            let (start, end) = self.place_bits(bits, has_name, asked.max(Some(aligns)), own);
            self.next = next;
            ((start + base, end + base), self.align)
        };
        let from_start = by_gcc(0);
        let from_last = by_gcc(last);
        let agree = from_last == from_start && (self.compiler.is_some() || from_last == by_clang);
        if agree { Ok(from_last.0) } else { Err(LayoutError::Compilers) }
    }

    /// Whether a bit-field, of a name or without, aligns its aggregate.
    fn aligns(&self, has_name: bool) -> bool {
        has_name || self.rule == BitFields::Aapcs64
    }

    /// A bit-field that may lie anywhere within one unit of its type.
    fn place_bits(&mut self, bits: u64, named: bool, asked: Option<u32>, own: Layout) -> (u64, u64) {
        if self.aligns(named) {
            let natural = if self.packed && bits > 0 { 1 } else { own.align };
            self.align = self.align.max(natural).max(asked.unwrap_or(1));
        }
        let unit = bits_of(own.align);
        let from = asked.map_or(self.next, |asked| self.next.next_multiple_of(bits_of(asked)));
        if bits == 0 {
            // It closes the unit, in a packed aggregate too.
            let offset = from.next_multiple_of(unit);
            return (offset, offset);
        }
        // From where its type may begin, it may reach no further than its type does.
        let straddles = !self.packed && from % unit + bits > own.size * 8;
        let offset = if straddles { from.next_multiple_of(unit) } else { from };
        (offset, offset + bits)
    }

    /// A bit-field in a unit that it shares with its neighbours. In a packed aggregate units are as large as ever,
    /// but begin at any byte.
    fn place_in_unit(&mut self, bits: u64, asked: Option<u32>, own: Layout) -> (u64, u64) {
        let size = own.size * 8;
        let natural = if self.packed { 1 } else { own.align };
        let open = self.unit.take();
        // One of no width means nothing but after another bit-field; there not even packing weakens it.
        let aligns = if bits == 0 { open.is_some() } else { !self.packed };
        if aligns {
            self.align = self.align.max(own.align).max(asked.unwrap_or(1));
        }
        let same = open.filter(|unit| unit.bits == size);
        if bits > 0
            && let Some(unit) = same.filter(|unit| self.next + bits <= unit.end)
        {
            self.unit = Some(unit);
            return (self.next, self.next + bits);
        }
        let mut offset = self.realigned(open, asked);
        if same.is_none() && (bits > 0 || open.is_some()) {
            offset = offset.next_multiple_of(bits_of(natural));
        }
        if bits > 0 && self.kind == AggregateKind::Struct {
            self.unit = Some(Unit { bits: size, end: offset + size });
        }
        (offset, offset + bits)
    }
}

fn bits_of(align: u32) -> u64 {
    u64::from(align) * 8
}
