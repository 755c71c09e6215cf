//! x86_64: stubs without arguments on the stack end in a jump, and lose the frame that Cranelift gives them. What no
//! Cranelift signature can say (`%al`, doubled registers, `r10`) is put into the finished code.

mod assembly;
mod checks;
mod closure;
mod count;
mod frame;
mod guard;
mod landing;
mod moves;
mod push;
mod reading;
mod row;
mod saved;
mod shorten;
mod thread_local;

use springboard_abi::{Convention, LandingPads, Plan, Protection};

use self::landing::Landing;
use super::{Code, Frame, Isa};
use crate::error::EmitError;

pub(super) static ISA: Isa = Isa {
    // Cranelift emits no landing pads here; `finish` does.
    configure: |_, _| Ok(()),
    finish,
    find_closure: |_, code, hole| closure::from_r10(code, hole),
    landing: |plan| Landing::of(plan).map(|landing| landing.code(plan)),
    // `tail` has System V's argument registers and callee-saved set. Whoever is called by it takes its stack
    // arguments away, so there may be none.
    jumps: |caller, callee| caller == Convention::Sysv64 && callee == Convention::Sysv64,
    wraps_guard: |plan| guard::wrapped(plan).is_some(),
    wraps_checks: |plan| checks::wrapped(plan).is_some(),
    // The shadow space of Windows.
    reserved_at_calls: |convention| if convention == Convention::Win64 { 32 } else { 0 },
    stack_align: 16,
    spare_vectors: true,
    names_saved: saved::names_saved,
    // The target of a jump has one of its own.
    scratch: 8,
    stores_pairs: |convention| convention == Convention::Sysv64,
    finds_thread_locals: |caller| caller == Convention::Sysv64,
    holes_in_instructions: true,
    unwind_info: row::unwind_info,
    frame: Some(Frame { frame_pointer: gimli::X86_64::RBP, return_address: gimli::X86_64::RA, signs: false }),
};

/// `endbr64`: where an indirect branch may land when the process has indirect branch tracking on.
const ENDBR64: [u8; 4] = [0xf3, 0x0f, 0x1e, 0xfa];

fn finish(plan: &Plan, code: Code, protection: Protection) -> Result<Code, EmitError> {
    let refused = |why: &str| EmitError::Backend(String::from(why));
    let Code { mut bytes, mut holes } = match reading::live(plan) {
        Some(live) => shorten::shorten(code, live),
        None => code,
    };
    if let Some(count) = count::of(plan) {
        bytes =
            count::insert(&bytes, count).ok_or_else(|| refused("a stub of avalue is no straight line"))?;
    }
    if let Some(fast) = checks::wrapped(plan) {
        Code { bytes, holes } = checks::wrap(fast, &Code { bytes, holes })
            .ok_or_else(|| refused("a stub to be checked refers to neither code nor a hole"))?;
    }
    if let Some(fast) = guard::wrapped(plan) {
        bytes = guard::wrap(fast, &bytes, &mut holes);
    }
    if thread_local::is_wanted(plan) {
        bytes = thread_local::prepend(plan.entry(), &bytes, &mut holes);
    }
    if protection.landing_pads == LandingPads::Emit {
        holes.iter_mut().for_each(|hole| hole.offset += ENDBR64.len() as u32);
        bytes.splice(0..0, ENDBR64);
    }
    Ok(Code { bytes, holes })
}
