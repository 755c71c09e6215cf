//! Compiling on a thread of its own, for what is called in another way meanwhile.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    process, ptr,
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use springboard_code::fork;

use springboard_abi::Plan;

use super::{Callee, Code, Core, Engine};
use crate::reason::Reason;

/// How many stubs are written in one go: so few that what is known of one is still in the CPU's cache when the next step
/// needs it, and the first of many that are compiled in the background need not wait for the last; and so many that those of
/// a size fill pages.
pub(super) const BATCH: usize = 1024;

/// How long the thread waits for more before it ends. Starting one costs as much as compiling a shape.
const LINGER: Duration = Duration::from_secs(1);

/// What waits for its code.
pub(crate) trait Waiting: Send + Sync {
    /// What its code is made of. `None` where it does not wait any more.
    fn wanted(&self) -> Option<(Arc<Plan>, Callee)>;

    /// Goes over to its code, or learns why there is none; unless it does not wait any more.
    fn settle(&self, code: Result<Code, Reason>);

    /// Whether it does not wait any more.
    fn is_settled(&self) -> bool;
}

/// What waits for its code, and the thread that makes it.
#[derive(Default)]
pub(super) struct Background {
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    /// Those that wait, and those that are being compiled, which stay at the front until they have their stubs: a
    /// child that is forked meanwhile has to begin with them.
    waiting: VecDeque<Weak<dyn Waiting>>,
    worker: Option<Worker>,
}

struct Worker {
    /// The process that it lives in: no child has it.
    process: u32,
    thread: Thread,
}

impl Engine {
    /// Has the code of `waiting` made on another thread; on this one, where no other can be started.
    pub(crate) fn compile_soon(&self, waiting: Vec<Weak<dyn Waiting>>) {
        let background = &self.core.background;
        let refused = {
            let _hold = fork::hold();
            let mut queue = background.queue();
            queue.waiting.extend(waiting);
            if queue.waiting.is_empty() {
                return;
            }
            match &queue.worker {
                Some(worker) if worker.process == process::id() => {
                    worker.thread.unpark();
                    false
                }
                _ => !background.start(&mut queue, Arc::downgrade(&self.core)),
            }
        };
        if refused {
            while background.serve(self) {}
        }
    }
}

impl Background {
    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Starts the thread. Says whether the system let it.
    fn start(self: &Arc<Background>, queue: &mut Queue, engine: Weak<Core>) -> bool {
        let background = Arc::clone(self);
        let work = move || background.work(&engine);
        let started = thread::Builder::new().name("springboard".into()).spawn(work);
        let worker =
            started.map(|started| Worker { process: process::id(), thread: started.thread().clone() });
        queue.worker = worker.ok();
        queue.worker.is_some()
    }

    /// The life of the thread. It does not keep the engine.
    fn work(&self, engine: &Weak<Core>) {
        while self.wait() {
            // Whoever waits keeps the engine.
            while let Some(core) = engine.upgrade()
                && self.serve(&Engine { core })
            {}
        }
    }

    /// Waits for work. Where there is none for long, takes leave and says so.
    fn wait(&self) -> bool {
        let idle = Instant::now();
        loop {
            {
                let _hold = fork::hold();
                let mut queue = self.queue();
                queue.waiting.retain(|waiting| waiting.strong_count() > 0);
                if !queue.waiting.is_empty() {
                    return true;
                }
                if idle.elapsed() >= LINGER {
                    queue.worker = None;
                    return false;
                }
            }
            thread::park_timeout(LINGER.saturating_sub(idle.elapsed()));
        }
    }

    /// Makes the code of those at the front. Says whether there were any.
    fn serve(&self, engine: &Engine) -> bool {
        let batch: Vec<_> = {
            let _hold = fork::hold();
            let mut queue = self.queue();
            queue.drop_settled();
            queue.waiting.iter().take(BATCH).filter_map(Weak::upgrade).collect()
        };
        // No fork is held up while many shapes are compiled.
        let compiled = catch_unwind(AssertUnwindSafe(|| engine.settle(&batch)));
        if compiled.is_err() {
            // A defect, of which the panic has told. One of them is to blame; the others stay as they are too.
            let _hold = fork::hold();
            let is_one = |waiting: &Weak<dyn Waiting>| {
                batch.iter().any(|one| ptr::addr_eq(waiting.as_ptr(), Arc::as_ptr(one)))
            };
            self.queue().waiting.retain(|waiting| !is_one(waiting));
        }
        !batch.is_empty()
    }
}

impl Queue {
    /// Drops those at the front that wait no more.
    fn drop_settled(&mut self) {
        while let Some(first) = self.waiting.front() {
            if first.upgrade().is_some_and(|waiting| !waiting.is_settled()) {
                break;
            }
            self.waiting.pop_front();
        }
    }
}
