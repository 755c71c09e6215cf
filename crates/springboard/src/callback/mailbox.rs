//! Mailboxes: where calls from other threads wait for the thread that a callback belongs to.

use std::{
    cell::{Cell, RefCell},
    collections::VecDeque,
    fmt, io, mem,
    rc::{Rc, Weak},
    sync::Arc,
    time::{Duration, Instant},
};

use super::{
    error::{CreateError, DrainError},
    inbox::Inbox,
    parker::Parker,
    queue::{Class, Full},
    record::{Delivery, Record},
    wait::{Awaited, Stop, wait_and},
};
use crate::{system::event::BorrowedEvent, thread::CallbackError};

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
    inbox: Arc<Inbox>,
    /// Taken from the queue, and not delivered yet.
    taken: RefCell<VecDeque<(Class, Record)>>,
    /// How many of these are requests.
    requests: Cell<usize>,
}

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
        let inbox = Arc::new(Inbox::new(bound)?);
        let local = Rc::new(Local { inbox, taken: RefCell::default(), requests: Cell::new(0) });
        adopt(&local);
        Ok(Mailbox { local })
    }

    pub(super) fn inbox(&self) -> &Arc<Inbox> {
        &self.local.inbox
    }

    /// Whether it was made by the process that this one was forked from.
    pub fn is_inherited(&self) -> bool {
        self.local.inbox.is_inherited()
    }

    /// Sets what is called when a record comes into the empty mailbox. It runs on the thread that called back, and
    /// must touch nothing that belongs to the owner; it must not panic. In a forked child this does nothing.
    pub fn set_waker(&self, waker: impl Fn() + Send + Sync + 'static) {
        if !self.is_inherited() {
            self.local.inbox.set_waker(Arc::new(waker));
        }
    }

    /// What poll loops wait for: a file descriptor to be readable (eventfd(2)), on Windows the handle of an event to be
    /// signalled. It is when there may be records, until a drain has taken them all. Belongs to the mailbox; it must not
    /// be read, written or set.
    ///
    /// # Errors
    /// The system has no more of them, or this is a forked child.
    pub fn event(&self) -> io::Result<BorrowedEvent<'_>> {
        if self.is_inherited() {
            return Err(io::Error::other(CallbackError::Forked));
        }
        self.local.inbox.event(|| !self.is_empty())
    }

    /// Ends when there are records, or an error to be drained. For tokio's runtimes; any other waker may be set beside.
    #[cfg(feature = "tokio")]
    pub async fn ready(&self) {
        while self.is_empty() {
            self.local.inbox.notified().await;
        }
    }

    /// Whether there is nothing to drain, not even an error.
    pub fn is_empty(&self) -> bool {
        let Local { inbox, taken, .. } = &*self.local;
        !inbox.is_inherited() && taken.borrow().is_empty() && inbox.is_empty()
    }

    /// Runs the handlers of at most `max` records, in order, and returns their number.
    ///
    /// Handlers may call native code, close callbacks, and drain in their turn.
    ///
    /// # Errors
    /// What a handler ended with; the drain stops after it, and the next one goes on. Or that a caller was refused
    /// because this thread was in native code, or that this is a forked child.
    pub fn drain(&self, max: usize) -> Result<usize, DrainError> {
        let Local { inbox, .. } = &*self.local;
        if inbox.is_inherited() {
            return Err(DrainError { delivered: 0, error: CallbackError::Forked });
        }
        inbox.owner.sweep();
        let heard = inbox.hear();
        let mut delivered = 0;
        let error = loop {
            if let Some(error) = inbox.error() {
                break Some(error);
            }
            if delivered == max {
                break None;
            }
            let Some(record) = self.local.next() else { break None };
            if let Delivery::Ran(result) = record.deliver() {
                delivered += 1;
                if let Err(error) = result {
                    break Some(error);
                }
            }
        };
        if heard && !self.is_empty() {
            inbox.signal();
        }
        error.map_or(Ok(delivered), |error| Err(DrainError { delivered, error }))
    }

    /// Waits until there is something to drain, for as long as `limit` says; and says whether there is.
    ///
    /// Meanwhile the thread serves callers that wait for its other mailboxes.
    pub fn wait(&self, limit: Option<Duration>) -> bool {
        let Local { inbox, taken, .. } = &*self.local;
        let deadline = limit.and_then(|limit| Instant::now().checked_add(limit));
        if inbox.is_inherited() {
            return true;
        }
        let some = || {
            let empty = taken.borrow().is_empty() && inbox.is_empty_and_owner_waits();
            (!empty).then_some(())
        };
        let others = || serve(Some(&self.local));
        wait_and(others, &inbox.owner.parker, deadline, None, some).is_ok()
    }

    /// Closes the mailbox.
    ///
    /// # Errors
    /// How many calls were not delivered.
    pub fn close(self) -> Result<(), Abandoned> {
        match self.local.abandon() {
            Abandoned { posted: 0, waiting: 0 } => Ok(()),
            abandoned => Err(abandoned),
        }
    }
}

impl Drop for Mailbox {
    fn drop(&mut self) {
        self.local.abandon();
    }
}

impl fmt::Debug for Mailbox {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mailbox").field("owner", &self.local.inbox.owner).finish_non_exhaustive()
    }
}

impl Local {
    /// The oldest record.
    fn next(&self) -> Option<Record> {
        let mut taken = self.taken.borrow_mut();
        if taken.is_empty() {
            self.inbox.take(&mut taken);
            self.requests.set(taken.iter().filter(|(class, _)| *class == Class::Request).count());
        }
        let (class, record) = taken.pop_front()?;
        self.requests.set(self.requests.get() - usize::from(class == Class::Request));
        Some(record)
    }

    /// Answers the callers that wait, and delivers what their threads posted before.
    fn serve(&self) -> bool {
        if self.inbox.is_inherited() {
            return false;
        }
        let mut served = false;
        while self.requests.get() != 0 || self.inbox.has_request() {
            let Some(record) = self.next() else { break };
            served = true;
            if let Delivery::Ran(Err(error)) = record.deliver() {
                self.inbox.tell(error);
            }
        }
        served
    }

    fn abandon(&self) -> Abandoned {
        if self.inbox.is_inherited() {
            // The records are the parent's, and perhaps one of its threads was changing the queue.
            mem::forget((Arc::clone(&self.inbox), self.taken.take()));
            return Abandoned::default();
        }
        let mut left = self.inbox.close();
        let mut taken = mem::take(&mut *self.taken.borrow_mut());
        self.requests.set(0);
        taken.append(&mut left);
        let waiting = taken.iter().filter(|(class, _)| *class == Class::Request).count();
        let abandoned = Abandoned { posted: taken.len() - waiting, waiting };
        drop(taken);
        // Some of them were the last calls of closed callbacks.
        self.inbox.owner.sweep();
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
            if !mailbox.inbox.is_inherited() {
                drop(mailbox.inbox.close());
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
    parker: &Parker,
    deadline: Option<Instant>,
    awaited: Option<Awaited<'_>>,
    poll: impl FnMut() -> Option<T>,
) -> Result<T, Stop> {
    wait_and(|| serve(None), parker, deadline, awaited, poll)
}
