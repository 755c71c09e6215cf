//! What a plan says of the `boxed` entry, as text.

use core::fmt;

use crate::plan::{
    BoxedForm, Fill,
    boxed::{
        Arguments, Around, Boxing, Callable, Check, Count, DigitSign, HostAddress, Memory, Payload, Returned,
        Returns, Unbox, Unboxed, Wanted,
    },
};

impl fmt::Display for HostAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "@{}", self.0)
    }
}

impl BoxedForm {
    /// The lines before the moves.
    pub(super) fn fmt_unboxing(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Callable { parameters, arguments, zero } = self.callable;
        write!(f, "  entered with {parameters} words: ")?;
        match arguments {
            Arguments::Array { array, count, count_mask } => {
                write!(f, "arguments at word {array}, word {count}")?;
                if count_mask != u64::MAX {
                    write!(f, " & {count_mask:#x}")?;
                }
                write!(f, " == {}", self.arguments.len())?;
            }
            Arguments::Parameters { first } => write!(f, "arguments from word {first}")?,
        }
        if let Some(zero) = zero {
            write!(f, ", word {zero} == 0")?;
        }
        writeln!(f)?;
        for (index, Unboxed { slot, ways }) in self.arguments.iter().enumerate() {
            for (number, way) in ways.iter().enumerate() {
                let by = if number == 0 { "<-" } else { "or" };
                writeln!(f, "  slot {index} {by} {way} as {slot}")?;
            }
        }
        if let Boxing::Memory { allocate, with, memory } = self.boxing {
            let slot = self.arguments.len();
            write!(f, "  object <- {}\n  slot {slot} <- ", Called(allocate, [None, with]))?;
            match memory {
                Memory::Inline { offset } => writeln!(f, "object + {offset}")?,
                Memory::Behind { offset } => writeln!(f, "word at object[{offset}]")?,
            }
        }
        if let Some(Around { before, .. }) = self.around {
            writeln!(f, "  before the call: state <- {before}()")?;
        }
        Ok(())
    }

    /// The lines after the moves. The first of the result registers have these names.
    pub(super) fn fmt_boxing(&self, f: &mut fmt::Formatter<'_>, [general, vector]: [&str; 2]) -> fmt::Result {
        if let Some(Around { after, .. }) = self.around {
            writeln!(f, "  after the call: {after}(state)")?;
        }
        let by = |fill| if fill == Fill::Sign { "sign" } else { "zero" };
        let result = fmt::from_fn(|f| match self.returned {
            Returned::Integer { bytes: 8, .. } => f.write_str(general),
            Returned::Integer { bytes, fill } => {
                write!(f, "{general} {}-extended from {bytes} bytes", by(fill))
            }
            Returned::Float => write!(f, "{vector}[0..4] as a double"),
            Returned::Double => f.write_str(vector),
            Returned::Nothing | Returned::Memory => Ok(()),
        });
        let result: Option<&dyn fmt::Display> =
            if self.returned == Returned::Nothing { None } else { Some(&result) };
        write!(f, "  return ")?;
        match self.boxing {
            Boxing::Call { function, with } => {
                let with = with.as_ref().map(|with| with as &dyn fmt::Display);
                write!(f, "{}", Called(function, [result, with]))
            }
            Boxing::Constant { object, count } => write!(f, "{object}{}", Counted(count)),
            Boxing::Either { nonzero, zero, count } => {
                write!(f, "{} ? {nonzero} : {zero}{}", Shown(result), Counted(count))
            }
            Boxing::Tagged { shift, tag, otherwise } => write!(
                f,
                "{} << {shift} | {tag:#x}, or {} where that loses bits",
                Shown(result),
                Called(otherwise, [result, None::<&dyn fmt::Display>])
            ),
            Boxing::Double { bias } => write!(f, "bits of {} + {bias:#x}", Shown(result)),
            Boxing::Memory { .. } => f.write_str("object"),
        }?;
        writeln!(f)
    }
}

/// What is there, where something is.
struct Shown<'a>(Option<&'a dyn fmt::Display>);

impl fmt::Display for Shown<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.map_or(Ok(()), |shown| shown.fmt(f))
    }
}

