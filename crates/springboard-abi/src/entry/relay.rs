//! The `relay` entry: a stub of a function's own that leaves all moves to the stub of its shape.

use super::moves::{in_registers, whole_slot};
use crate::{
    place::Place,
    plan::{Form, Plan},
    target::Target,
};

/// The one plan of the [`Entry::Relay`](crate::Entry::Relay) stubs of `target`: they pass the target and the slots on to the
/// [`Entry::Slots`](crate::Entry::Slots) stub of any shape.
///
/// Both are words, and every convention has its first two in general registers.
pub fn plan_relay(target: &Target) -> Plan {
    let register = |reg| Place::Gpr { reg, at: 0 };
    in_registers(target, Form::Relay, [whole_slot(1, register(0)), whole_slot(0, register(1))].into())
}
