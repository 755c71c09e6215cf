//! Types of callbacks: all that callbacks of one signature and policy share, prepared once.

use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

use springboard_abi::SlotForm;
use springboard_ir::{Signature, Type};

use super::{
    copy::{Capture, CopyIn},
    counters::{Counters, Counts},
    ending,
    erased::Erased,
    error::CreateError,
    handle::Callback,
    handler::{Handler, RawHandler},
    mailbox::Mailbox,
    owner::Owner,
    policy::{Block, Post, Reject},
    pool::{Own, Policy, Pool, Terms, Unwinding},
    prepared::Prepared,
    wait::Busy,
};
use crate::{
    bind_error::BindError,
    declaration::Declaration,
    engine::Engine,
    reason::Path,
    word::{SlotResult, canonical},
};

/// A type of callbacks: a signature, with stubs ready to be handed out. Its callbacks run on the thread that calls
/// them; [`CallbackType::reject`] and its like make types of callbacks that belong to one thread.
///
/// A handle: clones share everything, and any thread may use them. Making it plans, and compiles where no other
/// callback has had the same plan; making callbacks of it does neither.
#[derive(Clone)]
pub struct CallbackType {
    prepared: Arc<Prepared>,
    terms: Arc<Terms>,
}

impl CallbackType {
    pub(crate) fn new(engine: &Engine, declaration: impl Declaration) -> Result<CallbackType, CreateError> {
        let signature = declaration.into_prototype().map_err(BindError::from)?.signature;
        let prepared = Arc::new(Prepared::new(engine, &signature)?);
        let terms = Terms {
            signature,
            policy: None,
            captures: Capture::values(&prepared.params).collect(),
            counters: Counters::default(),
            unwinding: Unwinding::Stops,
        };
        Ok(CallbackType { prepared, terms: Arc::new(terms) })
    }

    /// The same type, with what the pointer `parameter` (counted from 0) points to copied before the caller of a
    /// posted or timed call goes on. For one that waits for its answer in any case it changes nothing that matters.
    ///
    /// # Errors
    /// [`CreateError::Copy`]: there is no such parameter, or it is not a pointer.
    pub fn copy_in(&self, parameter: usize, copy: CopyIn) -> Result<CallbackType, CreateError> {
        let Terms { signature, captures, .. } = &*self.terms;
        let declared = Capture::declared(signature, &self.prepared.params, captures, parameter, copy)
            .map_err(|error| CreateError::Copy { parameter, error })?;
        let captures = captures.iter().copied().chain([declared]).collect();
        Ok(self.with(Terms { captures, ..self.terms() }))
    }

    /// The same type, for handlers that may be left by unwinding: a panic, or a C++ exception that passes through a raw
    /// handler, goes on into the native code that called, as it would from any C++ function. No error becomes pending.
    /// What waits in a mailbox is not called by native code, and its panics surface at the drain as ever.
    ///
    /// Both sides must ask for it: the native code in between is compiled to be unwound (C: `-fexceptions`), or the
    /// process ends; and whoever called that code and catches calls it as `extern "C-unwind"`, which the pointers of
    /// [`Typed`](crate::function::Typed) and [`Function::call`](crate::Function::call) are not.
    #[must_use]
    pub fn unwinding(&self) -> CallbackType {
        self.with(Terms { unwinding: Unwinding::Passes, ..self.terms() })
    }

    /// This type's terms, counted anew.
    fn terms(&self) -> Terms {
        Terms {
            signature: self.terms.signature.clone(),
            policy: None,
            captures: Arc::clone(&self.terms.captures),
            counters: Counters::default(),
            unwinding: self.terms.unwinding,
        }
    }

    fn with(&self, terms: Terms) -> CallbackType {
        CallbackType { prepared: Arc::clone(&self.prepared), terms: Arc::new(terms) }
    }

    fn owned(&self, policy: impl Policy + 'static) -> OwnerCallbackType {
        let terms = Terms { policy: Some(Box::new(policy)), ..self.terms() };
        OwnerCallbackType { inner: self.with(terms), thread: PhantomData }
    }

    /// A callback whose handler gets slots.
    ///
    /// # Safety
    /// The handler fits the signature, and may run on the threads that the terms allow.
    unsafe fn slots(&self, handler: Erased) -> Result<Callback, CreateError> {
        let cell = self.prepared.pool.take()?;
        // SAFETY: the cell comes from the pool, and the caller answers for the handler.
        let generation = unsafe { cell.open(handler, Arc::clone(&self.terms), self.terms.home()) };
        Ok(Callback::new(cell, generation))
    }

