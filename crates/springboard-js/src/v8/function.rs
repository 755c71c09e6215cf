//! A native function for V8: its fast code, and its slow twin.

use std::{ffi::c_void, fmt, ptr::NonNull, sync::Arc};

use springboard::abi::{FastCall, Guard, Refusal};
use springboard::ir::Signature;

use super::{
    any::{Any, Thrown},
    convert,
    description::{Description, Int64},
    library::Shared,
};
use springboard::{
    Library as Native, Reason,
    stamp::{StampError, Stub},
};

/// A native function that JavaScript calls.
///
/// A handle: clones share everything. V8 keeps the address and the description of its fast code, so one of them has
/// to live as long as the JavaScript function.
#[derive(Clone)]
pub struct Function {
    shared: Arc<Bound>,
}

/// What functions of one type and the same settings have in common.
pub(super) struct Called {
    pub(super) call: FastCall,
    pub(super) description: Description,
}

struct Bound {
    called: Arc<Called>,
    fast: Result<Fast, NoFast>,
    slow: springboard::Function,
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
    /// `kept` is the native library, where the stub has no guard.
    pub(super) fn new(
        called: Arc<Called>,
        fast: Result<Stub, NoFast>,
        slow: springboard::Function,
        library: Arc<Shared>,
        kept: Option<Native>,
    ) -> Function {
        let fast = fast.map(|stub| Fast { stub });
        let bound = Bound { called, fast, slow, library, _kept: kept };
        Function { shared: Arc::new(bound) }
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
        &self.shared.called.description
    }

    /// The C type.
    pub fn signature(&self) -> &Signature {
        &self.shared.called.call.signature
    }

    /// What 64-bit integers are.
    pub fn int64(&self) -> Int64 {
        self.shared.called.description.int64
    }

    /// Calls with any values: what V8 does where the fast code does not serve. It makes of numbers what V8 makes of
    /// them for the fast code, so that both give the same results.
    ///
    /// # Errors
    /// What JavaScript is to throw: a closed library, too few arguments, values of other types, integers out of
    /// range.
    ///
    /// # Safety
    /// As [`springboard::Function::call`]; addresses among the arguments are as good as the function needs them.
    pub unsafe fn call_slow(&self, arguments: &[Any<'_>]) -> Result<Any<'static>, Thrown> {
        let Bound { called, slow, library, .. } = &*self.shared;
        let Called { call, description } = &**called;
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
        self.stub.address()
    }

    /// Size of the code, in bytes.
    pub fn code_bytes(&self) -> usize {
        self.stub.code().map_or(0, <[u8]>::len)
    }
}

impl From<StampError> for NoFast {
    fn from(error: StampError) -> NoFast {
        match error {
            StampError::Reason(reason) => NoFast::Reason(reason),
            other => panic!("a plan of V8's entry has the holes that Host names: {other}"),
        }
    }
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
