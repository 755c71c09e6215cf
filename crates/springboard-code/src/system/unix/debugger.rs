//! What GDB and LLDB look for in a process that makes code: a function and the head of a list (Debugging with GDB, "JIT
//! Compilation Interface"). LLDB on macOS watches only where `plugin.jit-loader.gdb.enable` is on.

// Weak, because a process has one of each, and another compiler in it may bring them too.
#[cfg(not(target_os = "macos"))]
std::arch::global_asm!(
    ".pushsection .text.springboard_gdb,\"ax\",@progbits",
    ".weak __jit_debug_register_code",
    ".type __jit_debug_register_code, @function",
    ".balign 16",
    "__jit_debug_register_code:",
    #[cfg(target_arch = "s390x")]
    "br %r14",
    #[cfg(not(target_arch = "s390x"))]
    "ret",
    ".size __jit_debug_register_code, . - __jit_debug_register_code",
    ".popsection",
    ".pushsection .data.springboard_gdb,\"aw\",@progbits",
    ".weak __jit_debug_descriptor",
    ".type __jit_debug_descriptor, @object",
    ".balign 8",
    "__jit_debug_descriptor:",
    ".long 1, 0",
    ".quad 0, 0",
    ".size __jit_debug_descriptor, 24",
    ".popsection",
);

#[cfg(target_os = "macos")]
std::arch::global_asm!(
    ".section __TEXT,__text,regular,pure_instructions",
    ".globl ___jit_debug_register_code",
    ".weak_definition ___jit_debug_register_code",
    ".p2align 4",
    "___jit_debug_register_code:",
    "ret",
    ".section __DATA,__data",
    ".globl ___jit_debug_descriptor",
    ".weak_definition ___jit_debug_descriptor",
    ".p2align 3",
    "___jit_debug_descriptor:",
    ".long 1, 0",
    ".quad 0, 0",
    ".text",
);
