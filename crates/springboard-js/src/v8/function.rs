//! A native function for V8: its fast code, and its slow twin.

use std::{fmt, sync::Arc};

use springboard::{Library as Native, abi::Guard, ir::Signature, stamp::Stub};

use super::{
    any::{Any, Thrown},
    called::Called,
    convert,
    description::{Description, Effects, Int64},
    error::NoFast,
    hosted::Hosted,
    node::Strict,
};

/// A native function that JavaScript calls.
///
/// A handle: clones share everything, and any thread may use them. V8 keeps the address and the description of its
/// fast code, so one of them has to live as long as the JavaScript function.
#[derive(Clone)]
pub struct Function {
    shared: Arc<Bound>,
}

/// What a function is.
pub(super) struct Bound {
    pub(super) fast: Result<Stub, NoFast>,
    pub(super) effects: Effects,
    pub(super) conversions: Conversions,
}

/// Whose conversions a function has, with what they need.
pub(super) enum Conversions {
    V8 {
        called: Arc<Called>,
        slow: springboard::Function,
        library: Arc<Hosted>,
        /// The native library, where the stub has no guard and may enter it after it was closed.
        _kept: Option<Native>,
    },
    Node(Arc<Strict>),
}

impl Function {
    pub(super) fn new(bound: Bound) -> Function {
        Function { shared: Arc::new(bound) }
    }

    /// The code that V8 may call: a C function that takes what [`Function::description`] says. It lives as long as this
    /// function.
    ///
    /// # Errors
    /// Why there is none.
    pub fn fast(&self) -> Result<&Stub, &NoFast> {
        self.shared.fast.as_ref()
    }

    /// What V8 is told about the fast code.
    pub fn description(&self) -> &Description {
        match &self.shared.conversions {
            Conversions::V8 { called, .. } => &called.description,
            Conversions::Node(strict) => strict.description(),
        }
    }

    /// The C type.
    pub fn signature(&self) -> &Signature {
        match &self.shared.conversions {
            Conversions::V8 { called, .. } => &called.call.signature,
            Conversions::Node(strict) => strict.signature(),
        }
    }

    /// What 64-bit integers are in JavaScript.
    pub fn int64(&self) -> Int64 {
        self.description().int64
    }

    /// Whether calls change anything that JavaScript can see, which a host tells V8.
    pub fn effects(&self) -> Effects {
        self.shared.effects
    }

    /// Calls with any values, as V8 does where the fast code does not serve. It converts values as V8 does for the fast
    /// code, so that both give the same results.
    ///
    /// # Errors
    /// What JavaScript is to throw: a closed library, too few arguments, values of other types, integers out of
    /// range.
    ///
    /// # Safety
    /// As [`springboard::Function::call`]. The address of an aggregate's bytes must be good for reading them, and that
    /// of a result in memory for writing it; other addresses are good for what the function does with them.
    pub unsafe fn call_slow(&self, arguments: &[Any<'_>]) -> Result<Any<'static>, Thrown> {
        let (called, slow, library) = match &self.shared.conversions {
            Conversions::V8 { called, slow, library, .. } => (called, slow, library),
            // SAFETY: the caller answers for the function and what it does with its arguments.
            Conversions::Node(strict) => return unsafe { strict.call_slow(arguments) },
        };
        if called.call.guard == Guard::Closed && library.is_closed() {
            return Err(Thrown::closed());
        }
        // SAFETY: the caller answers for the addresses of aggregates.
        let values = unsafe { convert::arguments(arguments, called) }?;
        // SAFETY: the caller answers for the function and what it does with its arguments.
        let result = unsafe { slow.call(&values) }.map_err(convert::call_error)?;
        // SAFETY: the caller answers for the address after the arguments, where a result in memory goes.
        unsafe { convert::result(result, arguments.get(values.len()), called) }
    }
}

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function")
            .field("signature", self.signature())
            .field("fast", &self.shared.fast)
            .finish_non_exhaustive()
    }
}
