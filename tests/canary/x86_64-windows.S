# oracle_canary(stub: rcx, target: rdx, slots: r8, canary: r9)
#
# Canary: 0 rax, 8 xmm0, 16 places before, 16 + 40*8 = 336 places after.
# Places: rbx rdi rsi r12 r13 r14 r15, both halves of xmm6 to xmm15, mxcsr x87cw df rbp rsp and four stack words.
#
#   rsp      shadow space of the stub
#   rsp+32   the watched stack words
#   rsp+64   xmm6 to xmm15 of our caller
#   rbp-96   the canary, the stub, mxcsr and x87cw of our caller

    .globl oracle_canary
oracle_canary:
    push %rbp
    mov %rsp, %rbp
    push %rbx
    push %rdi
    push %rsi
    push %r12
    push %r13
    push %r14
    push %r15
    sub $264, %rsp                  # rbp is aligned to 16, and so is rbp - 56 - 264

    mov %r9, -96(%rbp)
    mov %rcx, -88(%rbp)
    stmxcsr -80(%rbp)
    fnstcw -76(%rbp)
    .irp n, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movups %xmm\n, 64+(\n-6)*16(%rsp)
    movups 16+(7+(\n-6)*2)*8(%r9), %xmm\n
    .endr

    mov %rbp, 16+30*8(%r9)
    mov %rsp, 16+31*8(%r9)
    .irp n, 0, 1, 2, 3
    mov 16+(32+\n)*8(%r9), %rax
    mov %rax, 32+\n*8(%rsp)
    .endr

    mov 16(%r9), %rbx
    mov 24(%r9), %rdi
    mov 32(%r9), %rsi
    mov 40(%r9), %r12
    mov 48(%r9), %r13
    mov 56(%r9), %r14
    mov 64(%r9), %r15
    ldmxcsr 16+27*8(%r9)
    fldcw 16+28*8(%r9)

    mov %rdx, %rcx
    mov %r8, %rdx
    # What a stub may find in any other register is no business of the callee's.
    movabs $0x5a5a5a5a5a5a5a5a, %rax
    mov %rax, %r8
    mov %rax, %r9
    mov %rax, %r10
    mov %rax, %r11
    .irp n, 0, 1, 2, 3, 4, 5
    movq %rax, %xmm\n
    .endr
    call *-88(%rbp)

    mov -96(%rbp), %rcx
    mov %rax, (%rcx)
    movq %xmm0, 8(%rcx)
    mov %rbx, 336(%rcx)
    mov %rdi, 344(%rcx)
    mov %rsi, 352(%rcx)
    mov %r12, 360(%rcx)
    mov %r13, 368(%rcx)
    mov %r14, 376(%rcx)
    mov %r15, 384(%rcx)
    .irp n, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movups %xmm\n, 336+(7+(\n-6)*2)*8(%rcx)
    .endr
    movq $0, 336+27*8(%rcx)
    stmxcsr 336+27*8(%rcx)
    andl $0xffc0, 336+27*8(%rcx)    # exceptions that were met are nobody's to preserve
    movq $0, 336+28*8(%rcx)
    fnstcw 336+28*8(%rcx)
    pushfq
    pop %rax
    and $0x400, %eax
    mov %rax, 336+29*8(%rcx)
    cld
    mov %rbp, 336+30*8(%rcx)
    mov %rsp, 336+31*8(%rcx)
    .irp n, 0, 1, 2, 3
    mov 32+\n*8(%rsp), %rax
    mov %rax, 336+(32+\n)*8(%rcx)
    .endr

    ldmxcsr -80(%rbp)
    fldcw -76(%rbp)
    lea -320(%rbp), %rsp
    .irp n, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15
    movups 64+(\n-6)*16(%rsp), %xmm\n
    .endr
    lea -56(%rbp), %rsp
    pop %r15
    pop %r14
    pop %r13
    pop %r12
    pop %rsi
    pop %rdi
    pop %rbx
    pop %rbp
    ret
