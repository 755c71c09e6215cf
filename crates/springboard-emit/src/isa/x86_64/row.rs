//! What the unwinder of Windows is told of a stub that saves registers of its caller beside the frame pointer.
//!
//! It is read from the finished code: which registers are stored before they are changed, and where. A register that is
//! changed without that, or a call at which the stack pointer is elsewhere, makes the code useless.
//!
//! ```text
//! rbp ─► caller's rbp, return address
//!        …
//!        registers of the caller       saves
//!        …
//! rsp ─► words for the callee          room below rbp, the same at every call
//! ```

use iced_x86::{
    Code as Op, FlowControl, Instruction, InstructionInfoFactory, Mnemonic, OpAccess, OpKind, Register,
};

use super::{super::UnwindInfo, saved::instructions};

/// `UNWIND_INFO` (x64 exception handling, "Struct UNWIND_INFO"): the codes of a frame from the last to the first. They
/// hold wherever a call is under way, so the prologue is said to have no bytes. `None` for a stub that saves nothing but
/// the frame pointer: one row describes all of those.
///
/// # Errors
/// What an unwinder could not be told.
pub(super) fn unwind_info(code: &[u8]) -> UnwindInfo {
    let Frame { room, saves } = Frame::read(code)?;
    if saves.is_empty() {
        return Ok(None);
    }
    let mut codes = Vec::new();
    for &(register, at) in saves.iter().rev() {
        let (operation, unit) = if register.is_xmm() { (SAVE_XMM128, 16) } else { (SAVE_NONVOLATILE, 8) };
        codes.extend([0, operation | (register.number() as u8) << 4]);
        codes.extend(units(at, unit)?.to_le_bytes());
    }
    codes.extend([0, ALLOCATE_LARGE]);
    codes.extend(units(room, 8)?.to_le_bytes());
    codes.extend([0, PUSH_NONVOLATILE | (Register::RBP.number() as u8) << 4]);
    let count = u8::try_from(codes.len() / 2).map_err(|_| "more is saved than there are registers")?;
    let mut info = vec![VERSION, 0, count, 0];
    info.extend(codes);
    info.resize(info.len().next_multiple_of(4), 0);
    Ok(Some(info))
}

const VERSION: u8 = 1;
const PUSH_NONVOLATILE: u8 = 0;
const ALLOCATE_LARGE: u8 = 1;
const SAVE_NONVOLATILE: u8 = 4;
const SAVE_XMM128: u8 = 8;

/// `bytes` in units of so many.
fn units(bytes: u64, unit: u64) -> Result<u16, &'static str> {
    let whole = bytes.is_multiple_of(unit).then(|| u16::try_from(bytes / unit).ok());
    whole.flatten().ok_or("a register is saved where no unwind code can say it")
}

/// What a stub's frame is like at its calls.
struct Frame {
    /// From the stack pointer to the frame pointer, in bytes.
    room: u64,
    /// Registers and where they are, in bytes above the stack pointer.
    saves: Vec<(Register, u64)>,
}

impl Frame {
    fn read(code: &[u8]) -> Result<Frame, &'static str> {
        let mut info = InstructionInfoFactory::new();
        let mut frame = Frame { room: 0, saves: Vec::new() };
        // How far the stack pointer is below the frame pointer. Each end of the stub takes the whole frame down.
        let (mut depth, mut is_made) = (0, false);
        for instruction in instructions(code) {
            if let Some(save) = frame.save(&instruction) {
                is_made = true;
                frame.room = depth;
                frame.saves.push(save);
                continue;
            }
            match instruction.flow_control() {
                FlowControl::IndirectCall | FlowControl::Call if is_made && depth != frame.room => {
                    return Err("the stack pointer is not at one place at every call");
                }
                FlowControl::Return => depth = frame.room,
                _ => {}
            }
            for used in info.info(&instruction).used_registers() {
                let writes = !matches!(used.access(), OpAccess::Read | OpAccess::CondRead);
                let register = whole(used.register());
                if writes && is_saved(register) && !frame.saves.iter().any(|(saved, _)| *saved == register) {
                    return Err("a register of the caller's is changed and was not saved");
                }
            }
            if instruction.op0_register() == Register::RSP && instruction.op1_kind() != OpKind::Register {
                let by =
                    instruction.try_immediate(1).map_err(|_| "the stack pointer is moved in another way")?;
                match instruction.mnemonic() {
                    Mnemonic::Sub => depth += by,
                    Mnemonic::Add => depth = depth.wrapping_sub(by),
                    _ => return Err("the stack pointer is moved in another way"),
                }
            }
        }
        Ok(frame)
    }

    /// The register that an instruction saves for the first time, and where.
    fn save(&self, instruction: &Instruction) -> Option<(Register, u64)> {
        let register = instruction.op1_register();
        let stores = match instruction.code() {
            Op::Mov_rm64_r64 => register.is_gpr64(),
            Op::Movdqu_xmmm128_xmm | Op::Movups_xmmm128_xmm | Op::Movaps_xmmm128_xmm => true,
            _ => false,
        };
        let on_stack = instruction.op0_kind() == OpKind::Memory
            && instruction.memory_base() == Register::RSP
            && instruction.memory_index() == Register::None;
        let is_first = !self.saves.iter().any(|(saved, _)| *saved == register);
        (stores && on_stack && is_first && is_saved(register))
            .then(|| (register, instruction.memory_displacement64()))
    }
}

fn whole(register: Register) -> Register {
    if register.is_vector_register() {
        Register::XMM0 + register.number() as u32
    } else {
        register.full_register()
    }
}

