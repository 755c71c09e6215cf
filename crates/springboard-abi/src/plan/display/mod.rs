//! Plans as text.

use core::fmt;

mod boxed;

use super::{
    ClosureForm, Columns, Direction, DowncallResult, Entry, ErrorSource, Errors, FastForm, Fill, Form, Guard,
    LastError, Move, Operand, OutputPlace, Parameter, Plan, ResultMove, Rows, Step, UpcallResult,
};
use crate::{place::Place, target::Convention};

impl fmt::Display for Entry {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Entry::Slots => "slots",
            Entry::Bound => "bound",
            Entry::Relay => "relay",
            Entry::Callback => "callback",
            Entry::V8 => "v8",
            Entry::Avalue => "avalue",
            Entry::Closure => "closure",
            Entry::Columns => "columns",
            Entry::GoClosure => "go-closure",
            Entry::Direct => "direct",
            Entry::Boxed => "boxed",
        })
    }
}

/// One line a move, in the words of the ABI document; the first line names the convention and the entry.
impl fmt::Display for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.convention, self.entry())?;
        if self.caller != self.convention {
            let by = match self.entry().direction() {
                Direction::Downcall => "entered by",
                Direction::Upcall => "calling by",
            };
            write!(f, " {by} {}", self.caller)?;
        }
        writeln!(f)?;
        if let Form::V8(FastForm { guard: Guard::Closed, .. }) = self.form {
            writeln!(f, "  guard: closed")?;
        }
        if let Some(LastError { source, slot }) = self.form.last_error() {
            let from = match source {
                ErrorSource::Location => "int at the helper's address, zeroed before",
                ErrorSource::ThreadLocal => "int at a distance from the thread pointer, zeroed before",
                ErrorSource::Function => "the helper's int",
            };
            writeln!(f, "  last error: [slot {slot}] <- {from}")?;
        }
        match &self.form {
            Form::V8(fast) => fast.fmt_checks(f)?,
            Form::Columns(columns) => columns.fmt_inputs(f)?,
            Form::Boxed(form) => form.fmt_unboxing(f)?,
            _ => {}
        }
        for (index, memory) in self.temporaries.iter().enumerate() {
            let (bytes, slot, align) = (memory.bytes, memory.slot, memory.align);
            match self.entry().direction() {
                Direction::Downcall => {
                    writeln!(f, "  copy{index} = {bytes} bytes at [slot {slot}], align {align}")?;
                }
                Direction::Upcall => {
                    writeln!(f, "  slot {slot} <- address of area{index}, {bytes} bytes, align {align}")?;
                }
            }
        }
        for step in &self.moves {
            writeln!(f, "  {}", self.describe(step))?;
        }
        if self.stack_bytes != 0 {
            write!(f, "  stack {} bytes", self.stack_bytes)?;
            match self.stack_align {
                Some(align) => writeln!(f, ", align {align}")?,
                None => writeln!(f)?,
            }
        }
        if let Some(count) = self.vector_count {
            writeln!(f, "  al = {count}")?;
        }
        match &self.form {
            Form::Columns(columns) => self.fmt_outputs(columns, f),
            Form::Boxed(form) => {
                if let DowncallResult::Memory { slot, moves } = &form.result {
                    self.fmt_result_moves(*slot, moves, f)?;
                }
                let registers = self.convention.registers();
                form.fmt_boxing(f, [registers.gpr_results[0], registers.vec_results[0]])
            }
            Form::Callback(result)
            | Form::Closure(ClosureForm { result, .. })
            | Form::GoClosure(ClosureForm { result, .. }) => self.fmt_upcall_result(result, f),
            form => self.fmt_downcall_result(form.downcall_result().unwrap_or(&DowncallResult::InPlace), f),
        }
    }
}

