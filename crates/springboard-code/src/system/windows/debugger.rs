//! What GDB and LLDB look for in a process that makes code: a function and the head of a list (Debugging with GDB, "JIT
//! Compilation Interface").

// Of several in a program the linker keeps one: another compiler in it may bring them too.
std::arch::global_asm!(
    ".section .text$springboard_gdb,\"xr\",discard,__jit_debug_register_code",
    ".globl __jit_debug_register_code",
    ".p2align 4",
    "__jit_debug_register_code:",
    "ret",
    ".section .data$springboard_gdb,\"dw\",discard,__jit_debug_descriptor",
    ".globl __jit_debug_descriptor",
    ".p2align 3",
    "__jit_debug_descriptor:",
    ".long 1, 0",
    ".quad 0, 0",
    ".text",
);
