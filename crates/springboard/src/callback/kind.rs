//! Types of callbacks: all that callbacks of one signature and policy share, prepared once.

use std::{fmt, marker::PhantomData, sync::Arc};

use springboard_abi::{Entry, SlotForm};
use springboard_ir::{DataModel, Signature};

use super::{
    counters::{Counters, Counts},
    error::CreateError,
    handle::Callback,
    handler::{Erased, Handler, RawHandler},
    owner::Owner,
    policy::Policy,
    pool::{Pool, Zero},
    pools, thread,
};
use crate::{
    declaration::Declaration,
    engine::Engine,
    function::{BindError, Position},
    reason::Path,
};

/// What callbacks of one type share.
pub(super) struct Kind {
    pub(super) shape: Arc<Shape>,
    pub(super) policy: Policy,
    pub(super) counters: Counters,
}

/// What all kinds of one signature share.
pub(super) struct Shape {
    pub(super) signature: Signature,
    pub(super) model: DataModel,
    pub(super) params: Box<[SlotForm]>,
    pub(super) result: SlotForm,
    pub(super) pool: &'static Pool,
    pub(super) path: Path,
}

impl Kind {
    fn new(shape: Arc<Shape>, policy: Policy) -> Arc<Kind> {
        Arc::new(Kind { shape, policy, counters: Counters::default() })
    }

    pub(super) fn signature(&self) -> &Signature {
        &self.shape.signature
    }

    fn callback(self: &Arc<Kind>, handler: Erased) -> Result<Callback, CreateError> {
        let cell = self.shape.pool.take()?;
        let thread = thread::host_key();
        // SAFETY: the cell comes from the pool. That the handler fits and may run where the policy lets it is what
        // the callers of this check or are promised.
        let generation = unsafe { cell.open(handler, Arc::clone(self), thread) };
        Ok(Callback::new(cell, generation))
    }

    fn closure<H: Handler<F>, F>(self: &Arc<Kind>, handler: H) -> Result<Callback, CreateError> {
        H::check(&self.shape.signature, &self.shape.model)?;
        let handler = Erased::closure(handler);
        self.callback(handler).inspect_err(|_| {
            // SAFETY: made above, and known to nobody.
            unsafe { (handler.release)(handler.data) }
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
        let shape = Shape::new(engine, declaration.into_prototype()?.signature)?;
        Ok(CallbackType { kind: Kind::new(Arc::new(shape), Policy::Inline) })
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
        self.kind.callback(handler.erased())
    }

    /// The same signature, for callbacks that belong to the running thread and reject calls from all others: these
    /// get zero and are counted, and the first is reported ([`set_reporter`](crate::set_reporter)).
    ///
    /// # Errors
    /// [`CreateError::NotOwner`] in the destructor of a thread-local.
    pub fn reject(&self) -> Result<OwnerCallbackType, CreateError> {
        let owner = Owner::current().ok_or(CreateError::NotOwner)?;
        Ok(OwnerCallbackType::new(Kind::new(Arc::clone(&self.kind.shape), Policy::Reject(owner))))
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

    /// Bytes that one callback takes: its stub and its data, without the handler's own.
    pub fn bytes_each(&self) -> usize {
        self.kind.shape.pool.bytes_each()
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
    fn new(kind: Arc<Kind>) -> OwnerCallbackType {
        OwnerCallbackType { kind, thread: PhantomData }
    }

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
        self.kind.callback(handler.erased())
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
            engine.plan(&signature, Entry::Callback).and_then(|plan| pools::stubs(engine, plan, zero));
        let (pool, path) = match stubs {
            Ok(pool) => (pool, Path::Native),
            Err(reason) => match pools::closures(engine, &signature, zero) {
                Ok(pool) => (pool, Path::Libffi(reason)),
                Err(unsupported) => return Err(BindError::NoPath { reason, unsupported }.into()),
            },
        };
        Ok(Shape { signature, model, params, result, pool, path })
    }
}
