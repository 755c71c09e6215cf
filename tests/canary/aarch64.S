// oracle_canary(stub: x0, target: x1, slots: x2, canary: x3)
//
// Canary: 0 x0, 8 d0, 16 places before, 16 + 32*8 = 272 places after.
// Places: x19 to x28, d8 to d15, fpcr, x29, sp and two stack words.

    .pushsection .text.oracle_canary, "ax", @progbits
    .globl oracle_canary
    .type oracle_canary, @function
oracle_canary:
    stp x29, x30, [sp, #-192]!
    mov x29, sp
    stp x19, x20, [sp, #16]
    stp x21, x22, [sp, #32]
    stp x23, x24, [sp, #48]
    stp x25, x26, [sp, #64]
    stp x27, x28, [sp, #80]
    stp d8, d9, [sp, #96]
    stp d10, d11, [sp, #112]
    stp d12, d13, [sp, #128]
    stp d14, d15, [sp, #144]
    mrs x9, fpcr
    stp x3, x9, [sp, #160]
    sub sp, sp, #16

    mov x9, sp
    stp x29, x9, [x3, #168]          // places 19 and 20
    ldp x9, x10, [x3, #184]          // the caller's stack, right above the stub's frame
    stp x9, x10, [sp]
    ldp x19, x20, [x3, #16]
    ldp x21, x22, [x3, #32]
    ldp x23, x24, [x3, #48]
    ldp x25, x26, [x3, #64]
    ldp x27, x28, [x3, #80]
    ldp d8, d9, [x3, #96]
    ldp d10, d11, [x3, #112]
    ldp d12, d13, [x3, #128]
    ldp d14, d15, [x3, #144]
    ldr x9, [x3, #160]
    msr fpcr, x9

    mov x17, x0
    mov x0, x1
    mov x1, x2
    // What a stub may find in any other register is no business of the callee's.
    mov x9, #0x5a5a
    .irp n, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 15, 16
    mov x\n, x9
    .endr
    .irp n, 0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29, 30, 31
    fmov d\n, x9
    .endr
    blr x17

    ldr x9, [x29, #160]
    str x0, [x9]
    str d0, [x9, #8]
    add x9, x9, #256
    stp x19, x20, [x9, #16]
    stp x21, x22, [x9, #32]
    stp x23, x24, [x9, #48]
    stp x25, x26, [x9, #64]
    stp x27, x28, [x9, #80]
    stp d8, d9, [x9, #96]
    stp d10, d11, [x9, #112]
    stp d12, d13, [x9, #128]
    stp d14, d15, [x9, #144]
    mrs x10, fpcr
    str x10, [x9, #160]
    mov x10, sp
    stp x29, x10, [x9, #168]
    ldp x10, x11, [sp]
    stp x10, x11, [x9, #184]

    ldr x10, [x29, #168]
    msr fpcr, x10
    mov sp, x29
    ldp x19, x20, [sp, #16]
    ldp x21, x22, [sp, #32]
    ldp x23, x24, [sp, #48]
    ldp x25, x26, [sp, #64]
    ldp x27, x28, [sp, #80]
    ldp d8, d9, [sp, #96]
    ldp d10, d11, [sp, #112]
    ldp d12, d13, [sp, #128]
    ldp d14, d15, [sp, #144]
    ldp x29, x30, [sp], #192
    ret
    .size oracle_canary, . - oracle_canary
    .popsection
