//! Calls in the background: what they deliver, whose what is passed is, and how they end.

use std::{
    future::Future,
    num::NonZero,
    pin::pin,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
    },
    task::{Context, Poll, Wake, Waker},
    thread,
    time::Duration,
};

use springboard::{ArgumentError, CallError, CallbackError, Engine, Function, LastError, Value, ir::Type};
use springboard_everyday::{
    background::{Background, BackgroundError, Done, Passed, Pending, RefusedReason, Shutdown},
    memory::Memory,
};

use super::{engines, function};

/// Long enough for any machine.
const DEADLINE: Duration = Duration::from_secs(60);

fn two() -> NonZero<usize> {
    NonZero::new(2).unwrap()
}

fn submit(background: &Background, function: &Function, arguments: Vec<Passed>) -> Pending {
    // SAFETY: the fixture's functions may be called from any thread, and pointers are guarded.
    unsafe { background.call(function, arguments) }.unwrap_or_else(|refused| panic!("{refused}"))
}

fn wait(pending: Pending) -> Result<Done, BackgroundError> {
    pending.wait_for(DEADLINE).expect("the call ends")
}

/// The fixture's gate is one for all tests: holds it closed, and opens it when dropped.
struct Gate {
    open: Function,
    how_many: Function,
    _turn: MutexGuard<'static, ()>,
}

impl Gate {
    fn closed(engine: &Engine) -> Gate {
        static TURN: Mutex<()> = Mutex::new(());
        let turn = TURN.lock().unwrap_or_else(PoisonError::into_inner);
        let (open, how_many) = (function(engine, "open_gate"), function(engine, "how_many_at_gate"));
        let gate = Gate { open, how_many, _turn: turn };
        gate.set(0);
        gate
    }

    fn set(&self, open: i32) {
        // SAFETY: it writes a variable.
        unsafe { self.open.call(&[open.into()]) }.unwrap();
    }

    /// Returns when so many calls are at the gate.
    fn until(&self, count: i32) {
        // SAFETY: it reads a variable.
        while unsafe { self.how_many.call(&[]) }.unwrap() != count.into() {
            thread::yield_now();
        }
    }
}

impl Drop for Gate {
    fn drop(&mut self) {
        self.set(1);
    }
}

#[test]
fn results_errno_and_memory_come_back() {
    for engine in engines() {
        let background = Background::new(two(), 100).unwrap();
        let fails = engine.with_last_error(&function(&engine, "fails_double"), LastError::Errno).unwrap();
        let pending: Vec<_> =
            (0..50).map(|code| submit(&background, &fails, vec![0.5.into(), code.into()])).collect();
        for (code, pending) in (0..).zip(pending) {
            let done = wait(pending).unwrap();
            assert_eq!((done.result, done.last_error), (0.5.into(), Some(code)));
        }
        let memory = Memory::with(&40.into(), &Type::parse("int").unwrap(), engine.data_model()).unwrap();
        let grow = function(&engine, "grow");
        let done = wait(submit(&background, &grow, vec![memory.into(), 2.into()])).unwrap();
        assert_eq!(done.memory[0].view().read(), 42.into());
        assert_eq!(done.last_error, None);
        let length = function(&engine, "text_length");
        let done = wait(submit(&background, &length, vec![Passed::text("text").unwrap()])).unwrap();
        assert_eq!(done.result, 4u64.into());
    }
}

/// Counts how many of it there are.
struct Guard(Arc<AtomicUsize>);

impl Drop for Guard {
    fn drop(&mut self) {
        self.0.fetch_sub(1, SeqCst);
    }
}

#[test]
fn what_is_passed_is_kept_until_the_call_ends_whoever_waits() {
    let engine = Engine::new();
    let gate = Gate::closed(&engine);
    let background = Background::serial(10).unwrap();
    let waiter = function(&engine, "wait_at_gate");
    let kept = Arc::new(AtomicUsize::new(2));
    let guarded = |guard: &Arc<AtomicUsize>| Passed::Guarded(1.into(), Box::new(Guard(Arc::clone(guard))));
    drop(submit(&background, &waiter, vec![guarded(&kept)]));
    let second = submit(&background, &waiter, vec![guarded(&kept)]);
    gate.until(1);
    assert_eq!(kept.load(SeqCst), 2, "one call is under way, and one waits");
    let second = second.wait_for(Duration::from_millis(1)).expect_err("the gate is closed");
    gate.set(1);
    assert_eq!(wait(second).unwrap().result, 1.into());
    background.shutdown(Shutdown::Wait);
    assert_eq!(kept.load(SeqCst), 0);
}

