//! The closed guard of x86_64 stubs: instructions before and after the finished stub, which stays as it is.
//!
//! ```text
//!          movabs r11, guard         r11 holds no argument
//!          cmp    byte ptr [r11], 0
//!          jne    closed             not taken as long as the library is open
//!          …the stub…
//! closed:  call   [r11 + 8]          the host; then zero is returned
//! ```
//!
//! In the middle of a function that Cranelift compiles, a branch to a call would cost the stub its frame.

use springboard_abi::{Convention, FastForm, Form, Guard, Place, Plan};

use crate::template::{GUARD_HELPER, Hole, HoleKind};

/// The form of a plan whose guard is put around its stub.
pub(crate) fn wrapped(plan: &Plan) -> Option<&FastForm> {
    match &plan.form {
        Form::V8(fast) if fast.guard == Guard::Closed && plan.caller == Convention::Sysv64 => Some(fast),
        _ => None,
    }
}

/// Puts the guard around a stub.
pub(crate) fn wrap(fast: &FastForm, stub: &[u8], holes: &mut Vec<Hole>) -> Vec<u8> {
    let mut code = Vec::with_capacity(stub.len() + 64);
    let hole = |code: &mut Vec<u8>, kind| {
        let hole = Hole { offset: code.len() as u32, kind };
        code.extend([0; 8]);
        hole
    };
    code.extend([0x49, 0xbb]); // movabs r11, guard
    let guard = hole(&mut code, HoleKind::Guard);
    code.extend([0x41, 0x80, 0x3b, 0x00]); // cmp byte ptr [r11], 0
    match i8::try_from(stub.len()) {
        Ok(near) => code.extend([0x75, near.to_le_bytes()[0]]), // jne closed
        Err(_) => {
            code.extend([0x0f, 0x85]); // jne closed
            code.extend((stub.len() as u32).to_le_bytes());
        }
    }
    let start = code.len() as u32;
    holes.iter_mut().for_each(|hole| hole.offset += start);
    code.extend(stub);
    code.extend([0x55, 0x48, 0x89, 0xe5]); // push rbp; mov rbp, rsp
    code.extend(options_to_rsi(fast));
    code.extend([0x48, 0xbf]); // movabs rdi, context
    let context = hole(&mut code, HoleKind::Context);
    code.extend([0x41, 0xff, 0x53, GUARD_HELPER as u8]); // call [r11 + 8]
    code.extend([0x31, 0xc0, 0x0f, 0x57, 0xc0]); // xor eax, eax; xorps xmm0, xmm0
    code.extend([0x5d, 0xc3]); // pop rbp; ret
    holes.extend([guard, context]);
    code
}

/// Moves the pointer to V8's options, or null, to the second argument register.
fn options_to_rsi(fast: &FastForm) -> Vec<u8> {
    let entered = fast.entered(Convention::Sysv64).ok().filter(|_| fast.takes_options());
    match entered.and_then(|entered| entered.parameters.last().copied()) {
        // mov rsi, rdi … r9
        Some(Place::Gpr { reg, .. }) => {
            const MOVES: [&[u8]; 6] = [
                &[0x48, 0x89, 0xfe],
                &[],
                &[0x48, 0x89, 0xd6],
                &[0x48, 0x89, 0xce],
                &[0x4c, 0x89, 0xc6],
                &[0x4c, 0x89, 0xce],
            ];
            MOVES[usize::from(reg)].to_vec()
        }
        // mov rsi, [rbp + …]: above the frame pointer and the return address
        Some(Place::Stack { offset }) => [&[0x48, 0x8b, 0xb5][..], &(offset + 16).to_le_bytes()].concat(),
        // xor esi, esi
        Some(Place::Vec { .. }) | None => vec![0x31, 0xf6],
    }
}

#[cfg(test)]
mod tests {
    use springboard_abi::{FastCall, Options, Target, plan_fast_call};
    use springboard_ir::Signature;

    use super::*;

    /// The form of a stub that gets V8's options.
    fn with_options(declaration: &str) -> FastForm {
        let signature = Signature::parse(declaration).expect("a signature");
        let call = FastCall { options: Options::Always, ..FastCall::new(signature) };
        let linux = "x86_64-unknown-linux-gnu".parse().expect("a triple");
        let plan = plan_fast_call(&call, &Target::of(&linux).expect("a target")).expect("a plan");
        let Form::V8(fast) = plan.form else { panic!("{plan}") };
        fast
    }

    #[test]
    fn the_options_are_taken_from_where_v8_puts_them() {
        assert_eq!(options_to_rsi(&with_options("void(double)")), [0u8; 0], "rsi itself");
        assert_eq!(options_to_rsi(&with_options("void(int, int, int)")), [0x4c, 0x89, 0xc6], "r8");
        let stack = options_to_rsi(&with_options("void(int, int, int, int, int, int)"));
        assert_eq!(stack, [0x48, 0x8b, 0xb5, 24, 0, 0, 0], "the second word above the return address");
    }

    #[test]
    fn the_branch_leads_behind_the_stub() {
        for (length, branch) in [(5, 2), (127, 2), (128, 6)] {
            let stub = vec![0x90; length];
            let mut holes = vec![Hole { offset: 1, kind: HoleKind::Target }];
            let code = wrap(&with_options("void(void)"), &stub, &mut holes);
            let start = 14 + branch;
            assert_eq!(code[start..start + length], stub);
            assert_eq!(holes[0].offset as usize, start + 1, "holes move with the stub");
            let distance = if branch == 2 {
                usize::from(code[start - 1])
            } else {
                u32::from_le_bytes(code[start - 4..start].try_into().expect("four bytes")) as usize
            };
            assert_eq!(code[start + distance], 0x55, "the cold path begins with its frame");
            for hole in &holes[1..] {
                let at = hole.offset as usize;
                assert_eq!(code[at..at + 8], [0; 8], "{:?}", hole.kind);
            }
        }
    }
}
