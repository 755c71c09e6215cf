//! Calls that do not block the thread that makes them.
//!
//! A [`Background`] is a bounded queue of calls and a few threads that make them. What is passed belongs to the call
//! until it has ended, whatever becomes of its handle.

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

/// Threads that make calls for others. A handle: clones share the threads and their queue. When the last is dropped,
/// calls that were accepted are still made.
#[derive(Clone)]
pub struct Background {
    shared: Arc<Shared>,
    threads: Arc<ThreadPool>,
}

struct Shared {
    queue: Mutex<Queue>,
    /// Told when nothing waits and nothing runs.
    idle: Condvar,
    limit: usize,
    /// The process that has the threads.
    process: u32,
}

struct Queue {
    waiting: VecDeque<Job>,
    running: usize,
    accepts: bool,
}

/// What becomes of calls that wait when a [`Background`] is shut down. Calls that are under way end in either case:
/// nothing can stop native code.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Shutdown {
    /// They are made; shutting down returns when the last has ended.
    Wait,
    /// They are not made, and end with [`BackgroundError::Abandoned`]; shutting down returns at once.
    Abandon,
}

/// Why a call was not accepted, and what was passed.
#[derive(Debug)]
pub struct Refused {
    /// Why.
    pub reason: RefusedReason,
    /// What was passed, untouched.
    pub arguments: Vec<Passed>,
}

/// Why a call was not accepted.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum RefusedReason {
    /// As many calls wait as may.
    Full {
        /// How many that is.
        limit: usize,
    },
    /// The [`Background`] was shut down.
    ShutDown,
    /// The process was forked from the one that has the threads.
    Forked,
}

impl fmt::Display for RefusedReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RefusedReason::Full { limit } => write!(f, "{limit} calls wait already, which is the limit"),
            RefusedReason::ShutDown => f.write_str("no calls are accepted any more: it was shut down"),
            RefusedReason::Forked => {
                f.write_str("the threads for calls are those of the process before it forked")
            }
        }
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.reason.fmt(f)
    }
}

impl std::error::Error for Refused {}

/// Why threads for calls could not be started.
#[derive(Debug)]
pub struct StartError(ThreadPoolBuildError);

impl fmt::Display for StartError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "threads for calls cannot be started: {}", self.0)
    }
}

impl std::error::Error for StartError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

impl Background {
    /// So many threads, and a queue in which `limit` calls may wait.
    ///
    /// # Errors
    /// The system has no more threads.
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

    /// One thread, for a library that wants all its calls to come from one, in the order in which they were accepted.
    ///
    /// # Errors
    /// As [`Background::new`].
    pub fn serial(limit: usize) -> Result<Background, StartError> {
        Background::new(NonZero::<usize>::MIN, limit)
    }

    /// Has `function` called with `arguments` by one of the threads. Returns at once.
    ///
    /// The arguments are checked when the call is made. What is passed is dropped when it has ended, but for
    /// [`Passed::Memory`], which comes back; where the handle is gone it is dropped then.
    ///
    /// # Errors
    /// [`Refused`], with the arguments.
    ///
    /// # Safety
    /// As [`Function::call`], on any of the threads, at any time until the call has ended. What a plain pointer among
    /// the arguments points to must stay until then.
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
        // One turn for each call: whoever takes it makes the call that waits longest.
        let shared = Arc::clone(shared);
        self.threads.spawn_fifo(move || shared.take_turn());
        Ok(pending)
    }

    /// How many calls wait.
    pub fn waiting(&self) -> usize {
        self.shared.queue().waiting.len()
    }

    /// Accepts no more calls, and deals with those that wait as `how` says. To be called on none of the threads.
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

    /// Makes the call that waits longest, if one does: it may have been abandoned.
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
