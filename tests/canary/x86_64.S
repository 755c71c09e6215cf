# oracle_canary(stub: rdi, target: rsi, slots: rdx, canary: rcx)
#
# Canary: 0 rax, 8 xmm0, 16 places before, 16 + 32*8 = 272 places after.
# Places: rbx r12 r13 r14 r15 mxcsr x87cw df rbp rsp and four stack words.

    .pushsection .text.oracle_canary, "ax", @progbits
    .globl oracle_canary
    .type oracle_canary, @function
oracle_canary:
    push %rbp
    mov %rsp, %rbp
    push %rbx
    push %r12
    push %r13
    push %r14
    push %r15
    sub $88, %rsp                   # rbp is aligned to 16, and so is rbp - 40 - 88

    mov %rcx, -56(%rbp)             # the canary
    mov %rdi, -64(%rbp)             # the stub
    stmxcsr -72(%rbp)
    fnstcw -68(%rbp)

    mov %rbp, 80(%rcx)
    mov %rsp, 88(%rcx)
    mov 96(%rcx), %rax              # the caller's stack, right above the stub's return address
    mov %rax, (%rsp)
    mov 104(%rcx), %rax
    mov %rax, 8(%rsp)
    mov 112(%rcx), %rax
    mov %rax, 16(%rsp)
    mov 120(%rcx), %rax
    mov %rax, 24(%rsp)

    mov 16(%rcx), %rbx
    mov 24(%rcx), %r12
    mov 32(%rcx), %r13
    mov 40(%rcx), %r14
    mov 48(%rcx), %r15
    ldmxcsr 56(%rcx)
    fldcw 64(%rcx)

    mov %rsi, %rdi
    mov %rdx, %rsi
    # What a stub may find in any other register is no business of the callee's.
    movabs $0x5a5a5a5a5a5a5a5a, %rax
    mov %rax, %rcx
    mov %rax, %rdx
    mov %rax, %r8
    mov %rax, %r9
    mov %rax, %r10
    mov %rax, %r11
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movq %rax, %xmm\n
    .endr
    call *-64(%rbp)

    mov -56(%rbp), %rcx
    mov %rax, (%rcx)
    movq %xmm0, 8(%rcx)
    mov %rbx, 272(%rcx)
    mov %r12, 280(%rcx)
    mov %r13, 288(%rcx)
    mov %r14, 296(%rcx)
    mov %r15, 304(%rcx)
    movq $0, 312(%rcx)
    stmxcsr 312(%rcx)
    andl $0xffc0, 312(%rcx)         # exceptions that were met are nobody's to preserve
    movq $0, 320(%rcx)
    fnstcw 320(%rcx)
    pushfq
    pop %rax
    and $0x400, %eax
    mov %rax, 328(%rcx)
    cld
    mov %rbp, 336(%rcx)
    mov %rsp, 344(%rcx)
    mov (%rsp), %rax
    mov %rax, 352(%rcx)
    mov 8(%rsp), %rax
    mov %rax, 360(%rcx)
    mov 16(%rsp), %rax
    mov %rax, 368(%rcx)
    mov 24(%rsp), %rax
    mov %rax, 376(%rcx)

    ldmxcsr -72(%rbp)
    fldcw -68(%rbp)
    lea -40(%rbp), %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rbx
    pop %rbp
    ret
    .size oracle_canary, . - oracle_canary
    .popsection
