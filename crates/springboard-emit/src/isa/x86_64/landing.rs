//! The few instructions that no Cranelift signature can ask for.
//!
//! A *landing* is appended to a template. The stub calls it in place of the native function, with a direct call
//! inside the template; the landing sets what is missing and reaches the target. All argument registers are taken by then,
//! so the landing finds the target's address where the stub put it: in the stack word after the last argument, which
//! belongs to nobody's argument.
//!
//! ```text
//!        ┌─────────────────────┐
//!        │ address of target   │  put there by the stub
//!        │ stack arguments     │  stack_bytes
//!        │ (shadow space)      │
//! rsp ─► │ return into stub    │  on entry of the landing, and of the target
//!        └─────────────────────┘
//! ```
//!
//! Mostly it jumps on, and the target returns to the stub. Where the stack arguments are to be aligned to more than 16
//! bytes, which Cranelift aligns no call to, the landing calls the target from a frame of its own, with a copy of them.
//! That frame is like the stub's, so that one unwind row describes both. Its bytes and those of its alignment are less
//! than a page (`Ineligible::MAX_STACK`), and the call stores below them, so that it needs no stack probe.

use springboard_abi::{Place, Plan};

use super::count;

/// What a landing does before it reaches the target.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Landing {
    /// `%al`: the number of vector registers that hold arguments (System V AMD64 psABI 3.2.3, variadic calls).
    vector_count: Option<u8>,
    /// The general register of a position gets a copy of its vector register: one flag per position, from the lowest
    /// bit (Microsoft x64 calling convention, "Varargs").
    duplicate: u8,
    /// The stack arguments are aligned to so many bytes.
    align: Option<u32>,
}

impl Landing {
    /// What `plan` needs, if anything.
    pub(crate) fn of(plan: &Plan) -> Option<Landing> {
        let vector_count = plan.vector_count.filter(|_| count::of(plan).is_none());
        let positional = plan.convention.registers().positional;
        let duplicate = if positional { doubled(plan) } else { 0 };
        let align = plan.stack_align;
        let needed = vector_count.is_some() || duplicate != 0 || align.is_some();
        needed.then_some(Landing { vector_count, duplicate, align })
    }

    /// The instructions.
    pub(crate) fn code(self, plan: &Plan) -> Vec<u8> {
        let shadow_space = if plan.convention.registers().positional { 32 } else { 0 };
        let area = shadow_space + plan.stack_bytes;
        let mut code = Vec::with_capacity(64);
        if let Some(align) = self.align {
            code.extend(aligned_copy(area, align));
        }
        let copies: [[u8; 5]; 4] = [
            [0x66, 0x48, 0x0f, 0x7e, 0xc1], // movq rcx, xmm0
            [0x66, 0x48, 0x0f, 0x7e, 0xca], // movq rdx, xmm1
            [0x66, 0x49, 0x0f, 0x7e, 0xd0], // movq r8, xmm2
            [0x66, 0x49, 0x0f, 0x7e, 0xd9], // movq r9, xmm3
        ];
        let wanted = copies.iter().enumerate().filter(|(index, _)| self.duplicate & 1 << index != 0);
        code.extend(wanted.flat_map(|(_, copy)| copy));
        // mov eax, count
        code.extend(self.vector_count.iter().flat_map(|count| [0xb8, *count, 0, 0, 0]));
        if self.align.is_some() {
            // call qword ptr [rbp + frame pointer + return address + arguments]; leave; ret
            code.extend([0xff, 0x95]);
            code.extend((16 + area).to_le_bytes());
            code.extend([0xc9, 0xc3]);
        } else {
            // jmp qword ptr [rsp + return address + arguments]
            code.extend([0xff, 0xa4, 0x24]);
            code.extend((8 + area).to_le_bytes());
        }
        code
    }
}

/// The positions whose general and vector register both hold an argument, as flags.
fn doubled(plan: &Plan) -> u8 {
    let positions = |wanted: fn(Place) -> Option<u8>| {
        plan.moves.iter().filter_map(|step| wanted(step.place)).fold(0, |flags, reg| flags | 1 << reg)
    };
    let gprs = positions(|place| if let Place::Gpr { reg, .. } = place { Some(reg) } else { None });
    let vecs = positions(|place| if let Place::Vec { reg, .. } = place { Some(reg) } else { None });
    gprs & vecs
}

/// Makes a frame, and copies the `bytes` of arguments above it (a multiple of 8, not 0) to its end, aligned. It changes
/// r10 and r11, which carry no argument and belong to nobody.
fn aligned_copy(bytes: u32, align: u32) -> Vec<u8> {
    let mut code = vec![0x55, 0x48, 0x89, 0xe5]; // push rbp; mov rbp, rsp
    // sub rsp, bytes; and rsp, -align
    code.extend([0x48, 0x81, 0xec]);
    code.extend(bytes.to_le_bytes());
    code.extend([0x48, 0x81, 0xe4]);
    code.extend(align.wrapping_neg().to_le_bytes());
    // mov r10d, bytes
    code.extend([0x41, 0xba]);
    code.extend(bytes.to_le_bytes());
    code.extend([0x4e, 0x8b, 0x5c, 0x15, 0x08]); // next: mov r11, [rbp + r10 + 8], the word before rbp + 16 + r10
    code.extend([0x4e, 0x89, 0x5c, 0x14, 0xf8]); // mov [rsp + r10 - 8], r11
    code.extend([0x49, 0x83, 0xea, 0x08]); // sub r10, 8
    code.extend([0x75, 0xf0]); // jnz next
    code
}
