//! The callee, in assembly.

use springboard_abi::Convention;

/// The header of [`file`].
pub(crate) const HEADER: &str = "#include <stddef.h>
#include <stdint.h>
struct reference { int on_stack; uint32_t at; uint32_t bytes; };
void begin(size_t stack, const struct reference *references, size_t count);
";

/// A C file with `keep`, which keeps the registers and prints them in hexadecimal, with the stack and what is referred
/// to: one line per call.
pub(crate) fn file(convention: Convention) -> String {
    let keep = match convention {
        Convention::Sysv64 => KEEP_SYSV64,
        Convention::Win64 => KEEP_WIN64,
        Convention::Aapcs64 | Convention::Apple64 => KEEP_AAPCS64,
        Convention::Lp64d => KEEP_LP64D,
        Convention::S390x => KEEP_S390X,
    };
    let keep: String = keep.lines().map(|line| format!("    \"{line}\\n\"\n")).collect();
    format!("{PRINT}__asm__(\n    \".text\\n.globl keep\\nkeep:\\n\"\n{keep});\n")
}

const PRINT: &str = "#include <stdio.h>
#include \"callee.h\"

struct kept {
    unsigned char vec[8][16];
    uint64_t gpr[9];
    uint64_t al;
    const unsigned char *stack;
} kept;

static size_t stack_bytes, reference_count;
static const struct reference *references;

void begin(size_t stack, const struct reference *list, size_t count) {
    stack_bytes = stack;
    references = list;
    reference_count = count;
    kept = (struct kept){0};
}

static void print(const void *from, size_t bytes) {
    const unsigned char *byte = from;
    for (size_t i = 0; i < bytes; i++) printf(\"%02x\", byte[i]);
    putchar(' ');
}

__attribute__((used)) void show(void) {
    print(kept.gpr, sizeof kept.gpr);
    print(kept.vec, sizeof kept.vec);
    printf(\"%02x \", (unsigned)(kept.al & 255));
    print(kept.stack, stack_bytes);
    for (size_t i = 0; i < reference_count; i++) {
        const struct reference *r = &references[i];
        uint64_t word = *(const uint64_t *)(r->on_stack ? kept.stack + r->at : (unsigned char *)&kept.gpr[r->at]);
        print((const void *)(uintptr_t)word, r->bytes);
    }
    putchar('\\n');
    fflush(stdout);
}

";

const KEEP_SYSV64: &str = "movups %xmm0, kept(%rip)
movups %xmm1, kept+16(%rip)
movups %xmm2, kept+32(%rip)
movups %xmm3, kept+48(%rip)
movups %xmm4, kept+64(%rip)
movups %xmm5, kept+80(%rip)
movups %xmm6, kept+96(%rip)
movups %xmm7, kept+112(%rip)
mov %rdi, kept+128(%rip)
mov %rsi, kept+136(%rip)
mov %rdx, kept+144(%rip)
mov %rcx, kept+152(%rip)
mov %r8, kept+160(%rip)
mov %r9, kept+168(%rip)
mov %rax, kept+200(%rip)
lea 8(%rsp), %rax
mov %rax, kept+208(%rip)
sub $8, %rsp
call show
add $8, %rsp
ret";

/// The callee of this convention preserves rdi, rsi and xmm6 to xmm15, which `show` does not.
const KEEP_WIN64: &str = "movups %xmm0, kept(%rip)
movups %xmm1, kept+16(%rip)
movups %xmm2, kept+32(%rip)
movups %xmm3, kept+48(%rip)
mov %rcx, kept+128(%rip)
mov %rdx, kept+136(%rip)
mov %r8, kept+144(%rip)
mov %r9, kept+152(%rip)
lea 40(%rsp), %rax
mov %rax, kept+208(%rip)
push %rdi
push %rsi
sub $168, %rsp
movups %xmm6, (%rsp)
movups %xmm7, 16(%rsp)
movups %xmm8, 32(%rsp)
movups %xmm9, 48(%rsp)
movups %xmm10, 64(%rsp)
movups %xmm11, 80(%rsp)
movups %xmm12, 96(%rsp)
movups %xmm13, 112(%rsp)
movups %xmm14, 128(%rsp)
movups %xmm15, 144(%rsp)
call show
movups (%rsp), %xmm6
movups 16(%rsp), %xmm7
movups 32(%rsp), %xmm8
movups 48(%rsp), %xmm9
movups 64(%rsp), %xmm10
movups 80(%rsp), %xmm11
movups 96(%rsp), %xmm12
movups 112(%rsp), %xmm13
movups 128(%rsp), %xmm14
movups 144(%rsp), %xmm15
add $168, %rsp
pop %rsi
pop %rdi
ret";

const KEEP_AAPCS64: &str = "adrp x9, kept
add x9, x9, :lo12:kept
stp q0, q1, [x9]
stp q2, q3, [x9, 32]
stp q4, q5, [x9, 64]
stp q6, q7, [x9, 96]
stp x0, x1, [x9, 128]
stp x2, x3, [x9, 144]
stp x4, x5, [x9, 160]
stp x6, x7, [x9, 176]
str x8, [x9, 192]
mov x10, sp
str x10, [x9, 208]
stp x29, x30, [sp, -16]!
bl show
ldp x29, x30, [sp], 16
ret";

const KEEP_LP64D: &str = "la t0, kept
fsd fa0, 0(t0)
fsd fa1, 16(t0)
fsd fa2, 32(t0)
fsd fa3, 48(t0)
fsd fa4, 64(t0)
fsd fa5, 80(t0)
fsd fa6, 96(t0)
fsd fa7, 112(t0)
sd a0, 128(t0)
sd a1, 136(t0)
sd a2, 144(t0)
sd a3, 152(t0)
sd a4, 160(t0)
sd a5, 168(t0)
sd a6, 176(t0)
sd a7, 184(t0)
sd sp, 208(t0)
addi sp, sp, -16
sd ra, 8(sp)
call show
ld ra, 8(sp)
addi sp, sp, 16
ret";

const KEEP_S390X: &str = "larl %r1, kept
std %f0, 0(%r1)
std %f2, 16(%r1)
std %f4, 32(%r1)
std %f6, 48(%r1)
stmg %r2, %r6, 128(%r1)
la %r0, 160(%r15)
stg %r0, 208(%r1)
stmg %r6, %r15, 48(%r15)
aghi %r15, -160
brasl %r14, show
aghi %r15, 160
lmg %r6, %r15, 48(%r15)
br %r14";
