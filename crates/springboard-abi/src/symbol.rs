//! Names for stubs, as debuggers and profilers show them.

use alloc::{format, string::String, vec, vec::Vec};

use crate::plan::{Operand, Place, Plan, ResultPlan};

impl Plan {
    /// The stub's name: its entry and what a plan knows of its prototype, as in `springboard::slots(f64, f64)`.
    ///
    /// `i64` is a word in a general register (an integer of any kind, or a pointer), `f64` one in a vector register,
    /// `word` one on the stack, and `bytes` a value in memory. A result in a register belongs to no plan and is not
    /// named.
    pub fn symbol(&self) -> String {
        let mut params: Vec<&str> = vec![];
        let mut name = |slot: u16, word: &'static str| {
            let slot = usize::from(slot);
            params.resize(params.len().max(slot + 1), "bytes");
            // The first word of a value says what it is.
            if params[slot] == "bytes" {
                params[slot] = word;
            }
        };
        for step in &self.moves {
            match step.operand {
                Operand::Slot { index, .. } => name(
                    index,
                    match step.place {
                        Place::Gpr { .. } => "i64",
                        Place::Vec { .. } => "f64",
                        Place::Stack { .. } => "word",
                    },
                ),
                Operand::Memory { slot, .. } => name(slot, "bytes"),
                Operand::Temporary { .. } => {}
            }
        }
        self.temporaries.iter().for_each(|temporary| name(temporary.slot, "bytes"));
        let result = match self.result {
            ResultPlan::Memory { slot, .. } => {
                params.truncate(slot.into());
                " -> bytes"
            }
            _ => "",
        };
        format!("springboard::{}({}){result}", self.entry, params.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use springboard_ir::Signature;
    use target_lexicon::Triple;

    use crate::{Entry, Target, plan};

    #[test]
    fn symbols_say_the_prototype() {
        let target = Target::of(&"x86_64-unknown-linux-gnu".parse::<Triple>().unwrap()).unwrap();
        for (text, symbol) in [
            ("double(double, double)", "springboard::slots(f64, f64)"),
            ("int(void)", "springboard::slots()"),
            ("void(char *, float)", "springboard::slots(i64, f64)"),
            (
                "long(long, long, long, long, long, long, long)",
                "springboard::slots(i64, i64, i64, i64, i64, i64, word)",
            ),
            ("struct { long a, b; }(struct { long a[9]; }, int)", "springboard::slots(bytes, i64) -> bytes"),
        ] {
            let plan = plan(&Signature::parse(text).unwrap(), &target, Entry::Slots).unwrap();
            assert_eq!(plan.symbol(), symbol, "{text}");
        }
    }
}
