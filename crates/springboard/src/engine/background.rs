//! Compiling on a thread of its own, for functions that are called through libffi meanwhile.

use std::{
    collections::VecDeque,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{Arc, Mutex, MutexGuard, PoisonError, Weak},
    thread::{self, Thread},
    time::{Duration, Instant},
};

use rustix::process::{Pid, getpid};

use springboard_code::fork;

use super::{Engine, Shared, in_bulk};
use crate::tier::Tiered;

/// Functions that one publication covers at most, so that the first of many need not wait for the last.
const BATCH: usize = 1024;

/// How long the thread waits for more before it ends. Starting one costs as much as compiling a shape.
const LINGER: Duration = Duration::from_secs(1);

/// The functions that wait for their stubs, and the thread that makes them.
#[derive(Default)]
pub(super) struct Background {
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    /// Those that wait, and those that are being compiled, which stay at the front until they have their stubs: a
    /// child that is forked meanwhile has to begin with them.
    functions: VecDeque<Weak<Tiered>>,
    worker: Option<Worker>,
}

struct Worker {
    /// The process that it lives in: no child has it.
    process: Pid,
    thread: Thread,
}

impl Engine {
    /// Has the stubs of `functions` made on another thread; on this one, where no other can be started.
    pub(crate) fn compile_soon(&self, functions: Vec<Weak<Tiered>>) {
        let background = &self.shared.background;
        let refused = {
            let _hold = fork::hold();
            let mut queue = background.queue();
            queue.functions.extend(functions);
            if queue.functions.is_empty() {
                return;
            }
            match &queue.worker {
                Some(worker) if worker.process == getpid() => {
                    worker.thread.unpark();
                    false
                }
                _ => !background.start(&mut queue, Arc::downgrade(&self.shared)),
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
    fn start(self: &Arc<Background>, queue: &mut Queue, engine: Weak<Shared>) -> bool {
        let background = Arc::clone(self);
        let work = move || background.work(&engine);
        let started = thread::Builder::new().name("springboard".into()).spawn(work);
        let worker = started.map(|started| Worker { process: getpid(), thread: started.thread().clone() });
        queue.worker = worker.ok();
        queue.worker.is_some()
    }

    /// The life of the thread. It does not keep the engine.
    fn work(&self, engine: &Weak<Shared>) {
        while self.wait() {
            // Whoever waits keeps the engine.
            while let Some(shared) = engine.upgrade()
                && self.serve(&Engine { shared })
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
                queue.functions.retain(|function| function.strong_count() > 0);
                if !queue.functions.is_empty() {
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

    /// Makes the stubs of those at the front. Says whether there were any.
    fn serve(&self, engine: &Engine) -> bool {
        let functions: Vec<_> = {
            let _hold = fork::hold();
            let mut queue = self.queue();
            queue.drop_settled();
            queue.functions.iter().take(BATCH).filter_map(Weak::upgrade).collect()
        };
        // No fork is held up while many shapes are compiled.
        let compiled = catch_unwind(AssertUnwindSafe(|| in_bulk::settle(engine, &functions)));
        if compiled.is_err() {
            // A defect, of which the panic has told. One of them is to blame; the others stay with libffi too.
            let _hold = fork::hold();
            let is_one =
                |waiting: &Weak<Tiered>| functions.iter().any(|one| waiting.as_ptr() == Arc::as_ptr(one));
            self.queue().functions.retain(|waiting| !is_one(waiting));
        }
        !functions.is_empty()
    }
}

impl Queue {
    /// Drops those at the front that wait no more.
    fn drop_settled(&mut self) {
        while let Some(first) = self.functions.front() {
            if first.upgrade().is_some_and(|function| !function.is_settled()) {
                break;
            }
            self.functions.pop_front();
        }
    }
}
