//! Mailboxes: where calls from other threads wait for the thread that a callback belongs to.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    fmt, io, mem,
    panic::{AssertUnwindSafe, catch_unwind},
    rc::{Rc, Weak},
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::{Duration, Instant},
};

use springboard_code::fork;

use super::{
    error::{CreateError, DrainError},
    owner::{Owner, Waiter},
    queue::{Class, Full, Pushed, Queue, Refusal},
    record::{Delivery, Record},
    wait::{Awaited, Busy, Stop, wait_and},
};
use crate::{
    system::event::{BorrowedEvent, Event},
    thread::{self, CallbackError},
};

/// A queue of calls from other threads. The thread that made it, its owner, runs their handlers when it drains.
///
/// The calls of one thread are delivered in the order in which they were made. A record holds the raw slots of a
/// call; values of the host are made of them on the owner thread, by the handler.
///
/// Dropping it drops what was posted and not delivered, frees its copies, and releases waiting callers with zero;
/// [`Mailbox::close`] also says how many there were. The same happens when the thread ends.
///
/// A mailbox belongs to its process. In a forked child a drain of it is an error ([`CallbackError::Forked`]), what is
/// posted to it is refused, and dropping it leaves to the parent what is in it.
pub struct Mailbox {
    local: Rc<Local>,
}

/// The owner's side.
pub(super) struct Local {
    shared: Arc<Inbox>,
    /// Taken from the queue, and not delivered yet.
    taken: RefCell<VecDeque<(Class, Record)>>,
    /// How many of these are requests.
    requests: Cell<usize>,
}

/// Every thread's side.
pub(super) struct Inbox {
    /// The process that made it ([`fork::generation`]). In another one its locks may be held by threads that are not
    /// there, and its event is the parent's.
    process: u64,
    pub(super) owner: Arc<Owner>,
    queue: Queue<Record, Waiter>,
    waker: Mutex<Option<Waker>>,
    /// Signalled while there are records.
    event: OnceLock<Event>,
    #[cfg(feature = "tokio")]
    notify: tokio::sync::Notify,
    /// What the owner is to be told at its next drain.
    errors: Mutex<VecDeque<CallbackError>>,
}

type Waker = Arc<dyn Fn() + Send + Sync>;

/// Calls that were not delivered when their mailbox was closed.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub struct Abandoned {
    /// Posted records, dropped with their copies.
    pub posted: usize,
    /// Callers that were waiting, released with zero.
    pub waiting: usize,
}

impl Mailbox {
    /// A mailbox of the running thread that takes any number of records.
    ///
    /// # Errors
    /// [`CreateError::NotOwner`] in the destructor of a thread-local.
    pub fn unbounded() -> Result<Mailbox, CreateError> {
        Mailbox::new(None)
    }

    /// A mailbox of the running thread that holds at most `capacity` posted records that no drain has taken up.
    /// Waiting callers do not count.
    ///
    /// # Errors
    /// [`CreateError::NotOwner`] in the destructor of a thread-local.
    pub fn bounded(capacity: usize, full: Full) -> Result<Mailbox, CreateError> {
        Mailbox::new(Some((capacity, full)))
    }

    fn new(bound: Option<(usize, Full)>) -> Result<Mailbox, CreateError> {
        let owner = Owner::current().ok_or(CreateError::NotOwner)?;
        fork::watch();
        let shared = Arc::new(Inbox {
            process: fork::generation(),
            owner,
            queue: Queue::new(bound),
            waker: Mutex::default(),
            event: OnceLock::new(),
            #[cfg(feature = "tokio")]
            notify: tokio::sync::Notify::new(),
            errors: Mutex::default(),
        });
        let local = Rc::new(Local { shared, taken: RefCell::default(), requests: Cell::new(0) });
        adopt(&local);
        Ok(Mailbox { local })
    }

    pub(super) fn shared(&self) -> &Arc<Inbox> {
        &self.local.shared
    }

    /// Whether it was made by the process that this one was forked from.
    pub fn is_inherited(&self) -> bool {
        self.local.shared.is_inherited()
    }

    /// Sets what is called when a record comes into the empty mailbox. It runs on the thread that called back, and
    /// must touch nothing that belongs to the owner; it must not panic. In a forked child this does nothing.
    pub fn set_waker(&self, waker: impl Fn() + Send + Sync + 'static) {
        if self.is_inherited() {
            return;
        }
        *locked(&self.local.shared.waker) = Some(Arc::new(waker));
    }