/// A call with those of its arguments that are there.
struct Called<T>(HostAddress, [Option<T>; 2]);

impl<T: fmt::Display> fmt::Display for Called<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.0)?;
        for (index, argument) in self.1.iter().flatten().enumerate() {
            write!(f, "{}{argument}", if index == 0 { "" } else { ", " })?;
        }
        f.write_str(")")
    }
}

/// That a reference is counted, where it is.
struct Counted(Option<Count>);

impl fmt::Display for Counted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(Count { offset, bytes }) => write!(f, ", counted in {bytes} bytes at [{offset}]"),
            None => Ok(()),
        }
    }
}

impl fmt::Display for Wanted {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (name, fill) in [("int", Fill::Sign), ("uint", Fill::Zero)] {
            if let Some(bytes) = [1, 2, 4, 8].into_iter().find(|&bytes| *self == Wanted::integer(bytes, fill))
            {
                return write!(f, "{name}{}", u32::from(bytes) * 8);
            }
        }
        match self {
            Wanted::Integer { least, most } => write!(f, "{least}..={most}"),
            Wanted::Float => f.write_str("float"),
            Wanted::Double => f.write_str("double"),
        }
    }
}

impl fmt::Display for Unbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Unbox::Object { checks, payload } => {
                for (index, check) in checks.iter().enumerate() {
                    write!(f, "{}{check}", if index == 0 { "" } else { " && " })?;
                }
                write!(f, "{}{payload}", if checks.is_empty() { "" } else { ": " })
            }
            Unbox::Constant { object, value } => write!(f, "{object}: {value:#x}"),
            Unbox::Tagged { mask, tag, shift, fill } => {
                let by = if *fill == Fill::Sign { "signed" } else { "unsigned" };
                write!(f, "word & {mask:#x} == {tag:#x}: word >> {shift}, {by}")
            }
            Unbox::Double { from, through, bias } => {
                write!(f, "word in {from:#x}..={through:#x}: bits word - {bias:#x}")
            }
            Unbox::Call { function, with, returns } => {
                write!(f, "{function}(object")?;
                if let Some(with) = with {
                    write!(f, ", {with}")?;
                }
                write!(f, "){returns}")
            }
        }
    }
}

impl fmt::Display for Check {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Check::Bits { mask, equal } => write!(f, "word & {mask:#x} == {equal:#x}"),
            Check::Word { offset, equals } => write!(f, "[{offset}] == {equals}"),
            Check::Flags { offset, mask, equal } => write!(f, "[{offset}] & {mask:#x} == {equal:#x}"),
        }
    }
}

impl fmt::Display for Payload {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Payload::Integer { offset, bytes, fill } => {
                let sign = if *fill == Fill::Sign { "int" } else { "uint" };
                write!(f, "{sign}{} at [{offset}]", u32::from(*bytes) * 8)
            }
            Payload::Float { offset, bytes } => {
                write!(f, "{} at [{offset}]", if *bytes == 4 { "float" } else { "double" })
            }
            Payload::Digit { offset, sign: DigitSign::Size { offset: size } } => {
                write!(f, "digit at [{offset}], size at [{size}]")
            }
            Payload::Digit { offset, sign: DigitSign::Tag { offset: tag, below, mask } } => {
                write!(f, "digit at [{offset}], tag at [{tag}] below {below}, sign 1 - tag & {mask}")
            }
            Payload::Address { offset } => write!(f, "object + {offset}"),
        }
    }
}

impl fmt::Display for Returns {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (what, error, occurred) = match self {
            Returns::Word { fill: Fill::Sign, error, occurred } => ("int64", error, occurred),
            Returns::Word { fill: Fill::Zero, error, occurred } => ("uint64", error, occurred),
            Returns::Double { error, occurred } => ("double", error, occurred),
        };
        write!(f, ": {what}")?;
        match (error, occurred) {
            (None, _) => Ok(()),
            (Some(error), None) => write!(f, " unless {error:#x}"),
            (Some(error), Some(occurred)) => write!(f, " unless {error:#x} and {occurred}()"),
        }
    }
}