#[test]
fn a_serial_queue_is_one_thread_in_order() {
    let engine = Engine::new();
    let background = Background::serial(1000).unwrap();
    let (thread, order) = (function(&engine, "thread_number"), function(&engine, "next_in_order"));
    let calls: Vec<_> = (0..200)
        .map(|_| (submit(&background, &thread, vec![]), submit(&background, &order, vec![])))
        .collect();
    let mut results = calls.into_iter().map(|(thread, order)| (wait(thread).unwrap(), wait(order).unwrap()));
    let (first_thread, first) = results.next().unwrap();
    let Value::Signed(first) = first.result else { panic!("{first:?}") };
    for (index, (thread, order)) in (first + 1..).zip(results) {
        assert_eq!(thread.result, first_thread.result);
        assert_eq!(order.result, Value::Signed(index));
    }
}

#[test]
fn the_queue_has_a_limit() {
    let engine = Engine::new();
    let gate = Gate::closed(&engine);
    let background = Background::serial(2).unwrap();
    let waiter = function(&engine, "wait_at_gate");
    let first = submit(&background, &waiter, vec![0.into()]);
    gate.until(1);
    let waiting: Vec<_> = (1..=2).map(|code| submit(&background, &waiter, vec![code.into()])).collect();
    // SAFETY: the tests' functions take any numbers, on any thread.
    let refused = unsafe { background.call(&waiter, vec![3.into()]) }.unwrap_err();
    assert_eq!(refused.reason, RefusedReason::Full { limit: 2 });
    assert_eq!(refused.to_string(), "2 calls wait already, which is the limit");
    assert!(matches!(refused.arguments[..], [Passed::Value(Value::Signed(3))]));
    gate.set(1);
    assert_eq!(wait(first).unwrap().result, 0.into());
    for (code, pending) in (1..).zip(waiting) {
        assert_eq!(wait(pending).unwrap().result, code.into());
    }
    assert!(
        matches!(wait(submit(&background, &waiter, refused.arguments)), Ok(done) if done.result == 3.into())
    );
}

#[test]
fn shutting_down_waits_or_abandons() {
    let engine = Engine::new();
    let gate = Gate::closed(&engine);
    let waiter = function(&engine, "wait_at_gate");
    let background = Background::serial(10).unwrap();
    let first = submit(&background, &waiter, vec![1.into()]);
    gate.until(1);
    let kept = Arc::new(AtomicUsize::new(1));
    let guarded = Passed::Guarded(2.into(), Box::new(Guard(Arc::clone(&kept))));
    let second = submit(&background, &waiter, vec![guarded]);
    background.shutdown(Shutdown::Abandon);
    assert_eq!(wait(second).unwrap_err(), BackgroundError::Abandoned);
    assert_eq!(kept.load(SeqCst), 0);
    // SAFETY: the tests' functions take any numbers, on any thread.
    let refused = unsafe { background.call(&waiter, vec![]) }.unwrap_err();
    assert_eq!(refused.reason, RefusedReason::ShutDown);
    gate.set(1);
    assert_eq!(wait(first).unwrap().result, 1.into(), "what was under way is delivered");

    let background = Background::new(two(), 100).unwrap();
    let order = function(&engine, "next_in_order");
    let pending: Vec<_> = (0..100).map(|_| submit(&background, &order, vec![])).collect();
    background.shutdown(Shutdown::Wait);
    assert_eq!(background.waiting(), 0);
    assert!(pending.into_iter().all(|pending| wait(pending).is_ok()));
}

#[test]
fn dropping_the_last_handle_makes_what_was_accepted() {
    let engine = Engine::new();
    let background = Background::serial(100).unwrap();
    let succeeds = function(&engine, "succeeds");
    let pending: Vec<_> = (0..50).map(|x| submit(&background, &succeeds, vec![x.into()])).collect();
    drop(background);
    for (x, pending) in (0..).zip(pending) {
        assert_eq!(wait(pending).unwrap().result, x.into());
    }
}

