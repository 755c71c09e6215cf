//! The closed guard of aarch64 stubs: instructions before and after the finished stub, which stays as it is.
//!
//! ```text
//!          ldr  x16, guard          x16 and x17 hold no arguments
//!          ldrb w17, [x16]
//!          cbnz w17, closed         not taken as long as the library is open
//!          …the stub…
//! closed:  the host is told; then zero is returned
//! ```

use springboard_abi::{
    Convention, FastForm, Form, Guard, LandingPads, Place, Plan, Protection, ReturnAddresses,
};

use super::{
    super::Code,
    assembly::{AUTIASP, EPILOGUE, Item, LANDING_PAD, PACIASP, PROLOGUE, RET, To, assemble, items},
};
use crate::template::{GUARD_HELPER, HoleKind};

/// The form of a plan whose guard is put around its stub.
pub(super) fn wrapped(plan: &Plan) -> Option<&FastForm> {
    match &plan.form {
        Form::V8(fast) if fast.guard == Guard::Closed => Some(fast),
        _ => None,
    }
}

/// Puts the guard around a stub that is called by a convention. `None` where the stub refers to anything but its own
/// instructions and holes.
pub(super) fn wrap(fast: &FastForm, caller: Convention, stub: &Code, protection: Protection) -> Option<Code> {
    let stub = items(stub)?;
    // The whole begins with a landing pad, and not the stub in it.
    let own_pad = usize::from(stub.first() == Some(&Item::plain(LANDING_PAD)));
    let mut code = vec![Item::plain(LANDING_PAD); usize::from(protection.landing_pads == LandingPads::Emit)];
    code.extend(GUARD);
    let start = code.len();
    let moved = |item: &Item| match item.to {
        To::Item(target) => Item { to: To::Item(target - own_pad + start), ..*item },
        _ => *item,
    };
    code.extend(stub[own_pad..].iter().map(moved));
    code[start - 1].to = To::Item(code.len());
    let signs = protection.return_addresses == ReturnAddresses::Signed;
    code.extend(signs.then_some(Item::plain(PACIASP)));
    code.extend(PROLOGUE);
    code.push(options_to_x1(fast, caller));
    code.push(Item { word: 0x5800_0000, to: To::Literal(HoleKind::Context) }); // ldr x0, context
    code.push(Item::plain(0xf940_0210 | (GUARD_HELPER as u32 / 8) << 10)); // ldr x16, [x16, #8]
    code.push(Item::plain(0xd63f_0200)); // blr x16
    code.push(Item::plain(0xd280_0000)); // mov x0, #0
    code.push(Item::plain(0x2f00_e400)); // movi d0, #0
    code.push(EPILOGUE);
    code.extend(signs.then_some(Item::plain(AUTIASP)));
    code.push(Item::plain(RET));
    Some(assemble(&code))
}

/// `ldr x16, guard`; `ldrb w17, [x16]`; `cbnz w17, closed`
const GUARD: [Item; 3] = [
    Item { word: 0x5800_0010, to: To::Literal(HoleKind::Guard) },
    Item::plain(0x3940_0211),
    Item::plain(0x3500_0011),
];

/// Moves the pointer to V8's options, or null, to the second argument register, in the frame of the closed path.
fn options_to_x1(fast: &FastForm, caller: Convention) -> Item {
    let entered = fast.entered(caller).ok().filter(|_| fast.takes_options());
    Item::plain(match entered.and_then(|entered| entered.parameters.last().copied()) {
        // mov x1, reg
        Some(Place::Gpr { reg, .. }) => 0xaa00_03e1 | u32::from(reg) << 16,
        // ldr x1, [x29, …]: above the frame pointer and the return address
        Some(Place::Stack { offset }) => 0xf940_03a1 | ((offset + 16) / 8) << 10,
        // mov x1, #0. A pointer is passed in no vector register.
        Some(Place::Vec { .. }) | None => 0xd280_0001,
    })
}