impl FastForm {
    fn fmt_checks(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, parameter) in self.parameters.iter().enumerate() {
            match parameter {
                Parameter::Buffer => writeln!(f, "  slot {index}: buffer, unwrapped by the host")?,
                Parameter::Narrow { bytes, fill } => {
                    let sign = if *fill == Fill::Sign { "int" } else { "uint" };
                    writeln!(f, "  slot {index}: in range of {sign}{}_t", bytes * 8)?;
                }
                Parameter::Exact { bytes, fill } => {
                    let sign = if *fill == Fill::Sign { "int" } else { "uint" };
                    writeln!(f, "  slot {index}: a double, whole and in range of {sign}{}_t", bytes * 8)?;
                }
                _ => {}
            }
        }
        Ok(())
    }
}

impl Columns {
    fn fmt_inputs(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, column) in self.inputs.iter().enumerate() {
            let which = match column.step {
                Step::Row => "row",
                Step::Stride => "row, by its stride",
                Step::Same => "0",
            };
            let by = if column.fill == Fill::Sign { ", sign-extended" } else { "" };
            writeln!(f, "  slot {index} = {} bytes of column {index}[{which}]{by}", column.bytes)?;
        }
        if self.rows == Rows::Valid {
            writeln!(f, "  rows whose bit is set")?;
        }
        if self.errors == Errors::Stored {
            writeln!(f, "  errno to errors[row]")?;
        }
        Ok(())
    }
}

impl Plan {
    fn fmt_downcall_result(&self, result: &DowncallResult, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match result {
            DowncallResult::InPlace => writeln!(f, "  result in place"),
            DowncallResult::FloatInPlace => writeln!(f, "  result in place, a float"),
            DowncallResult::Memory { slot, moves } => self.fmt_result_moves(*slot, moves, f),
            DowncallResult::Extended { bytes, fill } => {
                let by = if *fill == Fill::Sign { "sign" } else { "zero" };
                let register = self.convention.registers().gpr_results[0];
                writeln!(f, "  {register} {by}-extended from {bytes} bytes")
            }
            DowncallResult::Widened { slot, bytes, fill } => {
                writeln!(f, "  {}", self.describe_widened(*slot, *bytes, *fill))
            }
        }
    }

    fn fmt_upcall_result(&self, result: &UpcallResult, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match result {
            UpcallResult::Nothing => writeln!(f, "  result in place"),
            UpcallResult::Word(step) => writeln!(f, "  {}", self.describe_word(step)),
            UpcallResult::Memory { slot, moves } => self.fmt_result_moves(*slot, moves, f),
            UpcallResult::Address { slot } => {
                writeln!(f, "  {} <- slot {slot}", self.convention.registers().gpr_results[0])
            }
        }
    }

    fn fmt_outputs(&self, columns: &Columns, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let DowncallResult::Memory { slot, moves } = &columns.result {
            self.fmt_result_moves(*slot, moves, f)?;
        }
        if columns.outputs.is_empty() {
            return writeln!(f, "  result in place");
        }
        for (index, output) in columns.outputs.iter().enumerate() {
            let (bytes, slot) = (output.bytes, columns.inputs.len() as u16);
            let from = fmt::from_fn(|f| match output.from {
                OutputPlace::Register(place) => result_place(f, place, bytes, self.convention),
                OutputPlace::Record(offset) => {
                    write!(f, "{}", operand_name(Operand::Memory { slot, offset }, bytes))
                }
            });
            match columns.outputs.len() {
                1 => writeln!(f, "  results[row] <- {from}, {bytes} bytes")?,
                _ => writeln!(f, "  results {index}[row] <- {from}, {bytes} bytes")?,
            }
        }
        Ok(())
    }

    fn fmt_result_moves(&self, slot: u16, moves: &[ResultMove], f: &mut fmt::Formatter<'_>) -> fmt::Result {
        moves.iter().try_for_each(|step| writeln!(f, "  {}", self.describe_result(slot, step)))
    }
}

