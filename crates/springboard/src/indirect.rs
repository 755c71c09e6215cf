//! Functions that are known by their address at the call alone: from vtables and tables of functions in memory.

use std::{ffi::c_void, fmt, ptr::NonNull};

use springboard_abi::{Entry as AbiEntry, SlotForm};
use springboard_code::CodePointer;
use springboard_ir::Signature;

use crate::{
    address,
    bind_error::BindError,
    declaration::Declaration,
    engine::Engine,
    fallback::Interface,
    function::{Binding, Facts, Function},
    reason::Path,
    slots::{Entry, ResultMismatch},
    value::{CallError, Value, call_at},
    word::SlotResult,
};

/// A function type, made ready once: each call is given the address of the function. A handle, as [`Function`] is.
#[derive(Clone)]
pub struct Indirect {
    /// Bound to no function: what is there for its type is used, and its address is not.
    function: Function,
}

impl Engine {
    /// Makes a function type ready, for functions that are found in memory: `"int (*)(void *self, int)"`. One stub
    /// serves all functions of the shape, and is compiled now where there is none.
    ///
    /// # Errors
    /// As [`Engine::function`], but for symbols.
    pub fn indirect(&self, declaration: impl Declaration) -> Result<Indirect, BindError> {
        let prototype = declaration.into_prototype()?;
        let shared =
            self.plan(&prototype.signature, AbiEntry::Slots).and_then(|plan| self.shared_code(&plan));
        let facts = Facts::of(&prototype.signature, self)?;
        let function = Function::new(prototype, NonNull::dangling(), None, Binding::Now(shared), &facts)?;
        Ok(Indirect { function })
    }
}

impl Indirect {
    /// The type.
    pub fn signature(&self) -> &Signature {
        self.function.signature()
    }

    /// By which path calls go.
    pub fn path(&self) -> &Path {
        self.function.path()
    }

    /// Calls the function at `address`, as [`Function::call`] does.
    ///
    /// # Errors
    /// As [`Function::call`].
    ///
    /// # Safety
    /// As [`Function::call`], of the function at `address`.
    pub unsafe fn call(&self, address: NonNull<c_void>, arguments: &[Value]) -> Result<Value, CallError> {
        // SAFETY: the caller's promise.
        unsafe { call_at(&self.function, address::code(address), arguments) }
    }

    /// Readies the type for calls with raw slots that return an `R`, as [`Function::slots`] does.
    ///
    /// # Errors
    /// Where the signature returns something else.
    pub fn slots<R: SlotResult>(&self) -> Result<IndirectSlots<'_, R>, ResultMismatch> {
        let count = self.function.slots::<R>()?.count();
        Ok(IndirectSlots { way: self.function.way(), count })
    }
}

impl fmt::Debug for Indirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Indirect").field("signature", self.signature()).field("path", self.path()).finish()
    }
}

/// A function type ready to be called with an address and an array of 8-byte slots, as [`Slots`](crate::Slots)
/// describes them.
pub struct IndirectSlots<'f, R> {
    way: Way<'f, R>,
    count: usize,
}

/// How the function at an address is entered.
pub(crate) enum Way<'f, R> {
    Stub(Entry<R>),
    Libffi(&'f Interface),
}

impl<R: SlotResult> Way<'_, R> {
    /// # Safety
    /// As [`IndirectSlots::call_pointer`].
    #[inline(always)]
    pub(crate) unsafe fn enter(&self, address: CodePointer, slots: *const u64) -> R {
        match *self {
            // SAFETY: the entry returns an `R`, and is that of a stub that is handed its target; the rest is the
            // caller's promise.
            Way::Stub(entry) => unsafe { entry(address as *const c_void, slots) },
            // SAFETY: as above.
            Way::Libffi(interface) => unsafe { interface.enter_at::<R>(address, slots) },
        }
    }
}

impl<R: SlotResult> IndirectSlots<'_, R> {
    /// How many slots a call reads.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Calls the function at `address`.
    ///
    /// # Safety
    /// As [`Slots::call`](crate::Slots::call), of the function at `address`.
    #[inline(always)]
    pub unsafe fn call(&self, address: NonNull<c_void>, slots: &[u64]) -> R {
        debug_assert!(slots.len() >= self.count, "{} slots are given, {} are read", slots.len(), self.count);
        // SAFETY: the caller's promise.
        unsafe { self.call_pointer(address, slots.as_ptr()) }
    }

    /// The same, with slots that are known by their address alone.
    ///
    /// # Safety
    /// As [`IndirectSlots::call`], for the slots at `slots`.
    #[inline(always)]
    pub unsafe fn call_pointer(&self, address: NonNull<c_void>, slots: *const u64) -> R {
        // SAFETY: the caller's promise.
        unsafe { self.way.enter(address::code(address), slots) }
    }
}

impl<R> Clone for Way<'_, R> {
    fn clone(&self) -> Self {
        *self
    }
}

impl<R> Copy for Way<'_, R> {}

impl<R> fmt::Debug for IndirectSlots<'_, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("IndirectSlots").field("count", &self.count).finish_non_exhaustive()
    }
}

impl Function {
    /// How a function of this type, at any address, is entered. For functions whose stub is handed its target.
    pub(crate) fn way<R: SlotResult>(&self) -> Way<'_, R> {
        match self.interface() {
            Some(interface) => Way::Libffi(interface),
            None => Way::Stub(self.entry::<R>().0),
        }
    }

    /// Whether its result goes to memory, to the address in the slot behind the arguments.
    pub(crate) fn returns_in_memory(&self) -> bool {
        matches!(self.result(), SlotForm::Address(_))
    }
}
