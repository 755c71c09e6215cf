//! Whether the CPU checks where indirect branches land.

use std::sync::LazyLock;

use springboard_emit::LandingPads;

/// Whether stubs must begin with landing pads: where code memory is mapped so that the CPU checks them.
pub(crate) fn landing_pads() -> LandingPads {
    static LANDING_PADS: LazyLock<LandingPads> =
        LazyLock::new(|| if checked() { LandingPads::Emit } else { LandingPads::Omit });
    *LANDING_PADS
}

/// Pages say so themselves (`PROT_BTI`), and every CPU with branch target identification obeys.
#[cfg(target_arch = "aarch64")]
fn checked() -> bool {
    /// `HWCAP2_BTI` of `asm/hwcap.h`.
    const BTI: libc::c_ulong = 1 << 17;
    // SAFETY: the call reads what the kernel told the process when it started.
    unsafe { libc::getauxval(libc::AT_HWCAP2) & BTI != 0 }
}

/// Linux does not turn indirect branch tracking on for x86_64 programs, and the other architectures have nothing of
/// the kind.
#[cfg(not(target_arch = "aarch64"))]
fn checked() -> bool {
    false
}
