//! Names for stubs, as debuggers and profilers show them.

use alloc::{format, string::String, vec, vec::Vec};

use springboard_ir::Scalar;

use super::{DowncallResult, Entry, Form, Operand, Plan, SlotForm, UpcallResult};
use crate::place::Place;

impl Plan {
    /// The name of a stub of this plan: its entry and its prototype, as in `springboard::slots(f64, f64) -> f64`.
    ///
    /// `i64` is a word in a general register (an integer of any kind, or a pointer), `f64` one in a vector register,
    /// `word` one on the stack, and `bytes` a value in memory. What is returned in a register belongs to no plan, so
    /// that whoever knows it has to say so.
    pub fn symbol(&self, result: Option<SlotForm>) -> String {
        symbol(self.entry(), &self.symbol_parameters(), result)
    }

    /// The parameters in a stub's name, as in `(f64, f64)`.
    pub fn symbol_parameters(&self) -> String {
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
        // After the arguments may be the result's memory, or the context.
        let arguments = match &self.form {
            Form::Direct { context } => usize::from(*context),
            form => match (form.downcall_result(), form.upcall_result()) {
                (Some(DowncallResult::Memory { slot, .. }), _)
                | (_, Some(UpcallResult::Memory { slot, .. })) => usize::from(*slot),
                _ => params.len(),
            },
        };
        params.truncate(arguments);
        format!("({})", params.join(", "))
    }
}

/// The name of a stub of this entry, with parameters that a plan [gave](Plan::symbol_parameters): [`Plan::symbol`].
pub fn symbol(entry: Entry, parameters: &str, result: Option<SlotForm>) -> String {
    let result = match result {
        None | Some(SlotForm::None) => "",
        Some(SlotForm::Word(Scalar::Float(_))) => " -> f64",
        Some(SlotForm::Word(_)) => " -> i64",
        Some(SlotForm::Address(_)) => " -> bytes",
    };
    format!("springboard::{entry}{parameters}{result}")
}

#[cfg(test)]
mod tests {
    use springboard_ir::Signature;
    use target_lexicon::Triple;

    use crate::{Entry, SlotForm, Target, plan};

    #[test]
    fn symbols_say_the_prototype() {
        let target = Target::of(&"x86_64-unknown-linux-gnu".parse::<Triple>().unwrap()).unwrap();
        for (text, symbol) in [
            ("double(double, double)", "springboard::slots(f64, f64) -> f64"),
            ("int(void)", "springboard::slots() -> i64"),
            ("void(char *, float)", "springboard::slots(i64, f64)"),
            (
                "long(long, long, long, long, long, long, long)",
                "springboard::slots(i64, i64, i64, i64, i64, i64, word) -> i64",
            ),
            ("struct { long a, b; }(struct { long a[9]; }, int)", "springboard::slots(bytes, i64) -> bytes"),
        ] {
            let signature = Signature::parse(text).unwrap();
            let plan = plan(&signature, &target, Entry::Slots).unwrap();
            let result = SlotForm::of(signature.result(), &target.model).unwrap();
            assert_eq!(plan.symbol(Some(result)), symbol, "{text}");
        }
    }
}
