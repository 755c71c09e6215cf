//! The common shapes: plans of calls with few words, all of them in registers.
//!
//! Integers and pointers of any kind are one kind of word and floating point numbers another, so that a few hundred
//! plans serve most functions there are. They are numbered, for tables that are made ahead of time.

use alloc::vec::Vec;

use springboard_ir::{Aggregate, AggregateKind, Field, Integer, Param, Signature, Type};

use crate::{
    entry::plan,
    place::Place,
    plan::{DowncallResult, Entry, Operand, Plan},
    target::Target,
};

/// What a call returns and how, where that is part of its plan; and how many words it takes at most.
struct Kind {
    result: &'static [Word],
    variadic: bool,
    words: u32,
}

/// A word of an argument or result.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Word {
    General,
    Vector,
}

use Word::{General as G, Vector as V};

const KINDS: [Kind; 8] = [
    Kind { result: &[], variadic: false, words: 8 },
    Kind { result: &[], variadic: true, words: 7 },
    Kind { result: &[G], variadic: false, words: 4 },
    Kind { result: &[V], variadic: false, words: 4 },
    Kind { result: &[G, G], variadic: false, words: 4 },
    Kind { result: &[V, V], variadic: false, words: 4 },
    Kind { result: &[G, V], variadic: false, words: 4 },
    Kind { result: &[V, G], variadic: false, words: 4 },
];

impl Kind {
    /// How many lists of up to so many words there are.
    const fn count(&self) -> usize {
        (1 << (self.words + 1)) - 1
    }
}

impl Word {
    fn ty(self) -> Type {
        match self {
            Word::General => Type::Int(Integer::LongLong),
            Word::Vector => Type::Double,
        }
    }
}

/// How many numbers there are. Not each of them is a plan's on every target.
pub const COMMON: usize = {
    let (mut count, mut kind) = (0, 0);
    while kind < KINDS.len() {
        count += KINDS[kind].count();
        kind += 1;
    }
    count
};

/// The common plan of this number, of the entry [`Entry::Slots`]. `None` where some word of it would go to the stack,
/// where the convention makes it the plan of a lower number, and from [`COMMON`] on.
pub fn common(number: usize, target: &Target) -> Option<Plan> {
    let mut rest = number;
    for kind in &KINDS {
        if rest < kind.count() {
            // The numbers of lists of n words begin after those of all that are shorter.
            let words = (rest + 1).ilog2();
            let bits = rest + 1 - (1 << words);
            let list = (0..words).map(|word| if bits >> word & 1 == 0 { G } else { V });
            // Aggregates of other words may be returned alike.
            return of(kind, list, target).filter(|plan| common_number(plan, target) == Some(number));
        }
        rest -= kind.count();
    }
    None
}

/// The number by which [`common`] gives this very plan.
pub fn common_number(wanted: &Plan, target: &Target) -> Option<usize> {
    if wanted.entry() != Entry::Slots || wanted.stack_bytes != 0 || !wanted.temporaries.is_empty() {
        return None;
    }
    let list = words(wanted)?;
    let mut start = 0;
    for kind in &KINDS {
        let fits = list.len() <= kind.words as usize
            && kind.variadic == wanted.vector_count.is_some()
            && kind.result.is_empty() == is_in_place(wanted);
        if fits && of(kind, list.iter().copied(), target).as_ref() == Some(wanted) {
            let bits = list.iter().enumerate().map(|(at, word)| usize::from(*word == V) << at).sum::<usize>();
            return Some(start + (1 << list.len()) - 1 + bits);
        }
        start += kind.count();
    }
    None
}

fn is_in_place(plan: &Plan) -> bool {
    plan.form.downcall_result() == Some(&DowncallResult::InPlace)
}

/// The words of a plan all of whose arguments are whole slots in registers, in the order of the slots.
fn words(plan: &Plan) -> Option<Vec<Word>> {
    let mut words = alloc::vec![None; plan.moves.len()];
    for step in &plan.moves {
        let Operand::Slot { index, .. } = step.operand else { return None };
        let word = match step.place {
            Place::Gpr { .. } => G,
            Place::Vec { .. } => V,
            Place::Stack { .. } => return None,
        };
        *words.get_mut(usize::from(index))? = Some(word);
    }
    words.into_iter().collect()
}

fn of(kind: &Kind, words: impl Iterator<Item = Word>, target: &Target) -> Option<Plan> {
    let param = |word: Word| Param { name: None, ty: word.ty() };
    let params: Vec<Param> = words.map(param).collect();
    let result = match kind.result {
        [] => Type::Void,
        words => {
            let fields = words.iter().zip(["a", "b"]).map(|(word, name)| Field::new(name, word.ty()));
            let kind = AggregateKind::Struct;
            let aggregate = Aggregate {
                kind,
                tag: None,
                fields: fields.collect(),
                packed: false,
                align: None,
                pack: None,
            };
            Type::Aggregate(aggregate.into())
        }
    };
    let signature = if kind.variadic {
        let fixed = usize::from(!params.is_empty());
        Signature::variadic(result, params, fixed)
    } else {
        Signature::new(result, params)
    };
    let plan = plan(&signature.ok()?, target, Entry::Slots).ok()?;
    let registers = plan.stack_bytes == 0 && plan.temporaries.is_empty();
    // Where variadic callees are told nothing, they have the plans of others.
    let own = kind.variadic == plan.vector_count.is_some() && kind.result.is_empty() == is_in_place(&plan);
    (registers && own).then_some(plan)
}

#[cfg(test)]
mod tests {
    use springboard_ir::Signature;
    use target_lexicon::Triple;

    use super::*;

    fn target(triple: &str) -> Target {
        Target::of(&triple.parse::<Triple>().unwrap()).unwrap()
    }

    #[test]
    fn numbers_and_plans_belong_together() {
        for triple in ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "s390x-unknown-linux-gnu"] {
            let target = target(triple);
            let mut there = 0;
            for number in 0..COMMON {
                let Some(plan) = common(number, &target) else { continue };
                assert_eq!(common_number(&plan, &target), Some(number), "{plan}");
                there += 1;
            }
            assert!(there > 300, "{there} plans for {triple}");
        }
        assert_eq!(common(COMMON, &target("x86_64-unknown-linux-gnu")), None);
    }

    #[test]
    fn common_functions_are_among_them_and_others_are_not() {
        let target = target("x86_64-unknown-linux-gnu");
        let number = |text: &str| {
            let signature = Signature::parse(text).unwrap();
            common_number(&plan(&signature, &target, Entry::Slots).unwrap(), &target)
        };
        for text in [
            "void(void)",
            "double(double, double)",
            "float(float, float, float)",
            "char *(const char *, int)",
            "int(char *, unsigned long, const char *, ..., int, double, const char *)",
            "struct { int quot, rem; }(int, int)",
            "struct { long quot, rem; }(long, long)",
            "struct { double re, im; }(double)",
            "void(int, long, short, char, int *, _Bool, double, float)",
        ] {
            assert!(number(text).is_some(), "{text}");
        }
        for text in [
            "int(int, int, int, int, int, int, int)",
            "double(double _Complex)",
            "struct { long a[3]; }(int)",
            "void(double, double, double, double, double, double, double, double, double)",
        ] {
            assert_eq!(number(text), None, "{text}");
        }
    }
}