#[test]
fn mistakes_panics_and_failing_callbacks_are_delivered() {
    let engine = Engine::new();
    let background = Background::serial(100).unwrap();
    let error = wait(submit(&background, &function(&engine, "succeeds"), vec![1.5.into()])).unwrap_err();
    let BackgroundError::Call(CallError::Argument { index: 0, error }) = error else { panic!("{error:?}") };
    assert!(matches!(*error, ArgumentError::Kind { .. }), "{error:?}");
    let callback = engine.callback("int (int)", |_: i32| -> i32 { panic!("the handler's own") }).unwrap();
    let arguments = vec![Passed::from(&callback), 1.into()];
    let error = wait(submit(&background, &function(&engine, "call_back"), arguments)).unwrap_err();
    let BackgroundError::Call(CallError::Callback(error)) = error else { panic!("{error:?}") };
    assert_eq!(*error, CallbackError::Panic(Some("the handler's own".into())));

    struct Bomb;
    impl Drop for Bomb {
        fn drop(&mut self) {
            panic!("while it was dropped");
        }
    }
    let arguments = vec![Passed::Guarded(1.into(), Box::new(Bomb))];
    let error = wait(submit(&background, &function(&engine, "succeeds"), arguments)).unwrap_err();
    assert_eq!(error, BackgroundError::Panic(Some("while it was dropped".into())));
    let alive = submit(&background, &function(&engine, "succeeds"), vec![7.into()]);
    assert_eq!(wait(alive).unwrap().result, 7.into(), "the thread goes on");
}

/// The least of executors. Calls `first` once the future has been polled and has to be waited for.
fn block_on<F: Future>(future: F, first: impl FnOnce()) -> F::Output {
    struct Unpark(thread::Thread);
    impl Wake for Unpark {
        fn wake(self: Arc<Self>) {
            self.0.unpark();
        }
    }
    let waker = Waker::from(Arc::new(Unpark(thread::current())));
    let (mut future, mut first) = (pin!(future), Some(first));
    loop {
        match future.as_mut().poll(&mut Context::from_waker(&waker)) {
            Poll::Ready(output) => return output,
            Poll::Pending => {
                first.take().into_iter().for_each(|first| first());
                thread::park();
            }
        }
    }
}

/// Returns when a thread of this process sleeps.
fn until_asleep(thread: libc::pid_t) {
    let is_asleep = || {
        let stat = std::fs::read_to_string(format!("/proc/self/task/{thread}/stat")).unwrap();
        stat.rsplit_once(") ").unwrap().1.starts_with('S')
    };
    while !is_asleep() {
        thread::yield_now();
    }
}

#[test]
fn handles_are_futures() {
    let engine = Engine::new();
    let gate = Gate::closed(&engine);
    let background = Background::new(two(), 10).unwrap();
    let waiter = function(&engine, "wait_at_gate");
    let pending = submit(&background, &waiter, vec![5.into()]);
    let mut polled = false;
    let done = block_on(pending, || {
        polled = true;
        gate.set(1);
    });
    assert_eq!(done.unwrap().result, 5.into());
    assert!(polled, "there was nothing to be had before the gate opened");
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let pending = submit(&background, &waiter, vec![6.into()]);
    assert_eq!(runtime.block_on(pending).unwrap().result, 6.into());
    // Polled, and then waited for.
    gate.set(0);
    let mut pending = Box::pin(submit(&background, &waiter, vec![7.into()]));
    assert!(pending.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let pending = (*std::pin::Pin::into_inner(pending)).wait_for(Duration::from_millis(1));
    let mut pending = Box::pin(pending.expect_err("the gate is closed"));
    assert!(pending.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_pending());
    let (pending, asks) = (*std::pin::Pin::into_inner(pending), AtomicBool::new(false));
    // SAFETY: it has no arguments, and cannot fail.
    let own = unsafe { libc::gettid() };
    thread::scope(|scope| {
        scope.spawn(|| {
            while !asks.load(SeqCst) {
                thread::yield_now();
            }
            until_asleep(own);
            gate.set(1);
        });
        asks.store(true, SeqCst);
        assert_eq!(pending.wait().unwrap().result, 7.into());
    });
    // For ever, as far as clocks go.
    let pending = submit(&background, &waiter, vec![8.into()]);
    assert_eq!(pending.wait_for(Duration::MAX).unwrap().unwrap().result, 8.into());
}
