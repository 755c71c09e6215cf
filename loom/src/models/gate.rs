//! The close protocol: nobody is inside when the callback is freed, and it is freed once.

use loom::{
    cell::UnsafeCell,
    sync::Arc,
    sync::atomic::{AtomicUsize, Ordering::SeqCst},
    thread,
};

use super::check;
use crate::gate::{AfterClose, Alone, Gate, Generation, Left};

/// The thread that opens.
const HOME: u64 = 1;
const OTHER: u64 = 2;

/// A gate, and what it guards: loom sees to it that nobody reads it while it is freed.
struct Guarded {
    gate: Gate,
    handler: UnsafeCell<u32>,
    frees: AtomicUsize,
    runs: AtomicUsize,
}

impl Guarded {
    fn new() -> Guarded {
        let (frees, runs) = (AtomicUsize::new(0), AtomicUsize::new(0));
        Guarded { gate: Gate::new(), handler: UnsafeCell::new(0), frees, runs }
    }

    fn open(&self) -> Generation {
        // SAFETY: the gate is retired. loom checks it.
        self.handler.with_mut(|handler| unsafe { *handler = 7 });
        self.gate.open(HOME)
    }

    fn run(&self) {
        // SAFETY: let in. loom checks it.
        self.handler.with(|handler| assert_eq!(unsafe { *handler }, 7));
        self.runs.fetch_add(1, SeqCst);
    }

    fn left(&self, left: Left) {
        if left == Left::Last {
            // SAFETY: nobody is inside. loom checks it.
            self.handler.with_mut(|handler| unsafe { *handler = 0 });
            self.frees.fetch_add(1, SeqCst);
        }
    }

    fn call_at_home(&self) {
        match self.gate.enter_home() {
            Ok(inside) => {
                self.run();
                self.left(self.gate.leave_home(inside));
            }
            Err(left) => self.left(left),
        }
    }

    /// As stubs whose arguments stay in registers do it.
    fn call_at_home_alone(&self) {
        match self.gate.enter_alone() {
            Alone::In => self.run(),
            Alone::Refused => {}
            Alone::No => return self.call_at_home(),
        }
        if let Err(inside) = self.gate.leave_alone() {
            self.left(self.gate.leave_home(inside));
        }
    }

    fn call(&self) {
        match self.gate.enter() {
            Ok(()) => {
                self.run();
                self.left(self.gate.leave());
            }
            Err(left) => self.left(left),
        }
    }

    fn close(&self, generation: Generation, thread: u64) {
        if let Some(left) = self.gate.close(generation, thread, AfterClose::Zero) {
            self.left(left);
        }
    }
}

/// Runs a test of an open gate in every order. In the end it is closed and empty, and has freed what it guards once.
fn opened(preemptions: usize, test: impl Fn(&Arc<Guarded>, Generation) + Send + Sync + 'static) {
    check(preemptions, move || {
        let guarded = Arc::new(Guarded::new());
        let generation = guarded.open();
        test(&guarded, generation);
        assert_eq!(guarded.frees.load(SeqCst), 1);
        assert_eq!(guarded.gate.in_flight(), 0);
    });
}

/// Has another thread do something with the gate.
fn elsewhere(guarded: &Arc<Guarded>, act: impl FnOnce(&Guarded) + 'static) -> thread::JoinHandle<()> {
    let guarded = Arc::clone(guarded);
    thread::spawn(move || act(&guarded))
}

#[test]
fn owner_calls_while_another_thread_closes() {
    opened(4, |guarded, generation| {
        let closer = elsewhere(guarded, move |guarded| guarded.close(generation, OTHER));
        guarded.call_at_home();
        guarded.call_at_home();
        closer.join().unwrap();
        assert!(guarded.gate.is_closed(generation));
    });
}

/// One thread calls and another closes, while the owner does `home`.
fn others_call_and_close(home: fn(&Guarded)) {
    opened(3, move |guarded, generation| {
        let caller = elsewhere(guarded, Guarded::call);
        let closer = elsewhere(guarded, move |guarded| guarded.close(generation, OTHER));
        home(guarded);
        caller.join().unwrap();
        closer.join().unwrap();
    });
}

#[test]
fn owner_and_foreign_calls_while_a_third_closes() {
    others_call_and_close(Guarded::call_at_home);
}

#[test]
fn owner_calls_alone_while_others_call_and_close() {
    others_call_and_close(Guarded::call_at_home_alone);
}

#[test]
fn owner_calls_alone_again_and_again() {
    opened(4, |guarded, generation| {
        let closer = elsewhere(guarded, move |guarded| guarded.close(generation, OTHER));
        guarded.call_at_home_alone();
        guarded.call_at_home_alone();
        closer.join().unwrap();
    });
}

#[test]
fn owner_closes_from_inside_its_own_call() {
    opened(4, |guarded, generation| {
        let caller = elsewhere(guarded, Guarded::call);
        let inside = guarded.gate.enter_home().expect("it is open");
        guarded.run();
        guarded.close(generation, HOME);
        guarded.run();
        guarded.left(guarded.gate.leave_home(inside));
        caller.join().unwrap();
    });
}

#[test]
fn two_close_and_one_succeeds() {
    opened(4, |guarded, generation| {
        let closer = elsewhere(guarded, move |guarded| guarded.close(generation, OTHER));
        guarded.close(generation, HOME);
        closer.join().unwrap();
    });
}

#[test]
fn a_posted_call_is_left_by_the_owner_and_delivered_after_close() {
    opened(4, |guarded, generation| {
        let posted = Arc::new(AtomicUsize::new(0));
        let flag = Arc::clone(&posted);
        let poster = elsewhere(guarded, move |guarded| match guarded.gate.enter() {
            // The count stays with the record.
            Ok(()) => flag.store(1, SeqCst),
            Err(left) => guarded.left(left),
        });
        guarded.close(generation, HOME);
        poster.join().unwrap();
        let accepted = posted.load(SeqCst);
        assert_eq!(guarded.frees.load(SeqCst), 1 - accepted);
        if accepted == 1 {
            guarded.run();
            guarded.left(guarded.gate.leave());
        }
    });
}

#[test]
fn a_late_caller_meets_the_next_generation() {
    check(3, || {
        let guarded = Arc::new(Guarded::new());
        let first = guarded.open();
        let late = elsewhere(&guarded, Guarded::call);
        guarded.close(first, HOME);
        while guarded.frees.load(SeqCst) == 0 {
            // The caller is inside; it frees when it leaves.
            thread::yield_now();
        }
        let second = guarded.open();
        // The first handle's close is nobody's any more.
        guarded.close(first, HOME);
        assert!(!guarded.gate.is_closed(second));
        guarded.close(second, HOME);
        late.join().unwrap();
        assert_eq!(guarded.frees.load(SeqCst), 2);
    });
}

/// A call whose handler returns and whose answer comes later counts once more, and what answers leaves on another thread:
/// the handler is there until then, whoever closes.
#[test]
fn what_answers_later_keeps_the_handler() {
    opened(4, |guarded, generation| {
        let closer = elsewhere(guarded, move |guarded| guarded.close(generation, OTHER));
        match guarded.gate.enter() {
            Ok(()) => {
                guarded.gate.stay();
                let later = elsewhere(guarded, |guarded| {
                    guarded.run();
                    guarded.left(guarded.gate.leave());
                });
                guarded.left(guarded.gate.leave());
                later.join().unwrap();
            }
            Err(left) => guarded.left(left),
        }
        closer.join().unwrap();
    });
}
