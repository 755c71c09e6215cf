//! Random C types, with everything that C text and layouts know.
//!
//! What is generated is valid: GCC accepts it, and it has a layout on every target. The same seed gives the same
//! types.

use std::sync::Arc;

use fastrand::Rng;
use springboard_ir::{
    Aggregate, AggregateKind, Array, BitFields, Complex, DataModel, Enumeration, Field, Integer, Param,
    Pointee, Signature, Type, Vector,
};

/// A source of random types. Tags, members and constants get names that no other of its types has.
pub struct Types {
    rng: Rng,
    names: u32,
}

/// Where a type is used.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Use {
    /// A member, or an element of one.
    Member,
    /// A parameter or a result.
    Value,
}

/// Aggregates within each other, pointers to pointers and so on, at most.
const MAX_DEPTH: u32 = 3;

impl Types {
    /// Types that `seed` determines.
    pub fn new(seed: u64) -> Types {
        Types { rng: Rng::with_seed(seed), names: 0 }
    }

    /// A structure or union with a tag.
    pub fn aggregate(&mut self) -> Arc<Aggregate> {
        let tag = self.name("t");
        self.aggregate_of(Some(tag), MAX_DEPTH)
    }

    /// A function type with up to 8 parameters, variadic one time in eight.
    pub fn signature(&mut self) -> Signature {
        self.signature_of(MAX_DEPTH)
    }

    /// A type of a parameter.
    pub fn value(&mut self) -> Type {
        self.ty(Use::Value, MAX_DEPTH)
    }

    fn name(&mut self, prefix: &str) -> String {
        self.names += 1;
        format!("{prefix}{}", self.names)
    }

    /// Whether something that happens once in `times` does.
    fn once_in(&mut self, times: u32) -> bool {
        self.rng.u32(0..times) == 0
    }

    fn pick<T: Clone>(&mut self, choices: &[T]) -> T {
        choices[self.rng.usize(0..choices.len())].clone()
    }

    fn ty(&mut self, used: Use, depth: u32) -> Type {
        match self.rng.u32(0..20) {
            0..6 => Type::Int(self.pick(&Integer::ALL)),
            6 => Type::Bool,
            7 => Type::Float,
            8 => Type::Double,
            9 => Type::LongDouble,
            10 => Type::Complex(self.pick(&[Complex::Float, Complex::Double, Complex::LongDouble])),
            11 => Type::Vector(self.vector()),
            12 => Type::Enum(Arc::new(self.enumeration())),
            13 | 14 => self.pointer(depth),
            15 | 16 if used == Use::Member => self.array(depth),
            _ if depth == 0 => Type::Int(Integer::Char),
            15 | 16 => self.pointer(depth),
            _ => {
                // One without a tag is written out where it stands, so not everywhere.
                let tag = (used == Use::Value || !self.once_in(4)).then(|| self.name("t"));
                Type::Aggregate(self.aggregate_of(tag, depth - 1))
            }
        }
    }

    fn vector(&mut self) -> Vector {
        let lanes = [Integer::SChar, Integer::UInt16, Integer::Int, Integer::Size, Integer::LongLong];
        let element = match self.rng.u32(0..4) {
            0 => Type::Float,
            1 => Type::Double,
            _ => Type::Int(self.pick(&lanes)),
        };
        Vector { element: Box::new(element), bytes: self.pick(&[8, 16]) }
    }

    fn enumeration(&mut self) -> Enumeration {
        let values = [
            0,
            1,
            -1,
            127,
            128,
            255,
            256,
            -128,
            -129,
            65535,
            1 << 31,
            -(1 << 31),
            (1 << 32) - 1,
            1 << 32,
            i64::MIN.into(),
        ];
        let constants = (0..self.rng.u32(1..4)).map(|_| (self.name("c"), self.pick(&values))).collect();
        let tag = Some(self.name("e"));
        let make = if self.once_in(4) { Enumeration::packed } else { Enumeration::new };
        make(tag, constants).expect("the values fit 64 bits")
    }

    fn pointer(&mut self, depth: u32) -> Type {
        let depth = depth.saturating_sub(1);
        if depth > 0 && self.once_in(4) {
            return Type::pointer_to(Pointee::Function(self.signature_of(depth - 1)));
        }
        let ty = match self.rng.u32(0..6) {
            0 => Type::Void,
            1 => Type::Incomplete(AggregateKind::Struct, "opaque".into()),
            2 if depth > 0 => self.array(depth),
            3 if depth > 0 => self.pointer(depth),
            _ => self.ty(Use::Value, 0),
        };
        let constant = self.once_in(2);
        Type::pointer_to(if constant { Pointee::Const(ty) } else { Pointee::Object(ty) })
    }

