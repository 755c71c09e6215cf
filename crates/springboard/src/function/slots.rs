//! Calls with raw slots: how an interpreter calls.

use std::ffi::c_void;

use springboard_ir::{Signature, Type};

use super::{
    Function,
    entered::{Entered, EntryFor, SlotsPointer},
    ty::ResultWord,
};
use crate::word::SlotResult;

/// A function ready to be called with an array of 8-byte slots.
///
/// A handle that keeps the function: an interpreter stores it beside its own object, and any thread may use it. The type
/// of the result was checked when this was made, so a call is one indirect call: it takes no branch and no lock, and
/// allocates nothing. (Through libffi, more than 32 arguments allocate.)
///
/// The array has one slot per parameter, in order. A slot holds the canonical word of a scalar of at most 8 bytes
/// ([`Word::into_slot`](crate::Word::into_slot)), and of any other value (an aggregate, a complex number, `long
/// double`, a vector, `__int128`) the address of its bytes, which need no alignment and are only read. Where the
/// result is of the latter kind, one more slot follows, with the address of memory for it, as large and as aligned
/// as its type says. Where the function delivers a last error, the last slot holds the address of an `int` for it.
#[derive(Debug)]
pub struct Slots<R> {
    entry: SlotsPointer<R>,
    target: *const c_void,
    /// How many slots are read.
    count: usize,
    /// Keeps what `entry` and `target` point to.
    function: Function,
}

// SAFETY: `target` is the address of a native function, or of something that `function` keeps and that is `Sync`;
// neither is written to through it. Whether the native function may be called on this thread is for the caller of
// `call` to know.
unsafe impl<R> Send for Slots<R> {}
// SAFETY: a shared `Slots` offers nothing except the call, whose caller answers for the thread.
unsafe impl<R> Sync for Slots<R> {}

impl<R: SlotResult> Slots<R> {
    pub(super) fn new(function: &Function) -> Result<Slots<R>, ResultMismatch> {
        if !function.bound.ty.returns::<R>() {
            return Err(ResultMismatch::new::<R>(function.signature()));
        }
        let (entry, target) = EntryFor::entry(&*function.bound);
        Ok(Slots { entry, target, count: function.bound.slots(), function: function.clone() })
    }

    /// How many slots a call reads: one per parameter, one more for a result in memory, and one for a last error.
    pub fn count(&self) -> usize {
        self.count
    }

    /// The function that is called.
    pub fn function(&self) -> &Function {
        &self.function
    }

    /// The code and the target that it is called with, for hosts that make the call themselves: from C, or from
    /// machine code of their own. Good for as long as the function, a clone of it or a handle like this one is kept.
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
        // SAFETY: the slice has the slots that the caller answers for.
        unsafe { self.call_pointer(slots.as_ptr()) }
    }

    /// Calls the function with slots that are known by their address alone.
    ///
    /// # Safety
    /// As [`Slots::call`], for the slots at `slots`.
    #[inline(always)]
    pub unsafe fn call_pointer(&self, slots: *const u64) -> R {
        // SAFETY: `new` found that the function returns an `R`, and `function` keeps the code; the caller answers for
        // the slots and for the function.
        unsafe { (self.entry)(self.target, slots) }
    }
}

impl<R> Clone for Slots<R> {
    fn clone(&self) -> Self {
        Slots { function: self.function.clone(), ..*self }
    }
}

/// A function ready to be called with slots, whatever it returns: for interpreters that know the type of the result
/// when they run. As [`Slots`] otherwise.
#[derive(Clone, Debug)]
pub struct UntypedSlots {
    entered: Entered,
    result: ResultWord,
    count: usize,
    /// Keeps what `entered` points to.
    function: Function,
}

impl UntypedSlots {
    pub(super) fn new(function: &Function) -> UntypedSlots {
        let bound = &*function.bound;
        let result = bound.ty.result.word();
        UntypedSlots {
            entered: result.erased(bound),
            result,
            count: bound.slots(),
            function: function.clone(),
        }
    }

    /// How many slots a call reads, as [`Slots::count`].
    pub fn count(&self) -> usize {
        self.count
    }

    /// The function that is called.
    pub fn function(&self) -> &Function {
        &self.function
    }

    /// The addresses of the code and of the target that it is called with, for hosts that make the call themselves, as
    /// [`Slots::pointers`]. The code returns the C type of the result, in its register.
    pub fn pointers(&self) -> (*const c_void, *const c_void) {
        (self.entered.code as *const c_void, self.entered.target)
    }

    /// Calls the function, and returns the canonical slot of its result: what [`Word::into_slot`](crate::Word) would
    /// make of it. It is 0 where the function returns `void`, and where the result went to memory.
    ///
    /// # Safety
    /// As [`Slots::call`].
    #[inline(always)]
    pub unsafe fn call(&self, slots: &[u64]) -> u64 {
        debug_assert!(slots.len() >= self.count, "{} slots are given, {} are read", slots.len(), self.count);
        // SAFETY: the entry is that of the function for this kind of result, which `function` keeps; the caller answers
        // for the slots and for the function.
        unsafe { self.result.enter(self.entered, slots.as_ptr(), |slot| slot) }
    }
}

/// The Rust type of a result does not stand for the C type.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error("the function returns {c}, which {rust} does not stand for")]
pub struct ResultMismatch {
    /// The type that the signature returns.
    pub c: Type,
    /// The name of the Rust type.
    pub rust: &'static str,
}

impl ResultMismatch {
    pub(super) fn new<R>(signature: &Signature) -> ResultMismatch {
        ResultMismatch { c: signature.result().clone(), rust: std::any::type_name::<R>() }
    }
}
