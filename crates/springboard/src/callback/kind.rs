//! Types of callbacks: all that callbacks of one signature and policy share, prepared once.

use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

use springboard_abi::{Entry, SlotForm};
use springboard_ir::{DataModel, FloatFormat, Scalar, Signature, Type};

use super::{
    copy::{Copy, CopyIn},
    counters::{Counters, Counts},
    dispatch::ResultRegister,
    error::CreateError,
    handle::Callback,
    handler::{Erased, Handler, RawHandler},
    mailbox::Mailbox,
    owner::Owner,
    policy::{Patience, Policy},
    pool::{Pool, Zero},
    pools, thread,
    wait::Busy,
};
use crate::{
    bind_error::BindError, declaration::Declaration, declaration::Position, engine::Engine, reason::Path,
    word::SlotResult,
};

/// What callbacks of one type share.
pub(super) struct Kind {
    pub(super) shape: Arc<Shape>,
    pub(super) policy: Policy,
    /// What a record owns instead of its caller.
    pub(super) copies: Arc<[Copy]>,
    pub(super) counters: Counters,
    pub(super) unwinding: Unwinding,
}

/// What becomes of a panic, or of another language's exception, that leaves a handler on the thread of its caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Unwinding {
    /// A panic is stopped and surfaces later; nothing else may leave.
    Stops,
    /// It goes on into the native caller.
    Passes,
}

/// What all kinds of one signature share.
pub(super) struct Shape {
    pub(super) signature: Signature,
    pub(super) model: DataModel,
    pub(super) params: Box<[SlotForm]>,
    pub(super) result: SlotForm,
    pub(super) pool: &'static Pool,
    /// For handlers whose types are known, where every value is a word in a register.
    direct: Option<&'static Pool>,
    pub(super) path: Path,
}

impl Kind {
    fn new(shape: Arc<Shape>, copies: Arc<[Copy]>, policy: Policy) -> Kind {
        Kind { shape, copies, policy, counters: Counters::default(), unwinding: Unwinding::Stops }
    }

    /// The same but for the policy.
    fn with(&self, policy: Policy) -> OwnerCallbackType {
        let kind = Kind::new(Arc::clone(&self.shape), Arc::clone(&self.copies), policy);
        let kind = Kind { unwinding: self.unwinding, ..kind };
        OwnerCallbackType { kind: Arc::new(kind), thread: PhantomData }
    }

    pub(super) fn signature(&self) -> &Signature {
        &self.shape.signature
    }

    fn callback(self: &Arc<Kind>, pool: &'static Pool, handler: Erased) -> Result<Callback, CreateError> {
        let cell = pool.take()?;
        let thread = thread::host_key();
        // SAFETY: the cell comes from the pool. That the handler fits and may run where the policy lets it is what
        // the callers of this check or are promised.
        let generation = unsafe { cell.open(handler, Arc::clone(self), thread) };
        Ok(Callback::new(cell, generation))
    }

    fn closure<H: Handler<F>, F>(self: &Arc<Kind>, handler: H) -> Result<Callback, CreateError> {
        H::check(&self.shape.signature, &self.shape.model)?;
        let (pool, handler) = match self.shape.direct {
            Some(direct) if self.unwinding == Unwinding::Stops => (direct, Erased::direct(handler)),
            _ => (self.shape.pool, Erased::closure(handler)),
        };
        self.callback(pool, handler).inspect_err(|_| {
            // SAFETY: made above, and known to nobody.
            unsafe { handler.release() }
        })
    }
}

/// A type of callbacks: a signature, with stubs ready to be handed out. Its callbacks run on the thread that calls
/// them; [`CallbackType::reject`] and its like make types of callbacks that belong to one thread.
///
/// A handle: clones share everything, and any thread may use them. Making it plans, and compiles where no other
/// callback has had the same plan; making callbacks of it does neither.
#[derive(Clone)]
pub struct CallbackType {
    kind: Arc<Kind>,
}

impl CallbackType {
    pub(crate) fn new(engine: &Engine, declaration: impl Declaration) -> Result<CallbackType, CreateError> {
        let shape = Shape::new(engine, declaration.into_prototype().map_err(BindError::from)?.signature)?;
        let copies = Copy::values(&shape.params).collect();
        Ok(CallbackType { kind: Arc::new(Kind::new(Arc::new(shape), copies, Policy::Inline)) })
    }