    fn closure<F, H: Handler<F>>(&self, handler: H) -> Result<Callback, CreateError> {
        H::check(&self.terms.signature, &self.prepared.model)?;
        let handler = Erased::closure(handler);
        let made = match self.prepared.direct {
            Some(pool) if self.terms.unwinding == Unwinding::Stops => pool.take().map(|cell| {
                let (terms, thread) = (Arc::clone(&self.terms), self.terms.home());
                // SAFETY: the cell comes from the pool; the handler's type was checked, and its traits by the callers.
                let generation = unsafe { cell.open_direct(H::direct(), handler, terms, thread) };
                Callback::new(cell, generation)
            }),
            // SAFETY: the handler's type was checked, and its traits by the callers.
            _ => unsafe { self.slots(handler) },
        };
        made.inspect_err(|_| {
            // SAFETY: it was made above on this thread, and no callback has it.
            unsafe { handler.release() }
        })
    }

    /// Makes a callback. The handler runs on the thread that calls, on several at once if several call.
    ///
    /// # Errors
    /// The handler's Rust type is not the signature's, or the system has no more memory for code.
    pub fn callback<F, H>(&self, handler: H) -> Result<Callback, CreateError>
    where
        H: Handler<F> + Send + Sync,
    {
        self.closure(handler)
    }

    /// Makes a callback from a function that takes slots.
    ///
    /// # Errors
    /// The system has no more memory for code.
    ///
    /// # Safety
    /// `handler.call` must be sound to call with its context and the slots of any call, from any thread, until the
    /// callback is closed and the last call has left; and must write the result. `handler.release` must be sound to
    /// call after that, on any thread.
    pub unsafe fn raw(&self, handler: RawHandler) -> Result<Callback, CreateError> {
        let handler = handler.erased();
        // SAFETY: the caller answers for the handler.
        unsafe { self.slots(handler) }.inspect_err(|_| {
            // SAFETY: it was made above, and no callback has it. The host's own `release` is not called.
            unsafe { RawHandler::forget(handler) };
        })
    }

    /// The same signature, for callbacks that belong to the running thread and reject calls from all others: these
    /// get zero and are counted, and the first is reported ([`set_reporter`](crate::callback::set_reporter)).
    ///
    /// # Errors
    /// [`CreateError::NotOwner`] in the destructor of a thread-local.
    pub fn reject(&self) -> Result<OwnerCallbackType, CreateError> {
        let owner = Owner::current().ok_or(CreateError::NotOwner)?;
        Ok(self.owned(Reject(owner)))
    }

    /// The same signature, for callbacks that belong to the running thread: other threads' calls are put into its
    /// `mailbox`, and their callers get zero at once.
    ///
    /// # Errors
    /// [`CreateError::PostResult`] where the result is not `void`.
    pub fn post(&self, mailbox: &Mailbox) -> Result<OwnerCallbackType, CreateError> {
        self.posted(mailbox, Own::Run)
    }

    /// As [`CallbackType::post`], and the owner's own calls are put into the mailbox as well, after those that other
    /// threads have posted: handlers run in the order of the calls, from the drain alone, and never within native code.
    ///
    /// A mailbox that is full, and has callers wait, refuses the owner, because nobody else makes room.
    ///
    /// # Errors
    /// As [`CallbackType::post`].
    pub fn queue(&self, mailbox: &Mailbox) -> Result<OwnerCallbackType, CreateError> {
        self.posted(mailbox, Own::Queue)
    }

    fn posted(&self, mailbox: &Mailbox, own: Own) -> Result<OwnerCallbackType, CreateError> {
        let result = self.signature().result();
        if *result != Type::Void {
            return Err(CreateError::PostResult(result.clone()));
        }
        Ok(self.owned(Post { inbox: Arc::clone(mailbox.inbox()), own }))
    }

    /// The same signature, for callbacks that belong to the running thread: callers on other threads wait until it
    /// drains its `mailbox`, or waits itself in a blocking callback or for a mailbox, and get the handler's result.
    ///
    /// A caller is released with zero when the mailbox is gone; and when the owner is in native code for as long as
    /// `busy` says.
    pub fn block(&self, mailbox: &Mailbox, busy: Busy) -> OwnerCallbackType {
        self.owned(Block { inbox: Arc::clone(mailbox.inbox()), busy, limit: None })
    }

    /// As [`CallbackType::block`], for no longer than `limit`. A caller whose time is up gets `value`, and the
    /// handler's result is dropped when it comes; so what the parameters point to must outlive the call, or be copied
    /// in.
    ///
    /// # Errors
    /// [`CreateError::TimeoutResult`] where `value` is not of the result's type: `()` where that is not a word.
    pub fn block_timeout<R: SlotResult>(
        &self,
        mailbox: &Mailbox,
        limit: Duration,
        value: R,
        busy: Busy,
    ) -> Result<OwnerCallbackType, CreateError> {
        let fits = match self.prepared.result {
            SlotForm::None | SlotForm::Address(_) => R::RESULT.is_none(),
            SlotForm::Word(scalar) => R::RESULT == Some(scalar),
        };
        if !fits {
            let c = self.signature().result().clone();
            return Err(CreateError::TimeoutResult { c, rust: std::any::type_name::<R>() });
        }
        Ok(self.block_timeout_slot(mailbox, limit, value.into_result(), busy))
    }

