//! Calls with raw slots: how an interpreter calls.

use std::{ffi::c_void, fmt, marker::PhantomData};

use springboard_abi::SlotForm;
use springboard_ir::Type;

use crate::{function::Function, word::SlotResult};

/// Code entered with a target and an array of slots. What the target points to is the code's own business: a stub
/// is handed the native function, the way through libffi its call interface.
pub type SlotsPointer<R> = unsafe extern "C" fn(*const c_void, *const u64) -> R;

pub(crate) use SlotsPointer as Entry;

/// A function ready to be called with an array of 8-byte slots.
///
/// The type of the result was checked when this was made, so a call is one indirect call: it takes no branch and no
/// lock, and allocates nothing. (Through libffi, more than 32 arguments allocate.)
///
/// The array has one slot a parameter, in order. A slot holds the canonical word of a scalar of at most 8 bytes
/// ([`Word::into_slot`](crate::Word::into_slot)), and of any other value (an aggregate, a complex number, `long
/// double`, a vector, `__int128`) the address of its bytes, which need no alignment and are only read. Where the
/// result is of the latter kind, one more slot follows, with the address of memory for it, as large and as aligned
/// as its type says. Where the function delivers a last error, the last slot holds the address of an `int` for it.
pub struct Slots<'f, R> {
    entry: Entry<R>,
    target: *const c_void,
    /// How many slots are read.
    count: usize,
    function: PhantomData<&'f Function>,
}

// SAFETY: `target` is the address of a native function, or of a call interface which `'f` keeps borrowed and which
// is `Sync`; neither is written to. Whether the native function may be called from this thread is the promise of
// whoever calls.
unsafe impl<R> Send for Slots<'_, R> {}
// SAFETY: as above; a shared `Slots` offers nothing but the call.
unsafe impl<R> Sync for Slots<'_, R> {}

impl<'f, R: SlotResult> Slots<'f, R> {
    /// What to enter for calls of `function`, whose result has been found to be an `R`.
    pub(crate) fn new(function: &'f Function) -> Slots<'f, R> {
        let (entry, target) = function.entry();
        let results = usize::from(matches!(function.result(), SlotForm::Address(_)));
        let errors = usize::from(function.last_error().is_some());
        Slots { entry, target, count: function.params().len() + results + errors, function: PhantomData }
    }

    /// How many slots a call reads: one a parameter, one more for a result in memory, and one for a last error.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The code and the target that it is called with, for hosts that make the call themselves: from C, or from
    /// machine code of their own. Good for as long as the function or a clone of it is.
    pub fn pointers(&self) -> (SlotsPointer<R>, *const c_void) {
        (self.entry, self.target)
    }

    /// Calls the function.
    ///
    /// # Safety
    /// `slots` must be what the type's documentation says, at least [`Slots::count`] of them. The function itself
    /// must be sound to call with these arguments, on this thread, and really have the type it was declared
    /// with. No exception or panic may leave it.
    #[inline(always)]
    pub unsafe fn call(&self, slots: &[u64]) -> R {
        debug_assert!(slots.len() >= self.count, "{} slots are given, {} are read", slots.len(), self.count);
        // SAFETY: the result type was checked when `self` was made; the rest is the caller's promise.
        unsafe { self.call_pointer(slots.as_ptr()) }
    }

    /// Calls the function with slots that are known by their address alone.
    ///
    /// # Safety
    /// As [`Slots::call`], for the slots at `slots`.
    #[inline(always)]
    pub unsafe fn call_pointer(&self, slots: *const u64) -> R {
        // SAFETY: the result type was checked when `self` was made; the rest is the caller's promise.
        unsafe { (self.entry)(self.target, slots) }
    }
}

impl<R> Clone for Slots<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Slots<'_, R> {}

impl<R> fmt::Debug for Slots<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Slots")
            .field("entry", &(self.entry as *const c_void))
            .field("target", &self.target)
            .finish()
    }
}

/// The Rust type of a result does not stand for the C type.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ResultMismatch {
    /// The type that the signature returns.
    pub c: Type,
    /// The name of the Rust type.
    pub rust: &'static str,
}

impl fmt::Display for ResultMismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let ResultMismatch { c, rust } = self;
        write!(f, "the function returns {c}, which {rust} does not stand for")
    }
}

impl std::error::Error for ResultMismatch {}