    fn array(&mut self, depth: u32) -> Type {
        let element = self.ty(Use::Member, depth.saturating_sub(1));
        // GCC takes `[0]` for `[]` where `vector_size` stands before it.
        let lengths: &[u64] = if holds_vector(&element) { &[1, 2, 3] } else { &[0, 1, 2, 3, 4, 7, 16] };
        Type::Array(Arc::new(Array { element, length: self.pick(lengths) }))
    }

    fn signature_of(&mut self, depth: u32) -> Signature {
        let result = if self.once_in(4) { Type::Void } else { self.ty(Use::Value, depth) };
        let mut params = Vec::new();
        for _ in 0..self.rng.u32(0..9) {
            let name = (!self.once_in(3)).then(|| self.name("p"));
            params.push(Param { name, ty: self.ty(Use::Value, depth) });
        }
        if !self.once_in(8) {
            return Signature::new(result, params).expect("every parameter is a value");
        }
        if params.is_empty() {
            // Before C23 a variadic function has a fixed parameter.
            params.push(Param { name: None, ty: self.ty(Use::Value, depth) });
        }
        let fixed = self.rng.usize(1..=params.len());
        for param in &mut params[fixed..] {
            if let Some(promoted) = param.ty.promoted() {
                param.ty = promoted;
            }
        }
        Signature::variadic(result, params, fixed).expect("every variadic argument is promoted")
    }

    fn aggregate_of(&mut self, tag: Option<String>, depth: u32) -> Arc<Aggregate> {
        let kind = if self.once_in(4) { AggregateKind::Union } else { AggregateKind::Struct };
        let packed = self.once_in(5);
        let pack = self.once_in(5).then(|| self.pick(&[1, 2, 4, 8, 16]));
        let align = self.once_in(6).then(|| self.alignment());
        let count = if self.once_in(12) { 0 } else { self.rng.u32(1..8) };
        let bit_fields = self.once_in(2);
        let fields = (0..count)
            .map(|_| if bit_fields && !self.once_in(3) { self.bit_field() } else { self.field(depth) })
            .collect();
        Arc::new(Aggregate { kind, tag, fields, packed, align, pack })
    }

    fn alignment(&mut self) -> u32 {
        self.pick(&[1, 2, 4, 8, 16, 32, 64])
    }

    fn field(&mut self, depth: u32) -> Field {
        let align = self.once_in(6).then(|| self.alignment());
        if depth > 0 && self.once_in(8) {
            let ty = Type::Aggregate(self.aggregate_of(None, depth - 1));
            // `_Alignas` is all there is for these, and it lowers nothing.
            let lowers = |align: &u32| natural_alignments(&ty).into_iter().any(|natural| *align < natural);
            let align = align.filter(|align| !lowers(align));
            return Field { align, ..Field::unnamed(ty) };
        }
        let name = self.name("f");
        Field { align, ..Field::new(&name, self.ty(Use::Member, depth)) }
    }

    fn bit_field(&mut self) -> Field {
        let (ty, widest) = match self.rng.u32(0..8) {
            0 => (Type::Bool, 1),
            1 => {
                let enumeration = self.enumeration();
                let widest = width(enumeration.underlying());
                (Type::Enum(Arc::new(enumeration)), widest)
            }
            _ => {
                let integer = self.pick(&Integer::ALL);
                (Type::Int(integer), width(integer))
            }
        };
        let bits = match self.rng.u32(0..6) {
            0 => 0,
            1 => widest,
            _ => self.rng.u8(1..=widest),
        };
        let name = (bits > 0 && !self.once_in(6)).then(|| self.name("f"));
        let align = self.once_in(8).then(|| self.alignment());
        Field { name, bits: Some(bits), align, ..Field::unnamed(ty) }
    }
}

/// What the type is aligned to, in bytes, where bit-fields are laid out in one way or another. No target aligns
/// scalars more strictly than x86_64.
fn natural_alignments(ty: &Type) -> [u32; 3] {
    [BitFields::SystemV, BitFields::Aapcs64, BitFields::Microsoft].map(|bit_fields| {
        let model = DataModel { bit_fields, ..DataModel::LP64 };
        ty.layout(&model).expect("every generated type has a layout").align
    })
}

/// Whether `vector_size` stands in a declaration of `ty`.
fn holds_vector(ty: &Type) -> bool {
    match ty {
        Type::Vector(_) => true,
        Type::Array(array) => holds_vector(&array.element),
        Type::Pointer(pointee) => match &**pointee {
            Pointee::Object(ty) | Pointee::Const(ty) => holds_vector(ty),
            Pointee::Function(signature) => holds_vector(signature.result()),
        },
        _ => false,
    }
}

/// The widest bit-field that the type allows on every target, in bits.
fn width(integer: Integer) -> u8 {
    match integer {
        Integer::Long | Integer::ULong => 32,
        Integer::WChar => 16,
        _ => integer.bytes(&DataModel::LP64) * 8,
    }
}
