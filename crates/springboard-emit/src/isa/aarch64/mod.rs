//! aarch64: Cranelift emits landing pads and signs return addresses itself. What it emits is shortened, as far as an
//! independent reading of the result agrees.

mod assembly;
mod closure;
mod guard;
mod reading;
mod shorten;

use cranelift_codegen::settings::Configurable;
use springboard_abi::Convention;

use self::reading::Live;
use super::{Frame, Isa};
use crate::{
    error::EmitError,
    protection::{LandingPads, ReturnAddresses},
};

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
    finish: |plan, code, protection| {
        let code = shorten::shorten(code, Live::of(plan), protection.landing_pads);
        let Some(fast) = guard::wrapped(plan) else { return Ok(code) };
        guard::wrap(fast, plan.caller, &code, protection)
            .ok_or_else(|| EmitError::Backend(String::from("a stub refers to neither code nor a hole")))
    },
    find_closure: closure::found,
    landing: |_| None,
    // `tail` has registers of its own for arguments.
    jumps: |_: Convention, _: Convention| false,
    wraps_guard: |plan| guard::wrapped(plan).is_some(),
    wraps_checks: |_| false,
    reserved_at_calls: |_| 0,
    spare_vectors: true,
    names_saved: |_| false,
    scratch: 16,
    stores_pairs: |_| false,
    finds_thread_locals: |_| false,
    holes_in_instructions: false,
    frame: Some(Frame {
        frame_pointer: gimli::AArch64::X29,
        return_address: gimli::AArch64::X30,
        signs: true,
    }),
};
