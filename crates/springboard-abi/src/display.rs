//! Plans as text.

use core::fmt;

use crate::{
    convention::Convention,
    plan::{Entry, Fill, Move, Operand, Place, Plan, ResultMove, ResultPlan},
};

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Entry::Slots => "slots",
            Entry::Bound => "bound",
        })
    }
}

/// One line a move, in the words of the ABI document; the first line names the convention and the entry.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.convention, self.entry)?;
        if self.caller != self.convention {
            write!(f, " entered by {}", self.caller)?;
        }
        writeln!(f)?;
        for (index, copy) in self.temporaries.iter().enumerate() {
            writeln!(
                f,
                "  copy{index} = {} bytes at [slot {}], align {}",
                copy.bytes, copy.slot, copy.align
            )?;
        }
        for step in &self.moves {
            writeln!(f, "  {}", step.describe(self.convention))?;
        }
        if self.stack_bytes != 0 {
            writeln!(f, "  stack {} bytes", self.stack_bytes)?;
        }
        if let Some(count) = self.vector_count {
            writeln!(f, "  al = {count}")?;
        }
        match &self.result {
            ResultPlan::InPlace => writeln!(f, "  result in place"),
            ResultPlan::Store { slot, moves } => {
                for step in moves {
                    writeln!(f, "  {}", step.describe(*slot, self.convention))?;
                }
                Ok(())
            }
        }
    }
}

impl Move {
    /// The move as one line of a plan, with the register names of `convention`.
    pub fn describe(&self, convention: Convention) -> impl fmt::Display {
        let Move { place, operand, bytes, fill } = *self;
        fmt::from_fn(move |f| {
            argument_place(f, place, bytes, convention)?;
            f.write_str(" <- ")?;
            match operand {
                Operand::Slot { index, at: 0 } if bytes == 8 => write!(f, "slot {index}")?,
                Operand::Slot { index, at } => write!(f, "slot {index}[{at}..{}]", at + bytes)?,
                Operand::Memory { slot, offset } => {
                    write!(f, "[slot {slot}][{offset}..{}]", offset + u32::from(bytes))?;
                }
                Operand::Temporary { index } => write!(f, "address of copy{index}")?,
            }
            if fill == Fill::Sign { f.write_str(" sign-extended") } else { Ok(()) }
        })
    }
}

impl ResultMove {
    /// The store as one line of a plan, with the register names of `convention`.
    pub fn describe(&self, slot: u16, convention: Convention) -> impl fmt::Display {
        let ResultMove { offset, place, bytes } = *self;
        fmt::from_fn(move |f| {
            write!(f, "[slot {slot}][{offset}..{}] <- ", offset + u32::from(bytes))?;
            let registers = convention.registers();
            match place {
                Place::Gpr { reg, at } => {
                    f.write_str(registers.gpr_results[usize::from(reg)])?;
                    part(f, at, bytes, 8)
                }
                Place::Vec { reg, at } => {
                    f.write_str(registers.vec_results[usize::from(reg)])?;
                    part(f, at, bytes, 16)
                }
                Place::Stack { offset } => write!(f, "stack+{offset}"),
            }
        })
    }
}

fn argument_place(
    f: &mut fmt::Formatter<'_>,
    place: Place,
    bytes: u8,
    convention: Convention,
) -> fmt::Result {
    let registers = convention.registers();
    match place {
        Place::Gpr { reg, at } => {
            let name = registers.gpr_args.get(usize::from(reg)).copied();
            f.write_str(name.or(registers.result_pointer).unwrap_or("gpr?"))?;
            part(f, at, bytes, 8)
        }
        Place::Vec { reg, at } => {
            f.write_str(registers.vec_args.get(usize::from(reg)).copied().unwrap_or("vec?"))?;
            part(f, at, bytes, 8)
        }
        Place::Stack { offset } if bytes == 8 => write!(f, "stack+{offset}"),
        Place::Stack { offset } => write!(f, "stack+{offset}[0..{bytes}]"),
    }
}

/// Which bytes of a register, where it is not the whole of it.
fn part(f: &mut fmt::Formatter<'_>, at: u8, bytes: u8, whole: u8) -> fmt::Result {
    if at == 0 && bytes >= whole { Ok(()) } else { write!(f, "[{at}..{}]", at + bytes) }
}
