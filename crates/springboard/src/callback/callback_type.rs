//! Types of callbacks: all that callbacks of one signature and policy share, prepared once.

use std::{fmt, sync::Arc};

use springboard_ir::Signature;

use super::{
    copy::{Capture, CopyIn},
    counters::{Counters, Counts},
    erased::Erased,
    error::CreateError,
    handle::Callback,
    handler::{Handler, RawHandler},
    pool::{Policy, Pool, Terms, Unwinding},
    prepared::Prepared,
};
use crate::{bind_error::BindError, declaration::Declaration, engine::Engine, reason::Path};

/// A type of callbacks: a signature, with stubs ready to be handed out. Its callbacks run on the thread that calls
/// them; [`CallbackType::reject`] and its like make types of callbacks that belong to one thread.
///
/// A handle: clones share everything, and any thread may use them. Making it plans, and compiles where no other
/// callback has had the same plan; making callbacks of it does neither.
#[derive(Clone)]
pub struct CallbackType {
    pub(super) prepared: Arc<Prepared>,
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

    /// What becomes of calls from other threads than the owner.
    pub(super) fn policy(&self) -> Option<&dyn Policy> {
        self.terms.policy.as_deref()
    }

    /// This type's terms, counted anew.
    pub(super) fn terms(&self) -> Terms {
        Terms {
            signature: self.terms.signature.clone(),
            policy: None,
            captures: Arc::clone(&self.terms.captures),
            counters: Counters::default(),
            unwinding: self.terms.unwinding,
        }
    }

    pub(super) fn with(&self, terms: Terms) -> CallbackType {
        CallbackType { prepared: Arc::clone(&self.prepared), terms: Arc::new(terms) }
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

    pub(super) fn closure<F, H: Handler<F>>(&self, handler: H) -> Result<Callback, CreateError> {
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