    /// The same with the slot of the value, for hosts that know the result's type when they run. Bits above the width of
    /// the type are ignored, as is all of the slot where the result is not a word.
    pub fn block_timeout_slot(
        &self,
        mailbox: &Mailbox,
        limit: Duration,
        slot: u64,
        busy: Busy,
    ) -> OwnerCallbackType {
        let slot = match self.prepared.result {
            SlotForm::None | SlotForm::Address(_) => 0,
            SlotForm::Word(scalar) => canonical(scalar, slot),
        };
        self.owned(Block { inbox: Arc::clone(mailbox.inbox()), busy, limit: Some((limit, slot)) })
    }

    /// The C function type.
    pub fn signature(&self) -> &Signature {
        &self.terms.signature
    }

    /// How native code gets in: by a stub, or by a closure of libffi.
    pub fn path(&self) -> &Path {
        &self.prepared.path
    }

    /// What became of the calls of this type's callbacks.
    pub fn counts(&self) -> Counts {
        self.terms.counters.read()
    }

    /// Calls that got zero because their callback was closed: of all callbacks in the process, of every type, that
    /// share their stubs with this type's.
    pub fn calls_after_close(&self) -> u64 {
        self.prepared.pools().map(Pool::late).sum()
    }

    /// Bytes that one callback takes, at most: its stub and its data, without the handler's own.
    pub fn bytes_each(&self) -> usize {
        self.prepared.pools().map(Pool::bytes_each).max().unwrap_or_default()
    }
}

impl fmt::Debug for CallbackType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("CallbackType").field("signature", self.signature()).finish_non_exhaustive()
    }
}

/// A type of callbacks that belong to one thread, their owner: handlers run there and are freed there, and need be
/// neither [`Send`] nor [`Sync`]. What becomes of calls from other threads is the type's policy.
///
/// A handle, for the owner thread alone.
#[derive(Clone)]
pub struct OwnerCallbackType {
    inner: CallbackType,
    thread: PhantomData<*const ()>,
}

impl OwnerCallbackType {
    /// Makes a callback.
    ///
    /// # Errors
    /// As [`CallbackType::callback`].
    pub fn callback<F, H: Handler<F>>(&self, handler: H) -> Result<Callback, CreateError> {
        self.inner.closure(handler).inspect(ending::made)
    }

    /// Makes a callback from a function that takes slots.
    ///
    /// # Errors
    /// As [`CallbackType::raw`].
    ///
    /// # Safety
    /// As [`CallbackType::raw`], on the owner thread.
    pub unsafe fn raw(&self, handler: RawHandler) -> Result<Callback, CreateError> {
        // SAFETY: the contract is the caller's, on the only thread to which the terms let the handler.
        unsafe { self.inner.raw(handler) }.inspect(ending::made)
    }

    /// The C function type.
    pub fn signature(&self) -> &Signature {
        self.inner.signature()
    }

    /// How native code gets in: by a stub, or by a closure of libffi.
    pub fn path(&self) -> &Path {
        self.inner.path()
    }

    /// What became of the calls of this type's callbacks.
    pub fn counts(&self) -> Counts {
        self.inner.counts()
    }
}

impl fmt::Debug for OwnerCallbackType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnerCallbackType")
            .field("signature", self.signature())
            .field("policy", &self.inner.terms.policy)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Prepares a type of callbacks: `"int (const void *, const void *)"`. Their handlers run on the thread that
    /// calls, unless a policy is chosen on the result.
    ///
    /// # Errors
    /// The declaration is not C; or native code can call by the signature neither through a stub nor through libffi.
    pub fn callback_type(&self, declaration: impl Declaration) -> Result<CallbackType, CreateError> {
        CallbackType::new(self, declaration)
    }

    /// Makes a callback whose handler runs on the thread that calls.
    ///
    /// A host that makes many of one type keeps the [`CallbackType`].
    ///
    /// # Errors
    /// As [`Engine::callback_type`] and [`CallbackType::callback`].
    pub fn callback<F, H>(&self, declaration: impl Declaration, handler: H) -> Result<Callback, CreateError>
    where
        H: Handler<F> + Send + Sync,
    {
        self.callback_type(declaration)?.callback(handler)
    }
}
