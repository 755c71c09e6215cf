//! aarch64: Cranelift emits landing pads and signs return addresses itself.

use cranelift_codegen::settings::Configurable;
use springboard_abi::Convention;

use super::{Frame, Isa};
use crate::protection::{LandingPads, ReturnAddresses};

pub(super) static ISA: Isa = Isa {
    configure: |builder, protection| {
        if protection.landing_pads == LandingPads::Emit {
            builder.set("use_bti", "true")?;
        }
        if protection.return_addresses == ReturnAddresses::Signed {
            builder.set("sign_return_address", "true")?;
        }
        Ok(())
    },
    finish: |_, code, _| Ok(code),
    landing: |_| None,
    // `tail` has registers of its own for arguments.
    jumps: |_: Convention, _: Convention| false,
    wraps_guard: |_| false,
    spare_vectors: true,
    stores_pairs: |_| false,
    holes_in_instructions: false,
    frame: Some(Frame {
        frame_pointer: gimli::AArch64::X29,
        return_address: gimli::AArch64::X30,
        signs: true,
    }),
};
