//! Random types that are not aggregates, and the choice among them.

use std::sync::Arc;

use fastrand::Rng;
use springboard_ir::{Complex, Enumeration, Integer, Param, Pointee, Signature, Type, Vector};

/// A kind of type that a signature can have much or little of.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Kind {
    /// `int`, `long`, pointers: a whole register or half of one.
    Word,
    /// Any integer up to 8 bytes, by any name.
    AnyInteger,
    Bool,
    Float,
    Double,
    Pointer,
    Enum,
    LongDouble,
    Complex,
    Vector,
    /// What libffi has no name for, in signatures that have such types at all.
    Rare,
    Aggregate,
}

/// What all types of one case share.
pub(crate) struct Common {
    case: u64,
    names: u32,
    /// Whether there are types that libffi has no name for: most cases are to be called by libffi as well.
    rare: bool,
}

impl Common {
    pub(crate) fn new(rng: &mut Rng, case: u64) -> Common {
        Common { case, names: 0, rare: chance(rng, 30) }
    }

    /// A number that no other name of the case has.
    pub(crate) fn name(&mut self) -> u32 {
        self.names += 1;
        self.names
    }
}

/// What scalar signatures choose from, with weights.
pub(crate) const SCALARS: &[(u32, Kind)] = &[
    (4, Kind::Word),
    (8, Kind::AnyInteger),
    (2, Kind::Bool),
    (4, Kind::Float),
    (4, Kind::Double),
    (2, Kind::Pointer),
];

/// What all signatures choose from, with weights.
pub(crate) const ALL: &[(u32, Kind)] = &[
    (4, Kind::Word),
    (5, Kind::AnyInteger),
    (1, Kind::Bool),
    (4, Kind::Float),
    (4, Kind::Double),
    (1, Kind::Pointer),
    (1, Kind::Enum),
    (1, Kind::LongDouble),
    (2, Kind::Complex),
    (2, Kind::Rare),
    (14, Kind::Aggregate),
];

/// What members of aggregates choose from, with weights; `Aggregate` stands for a nested one.
pub(crate) const MEMBERS: &[(u32, Kind)] = &[
    (5, Kind::Word),
    (8, Kind::AnyInteger),
    (1, Kind::Bool),
    (5, Kind::Float),
    (5, Kind::Double),
    (1, Kind::Pointer),
    (1, Kind::Enum),
    (1, Kind::LongDouble),
    (1, Kind::Complex),
    (2, Kind::Rare),
    (5, Kind::Aggregate),
];

/// One of `choices`, by weight.
pub(crate) fn pick<T: Copy>(rng: &mut Rng, choices: &[(u32, T)]) -> T {
    let mut left = rng.u32(0..choices.iter().map(|(weight, _)| weight).sum());
    for (weight, choice) in choices {
        match left.checked_sub(*weight) {
            Some(rest) => left = rest,
            None => return *choice,
        }
    }
    unreachable!("the number is less than the sum of all weights")
}

/// True `percent` times in a hundred.
pub(crate) fn chance(rng: &mut Rng, percent: u32) -> bool {
    rng.u32(0..100) < percent
}

/// A type of `kind`, which is not a kind of aggregate.
pub(crate) fn simple(rng: &mut Rng, kind: Kind, common: &mut Common) -> Type {
    match kind {
        Kind::Word => match rng.u8(0..4) {
            0 => Type::Int(Integer::Int),
            1 => Type::Int(Integer::UInt),
            2 => Type::Int(Integer::Long),
            _ => Type::void_pointer(),
        },
        Kind::AnyInteger => {
            let narrow = Integer::ALL.len() - 2;
            assert_eq!(Integer::ALL[narrow], Integer::Int128, "the two widest come last");
            Type::Int(Integer::ALL[rng.usize(..narrow)])
        }
        Kind::Bool => Type::Bool,
        Kind::Float => Type::Float,
        Kind::Double => Type::Double,
        Kind::Pointer => pointer(rng),
        Kind::Enum => Type::Enum(Arc::new(enumeration(rng, common))),
        Kind::LongDouble => Type::LongDouble,
        Kind::Complex => {
            Type::Complex(pick(rng, &[(3, Complex::Float), (3, Complex::Double), (1, Complex::LongDouble)]))
        }
        Kind::Vector if common.rare => vector(rng),
        Kind::Rare if common.rare && rng.bool() => vector(rng),
        Kind::Rare if common.rare => Type::Int(if rng.bool() { Integer::Int128 } else { Integer::UInt128 }),
        Kind::Vector | Kind::Rare => Type::Double,
        Kind::Aggregate => unreachable!("aggregates are drawn elsewhere"),
    }
}

fn pointer(rng: &mut Rng) -> Type {
    let pointee = match rng.u8(0..4) {
        0 => Pointee::Const(Type::Int(Integer::Char)),
        1 => Pointee::Object(Type::Double),
        2 => Pointee::Object(Type::void_pointer()),
        _ => {
            let params = vec![Param { name: None, ty: Type::Int(Integer::Int) }];
            Pointee::Function(Signature::new(Type::Double, params).expect("a plain signature"))
        }
    };
    Type::pointer_to(pointee)
}

fn enumeration(rng: &mut Rng, common: &mut Common) -> Enumeration {
    let number = common.name();
    let name = |constant| format!("E{}_{number}_{constant}", common.case);
    let bounds = [(0, 200), (-1, 100), (0, 60_000), (-300, 300), (-1, 1 << 31), (0, 1 << 40), (-1, 1 << 40)];
    let (least, greatest) = bounds[rng.usize(..bounds.len())];
    let constants = vec![(name("LEAST"), least), (name("GREATEST"), greatest)];
    let tag = Some(format!("e{}_{number}", common.case));
    let made =
        if chance(rng, 30) { Enumeration::packed(tag, constants) } else { Enumeration::new(tag, constants) };
    made.expect("64 bits hold the constants")
}

fn vector(rng: &mut Rng) -> Type {
    use Integer::{Int8, Int32, Int64, UInt16};
    let element = match rng.u8(0..6) {
        0 => Type::Int(Int8),
        1 => Type::Int(UInt16),
        2 => Type::Int(Int32),
        3 => Type::Int(Int64),
        4 => Type::Double,
        _ => Type::Float,
    };
    Type::Vector(Vector { element: Box::new(element), bytes: if rng.bool() { 8 } else { 16 } })
}
