//! What functions are called through: the stub of their shape, or one of their own.

use std::{ffi::c_void, ptr::NonNull, sync::Arc};

use springboard_abi::{DowncallResult, Entry, Plan, SlotForm, plan_relay, plan_with_last_error};
use springboard_code::{CodePointer, Holes, Name, Site, Stamp, Stub, fork};
use springboard_emit::HoleKind;
use springboard_ir::Signature;

use super::{
    Engine, Stubs,
    shape::{Compiled, Shape},
};
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
        self.core.stubs == Stubs::PerFunction && self.memory().is_ok()
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
        let stub = self.core.memory.at(own.site)?.publish(&[own.stamp])?.remove(0);
        Ok(own.code(stub))
    }

    /// Whether the code of functions of this plan is there, so that nobody need wait for it.
    pub(crate) fn has_code(&self, plan: &Plan) -> bool {
        plan.entry() == Entry::Slots
            && !self.has_own_stubs()
            && (self.core.cache.has(plan) || self.thunk(plan).is_some())
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
        let mut own = self.own(&shape, callee)?;
        own.stamp.holes = own.stamp.holes.with(HoleKind::Helper, last_error.helper());
        self.publish(own)
    }

    /// The stub of a plan of the slots entry, whatever the engine makes otherwise.
    pub(crate) fn shared_code(&self, plan: &Plan) -> Result<Code, Reason> {
        self.shared_code_of(&*self.shape(plan)?, None)
    }

    pub(super) fn shared_code_of(&self, shape: &Shape, result: Option<SlotForm>) -> Result<Code, Reason> {
        match shape {
            Shape::Thunk(thunk) => Ok(Code::Packed(*thunk)),
            Shape::Compiled(shape) => Ok(Code::Shared(Arc::clone(self.stub_of(shape, result)?))),
        }
    }

    /// The stub that serves every function of a shape.
    fn stub_of<'s>(&self, shape: &'s Compiled, result: Option<SlotForm>) -> Result<&'s Arc<Stub>, Reason> {
        match shape.made() {
            Some(stub) => Ok(stub),
            None => shape.make(self.core.memory.at(shape.site)?, &self.core.counters.shared, result),
        }
    }

    /// What a function's own stub is stamped from.
    pub(super) fn own<'s>(&'s self, shape: &'s Shape, callee: Callee) -> Result<Own<'s>, Reason> {
        let result = Some(callee.result);
        let (name, to, keeps) = match shape {
            Shape::Compiled(shape) if shape.entry != Entry::Slots => {
                let name = shape.name(shape.entry, result);
                return Ok(Own { stamp: shape.stamp(name, callee), site: shape.site, keeps: None });
            }
            Shape::Compiled(shape) => {
                let stub = self.stub_of(shape, result)?;
                (shape.name(Entry::Relay, result), stub.entry(), Some(Arc::clone(stub)))
            }
            Shape::Thunk(thunk) => {
                (Name::Prototype { entry: Entry::Relay, parameters: "", result }, *thunk, None)
            }
        };
        let mut stamp = self.relay()?.stamp(name, callee);
        stamp.holes = stamp.holes.with(HoleKind::Helper, to as usize as u64);
        Ok(Own { stamp, site: Site::Program, keeps })
    }

    fn relay(&self) -> Result<&Compiled, Reason> {
        let relay = self.core.relay.get().unwrap_or_else(|| {
            // A child that is forked meanwhile would find it locked for ever.
            let _hold = fork::hold();
            let plan = || self.plan_with(|target| Ok(plan_relay(target)));
            self.core.relay.get_or_init(|| self.compiled(&plan()?))
        });
        relay.as_ref().map_err(Reason::clone)
    }
}

impl Compiled {
    /// A stub of this code that knows its function.
    fn stamp<'s>(&'s self, name: Name<'s>, callee: Callee) -> Stamp<'s> {
        let holes = Holes::default().with(HoleKind::Target, callee.address.addr().get() as u64);
        Stamp { name, template: &self.template, holes }
    }
}

/// A function's own stub, to be stamped.
pub(super) struct Own<'s> {
    pub(super) stamp: Stamp<'s>,
    site: Site,
    /// The stub to which it leaves the moves, which serves all functions of the shape.
    keeps: Option<Arc<Stub>>,
}

impl Own<'_> {
    /// What the function is entered through, when `stub` is what was stamped.
    pub(super) fn code(self, stub: Stub) -> Code {
        Code::Own { stub, _to: self.keeps }
    }
}
