//! Apple's variant of AAPCS64 ("Writing ARM64 code for Apple platforms").
//!
//! Registers, homogeneous aggregates and references are those of AAPCS64 ([`super::aapcs64`] has the picture). What
//! differs:
//!
//! * on the stack a scalar takes as many bytes as it has, at its natural alignment, and so does a homogeneous
//!   aggregate at that of its members;
//! * a value aligned to 16 bytes may begin at any register;
//! * variadic arguments are all on the stack, in 8-byte words;
//! * the caller extends integers narrower than 32 bits, which a canonical slot already is;
//! * `long double` is `double`, and `char` is signed (the data model says so).

use springboard_ir::{DataModel, Signature};
use target_lexicon::Architecture;

use super::{
    aapcs64::{self, Stacking},
    assignment::Assignment,
    rules::Rules,
};
use crate::ineligible::Ineligible;

pub(crate) const RULES: Rules = Rules {
    name: "aarch64/apple64",
    runs_on: |architecture| matches!(architecture, Architecture::Aarch64(_)),
    big_endian: false,
    float_keeps_width: false,
    sign_extends_u32: false,
    caller_extends: true,
    packs_stack: true,
    registers: aapcs64::REGISTERS,
    assign,
};

fn assign(signature: &Signature, model: &DataModel) -> Result<Assignment, Ineligible> {
    aapcs64::assign_with(signature, model, Stacking::Natural)
}
