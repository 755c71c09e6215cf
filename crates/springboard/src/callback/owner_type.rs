//! Types of callbacks that belong to one thread, and the policies for calls from others.

use std::{fmt, marker::PhantomData, sync::Arc, time::Duration};

use springboard_abi::SlotForm;
use springboard_ir::{Signature, Type};

use super::{
    callback_type::CallbackType,
    counters::Counts,
    ending,
    error::CreateError,
    handle::Callback,
    handler::{Handler, RawHandler},
    mailbox::Mailbox,
    owner::Owner,
    policy::{Block, Post, Reject},
    pool::{Own, Policy, Terms},
    wait::Busy,
};
use crate::{
    reason::Path,
    word::{SlotResult, canonical},
};

impl CallbackType {
    fn owned(&self, policy: impl Policy + 'static) -> OwnerCallbackType {
        let terms = Terms { policy: Some(Box::new(policy)), ..self.terms() };
        OwnerCallbackType { inner: self.with(terms), thread: PhantomData }
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
            .field("policy", &self.inner.policy())
            .finish_non_exhaustive()
    }
}
