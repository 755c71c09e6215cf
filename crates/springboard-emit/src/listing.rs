//! Templates for people: CLIF annotated with the plan, and disassembly.

use std::{collections::HashMap, fmt};

use cranelift_codegen::{
    entity::SecondaryMap,
    ir::{Block, Function, Inst, Value},
    write::{FuncWriter, PlainWriter, decorate_function},
};
use springboard_abi::Plan;

use crate::{body::Note, compiler::Compiler, error::EmitError};

impl Compiler {
    /// The function that `plan` is compiled from, as CLIF; each load and store says which line of the plan it
    /// performs.
    ///
    /// # Errors
    /// As [`Compiler::emit`].
    pub fn clif(&mut self, plan: &Plan) -> Result<String, EmitError> {
        let (notes, _) = self.compile(plan)?;
        let notes = notes
            .into_iter()
            .map(|(inst, note)| {
                let line = match note {
                    Note::Argument(step) => plan.describe(&step).to_string(),
                    Note::Word(step) => plan.describe_word(&step).to_string(),
                    Note::Widened { slot, bytes, fill } => {
                        plan.describe_widened(slot, bytes, fill).to_string()
                    }
                    Note::Result(slot, step) => plan.describe_result(slot, &step).to_string(),
                };
                (inst, line)
            })
            .collect();
        let mut text = String::new();
        decorate_function(&mut Annotated { notes }, &mut text, &self.context.func)
            .expect("writing to a string does not fail");
        Ok(text)
    }
}

/// Writes instructions with their note after them.
struct Annotated {
    notes: HashMap<Inst, String>,
}

impl FuncWriter for Annotated {
    fn write_block_header(
        &mut self,
        w: &mut dyn fmt::Write,
        func: &Function,
        block: Block,
        indent: usize,
    ) -> fmt::Result {
        PlainWriter.write_block_header(w, func, block, indent)
    }

    fn write_instruction(
        &mut self,
        w: &mut dyn fmt::Write,
        func: &Function,
        aliases: &SecondaryMap<Value, Vec<Value>>,
        inst: Inst,
        indent: usize,
    ) -> fmt::Result {
        let Some(note) = self.notes.get(&inst) else {
            return PlainWriter.write_instruction(w, func, aliases, inst, indent);
        };
        let mut line = String::new();
        PlainWriter.write_instruction(&mut line, func, aliases, inst, indent)?;
        writeln!(w, "{:<56} ; {note}", line.trim_end())
    }
}

#[cfg(feature = "disassembly")]
impl Compiler {
    /// The instructions of a template that this compiler emitted, one per line, with their offsets.
    ///
    /// # Errors
    /// [`EmitError::Backend`] where the disassembler does not know the target.
    pub fn disassemble(&self, template: &crate::Template) -> Result<String, EmitError> {
        use fmt::Write as _;

        let fail = |error: &dyn fmt::Display| EmitError::Backend(error.to_string());
        let capstone = self.backend.to_capstone().map_err(|error| fail(&error))?;
        let operands = self.isa.holes_in_instructions;
        let mut text = String::new();
        let mut start = 0;
        // A literal is not an instruction.
        let data = template.holes.iter().filter(|_| !operands).map(|hole| Some(*hole)).chain([None]);
        for hole in data {
            let end =
                hole.map(|hole| hole.offset).or(template.row).map_or(template.code.len(), |end| end as usize);
            let code = &template.code[start..end];
            let instructions = capstone.disasm_all(code, start as u64).map_err(|error| fail(&error))?;
            for instruction in instructions.iter() {
                let (name, operands) =
                    (instruction.mnemonic().unwrap_or("?"), instruction.op_str().unwrap_or(""));
                let address = instruction.address();
                let mut line = format!("{address:4x}:  {name} {operands}");
                let bytes = address..address + instruction.bytes().len() as u64;
                let hole = template.holes.iter().find(|hole| bytes.contains(&u64::from(hole.offset)));
                if let Some(hole) = hole {
                    write!(line, "  ; {:?}", hole.kind).expect("writing to a string");
                }
                text.push_str(line.trim_end());
                text.push('\n');
            }
            if let Some(hole) = hole {
                writeln!(text, "{:4x}:  .quad {:?}", hole.offset, hole.kind).expect("writing to a string");
                start = end + 8;
            }
        }
        Ok(text)
    }
}