    /// The same type, with what the pointer `parameter` (counted from 0) points to copied before the caller of a
    /// posted or timed call goes on. For one that waits for its answer in any case it changes nothing that matters.
    ///
    /// # Errors
    /// [`CreateError::Copy`]: there is no such parameter, or it is no pointer.
    pub fn copy_in(&self, parameter: usize, copy: CopyIn) -> Result<CallbackType, CreateError> {
        let Shape { signature, params, .. } = &*self.kind.shape;
        let declared = Copy::declared(signature, params, &self.kind.copies, parameter, copy)
            .map_err(|error| CreateError::Copy { parameter, error })?;
        let copies = self.kind.copies.iter().copied().chain([declared]).collect();
        let kind = Kind::new(Arc::clone(&self.kind.shape), copies, Policy::Inline);
        let kind = Kind { unwinding: self.kind.unwinding, ..kind };
        Ok(CallbackType { kind: Arc::new(kind) })
    }

    /// The same type, for handlers that may be left by unwinding: a panic, or a C++ exception that passes through a raw
    /// handler, goes on into the native code that called, as it would from any C++ function. No error becomes pending.
    /// What waits in a mailbox is not called by native code, and its panics surface at the drain as ever.
    ///
    /// Both sides must ask for it: the native code in between is compiled to be unwound (C: `-fexceptions`), or the
    /// process ends; and whoever called that code and catches calls it as `extern "C-unwind"`, which the pointers of
    /// [`Typed`](crate::Typed) and [`Function::call`](crate::Function::call) are not.
    #[must_use]
    pub fn unwinding(&self) -> CallbackType {
        let Kind { shape, copies, .. } = &*self.kind;
        let kind = Kind::new(Arc::clone(shape), Arc::clone(copies), Policy::Inline);
        CallbackType { kind: Arc::new(Kind { unwinding: Unwinding::Passes, ..kind }) }
    }

    /// Makes a callback. The handler runs on the thread that calls, on several at once if several call.
    ///
    /// # Errors
    /// The handler's Rust type is not the signature's, or the system has no more memory for code.
    pub fn callback<F, H>(&self, handler: H) -> Result<Callback, CreateError>
    where
        H: Handler<F> + Send + Sync,
    {
        self.kind.closure(handler)
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
        self.kind.callback(self.kind.shape.pool, handler.erased())
    }

    /// The same signature, for callbacks that belong to the running thread and reject calls from all others: these
    /// get zero and are counted, and the first is reported ([`set_reporter`](crate::set_reporter)).
    ///
    /// # Errors
    /// [`CreateError::NotOwner`] in the destructor of a thread-local.
    pub fn reject(&self) -> Result<OwnerCallbackType, CreateError> {
        let owner = Owner::current().ok_or(CreateError::NotOwner)?;
        Ok(self.kind.with(Policy::Reject(owner)))
    }

    /// The same signature, for callbacks that belong to the running thread: other threads' calls are put into its
    /// `mailbox`, and their callers get zero at once.
    ///
    /// # Errors
    /// [`CreateError::PostResult`] where the result is not `void`.
    pub fn post(&self, mailbox: &Mailbox) -> Result<OwnerCallbackType, CreateError> {
        let result = self.signature().result();
        if *result != Type::Void {
            return Err(CreateError::PostResult(result.clone()));
        }
        Ok(self.kind.with(Policy::Post(Arc::clone(mailbox.shared()))))
    }

    /// The same signature, for callbacks that belong to the running thread: callers on other threads wait until it
    /// drains its `mailbox`, or waits itself in a blocking callback or for a mailbox, and get the handler's result.
    ///
    /// A caller is released with zero when the mailbox is gone; and when the owner is in native code for as long as
    /// `busy` says.
    pub fn block(&self, mailbox: &Mailbox, busy: Busy) -> OwnerCallbackType {
        self.kind.with(Policy::Block(Arc::clone(mailbox.shared()), Patience { busy, limit: None }))
    }

    /// As [`CallbackType::block`], for no longer than `limit`. A caller whose time is up gets `value`, and the
    /// handler's result is dropped when it comes; so what the parameters point to must outlive the call, or be copied
    /// in.
    ///
    /// # Errors
    /// [`CreateError::TimeoutResult`] where `value` is not of the result's type: `()` where that is no word.
    pub fn block_timeout<R: SlotResult>(
        &self,
        mailbox: &Mailbox,
        limit: Duration,
        value: R,
        busy: Busy,
    ) -> Result<OwnerCallbackType, CreateError> {
        let fits = match self.kind.shape.result {
            SlotForm::None | SlotForm::Address(_) => R::RESULT.is_none(),
            SlotForm::Word(scalar) => R::RESULT == Some(scalar),
        };
        if !fits {
            let c = self.signature().result().clone();
            return Err(CreateError::TimeoutResult { c, rust: std::any::type_name::<R>() });
        }
        let limit = Some((limit, value.into_result()));
        Ok(self.kind.with(Policy::Block(Arc::clone(mailbox.shared()), Patience { busy, limit })))
    }

