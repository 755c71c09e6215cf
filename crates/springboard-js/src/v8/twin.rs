//! Functions of the host's own: one that takes any values, and fast variants of it.

use std::{ffi::c_void, fmt, ptr, sync::Arc};

use super::{
    any::{Any, Thrown},
    description::{Description, Effects, FastCode, Int64},
    native::{FastFunction, Receiver, Value},
};

/// A call as a conventional function gets it.
#[derive(Clone, Copy, Debug)]
pub struct Call<'a> {
    /// `this`, as fast variants get it: a handle of V8's, good until the call returns.
    pub receiver: Receiver,
    /// What the arguments are.
    pub arguments: &'a [Any<'a>],
    /// The same as handles of V8's, one for each, good until the call returns: for what [`Any`] does not tell, such as the
    /// properties of an object.
    pub values: &'a [Value],
}

impl<'a> Call<'a> {
    /// A call with these arguments, for functions that look at nothing else: native ones, and those of tests without a
    /// V8. There is no receiver, and there are no handles.
    pub fn with(arguments: &'a [Any<'a>]) -> Call<'a> {
        Call { receiver: Receiver(ptr::null()), arguments, values: &[] }
    }
}

/// The conventional function: takes any number of values of any kind, and checks them. It serves every call that
/// matches no variant. The first argument is the twin's context.
pub type Slow = dyn Fn(*mut c_void, &Call<'_>) -> Result<Any<'static>, Thrown> + Send + Sync;

/// A function of the host's own, as JavaScript calls it.
#[derive(Clone)]
pub struct Twin {
    pub(super) name: String,
    slow: Arc<Slow>,
    pub(super) effects: Effects,
    /// An exposed address.
    context: usize,
    pub(super) variants: Vec<Variant>,
    pub(super) outcomes: Vec<String>,
}

/// A fast function that takes a certain number of arguments.
#[derive(Clone, Debug)]
pub struct Variant {
    /// Exposed.
    address: usize,
    description: Description,
}

impl Variant {
    /// `function` as a variant. Give the pointer its type: `f as extern "C" fn(Receiver, i32) -> i32`.
    pub fn new(function: impl FastFunction) -> Variant {
        Variant { address: function.address().expose_provenance(), description: function.description() }
    }

    /// The code at an address as a variant.
    ///
    /// # Safety
    /// For as long as V8 may call it, it is the code of a C function that takes a [`Receiver`], what the description says,
    /// and V8's options where it says so, and returns what it says.
    pub unsafe fn at(address: *const c_void, description: Description) -> Variant {
        Variant { address: address.expose_provenance(), description }
    }

    /// Sets what 64-bit integers are: numbers or bigints.
    #[must_use]
    pub fn int64(mut self, int64: Int64) -> Variant {
        self.description.int64 = int64;
        self
    }

    /// What V8 is told about it.
    pub fn description(&self) -> &Description {
        &self.description
    }

    /// The address of its code.
    pub fn address(&self) -> *const c_void {
        ptr::with_exposed_provenance(self.address)
    }

    pub(super) fn code(&self) -> FastCode<'_> {
        FastCode { address: self.address(), description: &self.description }
    }
}

impl Twin {
    /// A function named `namespace.function`, with its conventional half.
    pub fn new(
        name: impl Into<String>,
        slow: impl Fn(*mut c_void, &Call<'_>) -> Result<Any<'static>, Thrown> + Send + Sync + 'static,
    ) -> Twin {
        let (name, slow, effects) = (name.into(), Arc::new(slow), Effects::Possible);
        Twin { name, slow, effects, context: 0, variants: Vec::new(), outcomes: Vec::new() }
    }

    /// Says that calls change nothing that JavaScript can see, so that a debugger may make them.
    #[must_use]
    pub fn without_effects(self) -> Twin {
        Twin { effects: Effects::None, ..self }
    }

    /// What the conventional half gets, and variants find through V8's options: the host's own, which springboard only
    /// passes on. A host gives V8 [`Registered::data`](super::Registered::data), through which it is found.
    #[must_use]
    pub fn context(mut self, context: *mut c_void) -> Twin {
        self.context = context.expose_provenance();
        self
    }

    /// One more fast variant.
    #[must_use]
    pub fn variant(mut self, variant: Variant) -> Twin {
        self.variants.push(variant);
        self
    }

    /// One more outcome that calls are tracked by: the last part of a key `namespace.function.outcome`.
    #[must_use]
    pub fn outcome(mut self, outcome: impl Into<String>) -> Twin {
        self.outcomes.push(outcome.into());
        self
    }

    /// The context, as it was given.
    pub(super) fn context_pointer(&self) -> *mut c_void {
        ptr::with_exposed_provenance_mut(self.context)
    }

    /// Calls the conventional half.
    ///
    /// # Errors
    /// What JavaScript is to throw.
    pub fn call_slow(&self, call: &Call<'_>) -> Result<Any<'static>, Thrown> {
        (self.slow)(self.context_pointer(), call)
    }
}

impl fmt::Debug for Twin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Twin")
            .field("name", &self.name)
            .field("variants", &self.variants)
            .finish_non_exhaustive()
    }
}