    /// What poll loops wait for: a file descriptor to be readable (eventfd(2)), on Windows the handle of an event to be
    /// signalled. It is when there may be records, until a drain has taken them all. Belongs to the mailbox; it must not
    /// be read, written or set.
    ///
    /// # Errors
    /// The system has no more of them, or this is a forked child.
    pub fn event(&self) -> io::Result<BorrowedEvent<'_>> {
        let Local { shared, .. } = &*self.local;
        if shared.is_inherited() {
            return Err(io::Error::other(CallbackError::Forked));
        }
        if shared.event.get().is_none() {
            let _ = shared.event.set(Event::new()?);
            if !self.is_empty() {
                shared.signal();
            }
        }
        Ok(shared.event.get().expect("set above").borrow())
    }

    /// Ends when there are records, or an error to be drained. For tokio's runtimes; any other waker may be set beside.
    #[cfg(feature = "tokio")]
    pub async fn ready(&self) {
        while self.is_empty() {
            self.local.shared.notify.notified().await;
        }
    }

    /// Whether there is nothing to drain, not even an error.
    pub fn is_empty(&self) -> bool {
        let Local { shared, taken, .. } = &*self.local;
        if shared.is_inherited() {
            return false;
        }
        taken.borrow().is_empty() && shared.queue.is_empty() && locked(&shared.errors).is_empty()
    }

    /// Runs the handlers of at most `max` records, in order, and returns their number.
    ///
    /// Handlers may call native code, close callbacks, and drain in their turn.
    ///
    /// # Errors
    /// What a handler ended with; the drain stops after it, and the next one goes on. Or that a caller was refused
    /// because this thread was in native code, or that this is a forked child.
    pub fn drain(&self, max: usize) -> Result<usize, DrainError> {
        let Local { shared, .. } = &*self.local;
        if shared.is_inherited() {
            return Err(DrainError { delivered: 0, error: CallbackError::Forked });
        }
        shared.owner.sweep();
        if let Some(event) = shared.event.get() {
            // What comes from here on signals it again.
            event.clear();
        }
        let mut delivered = 0;
        let error = loop {
            if let Some(error) = locked(&shared.errors).pop_front() {
                break Some(error);
            }
            if delivered == max {
                break None;
            }
            let Some(record) = self.local.next() else { break None };
            match record.deliver() {
                Delivery::Left => {}
                Delivery::Ran(result) => {
                    delivered += 1;
                    if let Err(error) = result {
                        break Some(error);
                    }
                }
            }
        };
        if shared.event.get().is_some() && !self.is_empty() {
            shared.signal();
        }
        match error {
            None => Ok(delivered),
            Some(error) => Err(DrainError { delivered, error }),
        }
    }

    /// Waits until there is something to drain, for as long as `limit` says; and says whether there is.
    ///
    /// Meanwhile the thread serves callers that wait for its other mailboxes.
    pub fn wait(&self, limit: Option<Duration>) -> bool {
        let Local { shared, taken, .. } = &*self.local;
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        let waiter = Waiter::Owner(Arc::clone(&shared.owner));
        if shared.is_inherited() {
            return true;
        }
        let some = || {
            let empty = taken.borrow().is_empty()
                && locked(&shared.errors).is_empty()
                && shared.queue.is_empty_and_owner_waits();
            (!empty).then_some(())
        };
        let others = || serve(Some(&self.local));
        wait_and(others, &waiter, deadline, None, some).is_ok()
    }

    /// Closes the mailbox.
    ///
    /// # Errors
    /// How many calls were not delivered.
    pub fn close(self) -> Result<(), Abandoned> {
        let abandoned = self.local.abandon();
        if abandoned == Abandoned::default() { Ok(()) } else { Err(abandoned) }
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.local.abandon();
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("owner", &self.local.shared.owner).finish_non_exhaustive()
    }
}

impl Local {
    /// The oldest record.
    fn next(&self) -> Option<Record> {
        let mut taken = self.taken.borrow_mut();
        if taken.is_empty() {
            let waiting = self.shared.queue.take(&mut taken);
            waiting.iter().for_each(Waiter::wake);
            self.requests.set(taken.iter().filter(|(class, _)| *class == Class::Request).count());
        }
        let (class, record) = taken.pop_front()?;
        self.requests.set(self.requests.get() - usize::from(class == Class::Request));
        Some(record)
    }

    /// Answers the callers that wait, and delivers what their threads posted before.
    fn serve(&self) -> bool {
        if self.shared.is_inherited() {
            return false;
        }
        let mut served = false;
        while self.requests.get() != 0 || self.shared.queue.has_request() {
            let Some(record) = self.next() else { break };
            served = true;
            if let Delivery::Ran(Err(error)) = record.deliver() {
                self.shared.tell(error);
            }
        }
        served
    }

    fn abandon(&self) -> Abandoned {
        if self.shared.is_inherited() {
            // The records are the parent's, and perhaps one of its threads was changing the queue.
            mem::forget((Arc::clone(&self.shared), self.taken.take()));
            return Abandoned::default();
        }
        let mut left = self.shared.close();
        let mut taken = mem::take(&mut *self.taken.borrow_mut());
        self.requests.set(0);
        taken.append(&mut left);
        let waiting = taken.iter().filter(|(class, _)| *class == Class::Request).count();
        let abandoned = Abandoned { posted: taken.len() - waiting, waiting };
        drop(taken);
        // Some of them were the last calls of closed callbacks.
        self.shared.owner.sweep();
        abandoned
    }
}

thread_local! {
    static MAILBOXES: Mailboxes = const { Mailboxes(RefCell::new(Vec::new())) };
}

/// The mailboxes of a thread.
struct Mailboxes(RefCell<Vec<Weak<Local>>>);