    /// The C function type.
    pub fn signature(&self) -> &Signature {
        &self.kind.shape.signature
    }

    /// How native code gets in: by a stub, or by a closure of libffi.
    pub fn path(&self) -> &Path {
        &self.kind.shape.path
    }

    /// What became of the calls of this type's callbacks.
    pub fn counts(&self) -> Counts {
        self.kind.counters.read()
    }

    /// Calls that got zero because their callback was closed: of all callbacks in the process, of every type, that
    /// share their stubs with this type's.
    pub fn calls_after_close(&self) -> u64 {
        self.kind.shape.pools().map(Pool::late).sum()
    }

    /// Bytes that one callback takes, at most: its stub and its data, without the handler's own.
    pub fn bytes_each(&self) -> usize {
        self.kind.shape.pools().map(Pool::bytes_each).max().unwrap_or(0)
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
    kind: Arc<Kind>,
    thread: PhantomData<*const ()>,
}

impl OwnerCallbackType {
    /// Makes a callback.
    ///
    /// # Errors
    /// As [`CallbackType::callback`].
    pub fn callback<F, H: Handler<F>>(&self, handler: H) -> Result<Callback, CreateError> {
        self.kind.closure(handler)
    }

    /// Makes a callback from a function that takes slots.
    ///
    /// # Errors
    /// As [`CallbackType::raw`].
    ///
    /// # Safety
    /// As [`CallbackType::raw`], on the owner thread.
    pub unsafe fn raw(&self, handler: RawHandler) -> Result<Callback, CreateError> {
        self.kind.callback(self.kind.shape.pool, handler.erased())
    }

    /// The C function type.
    pub fn signature(&self) -> &Signature {
        &self.kind.shape.signature
    }

    /// How native code gets in: by a stub, or by a closure of libffi.
    pub fn path(&self) -> &Path {
        &self.kind.shape.path
    }

    /// What became of the calls of this type's callbacks.
    pub fn counts(&self) -> Counts {
        self.kind.counters.read()
    }
}

impl fmt::Debug for OwnerCallbackType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OwnerCallbackType")
            .field("signature", self.signature())
            .field("policy", &self.kind.policy)
            .finish_non_exhaustive()
    }
}

impl Engine {
    /// Prepares a type of callbacks: `"int (const void *, const void *)"`. Their handlers run on the thread that
    /// calls, unless a policy is chosen on the result.
    ///
    /// # Errors
    /// A declaration that is none; a signature by which native code can call neither way.
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

impl Shape {
    fn new(engine: &Engine, signature: Signature) -> Result<Shape, CreateError> {
        let model = *engine.data_model();
        let form =
            |position, ty| SlotForm::of(ty, &model).map_err(|error| BindError::Layout { position, error });
        let params = signature.params().iter().enumerate();
        let params = params
            .map(|(index, param)| form(Position::Parameter(index), &param.ty))
            .collect::<Result<Box<[_]>, _>>()?;
        let result = form(Position::Result, signature.result())?;
        // The limit on parameters keeps the index in range.
        let slot = params.len() as u16;
        let zero = match result {
            SlotForm::None => Zero::Nothing,
            SlotForm::Word(_) => Zero::Slot(slot),
            // Larger results have no plan and no caller.
            SlotForm::Address(layout) => Zero::Memory(slot, layout.size as u32),
        };
        let stubs =
            engine.plan(&signature, Entry::Callback).and_then(|plan| pools::stubs(engine, plan, zero, None));
        let (pool, path) = match stubs {
            Ok(pool) => (pool, Path::Native),
            Err(reason) => match pools::closures(engine, &signature, zero) {
                Ok(pool) => (pool, Path::Libffi(reason)),
                Err(unsupported) => return Err(BindError::NoPath { reason, unsupported }.into()),
            },
        };
        let direct = match (result, &path) {
            (_, Path::Libffi(_)) => None,
            (SlotForm::None, _) => Some(ResultRegister::None),
            (SlotForm::Word(Scalar::Float(FloatFormat::F32)), _) => Some(ResultRegister::F32),
            (SlotForm::Word(Scalar::Float(_)), _) => Some(ResultRegister::F64),
            (SlotForm::Word(_), _) => Some(ResultRegister::General),
            (SlotForm::Address(_), _) => None,
        };
        // Without a plan for that, or memory, there is the other pool.
        let direct = direct.and_then(|register| {
            let plan = engine.plan(&signature, Entry::Direct).ok()?;
            pools::stubs(engine, plan, zero, Some(register)).ok()
        });
        Ok(Shape { signature, model, params, result, pool, direct, path })
    }

    /// The pools of its callbacks.
    fn pools(&self) -> impl Iterator<Item = &'static Pool> {
        [self.pool].into_iter().chain(self.direct)
    }
}
