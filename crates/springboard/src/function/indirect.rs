//! Functions that are known by their address at the call alone: from vtables and tables of functions in memory.

use std::{ffi::c_void, fmt, ptr::NonNull, sync::Arc};

use springboard_abi::Entry;
use springboard_code::CodePointer;
use springboard_ir::Signature;

use super::{
    call::{CallError, CheckedCall},
    entered::{Entered, EntryFor, SlotsPointer},
    slots::ResultMismatch,
    ty::{FunctionType, Prepared},
    way::Way,
};
use crate::{
    address, bind_error::BindError, declaration::Declaration, engine::Engine, fallback::Interface,
    reason::Path, value::Value, word::SlotResult,
};

/// A function type, made ready once: each call is given the address of the function. A handle, as [`Function`](super::Function) is.
#[derive(Clone)]
pub struct Indirect {
    prepared: Arc<PreparedIndirect>,
}

struct PreparedIndirect {
    ty: Arc<FunctionType>,
    checked_call: CheckedCall,
    /// Code that is handed the address of the function.
    way: Way,
}

/// What code that interprets a call is handed in place of the function.
struct Interpreted<'i> {
    interface: &'i Interface,
    address: CodePointer,
}

impl Engine {
    /// Makes a function type ready, for functions that are found in memory: `"int (*)(void *self, int)"`. One stub
    /// serves all functions of the shape, and is compiled now where there is none.
    ///
    /// # Errors
    /// As [`Engine::function`], except for symbols.
    pub fn indirect(&self, declaration: impl Declaration) -> Result<Indirect, BindError> {
        let signature = declaration.into_prototype()?.signature;
        let Prepared { ty, plan } = Prepared::new(&signature, self, self.plan(&signature, Entry::Slots))?;
        let code = plan.and_then(|plan| self.shared_code(&plan));
        let way = Way::of(code, || ty.interface(self))?;
        Ok(Indirect { prepared: Arc::new(PreparedIndirect { checked_call: ty.checked_call(), ty, way }) })
    }
}

impl Indirect {
    /// The type.
    pub fn signature(&self) -> &Signature {
        &self.prepared.ty.signature
    }

    /// By which path calls go.
    pub fn path(&self) -> &Path {
        self.prepared.way.path()
    }

    /// Calls the function at `address`, as [`Function::call`](super::Function::call) does.
    ///
    /// # Errors
    /// As [`Function::call`](super::Function::call).
    ///
    /// # Safety
    /// As [`Function::call`](super::Function::call), of the function at `address`.
    pub unsafe fn call(&self, address: NonNull<c_void>, arguments: &[Value]) -> Result<Value, CallError> {
        let PreparedIndirect { ty, checked_call, .. } = &*self.prepared;
        self.entered(address, |entered| {
            // SAFETY: the entry is that of the type, for the function at the address, for which the caller answers.
            unsafe { ty.call(*checked_call, &entered, arguments, &mut 0) }
        })
    }

    /// Hands `call` what enters the function at `address`, for the kind of result that the type has.
    fn entered<T>(&self, address: NonNull<c_void>, call: impl FnOnce(Entered) -> T) -> T {
        let PreparedIndirect { ty, way, .. } = &*self.prepared;
        let (address, result) = (address::code(address), ty.result.word());
        match way {
            Way::Code(code) => call(result.erased((code, address))),
            Way::Libffi(interface, _) => call(result.erased(&Interpreted { interface, address })),
        }
    }

    /// Calls the function at `address` with raw slots, and returns the result's slot: for hosts that know the type of the
    /// result when they run. The slots are those of [`Slots`](super::Slots).
    ///
    /// # Safety
    /// As [`IndirectSlots::call`].
    pub unsafe fn call_slots(&self, address: NonNull<c_void>, slots: &[u64]) -> u64 {
        let ty = &self.prepared.ty;
        debug_assert!(slots.len() >= ty.slots(), "{} slots are given, {} are read", slots.len(), ty.slots());
        // SAFETY: the caller answers for slots and function.
        unsafe { self.call_slots_at(address, slots.as_ptr()) }
    }