impl Drop for Mailboxes {
    fn drop(&mut self) {
        for mailbox in self.0.take().iter().filter_map(Weak::upgrade) {
            // One that was leaked. What it has taken up already is leaked too; its callers see the owner gone.
            if !mailbox.shared.is_inherited() {
                drop(mailbox.shared.close());
            }
        }
    }
}

/// Adds a mailbox to those of the running thread.
fn adopt(mailbox: &Rc<Local>) {
    let _ = MAILBOXES.try_with(|Mailboxes(mailboxes)| {
        let mut mailboxes = mailboxes.borrow_mut();
        mailboxes.retain(|mailbox| mailbox.strong_count() != 0);
        mailboxes.push(Rc::downgrade(mailbox));
    });
}

/// Serves callers that wait for the running thread, in all its mailboxes but one. `false` where there were none.
fn serve(but: Option<&Rc<Local>>) -> bool {
    let known = |Mailboxes(mailboxes): &Mailboxes| {
        mailboxes.borrow().iter().filter_map(Weak::upgrade).collect::<Vec<_>>()
    };
    let mailboxes = MAILBOXES.try_with(known).unwrap_or_default();
    let mut served = false;
    for mailbox in mailboxes.iter().filter(|mailbox| but.is_none_or(|but| !Rc::ptr_eq(but, mailbox))) {
        served |= mailbox.serve();
    }
    served
}

/// Waits until `poll` has something, and serves what waits for this thread meanwhile: two threads that call each other's
/// blocking callbacks both get their answers.
pub(super) fn wait<T>(
    waiter: &Waiter,
    deadline: Option<Instant>,
    awaited: Option<Awaited<'_>>,
    poll: impl FnMut() -> Option<T>,
) -> Result<T, Stop> {
    wait_and(|| matches!(waiter, Waiter::Owner(_)) && serve(None), waiter, deadline, awaited, poll)
}

impl Inbox {
    /// Whether another process made it, from which this one was forked.
    pub(super) fn is_inherited(&self) -> bool {
        self.process != fork::generation()
    }

    /// Puts in a posted call.
    pub(super) fn post(&self, record: Record) {
        if self.is_inherited() {
            return record.refuse();
        }
        match self.queue.push(Class::Posted, record, Waiter::current) {
            Ok(pushed) => self.pushed(pushed),
            Err(Refusal::Full(record)) if self.queue.when_full() == Some(Full::Block) => {
                self.post_when_there_is_room(record);
            }
            Err(Refusal::Full(record) | Refusal::Closed(record)) => record.refuse(),
        }
    }

    #[cold]
    fn post_when_there_is_room(&self, record: Record) {
        let waiter = Waiter::current();
        let mut record = Some(record);
        let put_in = || match self.queue.push(Class::Posted, record.take()?, || waiter.clone()) {
            Ok(pushed) => Some(Ok(pushed)),
            Err(Refusal::Closed(record)) => Some(Err(record)),
            Err(Refusal::Full(full)) => {
                record = Some(full);
                None
            }
        };
        match wait(&waiter, None, Some(Awaited::new(&self.owner, Busy::default())), put_in) {
            Ok(Ok(pushed)) => self.pushed(pushed),
            Ok(Err(record)) => record.refuse(),
            Err(stop) => {
                self.stopped(stop);
                record.into_iter().for_each(Record::refuse);
            }
        }
    }

    /// Puts in a call whose caller waits. `false` where the mailbox is gone.
    pub(super) fn ask(&self, record: Record) -> bool {
        if self.is_inherited() {
            return false;
        }
        match self.queue.push(Class::Request, record, || unreachable!("requests need no room")) {
            Ok(pushed) => {
                self.pushed(Pushed { wake: true, ..pushed });
                true
            }
            // The record refuses the request.
            Err(Refusal::Closed(_) | Refusal::Full(_)) => false,
        }
    }

    fn pushed(&self, pushed: Pushed<Record>) {
        if pushed.wake {
            self.owner.wake();
        }
        if pushed.first {
            self.signal();
            let waker = locked(&self.waker).clone();
            // Whoever panics here has been told not to; C must not be unwound in any case.
            waker.into_iter().for_each(|waker| _ = catch_unwind(AssertUnwindSafe(|| waker())));
        }
    }

    /// Signals the event, if anybody asked for one.
    fn signal(&self) {
        if let Some(event) = self.event.get() {
            event.signal();
        }
        #[cfg(feature = "tokio")]
        self.notify.notify_one();
    }

    /// A caller stopped waiting for the owner.
    pub(super) fn stopped(&self, stop: Stop) {
        if stop == Stop::Busy {
            self.tell(CallbackError::Busy { caller: thread::system_id() });
        }
    }

    fn tell(&self, error: CallbackError) {
        locked(&self.errors).push_back(error);
        self.signal();
    }

    /// Lets nothing in any more.
    pub(super) fn close(&self) -> VecDeque<(Class, Record)> {
        let (records, waiting) = self.queue.close();
        waiting.iter().for_each(Waiter::wake);
        records
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
