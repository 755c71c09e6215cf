# oracle_canary(stub: a0, target: a1, slots: a2, canary: a3)
#
# Canary: 0 a0, 8 fa0, 16 places before, 16 + 32*8 = 272 places after.
# Places: s1 to s11, fs0 to fs11, the rounding mode, s0, sp and two stack words.

    .pushsection .text.oracle_canary, "ax", @progbits
    .globl oracle_canary
    .type oracle_canary, @function
oracle_canary:
    addi sp, sp, -240
    sd ra, 232(sp)
    sd s0, 224(sp)
    addi s0, sp, 240
    sd s1, 16(sp)
    sd s2, 24(sp)
    sd s3, 32(sp)
    sd s4, 40(sp)
    sd s5, 48(sp)
    sd s6, 56(sp)
    sd s7, 64(sp)
    sd s8, 72(sp)
    sd s9, 80(sp)
    sd s10, 88(sp)
    sd s11, 96(sp)
    fsd fs0, 104(sp)
    fsd fs1, 112(sp)
    fsd fs2, 120(sp)
    fsd fs3, 128(sp)
    fsd fs4, 136(sp)
    fsd fs5, 144(sp)
    fsd fs6, 152(sp)
    fsd fs7, 160(sp)
    fsd fs8, 168(sp)
    fsd fs9, 176(sp)
    fsd fs10, 184(sp)
    fsd fs11, 192(sp)
    sd a3, -40(s0)
    frrm t0
    sd t0, -32(s0)

    sd s0, 208(a3)                  # places 24 and 25
    sd sp, 216(a3)
    ld t0, 224(a3)                  # the caller's stack, right above the stub's frame
    sd t0, 0(sp)
    ld t0, 232(a3)
    sd t0, 8(sp)
    ld s1, 16(a3)
    ld s2, 24(a3)
    ld s3, 32(a3)
    ld s4, 40(a3)
    ld s5, 48(a3)
    ld s6, 56(a3)
    ld s7, 64(a3)
    ld s8, 72(a3)
    ld s9, 80(a3)
    ld s10, 88(a3)
    ld s11, 96(a3)
    fld fs0, 104(a3)
    fld fs1, 112(a3)
    fld fs2, 120(a3)
    fld fs3, 128(a3)
    fld fs4, 136(a3)
    fld fs5, 144(a3)
    fld fs6, 152(a3)
    fld fs7, 160(a3)
    fld fs8, 168(a3)
    fld fs9, 176(a3)
    fld fs10, 184(a3)
    fld fs11, 192(a3)
    ld t0, 200(a3)
    fsrm t0

    mv t1, a0
    mv a0, a1
    mv a1, a2
    # What a stub may find in any other register is no business of the callee's.
    li t0, 0x5a5a
    mv a2, t0
    mv a3, t0
    mv a4, t0
    mv a5, t0
    mv a6, t0
    mv a7, t0
    mv t2, t0
    mv t3, t0
    mv t4, t0
    mv t5, t0
    mv t6, t0
    fmv.d.x fa0, t0
    fmv.d.x fa1, t0
    fmv.d.x fa2, t0
    fmv.d.x fa3, t0
    fmv.d.x fa4, t0
    fmv.d.x fa5, t0
    fmv.d.x fa6, t0
    fmv.d.x fa7, t0
    fmv.d.x ft0, t0
    fmv.d.x ft1, t0
    fmv.d.x ft2, t0
    fmv.d.x ft3, t0
    fmv.d.x ft4, t0
    fmv.d.x ft5, t0
    fmv.d.x ft6, t0
    fmv.d.x ft7, t0
    fmv.d.x ft8, t0
    fmv.d.x ft9, t0
    fmv.d.x ft10, t0
    fmv.d.x ft11, t0
    jalr t1

    ld t0, -40(s0)
    sd a0, 0(t0)
    fsd fa0, 8(t0)
    sd s1, 272(t0)
    sd s2, 280(t0)
    sd s3, 288(t0)
    sd s4, 296(t0)
    sd s5, 304(t0)
    sd s6, 312(t0)
    sd s7, 320(t0)
    sd s8, 328(t0)
    sd s9, 336(t0)
    sd s10, 344(t0)
    sd s11, 352(t0)
    fsd fs0, 360(t0)
    fsd fs1, 368(t0)
    fsd fs2, 376(t0)
    fsd fs3, 384(t0)
    fsd fs4, 392(t0)
    fsd fs5, 400(t0)
    fsd fs6, 408(t0)
    fsd fs7, 416(t0)
    fsd fs8, 424(t0)
    fsd fs9, 432(t0)
    fsd fs10, 440(t0)
    fsd fs11, 448(t0)
    frrm t1
    sd t1, 456(t0)
    sd s0, 464(t0)
    sd sp, 472(t0)
    ld t1, 0(sp)
    sd t1, 480(t0)
    ld t1, 8(sp)
    sd t1, 488(t0)

    ld t1, -32(s0)
    fsrm t1
    addi sp, s0, -240
    ld s1, 16(sp)
    ld s2, 24(sp)
    ld s3, 32(sp)
    ld s4, 40(sp)
    ld s5, 48(sp)
    ld s6, 56(sp)
    ld s7, 64(sp)
    ld s8, 72(sp)
    ld s9, 80(sp)
    ld s10, 88(sp)
    ld s11, 96(sp)
    fld fs0, 104(sp)
    fld fs1, 112(sp)
    fld fs2, 120(sp)
    fld fs3, 128(sp)
    fld fs4, 136(sp)
    fld fs5, 144(sp)
    fld fs6, 152(sp)
    fld fs7, 160(sp)
    fld fs8, 168(sp)
    fld fs9, 176(sp)
    fld fs10, 184(sp)
    fld fs11, 192(sp)
    ld ra, 232(sp)
    ld s0, 224(sp)
    addi sp, sp, 240
    ret
    .size oracle_canary, . - oracle_canary
    .popsection
