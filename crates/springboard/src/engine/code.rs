//! What functions are called through: the stub of their shape, or one of their own.

use std::{ffi::c_void, ptr::NonNull, sync::Arc};

use springboard_abi::{DowncallResult, Entry, Plan, SlotForm, plan_relay, plan_with_last_error};
use springboard_code::{CodePointer, Holes, Stamp, Stub, fork};
use springboard_ir::Signature;

use super::{Engine, Stubs, shape::Shape};
use crate::{
    last_error::LastError,
    reason::{Path, Reason},
};

/// A native function, as far as its code has to know it.
#[derive(Clone, Copy)]
pub(crate) struct Callee {
    pub(crate) address: NonNull<c_void>,
    /// What it returns, which its stub's name says.
    pub(crate) result: SlotForm,
}

/// The code through which a function is called.
pub(crate) enum Code {
    /// The stub of its shape, which is handed the function's address.
    Shared(Arc<Stub>),
    /// Its own stub, which knows the address; and the stub of its shape, where it leaves the moves to that.
    Own { stub: Stub, _to: Option<Arc<Stub>> },
    /// The thunk of its shape, compiled with the program. It is handed the function's address.
    Packed(CodePointer),
}

impl Code {
    /// By which path a function with this code is called.
    pub(crate) fn path(&self) -> &'static Path {
        match self {
            Code::Shared(_) | Code::Own { .. } => &Path::Native,
            Code::Packed(_) => &Path::Pack,
        }
    }

    /// The first instruction.
    pub(crate) fn first(&self) -> CodePointer {
        match self {
            Code::Shared(stub) => stub.entry(),
            Code::Own { stub, .. } => stub.entry(),
            Code::Packed(first) => *first,
        }
    }
}

/// Steps beyond which a function's own stub leaves them to the stub of its shape. So many and what is around them are
/// a cache line of code.
const OWN_STEPS: usize = 8;

/// What a plan has its stub do, each an instruction or two.
fn steps(plan: &Plan) -> usize {
    let Plan { form, moves, temporaries, stack_bytes, .. } = plan;
    let stores = match form.downcall_result() {
        Some(DowncallResult::Memory { moves, .. }) => 2 + moves.len(),
        _ => 0,
    };
    let copies: u32 = temporaries.iter().map(|copy| copy.bytes.div_ceil(8)).sum();
    let calls = if form.last_error().is_some() { OWN_STEPS } else { 0 };
    moves.len() + stores + (copies + stack_bytes / 8) as usize + calls
}

impl Engine {
    /// The plan of what functions of this signature are called through.
    pub(crate) fn function_plan(&self, signature: &Signature) -> Result<Plan, Reason> {
        Ok(self.function_plan_of(self.plan(signature, Entry::Slots)?))
    }

    /// The same, of a plan of the slots entry.
    fn function_plan_of(&self, plan: Plan) -> Plan {
        if self.has_own_stubs() && steps(&plan) <= OWN_STEPS { plan.bound() } else { plan }
    }

    /// Whether each function has a stub of its own. Without memory for code there is what the pack has.
    pub(super) fn has_own_stubs(&self) -> bool {
        self.shared.stubs == Stubs::PerFunction && self.memory().is_ok()
    }

    /// The code for a function, compiled now if nobody has asked for its plan before.
    pub(crate) fn code(&self, plan: &Plan, callee: Callee) -> Result<Code, Reason> {
        self.code_of(&*self.shape(plan)?, callee)
    }

    /// The code for a function of a shape.
    pub(super) fn code_of(&self, shape: &Shape, callee: Callee) -> Result<Code, Reason> {
        if !self.has_own_stubs() {
            return self.shared_code_of(shape, Some(callee.result));
        }
        self.publish(self.own(shape, callee)?)
    }

    /// Writes a function's own stub.
    pub(super) fn publish(&self, own: Own<'_>) -> Result<Code, Reason> {
        let stub = self.memory()?.publish(&[own.stamp()])?.remove(0);
        Ok(own.code(stub))
    }

    /// Whether the code of functions of this plan is there, so that nobody need wait for it.
    pub(crate) fn has_code(&self, plan: &Plan) -> bool {
        plan.entry() == Entry::Slots
            && !self.has_own_stubs()
            && (self.shared.cache.has(plan) || self.thunk(plan).is_some())
    }

