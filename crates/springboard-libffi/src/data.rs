//! The data that libffi exports: one `ffi_type` for each basic type.
//!
//! In assembly, because their addresses must be read through the global offset table: a program that is no
//! position-independent executable has copies of them, and its addresses are the right ones.

use std::arch::global_asm;

use crate::{machine::MACHINE, types::Type};

macro_rules! types {
    ($($name:literal $size:literal $align:literal $code:literal $elements:literal;)*) => {
        global_asm!(
            ".pushsection .data.rel.ro.springboard_libffi,\"aw\",@progbits",
            ".balign 8",
            $(
                concat!(".globl springboard_libffi_ffi_type_", $name),
                concat!(".type springboard_libffi_ffi_type_", $name, ",@object"),
                concat!(".size springboard_libffi_ffi_type_", $name, ", 24"),
                concat!("springboard_libffi_ffi_type_", $name, ":"),
                concat!(".quad ", $size),
                concat!(".short ", $align, ", ", $code),
                ".long 0",
                concat!(".quad ", $elements),
            )*
            ".Lspringboard_libffi_floats: .quad springboard_libffi_ffi_type_float, 0",
            ".Lspringboard_libffi_doubles: .quad springboard_libffi_ffi_type_double, 0",
            ".Lspringboard_libffi_longdoubles: .quad springboard_libffi_ffi_type_longdouble, 0",
            ".popsection",
            wide = const MACHINE.wide_align,
        );
    };
}

// Name, size, alignment, code, elements. Nothing of `void` is moved; its size only says that it was laid out.
types! {
    "void" 1 1 0 0;
    "uint8" 1 1 5 0;
    "sint8" 1 1 6 0;
    "uint16" 2 2 7 0;
    "sint16" 2 2 8 0;
    "uint32" 4 4 9 0;
    "sint32" 4 4 10 0;
    "uint64" 8 8 11 0;
    "sint64" 8 8 12 0;
    "float" 4 4 2 0;
    "double" 8 8 3 0;
    "longdouble" 16 "{wide}" 4 0;
    "pointer" 8 8 14 0;
    "uint128" 16 "{wide}" 16 0;
    "sint128" 16 "{wide}" 17 0;
    "complex_float" 8 4 15 ".Lspringboard_libffi_floats";
    "complex_double" 16 8 15 ".Lspringboard_libffi_doubles";
    "complex_longdouble" 32 "{wide}" 15 ".Lspringboard_libffi_longdoubles";
}

unsafe extern "C" {
    #[link_name = "springboard_libffi_ffi_type_float"]
    static FLOAT: Type;
}

/// The address of libffi's own `float`, as the program has it.
pub(crate) fn float() -> *const Type {
    &raw const FLOAT
}
