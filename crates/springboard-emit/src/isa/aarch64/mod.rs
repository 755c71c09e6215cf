//! aarch64: Cranelift emits landing pads and signs return addresses itself. What it emits is shortened, as far as an
//! independent reading of the result agrees.

mod closure;
mod pairs;
mod reading;
mod shapes;

#[cfg(test)]
pub(super) use self::reading::CPU;
use cranelift_codegen::settings::Configurable;
use springboard_abi::Convention;

use super::{Frame, Isa, reading::Live};
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
        let pads = protection.landing_pads == LandingPads::Emit;
        let pad = pads.then_some(shapes::LANDING_PAD);
        let code = shapes::SHAPES.shorten(code, Live::of(&reading::CPU, plan), pad);
        if pads && !reading::begins_with_landing_pad(&code) {
            return Err(EmitError::Backend(String::from("a stub does not begin with a landing pad")));
        }
        Ok(code)
    },
    find_closure: closure::found,
    landing: |_| None,
    // `tail` has registers of its own for arguments.
    jumps: |_: Convention, _: Convention| false,
    wraps_guard: |_| false,
    wraps_checks: |_| false,
    reserved_at_calls: |_| 0,
    stack_align: 16,
    spare_vectors: true,
    names_saved: shapes::names_saved,
    scratch: 16,
    stores_pairs: |_| false,
    finds_thread_locals: |_| false,
    holes_in_instructions: false,
    unwind_info: |_| Ok(None),
    frame: Some(Frame {
        frame_pointer: gimli::AArch64::X29,
        return_address: gimli::AArch64::X30,
        signs: true,
    }),
};
