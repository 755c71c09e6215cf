//! What a target decides about C types, and the machine scalars they come down to.

use target_lexicon::{Architecture, Environment, OperatingSystem, Triple};

/// What a target decides about C types.
///
/// Independent of the calling convention: a function declared `__attribute__((ms_abi))` in a Linux program is
/// passed its arguments as on Windows, but its `long` is the `long` of Linux.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct DataModel {
    /// Size of an object or function pointer, in bytes.
    pub pointer_bytes: u8,
    /// Size of `long`, in bytes: 8 on LP64, 4 on LLP64.
    pub long_bytes: u8,
    /// Size of `wchar_t`, in bytes.
    pub wchar_bytes: u8,
    /// Whether `wchar_t` is signed.
    pub wchar_signed: bool,
    /// Whether plain `char` is signed.
    pub char_signed: bool,
    /// Whether the most significant byte comes first in memory.
    pub big_endian: bool,
    /// The format of `long double`.
    pub long_double: FloatFormat,
    /// The largest alignment any fundamental type has, in bytes: 8 on s390x, 16 elsewhere. On s390x that includes
    /// vectors, as GCC has it for machines with vector registers (z13 and later).
    pub max_align: u8,
    /// How bit-fields are laid out.
    pub bit_fields: BitFields,
    /// The compiler that built the native functions. `None` where nobody has said: then a type that compilers lay out
    /// or pass in two ways is refused.
    pub compiler: Option<Compiler>,
}

/// A C compiler, where two of them follow the same ABI in two ways.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[allow(missing_docs)] // GNU's, and LLVM's with what is derived from it
pub enum Compiler {
    Gcc,
    Clang,
}

/// Rules by which bit-fields are laid out.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum BitFields {
    /// A bit-field lies within one unit of its declared type; only a named one aligns its aggregate
    /// (System V psABI for x86-64, 3.1.2).
    SystemV,
    /// As [`BitFields::SystemV`], and an unnamed one aligns its aggregate as well (AAPCS64, 10.1.8).
    Aapcs64,
    /// Runs of bit-fields whose types have the same size share units of that size; nothing else does. The rule
    /// of Microsoft's compiler, and of GCC for Windows.
    Microsoft,
}

/// A floating point format.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum FloatFormat {
    /// IEEE binary32, 4 bytes.
    F32,
    /// IEEE binary64, 8 bytes.
    F64,
    /// The 80-bit format of the x87 unit: 10 bytes of value in an object of 16.
    X87,
    /// IEEE binary128, 16 bytes.
    Binary128,
}

impl FloatFormat {
    /// Size of an object, in bytes.
    pub const fn bytes(self) -> u8 {
        match self {
            FloatFormat::F32 => 4,
            FloatFormat::F64 => 8,
            FloatFormat::X87 | FloatFormat::Binary128 => 16,
        }
    }
}

/// What a C type comes down to on the machine, where it is one value and not an aggregate.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Scalar {
    /// `_Bool`: one byte, 0 or 1.
    Bool,
    /// An integer or enumeration of 1, 2, 4, 8 or 16 bytes.
    Int {
        /// Size in bytes.
        bytes: u8,
        /// Whether it is sign-extended when widened.
        signed: bool,
    },
    /// An object or function pointer.
    Pointer,
    /// A floating point number.
    Float(FloatFormat),
    /// A short vector of 8 or 16 bytes.
    Vector {
        /// Size in bytes.
        bytes: u8,
    },
}

impl Scalar {
    /// Size of an object, in bytes.
    pub const fn bytes(self, model: &DataModel) -> u8 {
        match self {
            Scalar::Bool => 1,
            Scalar::Int { bytes, .. } | Scalar::Vector { bytes } => bytes,
            Scalar::Pointer => model.pointer_bytes,
            Scalar::Float(format) => format.bytes(),
        }
    }

    /// Alignment of an object that nothing else aligns, in bytes.
    pub const fn align(self, model: &DataModel) -> u8 {
        let bytes = self.bytes(model);
        if bytes > model.max_align { model.max_align } else { bytes }
    }
}

impl DataModel {
    /// 64-bit Linux on x86_64: what a text is read under when nobody names a target.
    pub const LP64: DataModel = DataModel {
        pointer_bytes: 8,
        long_bytes: 8,
        wchar_bytes: 4,
        wchar_signed: true,
        char_signed: true,
        big_endian: false,
        long_double: FloatFormat::X87,
        max_align: 16,
        bit_fields: BitFields::SystemV,
        compiler: None,
    };

    /// The data model of C on `triple`. `None` where springboard has no 64-bit model for it.
    pub fn of(triple: &Triple) -> Option<DataModel> {
        let windows = triple.operating_system == OperatingSystem::Windows;
        let apple = triple.operating_system.is_like_darwin();
        let lp64 = DataModel { long_double: FloatFormat::Binary128, ..DataModel::LP64 };
        Some(match triple.architecture {
            Architecture::X86_64 if windows => DataModel {
                long_bytes: 4,
                wchar_bytes: 2,
                wchar_signed: false,
                bit_fields: BitFields::Microsoft,
                long_double: match triple.environment {
                    Environment::Msvc => FloatFormat::F64,
                    _ => FloatFormat::X87,
                },
                ..lp64
            },
            Architecture::X86_64 => DataModel::LP64,
            Architecture::Aarch64(_) if apple => {
                DataModel { long_double: FloatFormat::F64, compiler: Some(Compiler::Clang), ..lp64 }
            }
            Architecture::Aarch64(_) if windows => return None,
            Architecture::Aarch64(_) => {
                DataModel { char_signed: false, wchar_signed: false, bit_fields: BitFields::Aapcs64, ..lp64 }
            }
            Architecture::Riscv64(_) => DataModel { char_signed: false, ..lp64 },
            Architecture::S390x => DataModel { char_signed: false, big_endian: true, max_align: 8, ..lp64 },
            _ => return None,
        })
    }
}
