//! A native function for V8: its fast code, and its slow twin.

use std::{ffi::c_void, fmt, ptr::NonNull, sync::Arc};

use springboard_abi::{FastCall, Guard, Profile, Refusal, SlotForm, plan_fast_call};
use springboard_ir::{Prototype, Scalar, Signature};

use super::{
    any::{Any, Thrown},
    convert,
    description::{Description, Int64},
    error::BindError,
    library::{Settings, Shared},
};
use crate::{
    code::{Holes, Stub},
    function::Position,
    library::Library as Native,
    reason::Reason,
};

/// A native function that JavaScript calls.
///
/// A handle: clones share everything. V8 keeps the address and the description of its fast code, so one of them has
/// to live as long as the JavaScript function.
#[derive(Clone)]
pub struct Function {
    shared: Arc<Bound>,
}

struct Bound {
    call: FastCall,
    description: Description,
    fast: Result<Fast, NoFast>,
    slow: crate::Function,
    library: Arc<Shared>,
    /// Keeps the code loaded that a stub without a guard may still enter.
    _kept: Option<Native>,
}

/// Code that V8 may call. It lives as long as its [`Function`].
#[derive(Debug)]
pub struct Fast {
    stub: Stub,
}

/// Why a function has no fast code. Its slow twin serves all calls.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum NoFast {
    /// The profile refuses it.
    Refused(Refusal),
    /// No code could be made.
    Reason(Reason),
}

impl Function {
    pub(super) fn new(
        prototype: Prototype,
        address: NonNull<c_void>,
        library: Arc<Shared>,
        kept: Option<Native>,
        settings: &Settings,
    ) -> Result<Function, BindError> {
        let Settings { profile, buffers, guard, narrow, options, int64, context } = settings;
        let engine = &library.engine;
        let signature = prototype.signature.clone();
        check_buffers(&signature, buffers, library.engine.data_model())?;
        let call = FastCall {
            signature,
            buffers: buffers.clone(),
            guard: *guard,
            narrow: *narrow,
            options: *options,
        };
        // Also finds what is wrong with the types.
        let slow = engine.function_at(address, prototype)?;
        let description = Description::of(&call, engine.data_model(), *int64)
            .map_err(|error| crate::BindError::Layout { position: Position::Result, error })?;
        let holes = Holes {
            target: address.addr().get() as u64,
            context: context.expose_provenance() as u64,
            helper: library.host.buffer.map_or(0, |helper| helper as *const () as u64),
            guard: library.flag(),
            closed: library.host.closed.map_or(0, |helper| helper as *const () as u64),
            range: library.host.range.map_or(0, |helper| helper as *const () as u64),
        };
        let fast = match Function::refusal(*profile, &call, &library)? {
            Some(refusal) => Err(NoFast::Refused(refusal)),
            None => {
                let plan = engine.planned(|target| plan_fast_call(&call, target));
                let stub = plan.and_then(|plan| engine.stub_of_its_own(&plan, holes));
                stub.map(|stub| Fast { stub }).map_err(NoFast::from)
            }
        };
        let bound = Bound { call, description, fast, slow, library, _kept: kept };
        Ok(Function { shared: Arc::new(bound) })
    }

    /// What the profile has against the function.
    fn refusal(profile: Profile, call: &FastCall, library: &Shared) -> Result<Option<Refusal>, BindError> {
        // Where no convention is known, there is no code, and a reason of the engine's.
        let Some(target) = library.engine.target() else { return Ok(None) };
        match profile.verdict(call, target) {
            Ok(()) => Ok(None),
            Err(Refusal::Node(springboard_abi::NodeRefusal::Platform(convention))) => {
                Err(BindError::NoRules { profile, convention })
            }
            Err(refusal) => Ok(Some(refusal)),
        }
    }

    /// The code that V8 may call.
    ///
    /// # Errors
    /// Why there is none.
    pub fn fast(&self) -> Result<&Fast, &NoFast> {
        self.shared.fast.as_ref()
    }

    /// What V8 is told about the fast code.
    pub fn description(&self) -> &Description {
        &self.shared.description
    }

    /// The C type.
    pub fn signature(&self) -> &Signature {
        &self.shared.call.signature
    }

    /// What 64-bit integers are.
    pub fn int64(&self) -> Int64 {
        self.shared.description.int64
    }

    /// Calls with any values: what V8 does where the fast code does not serve. It makes of numbers what V8 makes of
    /// them for the fast code, so that both give the same results.
    ///
    /// # Errors
    /// What JavaScript is to throw: a closed library, too few arguments, values of other types, integers out of
    /// range.
    ///
    /// # Safety
    /// As [`crate::Function::call`]; addresses among the arguments are as good as the function needs them.
    pub unsafe fn call_slow(&self, arguments: &[Any<'_>]) -> Result<Any<'static>, Thrown> {
        let Bound { call, description, slow, library, .. } = &*self.shared;
        if call.guard == Guard::Closed && library.is_closed() {
            return Err(Thrown::closed());
        }
        let model = library.engine.data_model();
        // SAFETY: the caller's promise.
        let values = unsafe { convert::arguments(arguments, call, description, model) }?;
        // SAFETY: the caller's promise.
        let result = unsafe { slow.call(&values) }.map_err(convert::call_error)?;
        // SAFETY: the caller's promise: the last argument is an address where the result fits.
        unsafe { convert::result(result, arguments.get(values.len()), description) }
    }
}

impl Fast {
    /// The address of the code.
    pub fn address(&self) -> NonNull<c_void> {
        NonNull::new(self.stub.entry() as *mut c_void).expect("code is never at null")
    }

    /// Size of the code, in bytes.
    pub fn code_bytes(&self) -> usize {
        self.stub.code().len()
    }
}

/// Whether every buffer is a parameter that is a pointer.
fn check_buffers(
    signature: &Signature,
    buffers: &[u16],
    model: &springboard_ir::DataModel,
) -> Result<(), BindError> {
    for &index in buffers {
        let count = signature.params().len();
        let param = signature.params().get(usize::from(index));
        let param = param.ok_or(BindError::NoSuchParameter { index, count })?;
        if SlotForm::of(&param.ty, model) != Ok(SlotForm::Word(Scalar::Pointer)) {
            return Err(BindError::NotAPointer { index });
        }
    }
    Ok(())
}

impl From<Reason> for NoFast {
    fn from(reason: Reason) -> NoFast {
        NoFast::Reason(reason)
    }
}

impl fmt::Display for NoFast {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NoFast::Refused(refusal) => refusal.fmt(f),
            NoFast::Reason(reason) => reason.fmt(f),
        }
    }
}

impl std::error::Error for NoFast {}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function")
            .field("signature", self.signature())
            .field("fast", &self.shared.fast)
            .finish_non_exhaustive()
    }
}