    /// The code for a function that delivers a last error with its result.
    pub(crate) fn code_delivering(
        &self,
        signature: &Signature,
        callee: Callee,
        last_error: LastError,
    ) -> Result<Code, Reason> {
        let source = last_error.source();
        let plan = self.plan_with(|target| plan_with_last_error(signature, target, source))?;
        if last_error == LastError::Errno {
            return self.code(&self.function_plan_of(plan), callee);
        }
        // What is asked for the error is in the stub, so that no two functions can share one.
        let shape = self.shape(&plan.bound())?;
        let own = self.own(&shape, callee)?;
        let mut stamp = own.stamp();
        stamp.holes.helper = last_error.helper();
        let stub = self.memory_for(&shape)?.publish(&[stamp])?.remove(0);
        Ok(own.code(stub))
    }

    /// The stub of a plan of the slots entry, whatever the engine makes otherwise.
    pub(crate) fn shared_code(&self, plan: &Plan) -> Result<Code, Reason> {
        self.shared_code_of(&*self.shape(plan)?, None)
    }

    pub(super) fn shared_code_of(&self, shape: &Shape, result: Option<SlotForm>) -> Result<Code, Reason> {
        match shape.thunk() {
            Some(thunk) => Ok(Code::Packed(thunk)),
            None => Ok(Code::Shared(Arc::clone(self.stub_of(shape, result)?))),
        }
    }

    /// The stub that serves every function of a shape.
    pub(super) fn stub_of<'s>(
        &self,
        shape: &'s Shape,
        result: Option<SlotForm>,
    ) -> Result<&'s Arc<Stub>, Reason> {
        shape.stub(self.memory_for(shape)?, &self.shared.counters.shared, result)
    }

    /// What a function's own stub is stamped from.
    pub(super) fn own<'s>(&'s self, shape: &'s Shape, callee: Callee) -> Result<Own<'s>, Reason> {
        if shape.entry() != Entry::Slots {
            return Ok(Own { shape, callee, relayed: None });
        }
        let relay = self.relay()?;
        let (to, keeps) = match shape.thunk() {
            Some(thunk) => (thunk, None),
            None => {
                let stub = self.stub_of(shape, Some(callee.result))?;
                (stub.entry(), Some(Arc::clone(stub)))
            }
        };
        Ok(Own { shape, callee, relayed: Some(Relayed { relay, to, keeps }) })
    }

    fn relay(&self) -> Result<&Shape, Reason> {
        let relay = self.shared.relay.get().unwrap_or_else(|| {
            // A child that is forked meanwhile would find it locked for ever.
            let _hold = fork::hold();
            let plan = || self.plan_with(|target| Ok(plan_relay(target)));
            self.shared.relay.get_or_init(|| self.shape(&plan()?))
        });
        relay.as_deref().map_err(Reason::clone)
    }
}

/// A function's own stub, to be stamped.
pub(super) struct Own<'s> {
    shape: &'s Shape,
    callee: Callee,
    relayed: Option<Relayed<'s>>,
}

/// What a stub needs that leaves its moves to another.
struct Relayed<'s> {
    relay: &'s Shape,
    /// What belongs to the shape, and serves all functions of it.
    to: CodePointer,
    keeps: Option<Arc<Stub>>,
}

impl Own<'_> {
    pub(super) fn stamp(&self) -> Stamp<'_> {
        let target = self.callee.address.addr().get() as u64;
        let (template, entry, helper) = match &self.relayed {
            None => (self.shape.template(), Entry::Bound, 0),
            Some(Relayed { relay, to, .. }) => (relay.template(), Entry::Relay, *to as usize as u64),
        };
        let name = self.shape.name(entry, Some(self.callee.result));
        Stamp { name, template, holes: Holes { target, helper, ..Holes::default() } }
    }

    /// What the function is entered through, when `stub` is what was stamped.
    pub(super) fn code(self, stub: Stub) -> Code {
        Code::Own { stub, _to: self.relayed.and_then(|relayed| relayed.keeps) }
    }
}
