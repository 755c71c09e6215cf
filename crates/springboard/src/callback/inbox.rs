//! What every thread sees of a mailbox: where it puts calls for the mailbox's owner.

use std::{
    collections::VecDeque,
    fmt, io,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
};

use springboard_code::fork;

use super::{
    error::CreateError,
    owner::Owner,
    parker::Parker,
    queue::{Class, Full, Pushed, Queue, Refusal},
    record::Record,
    wait::Stop,
};
use crate::{
    system::event::{BorrowedEvent, Event},
    thread::{self, CallbackError},
};

pub(super) struct Inbox {
    /// The process that made it ([`fork::generation`]). In another one its locks may be held by threads that are not
    /// there, and its event is the parent's.
    process: u64,
    pub(super) owner: Arc<Owner>,
    queue: Queue<Record, Arc<Parker>>,
    waker: Mutex<Option<Waker>>,
    /// Signalled while there are records.
    event: OnceLock<Event>,
    #[cfg(feature = "tokio")]
    notify: tokio::sync::Notify,
    /// What the owner is to be told at its next drain.
    errors: Mutex<VecDeque<CallbackError>>,
}

pub(super) type Waker = Arc<dyn Fn() + Send + Sync>;

impl Inbox {
    /// One of the running thread.
    pub(super) fn new(bound: Option<(usize, Full)>) -> Result<Inbox, CreateError> {
        let owner = Owner::current().ok_or(CreateError::NotOwner)?;
        fork::watch();
        Ok(Inbox {
            process: fork::generation(),
            owner,
            queue: Queue::new(bound),
            waker: Mutex::default(),
            event: OnceLock::new(),
            #[cfg(feature = "tokio")]
            notify: tokio::sync::Notify::new(),
            errors: Mutex::default(),
        })
    }

    /// Whether another process made it, from which this one was forked.
    pub(super) fn is_inherited(&self) -> bool {
        self.process != fork::generation()
    }

    /// Puts in a posted call, or gives it back. Where it can be put in later, who waits at `parker` is woken then.
    pub(super) fn post(
        &self,
        record: Record,
        parker: impl FnOnce() -> Arc<Parker>,
    ) -> Option<Refusal<Record>> {
        if self.is_inherited() {
            return Some(Refusal::Refused(record));
        }
        self.queue.post(record, parker).map(|pushed| self.pushed(pushed)).err()
    }

    /// Puts in a call whose caller waits. `false` where the mailbox is gone: the record has refused the request.
    pub(super) fn ask(&self, record: Record) -> bool {
        if self.is_inherited() {
            return false;
        }
        let pushed = self.queue.ask(record);
        pushed.map(|pushed| self.pushed(Pushed { wake: true, ..pushed })).is_ok()
    }

    fn pushed(&self, pushed: Pushed<Record>) {
        if pushed.wake {
            self.owner.parker.wake();
        }
        if pushed.first {
            self.signal();
            let waker = locked(&self.waker).clone();
            // Whoever panics here has been told not to; C must not be unwound in any case.
            waker.into_iter().for_each(|waker| _ = catch_unwind(AssertUnwindSafe(|| waker())));
        }
    }

    /// A caller stopped waiting for the owner.
    pub(super) fn stopped(&self, stop: Stop) {
        if stop == Stop::Busy {
            self.tell(CallbackError::Busy { caller: thread::system_id() });
        }
    }

    /// Tells the owner of an error at its next drain.
    pub(super) fn tell(&self, error: CallbackError) {
        locked(&self.errors).push_back(error);
        self.signal();
    }

    /// What the owner has not been told yet.
    pub(super) fn error(&self) -> Option<CallbackError> {
        locked(&self.errors).pop_front()
    }

    /// Takes all records out, into `taken`, which must be empty.
    pub(super) fn take(&self, taken: &mut VecDeque<(Class, Record)>) {
        self.queue.take(taken).iter().for_each(|parker| parker.wake());
    }

    pub(super) fn is_empty(&self) -> bool {
        self.queue.is_empty() && locked(&self.errors).is_empty()
    }

    /// Whether there is nothing. If so, the next record that comes wakes the owner.
    pub(super) fn is_empty_and_owner_waits(&self) -> bool {
        locked(&self.errors).is_empty() && self.queue.is_empty_and_owner_waits()
    }

    /// Whether somebody waits for an answer.
    pub(super) fn has_request(&self) -> bool {
        self.queue.has_request()
    }

    /// Lets nothing in any more.
    pub(super) fn close(&self) -> VecDeque<(Class, Record)> {
        let (records, waiting) = self.queue.close();
        waiting.iter().for_each(|parker| parker.wake());
        records
    }

    pub(super) fn set_waker(&self, waker: Waker) {
        *locked(&self.waker) = Some(waker);
    }

    /// The event, made at the first call: signalled from the start where there is `something` already.
    pub(super) fn event(&self, something: impl FnOnce() -> bool) -> io::Result<BorrowedEvent<'_>> {
        if let Some(event) = self.event.get() {
            return Ok(event.borrow());
        }
        let new = Event::new()?;
        let event = self.event.get_or_init(|| new);
        if something() {
            self.signal();
        }
        Ok(event.borrow())
    }

    /// Signals the event, if anybody asked for one.
    pub(super) fn signal(&self) {
        if let Some(event) = self.event.get() {
            event.signal();
        }
        #[cfg(feature = "tokio")]
        self.notify.notify_one();
    }

    /// Has what comes from here on signal the event again. Says whether anybody asked for one.
    pub(super) fn hear(&self) -> bool {
        let event = self.event.get();
        event.is_some_and(|event| {
            event.clear();
            true
        })
    }

    #[cfg(feature = "tokio")]
    pub(super) async fn notified(&self) {
        self.notify.notified().await;
    }
}

impl fmt::Debug for Inbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("owner", &self.owner).finish_non_exhaustive()
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
