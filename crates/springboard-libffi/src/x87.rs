//! `long double` results, which come back on the x87 stack (psABI 3.2.3, classes X87 and COMPLEX_X87), where no stub
//! of Cranelift's looks. A stub passes the arguments as for `void`; what it leaves on the stack is taken from there.

use std::{arch::global_asm, ffi::c_void, mem::offset_of};

use springboard::ir::Type;

use crate::{
    adapted::Adapted,
    types::{Cif, ClosureFunction, Code, Stub},
};

/// How many numbers a result has on the x87 stack.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Numbers {
    One,
    /// The real part is on top.
    Complex,
}

/// What the assembly below is, as Rust sees it.
type Call = unsafe extern "C-unwind" fn(Code, *mut c_void, *mut *mut c_void, Stub);

unsafe extern "C-unwind" {
    fn springboard_x87_call_one(_: Code, _: *mut c_void, _: *mut *mut c_void, _: Stub);
    fn springboard_x87_call_complex(_: Code, _: *mut c_void, _: *mut *mut c_void, _: Stub);
    fn springboard_x87_return_one(_: *mut Cif, _: *mut c_void, _: *mut *mut c_void, _: *mut c_void);
    fn springboard_x87_return_complex(_: *mut Cif, _: *mut c_void, _: *mut *mut c_void, _: *mut c_void);
}

impl Numbers {
    /// What a result that the planner calls an x87 result has there.
    pub(crate) fn of(result: &Type) -> Option<Numbers> {
        Some(if matches!(result, Type::Complex(_)) { Numbers::Complex } else { Numbers::One })
    }

    /// Calls, and takes the result off the stack.
    ///
    /// # Safety
    /// As the stub, with room for 16 bytes at `result`, or 32.
    pub(crate) unsafe fn call(
        self,
        stub: Stub,
        function: Code,
        result: *mut c_void,
        avalue: *mut *mut c_void,
    ) {
        let call: Call = match self {
            Numbers::One => springboard_x87_call_one,
            Numbers::Complex => springboard_x87_call_complex,
        };
        // SAFETY: the caller vouches for what is passed on, and for the result's kind and room.
        unsafe { call(function, result, avalue, stub) };
    }

    /// A closure's function whose user data is an [`Adapted`]: it calls that one's, and leaves the result on the stack.
    pub(crate) fn returning(self) -> ClosureFunction {
        match self {
            Numbers::One => springboard_x87_return_one,
            Numbers::Complex => springboard_x87_return_complex,
        }
    }
}

macro_rules! functions {
    ($kind:literal, [$($store:literal)*], [$($load:literal)*]) => {
        global_asm!(
            concat!(".globl springboard_x87_call_", $kind),
            concat!(".hidden springboard_x87_call_", $kind),
            concat!(".type springboard_x87_call_", $kind, ",@function"),
            concat!("springboard_x87_call_", $kind, ":"),
            ".cfi_startproc",
            "endbr64",
            "push rbx",
            ".cfi_adjust_cfa_offset 8",
            ".cfi_rel_offset rbx, 0",
            "mov rbx, rsi",
            "call rcx",
            $($store,)*
            "pop rbx",
            ".cfi_adjust_cfa_offset -8",
            ".cfi_restore rbx",
            "ret",
            ".cfi_endproc",
            concat!(".size springboard_x87_call_", $kind, ", . - springboard_x87_call_", $kind),

            concat!(".globl springboard_x87_return_", $kind),
            concat!(".hidden springboard_x87_return_", $kind),
            concat!(".type springboard_x87_return_", $kind, ",@function"),
            concat!("springboard_x87_return_", $kind, ":"),
            ".cfi_startproc",
            "endbr64",
            // Two numbers of 16 bytes; the stack is aligned again.
            "sub rsp, 40",
            ".cfi_adjust_cfa_offset 40",
            "mov rsi, rsp",
            "mov rdi, [rcx + {theirs}]",
            "mov rax, [rcx + {function}]",
            "mov rcx, [rcx + {user_data}]",
            "call rax",
            $($load,)*
            "add rsp, 40",
            ".cfi_adjust_cfa_offset -40",
            "ret",
            ".cfi_endproc",
            concat!(".size springboard_x87_return_", $kind, ", . - springboard_x87_return_", $kind),
            theirs = const offset_of!(Adapted, theirs),
            function = const offset_of!(Adapted, function),
            user_data = const offset_of!(Adapted, user_data),
        );
    };
}

functions!("one", ["fstp tbyte ptr [rbx]"], ["fld tbyte ptr [rsp]"]);
functions!(
    "complex",
    ["fstp tbyte ptr [rbx]" "fstp tbyte ptr [rbx + 16]"],
    ["fld tbyte ptr [rsp + 16]" "fld tbyte ptr [rsp]"]
);