    /// # Safety
    /// As [`Indirect::call_slots`], for the slots at `slots`.
    unsafe fn call_slots_at(&self, address: NonNull<c_void>, slots: *const u64) -> u64 {
        // SAFETY: the entry is that of the type for this kind of result; the caller answers for slots and function.
        self.entered(address, |entered| unsafe {
            self.prepared.ty.result.word().enter(entered, slots, |slot| slot)
        })
    }

    /// Readies the type for calls with raw slots that return an `R`, as [`Function::slots`](super::Function::slots) does.
    ///
    /// # Errors
    /// Where the signature returns something else.
    pub fn slots<R: SlotResult>(&self) -> Result<IndirectSlots<R>, ResultMismatch> {
        let PreparedIndirect { ty, way, .. } = &*self.prepared;
        if !ty.returns::<R>() {
            return Err(ResultMismatch::new::<R>(&ty.signature));
        }
        let stub = match way {
            // Code that is shared is handed its target.
            Way::Code(code) => Some(EntryFor::entry::<R>((code, code.first())).0),
            Way::Libffi(..) => None,
        };
        Ok(IndirectSlots { stub, count: ty.slots(), indirect: self.clone() })
    }
}

impl EntryFor for &Interpreted<'_> {
    fn entry<R: SlotResult>(self) -> (SlotsPointer<R>, *const c_void) {
        (Interpreted::enter::<R>, (&raw const *self).cast())
    }
}

impl Interpreted<'_> {
    /// # Safety
    /// `interpreted` points to an [`Interpreted`] function that returns an `R`, and `slots` to its slots. The rest as
    /// [`Slots::call`](super::Slots::call).
    unsafe extern "C" fn enter<R: SlotResult>(interpreted: *const c_void, slots: *const u64) -> R {
        // SAFETY: the caller passes what `entry` gave beside this function: the `Interpreted` itself.
        let Interpreted { interface, address } = unsafe { &*interpreted.cast() };
        // SAFETY: the interface is that of the function's type; the caller answers for slots and function.
        unsafe { interface.call(*address, None, slots) }
    }
}

impl fmt::Debug for Indirect {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Indirect").field("signature", self.signature()).field("path", self.path()).finish()
    }
}

/// A function type ready to be called with an address and an array of 8-byte slots, as [`Slots`](super::Slots)
/// describes them. A handle that keeps what it needs.
#[derive(Debug)]
pub struct IndirectSlots<R> {
    /// Handed the address of the function. `None` where calls go through libffi.
    stub: Option<SlotsPointer<R>>,
    count: usize,
    /// Keeps the stub.
    indirect: Indirect,
}

impl<R: SlotResult> IndirectSlots<R> {
    /// How many slots a call reads.
    pub fn count(&self) -> usize {
        self.count
    }

    /// Calls the function at `address`.
    ///
    /// # Safety
    /// As [`Slots::call`](super::Slots::call), of the function at `address`.
    #[inline(always)]
    pub unsafe fn call(&self, address: NonNull<c_void>, slots: &[u64]) -> R {
        debug_assert!(slots.len() >= self.count, "{} slots are given, {} are read", slots.len(), self.count);
        // SAFETY: the slice has the slots that the caller answers for.
        unsafe { self.call_pointer(address, slots.as_ptr()) }
    }

    /// The same, with slots that are known by their address alone.
    ///
    /// # Safety
    /// As [`IndirectSlots::call`], for the slots at `slots`.
    #[inline(always)]
    pub unsafe fn call_pointer(&self, address: NonNull<c_void>, slots: *const u64) -> R {
        match self.stub {
            // SAFETY: the stub returns an `R` and is handed its target; the caller answers for slots and function.
            Some(stub) => unsafe { stub(address.as_ptr(), slots) },
            // SAFETY: the caller answers for the function at `address` and for as many slots as its signature has.
            None => R::from_result(unsafe { self.indirect.call_slots_at(address, slots) }),
        }
    }
}

impl<R> Clone for IndirectSlots<R> {
    fn clone(&self) -> Self {
        IndirectSlots { indirect: self.indirect.clone(), ..*self }
    }
}
