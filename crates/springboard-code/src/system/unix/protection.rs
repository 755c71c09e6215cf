//! Whether the CPU checks where branches land and returns go.

use std::sync::LazyLock;

use rustix::mm::ProtFlags;
use springboard_emit::{LandingPads, Protection, ReturnAddresses};

/// How stubs must be protected: what the CPU checks, they have. Found out once, and the same for all code memory of the
/// process: pages are mapped, and unwinders told, accordingly.
pub fn protection() -> Protection {
    static PROTECTION: LazyLock<Protection> = LazyLock::new(found);
    *PROTECTION
}

/// What pages that execute allow: with `PROT_BTI`, where stubs have landing pads.
pub(in crate::system) fn executable() -> ProtFlags {
    let checked = match protection().landing_pads {
        LandingPads::Emit => 0x10,
        LandingPads::Omit => 0,
    };
    ProtFlags::READ | ProtFlags::EXEC | ProtFlags::from_bits_retain(checked)
}

/// On Linux pages say so themselves (`PROT_BTI`), and every CPU with branch target identification obeys. Signatures are
/// checked by code alone.
#[cfg(all(target_os = "linux", target_arch = "aarch64"))]
fn found() -> Protection {
    /// `HWCAP2_BTI` and `HWCAP_PACA` of `asm/hwcap.h`.
    const BTI: libc::c_ulong = 1 << 17;
    const PACA: libc::c_ulong = 1 << 30;
    // SAFETY: the calls read what the kernel told the process when it started.
    let (first, second) = unsafe { (libc::getauxval(libc::AT_HWCAP), libc::getauxval(libc::AT_HWCAP2)) };
    Protection {
        landing_pads: if second & BTI != 0 { LandingPads::Emit } else { LandingPads::Omit },
        return_addresses: if first & PACA != 0 { ReturnAddresses::Signed } else { ReturnAddresses::Plain },
    }
}

/// Linux does not turn indirect branch tracking on for x86_64 programs, and shadow stacks ask nothing of code
/// except that calls and returns are in pairs; FreeBSD turns on neither. Programs for Apple's `arm64` run without pointer
/// authentication (that is `arm64e`), and pages without branch targets. The other architectures have nothing of the kind.
#[cfg(not(all(target_os = "linux", target_arch = "aarch64")))]
fn found() -> Protection {
    Protection { landing_pads: LandingPads::Omit, return_addresses: ReturnAddresses::Plain }
}
