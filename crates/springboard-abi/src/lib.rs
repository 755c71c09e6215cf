//! C calling conventions: from a signature to a plan.
//!
//! One entry function, [`plan`]: a [`Signature`](springboard_ir::Signature), a [`Target`] and an [`Entry`] go in;
//! a [`Plan`] (where every byte of every argument and result comes from and goes to) or the reason why there is
//! none comes out. Any target's plan can be made on any host.
//!
//! All knowledge of calling conventions in springboard is in this crate, one file per convention, twice: the
//! planners, and in [`check`] an independent reading of the same documents that accepts or refuses a plan. The
//! two share no code but the types of their input and output.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

#[cfg(feature = "check")]
mod check;

mod alike;
mod convention;
mod entry;
mod hole;
mod ineligible;
mod place;
mod plan;
mod protection;
mod shapes;
mod target;

pub use alike::passed_alike;
#[cfg(feature = "check")]
pub use check::{Source, Spot, Violation, check, check_boxed, check_fast_call};
pub use convention::{Assignment, Passing, Piece, RegisterFile, Returning, assign};
pub use entry::{
    Entered, FastCall, Narrow, NodeFunction, NodeKind, NodeRefusal, Options, Passed, Profile, Refusal,
    columns_of_result, node_eligible, node_eligible_call, plan, plan_boxed, plan_columns, plan_fast_call,
    plan_relay, plan_with_last_error,
};
pub use hole::{GUARD_HELPER, Hole, HoleKind};
pub use ineligible::{Ineligible, Way};
pub use place::Place;
pub use plan::{
    BoxedForm, ClosureForm, Column, Columns, Direction, DowncallResult, Entry, ErrorSource, Errors, FastForm,
    Fill, Form, Guard, LastError, Move, Operand, Output, OutputPlace, Parameter, Plan, ResultMove, Rows,
    SlotContent, SlotForm, SlotsForm, Step, Temporary, UpcallResult, symbol,
};
/// How a host describes itself and a call, for [`Entry::Boxed`].
pub mod boxed {
    pub use crate::{
        entry::{BoxedCall, Host, Kind},
        plan::boxed::{
            Arguments, Around, Boxing, Callable, Check, Count, DigitSign, HostAddress, Memory, Payload,
            Returned, Returns, Unbox, Unboxed, Wanted,
        },
    };
}
pub use protection::{LandingPads, Protection, ReturnAddresses};
pub use shapes::{COMMON, common, common_number};
pub use target::{Convention, Target, UnknownTarget};