impl Plan {
    /// A move of this plan as one line of it.
    pub fn describe(&self, step: &Move) -> impl fmt::Display {
        let Move { place, operand, bytes, fill } = *step;
        let (convention, direction) = (self.convention, self.entry().direction());
        let place = fmt::from_fn(move |f| argument_place(f, place, bytes, convention));
        let extended = if fill == Fill::Sign { " sign-extended" } else { "" };
        fmt::from_fn(move |f| match direction {
            Direction::Downcall => write!(f, "{place} <- {}{extended}", operand_name(operand, bytes)),
            // A slot is written whole, whatever was moved into it.
            Direction::Upcall => write!(
                f,
                "{} <- {place}{extended}",
                match operand {
                    Operand::Slot { .. } => operand_name(operand, 8),
                    _ => operand_name(operand, bytes),
                }
            ),
        })
    }

    /// A move of this plan's result to or from the memory in `slot`, as one line of it.
    pub fn describe_result(&self, slot: u16, step: &ResultMove) -> impl fmt::Display {
        let ResultMove { offset, place, bytes } = *step;
        let (convention, direction) = (self.convention, self.entry().direction());
        let memory = operand_name(Operand::Memory { slot, offset }, bytes);
        let place = fmt::from_fn(move |f| result_place(f, place, bytes, convention));
        fmt::from_fn(move |f| match direction {
            Direction::Downcall => write!(f, "{memory} <- {place}"),
            Direction::Upcall => write!(f, "{place} <- {memory}"),
        })
    }

    /// The store of a downcall's result, [widened](DowncallResult::Widened), as one line of this plan.
    pub fn describe_widened(&self, slot: u16, bytes: u8, fill: Fill) -> impl fmt::Display {
        let register = self.convention.registers().gpr_results[0];
        fmt::from_fn(move |f| {
            write!(f, "{} <- {register}", operand_name(Operand::Memory { slot, offset: 0 }, 8))?;
            match (bytes, fill) {
                (8, _) => Ok(()),
                (_, Fill::Sign) => write!(f, " sign-extended from {bytes} bytes"),
                (_, Fill::Zero) => write!(f, " zero-extended from {bytes} bytes"),
            }
        })
    }

    /// The load of an upcall's result from its slot, as one line of this plan.
    pub fn describe_word(&self, step: &Move) -> impl fmt::Display {
        let Move { place, operand, bytes, fill } = *step;
        let convention = self.convention;
        let extended = if fill == Fill::Sign { " sign-extended" } else { "" };
        fmt::from_fn(move |f| {
            result_place(f, place, bytes, convention)?;
            write!(f, " <- {}{extended}", operand_name(operand, bytes))
        })
    }
}

impl Convention {
    /// The name of a place in which `bytes` bytes of an argument lie: `rdi`, `xmm0[0..4]`, `stack+8`.
    pub fn place_name(self, place: Place, bytes: u8) -> impl fmt::Display {
        fmt::from_fn(move |f| argument_place(f, place, bytes, self))
    }
}

fn operand_name(operand: Operand, bytes: u8) -> impl fmt::Display {
    fmt::from_fn(move |f| match operand {
        Operand::Slot { index, at: 0 } if bytes == 8 => write!(f, "slot {index}"),
        Operand::Slot { index, at } => write!(f, "slot {index}[{at}..{}]", at + bytes),
        Operand::Memory { slot, offset } => {
            write!(f, "[slot {slot}][{offset}..{}]", offset + u32::from(bytes))
        }
        Operand::Temporary { index } => write!(f, "address of copy{index}"),
    })
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

fn result_place(f: &mut fmt::Formatter<'_>, place: Place, bytes: u8, convention: Convention) -> fmt::Result {
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
}

/// Which bytes of a register, where it is not the whole of it.
fn part(f: &mut fmt::Formatter<'_>, at: u8, bytes: u8, whole: u8) -> fmt::Result {
    if at == 0 && bytes >= whole { Ok(()) } else { write!(f, "[{at}..{}]", at + bytes) }
}
