//! Random structures and unions.

use std::sync::Arc;

use fastrand::Rng;
use springboard_ir::{Aggregate, AggregateKind, Array, DataModel, Field, Integer, Type};

use crate::oracle::palette::{self, Common, Kind, chance, pick};

/// The largest size of most aggregates, in bytes.
const MOST_BYTES: u64 = 129;

/// How deep aggregates nest.
const DEPTH: u32 = 4;

/// What an aggregate is made for.
#[derive(Clone, Copy)]
enum Shape {
    /// One to five equal floating point or vector values, in any arrangement.
    Homogeneous,
    /// An array of characters, of any size.
    Bytes,
    /// Up to four members, most often in 16 bytes.
    Small,
    /// Anything.
    Any,
    /// Members over each other.
    Union,
    /// Bit-fields among other members.
    BitFields,
    /// Nothing.
    Empty,
}

/// A random structure or union that has a layout under `model`.
pub(crate) fn draw(rng: &mut Rng, model: &DataModel, common: &mut Common) -> Type {
    nested(rng, model, common, DEPTH)
}

fn nested(rng: &mut Rng, model: &DataModel, common: &mut Common, depth: u32) -> Type {
    let most = if chance(rng, 2) { 600 } else { MOST_BYTES };
    loop {
        let mut draw = Draw { rng, model, common, depth };
        let aggregate = draw.aggregate();
        let ty = Type::Aggregate(Arc::new(aggregate));
        match ty.layout(model) {
            Ok(layout) if layout.size <= most => return ty,
            Ok(_) => {}
            Err(error) => panic!("{ty:?}: {error}"),
        }
    }
}

struct Draw<'a> {
    rng: &'a mut Rng,
    model: &'a DataModel,
    common: &'a mut Common,
    /// How many levels may still follow.
    depth: u32,
}

impl Draw<'_> {
    fn aggregate(&mut self) -> Aggregate {
        let shape = pick(
            self.rng,
            &[
                (20, Shape::Homogeneous),
                (8, Shape::Bytes),
                (30, Shape::Small),
                (20, Shape::Any),
                (12, Shape::Union),
                (8, Shape::BitFields),
                (1, Shape::Empty),
            ],
        );
        let kind = if let Shape::Union = shape { AggregateKind::Union } else { AggregateKind::Struct };
        let types = match shape {
            Shape::Homogeneous => self.homogeneous(),
            Shape::Bytes => {
                let length = self.rng.u64(1..=MOST_BYTES);
                vec![array(Type::Int(Integer::UChar), length)]
            }
            Shape::Small => self.types(4),
            Shape::Any => self.types(8),
            Shape::Union => self.types(4),
            Shape::BitFields => self.types(6),
            Shape::Empty => Vec::new(),
        };
        let packed = !matches!(shape, Shape::Homogeneous) && chance(self.rng, 8);
        let mut fields = types.into_iter().map(|ty| self.field(ty)).collect::<Vec<_>>();
        if let Shape::BitFields = shape {
            for field in &mut fields {
                self.narrow(field);
            }
        }
        let align = chance(self.rng, 4).then(|| 1 << self.rng.u32(0..=5));
        Aggregate { kind, tag: None, fields, packed, align, pack: None }
    }

    /// One to five equal values, as members, arrays, or in structures of their own.
    fn homogeneous(&mut self) -> Vec<Type> {
        let kind = pick(
            self.rng,
            &[
                (6, Kind::Float),
                (6, Kind::Double),
                (1, Kind::LongDouble),
                (2, Kind::Vector),
                (1, Kind::Complex),
            ],
        );
        let base = palette::simple(self.rng, kind, self.common);
        let mut left = self.rng.u64(1..=5);
        let mut types = Vec::new();
        while left > 0 {
            let take = self.rng.u64(1..=left);
            left -= take;
            types.push(match self.rng.u8(0..4) {
                0 => array(base.clone(), take),
                1 if self.depth > 1 => self.wrapped(&base, take),
                _ => {
                    left += take - 1;
                    base.clone()
                }
            });
        }
        types
    }

    /// `count` values of one type in a structure, or on each other in a union.
    fn wrapped(&mut self, base: &Type, count: u64) -> Type {
        let kind = if chance(self.rng, 30) { AggregateKind::Union } else { AggregateKind::Struct };
        let types = match kind {
            AggregateKind::Union => vec![array(base.clone(), count), base.clone()],
            AggregateKind::Struct => vec![base.clone(); count as usize],
        };
        let fields = types.into_iter().map(|ty| self.member(ty)).collect();
        Type::Aggregate(Arc::new(Aggregate {
            kind,
            tag: None,
            fields,
            packed: false,
            align: None,
            pack: None,
        }))
    }

    /// One to `most` types of members.
    fn types(&mut self, most: usize) -> Vec<Type> {
        let count = self.rng.usize(1..=most);
        (0..count).map(|_| self.ty()).collect()
    }

    fn ty(&mut self) -> Type {
        let ty = match pick(self.rng, palette::MEMBERS) {
            Kind::Aggregate if self.depth > 1 => nested(self.rng, self.model, self.common, self.depth - 1),
            Kind::Aggregate => Type::Int(Integer::Short),
            kind => palette::simple(self.rng, kind, self.common),
        };
        if chance(self.rng, 12) { array(ty, self.rng.u64(1..=4)) } else { ty }
    }

    /// A member, now and then with an alignment of its own or, where it is an aggregate, without a name.
    fn field(&mut self, ty: Type) -> Field {
        let natural = ty.layout(self.model).expect("drawn types have a layout").align;
        let align = chance(self.rng, 3).then(|| natural.max(1 << self.rng.u32(1..=5)));
        let anonymous = matches!(ty, Type::Aggregate(_)) && chance(self.rng, 20);
        let mut field = Field { align, ..self.member(ty) };
        if anonymous {
            field.name = None;
        }
        field
    }

    /// A member with a name that no other member of the case has.
    fn member(&mut self, ty: Type) -> Field {
        Field::new(&format!("m{}", self.common.name()), ty)
    }

    /// Makes a bit-field of a member, most often, where its type can be one's.
    fn narrow(&mut self, field: &mut Field) {
        if !matches!(field.ty, Type::Bool | Type::Int(_) | Type::Enum(_)) || chance(self.rng, 25) {
            return;
        }
        let bytes = field.ty.layout(self.model).expect("integers have a layout").size;
        if bytes > 8 {
            return;
        }
        let widest = if field.ty == Type::Bool { 1 } else { bytes as u8 * 8 };
        field.align = None;
        field.bits = Some(match self.rng.u8(0..12) {
            0 => 0,
            1 => widest,
            _ => self.rng.u8(1..=widest),
        });
        if field.bits == Some(0) || chance(self.rng, 10) {
            field.name = None;
        }
    }
}

fn array(element: Type, length: u64) -> Type {
    Type::Array(Arc::new(Array { element, length }))
}
