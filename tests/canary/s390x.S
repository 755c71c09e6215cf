# oracle_canary(stub: r2, target: r3, slots: r4, canary: r5)
#
# Canary: 0 r2, 8 f0, 16 places before, 16 + 32*8 = 272 places after.
# Places: r6 to r10, r12, r13, f8 to f15, the floating point control, r11, r15 and two stack words.

    .pushsection .text.oracle_canary, "ax", @progbits
    .globl oracle_canary
    .type oracle_canary, @function
oracle_canary:
    stmg %r6, %r15, 48(%r15)
    lgr %r1, %r15
    aghi %r15, -288                 # the lower 160 bytes are the stub's to save registers in
    stg %r1, 0(%r15)
    lgr %r11, %r15
    std %f8, 176(%r11)
    std %f9, 184(%r11)
    std %f10, 192(%r11)
    std %f11, 200(%r11)
    std %f12, 208(%r11)
    std %f13, 216(%r11)
    std %f14, 224(%r11)
    std %f15, 232(%r11)
    stg %r5, 240(%r11)              # the canary
    stfpc 248(%r11)

    stg %r11, 144(%r5)              # places 16 and 17
    stg %r15, 152(%r5)
    mvc 160(16,%r15), 160(%r5)      # the caller's stack, right above the stub's frame
    lg %r6, 16(%r5)
    lg %r7, 24(%r5)
    lg %r8, 32(%r5)
    lg %r9, 40(%r5)
    lg %r10, 48(%r5)
    lg %r12, 56(%r5)
    lg %r13, 64(%r5)
    ld %f8, 72(%r5)
    ld %f9, 80(%r5)
    ld %f10, 88(%r5)
    ld %f11, 96(%r5)
    ld %f12, 104(%r5)
    ld %f13, 112(%r5)
    ld %f14, 120(%r5)
    ld %f15, 128(%r5)
    lfpc 140(%r5)

    lgr %r1, %r2
    lgr %r2, %r3
    lgr %r3, %r4
    # What a stub may find in any other register is no business of the callee's.
    lghi %r0, 0x5a5a
    lgr %r4, %r0
    lgr %r5, %r0
    ldgr %f0, %r0
    ldgr %f1, %r0
    ldgr %f2, %r0
    ldgr %f3, %r0
    ldgr %f4, %r0
    ldgr %f5, %r0
    ldgr %f6, %r0
    ldgr %f7, %r0
    basr %r14, %r1

    lg %r1, 240(%r11)
    stg %r2, 0(%r1)
    std %f0, 8(%r1)
    stg %r6, 272(%r1)
    stg %r7, 280(%r1)
    stg %r8, 288(%r1)
    stg %r9, 296(%r1)
    stg %r10, 304(%r1)
    stg %r12, 312(%r1)
    stg %r13, 320(%r1)
    std %f8, 328(%r1)
    std %f9, 336(%r1)
    std %f10, 344(%r1)
    std %f11, 352(%r1)
    std %f12, 360(%r1)
    std %f13, 368(%r1)
    std %f14, 376(%r1)
    std %f15, 384(%r1)
    lghi %r0, 0
    stg %r0, 392(%r1)
    stfpc 396(%r1)
    lg %r0, 392(%r1)
    nilf %r0, 0xf8000007            # exceptions that were met are nobody's to preserve
    stg %r0, 392(%r1)
    stg %r11, 400(%r1)
    stg %r15, 408(%r1)
    mvc 416(16,%r1), 160(%r15)

    lfpc 248(%r11)
    ld %f8, 176(%r11)
    ld %f9, 184(%r11)
    ld %f10, 192(%r11)
    ld %f11, 200(%r11)
    ld %f12, 208(%r11)
    ld %f13, 216(%r11)
    ld %f14, 224(%r11)
    ld %f15, 232(%r11)
    lmg %r6, %r15, 336(%r11)        # 48 above the frame of 288
    br %r14
    .size oracle_canary, . - oracle_canary
    .popsection
