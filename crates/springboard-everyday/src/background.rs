//! Calls that do not block the thread that asks for them.
//!
//! A [`Background`] is a bounded queue of calls and a few threads that make them. What is passed belongs to the call
//! until the call has ended, even if its handle is dropped before.

use std::{
    collections::VecDeque,
    fmt,
    num::NonZero,
    process,
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
};

use rayon_core::{ThreadPool, ThreadPoolBuildError, ThreadPoolBuilder};
use springboard::Function;

mod job;
mod passed;
mod pending;

use self::{job::Job, pending::channel};
pub use self::{
    passed::{Done, Passed},
    pending::{BackgroundError, Pending},
};

/// Threads that make calls for others. A handle: clones share the threads and their queue, and any thread may use them.
/// Calls that were accepted are made even after the last handle is dropped.
#[derive(Clone)]
pub struct Background {
    shared: Arc<Shared>,
    threads: Arc<ThreadPool>,
}

struct Shared {
    queue: Mutex<Queue>,
    /// Notified when no call waits and none is under way.
    idle: Condvar,
    limit: usize,
    /// The process in which the threads run.
    process: u32,
}

struct Queue {
    waiting: VecDeque<Job>,
    running: usize,
    accepts: bool,
}

/// What happens to calls that wait when a [`Background`] is shut down. Calls that are under way come to their end:
/// nothing can stop native code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Shutdown {
    /// They are made; [`Background::shutdown`] returns when the last has ended.
    Wait,
    /// They are not made, and end with [`BackgroundError::Abandoned`]; [`Background::shutdown`] returns at once.
    Abandon,
}

/// A call that was not accepted.
#[derive(Debug, thiserror::Error)]
#[error("{reason}")]
pub struct Refused {
    /// Why.
    pub reason: RefusedReason,
    /// What was passed, untouched.
    pub arguments: Vec<Passed>,
}

/// Why a call was not accepted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RefusedReason {
    /// The queue is full.
    #[error("{limit} calls wait already, which is the limit")]
    Full {
        /// How many calls may wait.
        limit: usize,
    },
    /// The [`Background`] was shut down.
    #[error("no more calls are accepted: it was shut down")]
    ShutDown,
    /// This process is a fork of the one in which the threads run.
    #[error("the threads for calls run in the process that this one was forked from")]
    Forked,
}

/// Why threads for calls could not be started.
#[derive(Debug, thiserror::Error)]
#[error("threads for calls cannot be started: {0}")]
pub struct StartError(#[source] ThreadPoolBuildError);

impl Background {
    /// Starts `threads` threads, with a queue in which `limit` calls may wait.
    ///
    /// # Errors
    /// The system cannot start the threads.
    pub fn new(threads: NonZero<usize>, limit: usize) -> Result<Background, StartError> {
        let pool = ThreadPoolBuilder::new()
            .num_threads(threads.get())
            .thread_name(|index| format!("springboard-{index}"))
            .build()
            .map_err(StartError)?;
        let queue = Queue { waiting: VecDeque::new(), running: 0, accepts: true };
        let shared = Shared { queue: Mutex::new(queue), idle: Condvar::new(), limit, process: process::id() };
        Ok(Background { shared: Arc::new(shared), threads: Arc::new(pool) })
    }

    /// Starts one thread, which makes its calls in the order in which they were accepted: for libraries that want all
    /// calls to come from one thread.
    ///
    /// # Errors
    /// As [`Background::new`].
    pub fn serial(limit: usize) -> Result<Background, StartError> {
        Background::new(NonZero::<usize>::MIN, limit)
    }

    /// Has one of the threads call `function` with `arguments`. Returns at once.
    ///
    /// The arguments are checked when the call is made. When it has ended, [`Passed::Memory`] comes back with the result,
    /// unless the handle is gone; everything else that was passed is dropped.
    ///
    /// # Errors
    /// [`Refused`], with the arguments.
    ///
    /// # Safety
    /// As [`Function::call`], on any of the threads, at any time until the call has ended. Until then, what a plain
    /// pointer among the arguments points to must stay valid.
    pub unsafe fn call(&self, function: &Function, arguments: Vec<Passed>) -> Result<Pending, Refused> {
        let shared = &self.shared;
        if shared.process != process::id() {
            return Err(Refused { reason: RefusedReason::Forked, arguments });
        }
        let (sender, pending) = channel();
        {
            let mut queue = shared.queue();
            let reason = match queue.accepts {
                false => Some(RefusedReason::ShutDown),
                true if queue.waiting.len() >= shared.limit => {
                    Some(RefusedReason::Full { limit: shared.limit })
                }
                true => None,
            };
            if let Some(reason) = reason {
                return Err(Refused { reason, arguments });
            }
            queue.waiting.push_back(Job::new(function.clone(), arguments, sender));
        }
        // One turn per call: the thread that takes it makes the call that has waited longest.
        let shared = Arc::clone(shared);
        self.threads.spawn_fifo(move || shared.take_turn());
        Ok(pending)
    }

    /// How many calls wait.
    pub fn waiting(&self) -> usize {
        self.shared.queue().waiting.len()
    }

    /// Accepts no more calls; `how` says what happens to those that wait. Must not be called on one of the threads, which
    /// would wait for itself.
    pub fn shutdown(&self, how: Shutdown) {
        let mut queue = self.shared.queue();
        queue.accepts = false;
        match how {
            Shutdown::Abandon => {
                let waiting = std::mem::take(&mut queue.waiting);
                drop(queue);
                waiting.into_iter().for_each(Job::abandon);
            }
            Shutdown::Wait => {
                while !queue.is_idle() {
                    queue = self.shared.idle.wait(queue).unwrap_or_else(PoisonError::into_inner);
                }
            }
        }
    }
}

impl fmt::Debug for Background {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Background")
            .field("threads", &self.threads.current_num_threads())
            .field("waiting", &self.waiting())
            .field("limit", &self.shared.limit)
            .finish_non_exhaustive()
    }
}

impl Queue {
    fn is_idle(&self) -> bool {
        self.waiting.is_empty() && self.running == 0
    }
}

impl Shared {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Makes the call that has waited longest, unless it was abandoned.
    fn take_turn(&self) {
        let job = {
            let mut queue = self.queue();
            let Some(job) = queue.waiting.pop_front() else { return };
            queue.running += 1;
            job
        };
        job.run(|| {
            let mut queue = self.queue();
            queue.running -= 1;
            if queue.is_idle() {
                self.idle.notify_all();
            }
        });
    }
}
