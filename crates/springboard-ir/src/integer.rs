//! The integer types of C by name, and the one table that says what each name means.

use crate::model::DataModel;

/// How the width of an integer type is known.
#[derive(Clone, Copy)]
enum Width {
    Bytes(u8),
    Long,
    Pointer,
    WChar,
}

/// How the sign of an integer type is known.
#[derive(Clone, Copy)]
enum Sign {
    Signed,
    Unsigned,
    Char,
    WChar,
}

impl Integer {
    /// The name in C source, for instance `unsigned long` or `uint16_t`.
    pub const fn name(self) -> &'static str {
        TABLE[self as usize].0
    }

    /// Size in bytes under `model`: 1, 2, 4, 8 or 16.
    pub const fn bytes(self, model: &DataModel) -> u8 {
        match TABLE[self as usize].1 {
            Width::Bytes(bytes) => bytes,
            Width::Long => model.long_bytes,
            Width::Pointer => model.pointer_bytes,
            Width::WChar => model.wchar_bytes,
        }
    }

    /// Whether values can be negative under `model`.
    pub const fn is_signed(self, model: &DataModel) -> bool {
        match TABLE[self as usize].2 {
            Sign::Signed => true,
            Sign::Unsigned => false,
            Sign::Char => model.char_signed,
            Sign::WChar => model.wchar_signed,
        }
    }
}

macro_rules! integers {
    ($($name:ident $c:literal $width:expr, $sign:expr;)*) => {
        /// An integer type as C source names it.
        ///
        /// Two names of the same width stay two values (`long` and `int64_t` on LP64), because a prototype prints the
        /// way it was written. What they share is decided later, by the plan, in which neither has a name.
        #[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
        #[allow(missing_docs)] // each variant is the C type of its name
        pub enum Integer {
            $($name),*
        }

        impl Integer {
            /// Every integer type.
            pub const ALL: [Integer; [$($c),*].len()] = [$(Integer::$name),*];
        }

        /// Name, width and sign of every integer type.
        const TABLE: [(&str, Width, Sign); Integer::ALL.len()] = [$(($c, $width, $sign)),*];
    };
}

use Sign::{Signed, Unsigned};
use Width::{Bytes, Pointer};

integers! {
    Char "char" Bytes(1), Sign::Char;
    SChar "signed char" Bytes(1), Signed;
    UChar "unsigned char" Bytes(1), Unsigned;
    Short "short" Bytes(2), Signed;
    UShort "unsigned short" Bytes(2), Unsigned;
    Int "int" Bytes(4), Signed;
    UInt "unsigned int" Bytes(4), Unsigned;
    Long "long" Width::Long, Signed;
    ULong "unsigned long" Width::Long, Unsigned;
    LongLong "long long" Bytes(8), Signed;
    ULongLong "unsigned long long" Bytes(8), Unsigned;
    Int8 "int8_t" Bytes(1), Signed;
    UInt8 "uint8_t" Bytes(1), Unsigned;
    Int16 "int16_t" Bytes(2), Signed;
    UInt16 "uint16_t" Bytes(2), Unsigned;
    Int32 "int32_t" Bytes(4), Signed;
    UInt32 "uint32_t" Bytes(4), Unsigned;
    Int64 "int64_t" Bytes(8), Signed;
    UInt64 "uint64_t" Bytes(8), Unsigned;
    Size "size_t" Pointer, Unsigned;
    SSize "ssize_t" Pointer, Signed;
    IntPtr "intptr_t" Pointer, Signed;
    UIntPtr "uintptr_t" Pointer, Unsigned;
    PtrDiff "ptrdiff_t" Pointer, Signed;
    WChar "wchar_t" Width::WChar, Sign::WChar;
    Int128 "__int128" Bytes(16), Signed;
    UInt128 "unsigned __int128" Bytes(16), Unsigned;
}
