//! How an unwinder walks through stubs.
//!
//! Every stub with a frame has the same one: the caller's frame pointer and the return address at the frame pointer,
//! and no other callee-saved register changed, except in the few that keep one all the same: they give it back when they
//! return, and an exception loses it (docs/architecture.md). Stubs without a frame make no calls, so an unwinder meets one
//! only if it interrupts it. Hence one row, valid wherever a call is under way, describes a whole mapping full of stubs, and
//! the unwinder need not be told of single stubs. (On Windows more registers belong to the caller, and stubs that change
//! some have a row of their own in their template.)

use gimli::{
    Encoding, Format, LittleEndian,
    write::{
        Address, CallFrameInstruction, CommonInformationEntry, EhFrame, EndianVec, FrameDescriptionEntry,
        FrameTable,
    },
};
use springboard_abi::ReturnAddresses;
use target_lexicon::Architecture;

use crate::isa::{Frame, Isa};

/// What Windows' unwinder reads of all stubs whose template has no [row](crate::Template::row) of its own: `UNWIND_INFO`
/// (x64 exception handling, "Struct UNWIND_INFO"), version 1; a prologue of no bytes, so that the codes hold wherever in a
/// stub a call is under way; two codes; the frame register is `rbp`, at no distance. The codes: the stack pointer is the
/// frame pointer's value, where the caller's frame pointer was pushed.
pub const UNWIND_INFO: [u8; 8] = [1, 0, 2, RBP, 0, SET_FRAME_POINTER, 0, PUSH | RBP << 4];

const PUSH: u8 = 0;
const SET_FRAME_POINTER: u8 = 3;
const RBP: u8 = 5;

/// The contents of an `.eh_frame` section that describes `bytes` bytes of stubs at `start`, closed by a zero word, for
/// `__register_frame`. An unwinder takes signatures from return addresses where the section says that there are some
/// (AADWARF64, 4.3).
///
/// `None` on architectures whose stubs have no frame pointer (s390x): an unwinder stops at a stub there.
pub fn eh_frame(
    architecture: &Architecture,
    return_addresses: ReturnAddresses,
    start: u64,
    bytes: u32,
) -> Option<Vec<u8>> {
    let Frame { frame_pointer, return_address, signs } = Isa::of(architecture)?.frame.as_ref()?;
    let encoding = Encoding { format: Format::Dwarf32, version: 1, address_size: 8 };
    let mut cie = CommonInformationEntry::new(encoding, 1, -8, *return_address);
    cie.add_instruction(CallFrameInstruction::Cfa(*frame_pointer, 16));
    cie.add_instruction(CallFrameInstruction::Offset(*frame_pointer, -16));
    cie.add_instruction(CallFrameInstruction::Offset(*return_address, -8));
    if *signs && return_addresses == ReturnAddresses::Signed {
        cie.add_instruction(CallFrameInstruction::NegateRaState);
    }
    let mut table = FrameTable::default();
    let cie = table.add_cie(cie);
    table.add_fde(cie, FrameDescriptionEntry::new(Address::Constant(start), bytes));
    let mut section = EhFrame(EndianVec::new(LittleEndian));
    table.write_eh_frame(&mut section).ok()?;
    let mut contents = section.0.into_vec();
    contents.extend([0; 4]);
    Some(contents)
}

#[cfg(test)]
mod tests {
    use gimli::{BaseAddresses, CfaRule, RegisterRule, UnwindContext, UnwindSection};

    use super::*;

    #[test]
    fn every_address_of_the_mapping_has_the_same_row() {
        let contents = eh_frame(&Architecture::X86_64, ReturnAddresses::Signed, 0x7000_0000, 0x1000)
            .expect("x86_64 has frame pointers");
        let mut section = gimli::EhFrame::new(&contents, LittleEndian);
        section.set_address_size(8);
        let bases = BaseAddresses::default();
        for address in [0x7000_0000, 0x7000_0801, 0x7000_0fff] {
            let mut context = UnwindContext::new();
            let row = section
                .unwind_info_for_address(&bases, &mut context, address, gimli::EhFrame::cie_from_offset)
                .expect("the address is covered");
            assert_eq!(*row.cfa(), CfaRule::RegisterAndOffset { register: gimli::X86_64::RBP, offset: 16 });
            assert_eq!(row.register(gimli::X86_64::RA), Some(RegisterRule::Offset(-8)));
            assert_eq!(row.register(gimli::X86_64::RBP), Some(RegisterRule::Offset(-16)));
        }
        let mut context = UnwindContext::new();
        let beyond = section.unwind_info_for_address(
            &bases,
            &mut context,
            0x7000_1000,
            gimli::EhFrame::cie_from_offset,
        );
        assert!(beyond.is_err(), "the mapping ends there");
    }

    #[test]
    fn signatures_are_told_of_where_there_are_some() {
        let aarch64 = "aarch64".parse().expect("an architecture");
        let section = |architecture, return_addresses| {
            eh_frame(architecture, return_addresses, 0x1000, 0x1000).expect("it has frame pointers")
        };
        // DW_CFA_AARCH64_negate_ra_state
        let said = |section: &[u8]| section.contains(&0x2d);
        assert!(said(&section(&aarch64, ReturnAddresses::Signed)));
        assert!(!said(&section(&aarch64, ReturnAddresses::Plain)));
        assert!(!said(&section(&Architecture::X86_64, ReturnAddresses::Signed)));
    }

    #[test]
    fn s390x_has_no_frame_pointer_to_walk_by() {
        assert_eq!(eh_frame(&Architecture::S390x, ReturnAddresses::Plain, 0x1000, 0x1000), None);
    }
}