/// Registers that no function may change for its caller ("x64 calling convention", Caller/callee saved registers), except
/// those of the frame.
fn is_saved(register: Register) -> bool {
    use Register as R;
    matches!(register, R::RBX | R::RSI | R::RDI | R::R12 | R::R13 | R::R14 | R::R15)
        || (register.is_xmm() && (6..16).contains(&register.number()))
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use iced_x86::{InstructionInfoFactory, Register};

    use super::unwind_info;

    /// push rbp; mov rbp, rsp; sub rsp, 48
    const FRAME: [u8; 8] = [0x55, 0x48, 0x89, 0xe5, 0x48, 0x83, 0xec, 0x30];
    /// mov [rsp + 40], rsi
    const SAVE: [u8; 5] = [0x48, 0x89, 0x74, 0x24, 0x28];
    /// mov rsi, rcx
    const CHANGE: [u8; 3] = [0x48, 0x89, 0xce];
    /// call rax
    const CALL: [u8; 2] = [0xff, 0xd0];
    /// mov rsi, [rsp + 40]; add rsp, 48; mov rsp, rbp; pop rbp; ret
    const END: [u8; 14] =
        [0x48, 0x8b, 0x74, 0x24, 0x28, 0x48, 0x83, 0xc4, 0x30, 0x48, 0x89, 0xec, 0x5d, 0xc3];

    #[test]
    fn saved_registers_are_told_of() {
        let code = [&FRAME[..], &SAVE, &CHANGE, &CALL, &END].concat();
        // Five nodes: rsi at 5 times 8, 6 times 8 bytes, rbp.
        let expected = [1, 0, 5, 0, 0, 0x64, 5, 0, 0, 1, 6, 0, 0, 0x50, 0, 0];
        assert_eq!(unwind_info(&code), Ok(Some(expected.to_vec())));
        // movdqu [rsp + 32], xmm6
        let vector = [0xf3, 0x0f, 0x7f, 0x74, 0x24, 0x20];
        let code = [&FRAME[..], &SAVE, &vector, &CALL, &END].concat();
        let info = unwind_info(&code).expect("it can be told").expect("there is something to tell");
        assert_eq!((info[2], &info[4..8]), (7, &[0, 0x68, 2, 0][..]), "the last that was saved first");
    }

    #[test]
    fn a_frame_like_all_others_needs_no_row() {
        assert_eq!(unwind_info(&[&FRAME[..], &CALL, &END[5..]].concat()), Ok(None));
    }

    #[test]
    fn what_cannot_be_told_is_refused() {
        // The change before the save; none at all; a save that is no multiple of 16; sub rsp, 16 before a call.
        let odd = [0xf3, 0x0f, 0x7f, 0x74, 0x24, 0x28];
        let moved = [0x48, 0x83, 0xec, 0x10];
        for code in [
            [&FRAME[..], &CHANGE, &SAVE, &CALL, &END].concat(),
            [&FRAME[..], &CHANGE, &CALL, &END].concat(),
            [&FRAME[..], &odd, &CALL, &END].concat(),
            [&FRAME[..], &SAVE, &moved, &CALL, &END].concat(),
        ] {
            assert!(unwind_info(&code).is_err(), "{code:x?}");
        }
    }

    /// Whatever there is of arguments, by every entry: an unwinder is told of exactly the registers that a stub names.
    #[test]
    fn every_plan_has_a_row_that_is_true() {
        use springboard_abi::{Entry, Target, plan};
        use springboard_ir::Signature;

        let triple: target_lexicon::Triple = "x86_64-pc-windows-gnu".parse().unwrap();
        let mut compiler = crate::Compiler::new(&triple).unwrap();
        let target = Target::of(&triple).unwrap();
        let (mut plain, mut general, mut vectors) = (0, 0, 0);
        for count in (0..24).chain([60, 200]) {
            for kind in ["long long", "float", "signed char", "struct { long long a[3]; }", "double"] {
                let list = vec![kind; count].join(", ");
                let list = if count == 0 { "void" } else { &list };
                for text in [format!("double f({list})"), format!("struct {{ double d[3]; }} f({list})")] {
                    let signature = Signature::parse(&text).unwrap();
                    for entry in [
                        Entry::Slots,
                        Entry::Bound,
                        Entry::Avalue,
                        Entry::Relay,
                        Entry::Callback,
                        Entry::Direct,
                    ] {
                        let Ok(plan) = plan(&signature, &target, entry) else { continue };
                        let template =
                            compiler.emit(&plan).unwrap_or_else(|error| panic!("{entry} {text}: {error}"));
                        let Some(row) = template.row else {
                            plain += 1;
                            continue;
                        };
                        let (code, info) = template.code.split_at(row as usize);
                        let codes = &info[4..4 + usize::from(info[2]) * 2];
                        // All but the last three nodes are pairs: operation with register, and distance.
                        let saved = codes[..codes.len() - 6].chunks(4).map(|code| match code[1] & 15 {
                            super::SAVE_XMM128 => Register::XMM0 + u32::from(code[1] >> 4),
                            _ => Register::RAX + u32::from(code[1] >> 4),
                        });
                        let saved: BTreeSet<_> = saved.collect();
                        let mut info = InstructionInfoFactory::new();
                        let mut named = BTreeSet::new();
                        for instruction in super::instructions(code) {
                            let used = info.info(&instruction).used_registers().iter();
                            named.extend(
                                used.map(|used| super::whole(used.register()))
                                    .filter(|r| super::is_saved(*r)),
                            );
                        }
                        assert_eq!(saved, named, "{entry} {text}");
                        general += usize::from(saved.iter().any(|register| register.is_gpr()));
                        vectors += usize::from(saved.iter().any(|register| register.is_xmm()));
                    }
                }
            }
        }
        assert!(plain > 100 && general > 10 && vectors > 10, "{plain}, {general}, {vectors}");
    }
}
