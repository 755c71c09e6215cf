//! C calling conventions: from a signature to a plan.
//!
//! One entry function, [`plan`]: a [`Signature`](springboard_ir::Signature), a [`Target`] and an [`Entry`] go in;
//! a [`Plan`] (where every byte of every argument and result comes from and goes to) or the reason why there is
//! none comes out. Any target's plan can be made on any host.
//!
//! All knowledge of calling conventions in springboard is in this crate, one file a convention, twice: the
//! planners, and in [`check`] an independent reading of the same documents that accepts or refuses a plan. The
//! two share no code but the types of their input and output.
#![no_std]
#![forbid(unsafe_code)]

extern crate alloc;

mod aapcs64;
mod apple64;
mod assignment;
mod avalue;
mod callback;
mod check;
mod columns;
mod convention;
mod direct;
mod display;
mod ineligible;
mod lp64d;
mod pack;
mod plan;
mod relay;
mod s390x;
mod slots;
mod symbol;
mod sysv64;
mod target;
mod v8;
mod win64;

pub use assignment::{Assignment, Passing, Piece, Returning, assign};
pub use check::{Source, Spot, Violation, check, check_fast_call};
pub use columns::{Column, Columns, Step, plan_columns};
pub use convention::{Convention, RegisterFile};
pub use ineligible::Ineligible;
pub use pack::{COMMON, common, common_number};
pub use plan::{
    Direction, Entry, ErrorSource, Fill, Guard, LastError, Move, Operand, Parameter, Place, Plan, ResultMove,
    ResultPlan, Temporary, plan, plan_with_last_error,
};
pub use relay::plan_relay;
pub use slots::SlotForm;
pub use symbol::symbol;
pub use target::{Target, UnknownTarget};
pub use v8::{
    Entered, FastCall, Narrow, NodeFunction, NodeKind, NodeRefusal, Options, Profile, Refusal, node_eligible,
    node_eligible_call, plan_fast_call,
};
