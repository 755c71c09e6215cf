//! Callbacks called from threads that C made: every policy, mailboxes, copies, closing, and the ends of threads.

use std::{
    cell::{Cell, RefCell},
    ffi::{CStr, c_char, c_void},
    rc::Rc,
    sync::{
        Arc, Mutex, OnceLock,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
    time::{Duration, Instant},
};

use springboard::{
    Abandoned, Busy, CallError, Callback, CallbackError, CallbackType, CopyError, CopyIn, CreateError,
    Engine, Full, Function, Jit, Library, Mailbox, NativeScope, RawHandler, Report, Value, Word,
    set_reporter,
};

mod support;

use support::{BOTH, call, engine, load};

/// Threads of C, each a job that is started and waited for.
const SOURCE: &str = r#"
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
struct job { pthread_t thread; void (*f)(int64_t); int (*ask)(int); int64_t first, times; int result; };
static void *posts(void *p)
{ struct job *j = p; for (int64_t i = 0; i < j->times; i++) j->f(j->first + i); return 0; }
static void *asks(void *p) { struct job *j = p; j->result = j->ask((int)j->first); return 0; }
static void *asks_all(void *p)
{ struct job *j = p; j->result = 0;
  for (int64_t i = 0; i < j->times; i++) j->result += j->ask((int)i) == (int)i + 1; return 0; }
static struct job *start(void *(*run)(void *), struct job from)
{ struct job *j = malloc(sizeof *j); *j = from; if (pthread_create(&j->thread, 0, run, j)) abort(); return j; }
void *start_posts(void (*f)(int64_t), int64_t first, int64_t times)
{ return start(posts, (struct job){ .f = f, .first = first, .times = times }); }
void call_here(void (*f)(int64_t)) { f(-1); }
void *start_asking(int (*f)(int), int x) { return start(asks, (struct job){ .ask = f, .first = x }); }
void *start_asking_all(int (*f)(int), int64_t times)
{ return start(asks_all, (struct job){ .ask = f, .times = times }); }
int join(void *job)
{ struct job *j = job; pthread_join(j->thread, 0); int result = j->result; free(j); return result; }
int ask_and_join(int (*f)(int), int x) { return join(start_asking(f, x)); }

static pthread_key_t key;
static void last(void *f) { ((void (*)(int64_t))f)(42); }
static void *ends(void *f) { pthread_setspecific(key, f); return 0; }
void thread_exits(void (*f)(int64_t), int64_t times)
{ pthread_key_create(&key, last);
  for (int64_t i = 0; i < times; i++)
  { pthread_t t; if (pthread_create(&t, 0, ends, f)) abort(); pthread_join(t, 0); }
  pthread_key_delete(key); }

struct three { int64_t a; double b; int32_t c; };
struct wide { int64_t words[12]; };
typedef void (*gives)(const char *, const int32_t *, int, struct three, struct wide, const char *);
static void *give(void *f)
{ char text[6]; strcpy(text, "hello"); int32_t numbers[3] = { 1, -2, 3 };
  struct three three = { 7, 2.5, -7 }; struct wide wide; for (int i = 0; i < 12; i++) wide.words[i] = i * i;
  ((gives)f)(text, numbers, 3, three, wide, 0);
  memset(text, 'x', 5); memset(numbers, 0xff, sizeof numbers); memset(&wide, 0xff, sizeof wide); return 0; }
void give_and_forget(void *f)
{ pthread_t t; if (pthread_create(&t, 0, give, f)) abort(); pthread_join(t, 0); }
typedef struct wide (*doubles)(struct wide);
static void *doubled(void *p)
{ void **q = p; struct wide w = *(struct wide *)q[1]; *(struct wide *)q[1] = ((doubles)q[0])(w); return 0; }
void *start_doubling(void **arguments)
{ struct job *j = malloc(sizeof *j); if (pthread_create(&j->thread, 0, doubled, arguments)) abort(); return j; }
"#;

const STRUCTS: &str = "struct three { long a; double b; int c; }; struct wide { long words[12]; };";

fn library() -> Library {
    static LIBRARY: OnceLock<Library> = OnceLock::new();
    LIBRARY.get_or_init(|| load(SOURCE, "callback-threads")).clone()
}

/// A job of the library, running.
struct Job(*mut c_void);

impl Job {
    fn start(declaration: &str, callback: &Callback, arguments: &[i64]) -> Job {
        let arguments: Vec<Value> =
            [callback.into()].into_iter().chain(arguments.iter().map(|word| (*word).into())).collect();
        match call(&function(declaration), &arguments) {
            Value::Pointer(job) => Job(job),
            other => panic!("{other:?}"),
        }
    }

    fn posts(callback: &Callback, first: i64, times: i64) -> Job {
        Job::start("void *start_posts(void *, long, long)", callback, &[first, times])
    }

    fn asks(callback: &Callback, x: i64) -> Job {
        Job::start("void *start_asking(void *, int)", callback, &[x])
    }

    /// Waits for it, in native code.
    fn join(self) -> i32 {
        let Value::Signed(result) = call(&function("int join(void *)"), &[self.0.into()]) else {
            panic!("an int is signed");
        };
        result as i32
    }
}

fn function(declaration: &str) -> Function {
    static ENGINE: OnceLock<Engine> = OnceLock::new();
    ENGINE.get_or_init(Engine::new).function(&library(), declaration).expect("the library defines it")
}

fn kind(jit: Jit, declaration: &str) -> CallbackType {
    engine(jit).callback_type(declaration).expect("it can be called")
}

/// Drains until so many records have been delivered.
fn drain_all(mailbox: &Mailbox, mut count: usize) {
    while count != 0 {
        assert!(mailbox.wait(Some(Duration::from_secs(20))), "{count} more were expected");
        count -= mailbox.drain(usize::MAX).expect("no handler fails");
    }
}

#[test]
fn posts_arrive_in_order_and_nothing_runs_elsewhere() {
    for jit in BOTH {
        let mailbox = Mailbox::unbounded().unwrap();
        // Neither Send nor Sync, as the host's own objects are.
        let seen = Rc::new(RefCell::new(Vec::new()));
        let (list, owner) = (Rc::clone(&seen), thread::current().id());
        let posting = kind(jit, "void (long)").post(&mailbox).unwrap();
        let callback = posting.callback(move |x: i64| {
            assert_eq!(thread::current().id(), owner);
            list.borrow_mut().push(x);
        });
        let callback = callback.unwrap();
        // 600 between two drains.
        assert_eq!(mailbox.drain(usize::MAX), Ok(0));
        Job::posts(&callback, 0, 600).join();
        assert!(seen.borrow().is_empty());
        assert_eq!(mailbox.drain(100), Ok(100));
        assert_eq!(mailbox.drain(usize::MAX), Ok(500));
        assert!(seen.borrow().iter().copied().eq(0..600));
        // Each of four threads in its order.
        seen.borrow_mut().clear();
        let jobs: Vec<Job> = (0..4).map(|thread| Job::posts(&callback, thread << 32, 1000)).collect();
        drain_all(&mailbox, 4000);
        jobs.into_iter().for_each(|job| _ = job.join());
        for thread in 0..4 {
            let of = seen.borrow().iter().copied().filter(|x| x >> 32 == thread).collect::<Vec<_>>();
            assert!(of.into_iter().eq((0..1000).map(|x| thread << 32 | x)));
        }
        let counts = posting.counts();
        assert_eq!((counts.sent, counts.delivered, counts.refused, counts.dropped), (4600, 4600, 0, 0));
        // On the owner thread it runs at once.
        call(&function("void call_here(void *)"), &[(&callback).into()]);
        assert_eq!(mailbox.drain(usize::MAX), Ok(0));
        assert_eq!(seen.borrow().last(), Some(&-1));
    }
}

#[test]
fn a_posted_callback_must_return_void() {
    let mailbox = Mailbox::unbounded().unwrap();
    let error = kind(Jit::On, "int (int)").post(&mailbox).unwrap_err();
    assert_eq!(error.to_string(), "a posted callback must return void, and this one returns int");
}

#[test]
fn blocking_callers_get_results() {
    for jit in BOTH {
        let mailbox = Mailbox::unbounded().unwrap();
        let asking = kind(jit, "int (int)").block(&mailbox, Busy::default());
        let count = Rc::new(Cell::new(0));
        let counted = Rc::clone(&count);
        let callback = asking.callback(move |x: i32| {
            counted.set(counted.get() + 1);
            x + 1
        });
        let callback = callback.unwrap();
        let start = |_| Job::start("void *start_asking_all(void *, long)", &callback, &[200]);
        let jobs: Vec<Job> = (0..4).map(start).collect();
        drain_all(&mailbox, 800);
        assert!(jobs.into_iter().all(|job| job.join() == 200));
        assert_eq!(count.get(), 800);
    }
}

#[test]
fn a_structure_comes_back_to_a_blocking_caller() {
    for jit in BOTH {
        unsafe fn double(_: *const c_void, slots: *mut u64) {
            // SAFETY: a structure of 12 words, and the address for another.
            unsafe {
                let words = <*const [i64; 12]>::from_slot(*slots).read();
                <*mut [i64; 12]>::from_slot(*slots.add(1)).write(words.map(|word| word * 2));
            }
        }
        let mailbox = Mailbox::unbounded().unwrap();
        let asking =
            kind(jit, &format!("{STRUCTS} struct wide (struct wide)")).block(&mailbox, Busy::default());
        let handler = RawHandler { context: std::ptr::null(), call: double, release: None };
        // SAFETY: the handler is for calls of this type.
        let callback = unsafe { asking.raw(handler) }.unwrap();
        let mut words: [i64; 12] = std::array::from_fn(|index| index as i64);
        let mut arguments = [callback.as_ptr(), (&raw mut words).cast()];
        let Value::Pointer(job) =
            call(&function("void *start_doubling(void *)"), &[arguments.as_mut_ptr().into()])
        else {
            panic!("a job is an address");
        };
        drain_all(&mailbox, 1);
        Job(job).join();
        assert_eq!(words, std::array::from_fn(|index| index as i64 * 2));
    }
}

#[test]
fn an_owner_in_native_code_is_no_silent_hang() {
    for jit in BOTH {
        let mailbox = Mailbox::unbounded().unwrap();
        let blocking = kind(jit, "int (int)").block(&mailbox, Busy::RefuseAfter(Duration::from_millis(30)));
        let callback = blocking.callback(|x: i32| x + 1).unwrap();
        let join = function("int ask_and_join(void *, int)");
        let started = Instant::now();
        assert_eq!(call(&join, &[(&callback).into(), 5.into()]), 0.into(), "refused");
        assert!(started.elapsed() >= Duration::from_millis(30));
        let error = mailbox.drain(usize::MAX).unwrap_err();
        assert!(matches!(error.error, CallbackError::Busy { .. }), "{error}");
        assert_eq!(blocking.counts().refused, 1);
        // By slots, with the scope that such hosts make.
        let slots = join.slots::<i32>().unwrap();
        let scope = NativeScope::enter();
        // SAFETY: as many slots as parameters.
        assert_eq!(unsafe { slots.call(&[callback.as_ptr().into_slot(), 5]) }, 0);
        drop(scope);
        assert!(mailbox.drain(usize::MAX).is_err());
        // An owner that is back in time answers.
        let job = Job::asks(&callback, 6);
        drain_all(&mailbox, 1);
        assert_eq!(job.join(), 7);
    }
}

#[test]
fn two_owners_that_call_each_other_both_answer() {
    for jit in BOTH {
        let (to_first, from_second) = mpsc::channel();
        let (to_second, from_first) = mpsc::channel();
        let own = move |mine: mpsc::Sender<usize>, theirs: mpsc::Receiver<usize>| {
            let mailbox = Mailbox::unbounded().unwrap();
            let kind = kind(jit, "int (int)").block(&mailbox, Busy::default());
            let callback = kind.callback(|x: i32| x + 1).unwrap();
            mine.send(callback.as_ptr().expose_provenance()).unwrap();
            let other = std::ptr::NonNull::new(std::ptr::with_exposed_provenance_mut::<c_void>(
                theirs.recv().unwrap(),
            ));
            let other = engine(jit).function_at(other.unwrap(), "int f(int)").unwrap();
            for x in 0..200 {
                assert_eq!(call(&other, &[x.into()]), (x + 1).into());
            }
            // The other may not have ended.
            mine.send(0).unwrap();
            while theirs.try_recv().is_err() {
                mailbox.wait(Some(Duration::from_millis(1)));
                mailbox.drain(usize::MAX).unwrap();
            }
        };
        let other = thread::spawn(move || own(to_first, from_first));
        own(to_second, from_second);
        other.join().unwrap();
    }
}

#[test]
fn time_runs_out_with_a_value_and_the_late_result_is_dropped() {
    for jit in BOTH {
        let mailbox = Mailbox::unbounded().unwrap();
        let short = Duration::from_millis(20);
        let timed = kind(jit, "int (int)").block_timeout(&mailbox, short, -1, Busy::Wait).unwrap();
        let callback = timed
            .callback(|x: i32| {
                if x == 2 {
                    thread::sleep(Duration::from_millis(60));
                }
                x + 1
            })
            .unwrap();
        // Nobody answers.
        assert_eq!(Job::asks(&callback, 1).join(), -1);
        assert_eq!(mailbox.drain(usize::MAX), Ok(0), "found, and not begun");
        // The answer comes too late.
        let job = Job::asks(&callback, 2);
        drain_all(&mailbox, 1);
        assert_eq!(job.join(), -1);
        // The answer comes in time.
        let long = kind(jit, "int (int)").block_timeout(&mailbox, 1000 * short, -1, Busy::Wait).unwrap();
        let callback = long.callback(|x: i32| x + 1).unwrap();
        let job = Job::asks(&callback, 3);
        drain_all(&mailbox, 1);
        assert_eq!(job.join(), 4);
        let counts = timed.counts();
        assert_eq!((counts.sent, counts.delivered, counts.refused, counts.late), (2, 1, 2, 1));
        let mismatch = kind(jit, "int (int)").block_timeout(&mailbox, short, 1u32, Busy::Wait);
        assert!(matches!(mismatch, Err(CreateError::TimeoutResult { .. })));
    }
}

#[test]
fn rejected_callers_get_zero_and_the_first_is_reported() {
    static REPORTS: Mutex<Vec<Report>> = Mutex::new(Vec::new());
    set_reporter(|report| REPORTS.lock().unwrap().push(report.clone()));
    for jit in BOTH {
        let rejecting = kind(jit, "int (int)").reject().unwrap();
        let callback = rejecting.callback(|x: i32| x + 1).unwrap();
        let ask = function("int ask_and_join(void *, int)");
        for _ in 0..3 {
            assert_eq!(call(&ask, &[(&callback).into(), 5.into()]), 0.into());
        }
        assert_eq!(rejecting.counts().refused, 3);
        let reports = std::mem::take(&mut *REPORTS.lock().unwrap());
        let rejections: Vec<_> = reports
            .iter()
            .filter_map(|report| match report {
                Report::Rejected { owner, caller, .. } => Some((*owner, *caller)),
                _ => None,
            })
            .collect();
        let [(owner, caller)] = rejections[..] else { panic!("{reports:?}") };
        assert_eq!(owner, rustix_thread_id());
        assert_ne!(caller, owner);
    }
    // A panic on a thread that is not the host's is reported too, and stays there.
    let callback = engine(Jit::On).callback("int (int)", |_: i32| -> i32 { panic!("elsewhere") }).unwrap();
    assert_eq!(call(&function("int ask_and_join(void *, int)"), &[(&callback).into(), 5.into()]), 0.into());
    let reports = std::mem::take(&mut *REPORTS.lock().unwrap());
    assert!(matches!(&reports[..], [Report::Error(CallbackError::Panic(_))]), "{reports:?}");
}

fn rustix_thread_id() -> i32 {
    // SAFETY: the call takes nothing and cannot fail.
    unsafe { libc::gettid() }
}

#[test]
fn a_full_mailbox_refuses_drops_or_lets_wait() {
    for jit in BOTH {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let make = |full| {
            let mailbox = Mailbox::bounded(10, full).unwrap();
            let posting = kind(jit, "void (long)").post(&mailbox).unwrap();
            let list = Rc::clone(&seen);
            let callback = posting.callback(move |x: i64| list.borrow_mut().push(x)).unwrap();
            (mailbox, posting, callback)
        };
        let (mailbox, posting, callback) = make(Full::Refuse);
        Job::posts(&callback, 0, 15).join();
        assert_eq!(mailbox.drain(usize::MAX), Ok(10));
        assert!(seen.borrow_mut().drain(..).eq(0..10));
        assert_eq!((posting.counts().refused, posting.counts().dropped), (5, 0));

        let (mailbox, posting, callback) = make(Full::DropOldest);
        Job::posts(&callback, 0, 15).join();
        assert_eq!(mailbox.drain(usize::MAX), Ok(10));
        assert!(seen.borrow_mut().drain(..).eq(5..15));
        assert_eq!((posting.counts().refused, posting.counts().dropped), (0, 5));

        let (mailbox, posting, callback) = make(Full::Block);
        let jobs = [Job::posts(&callback, 0, 500), Job::posts(&callback, 1000, 500)];
        drain_all(&mailbox, 1000);
        jobs.into_iter().for_each(|job| _ = job.join());
        assert_eq!((posting.counts().refused, posting.counts().dropped), (0, 0));
        assert!(seen.borrow().iter().filter(|x| **x < 1000).is_sorted());
        assert_eq!(seen.borrow_mut().drain(..).count(), 1000);
        // The owner waits for the very thread that waits for room.
        Job::posts(&callback, 0, 11).join();
        assert_eq!(posting.counts().refused, 1);
        assert!(matches!(mailbox.drain(usize::MAX).unwrap_err().error, CallbackError::Busy { .. }));
    }
}

#[test]
fn what_a_call_borrows_is_copied_before_the_caller_goes_on() {
    type Seen = Vec<(String, Vec<i32>, (i64, f64, i32), Vec<i64>, bool)>;
    for jit in BOTH {
        unsafe fn look(context: *const c_void, slots: *mut u64) {
            // SAFETY: the parameters are those of `gives` in the library, and what they point to was copied.
            unsafe {
                let text = CStr::from_ptr(<*const c_char>::from_slot(*slots)).to_str().unwrap().to_owned();
                let count = i32::from_slot(*slots.add(2)) as usize;
                let numbers = std::slice::from_raw_parts(<*const i32>::from_slot(*slots.add(1)), count);
                let three = <*const (i64, f64, i32)>::from_slot(*slots.add(3)).cast::<u8>();
                let three = (
                    three.cast::<i64>().read(),
                    three.add(8).cast::<f64>().read(),
                    three.add(16).cast::<i32>().read(),
                );
                let wide = <*const [i64; 12]>::from_slot(*slots.add(4)).read().to_vec();
                let null = <*const u8>::from_slot(*slots.add(5)).is_null();
                (*context.cast::<RefCell<Seen>>()).borrow_mut().push((
                    text,
                    numbers.to_vec(),
                    three,
                    wide,
                    null,
                ));
            }
        }
        let declaration = format!(
            "{STRUCTS} void (const char *, const int *, int, struct three, struct wide, const char *)"
        );
        let seen = RefCell::new(Seen::new());
        let mailbox = Mailbox::unbounded().unwrap();
        let posting = kind(jit, &declaration)
            .copy_in(0, CopyIn::Text)
            .and_then(|kind| kind.copy_in(1, CopyIn::Counted { parameter: 2, unit: 4 }))
            .and_then(|kind| kind.copy_in(5, CopyIn::Text))
            .and_then(|kind| kind.post(&mailbox))
            .unwrap();
        let handler = RawHandler { context: (&raw const seen).cast(), call: look, release: None };
        // SAFETY: the handler is for calls of this type, and `seen` outlives them.
        let callback = unsafe { posting.raw(handler) }.unwrap();
        for _ in 0..3 {
            call(&function("void give_and_forget(void *)"), &[(&callback).into()]);
        }
        assert_eq!(mailbox.drain(2), Ok(2));
        let squares: Vec<i64> = (0..12).map(|x| x * x).collect();
        for (text, numbers, three, wide, null) in seen.borrow().iter() {
            assert_eq!((&**text, &**numbers, *three, *null), ("hello", &[1, -2, 3][..], (7, 2.5, -7), true));
            assert_eq!(*wide, squares);
        }
        // One is dropped with its copies: the leak checker's business.
        assert_eq!(mailbox.close(), Err(Abandoned { posted: 1, waiting: 0 }));
    }
    let wrong = |parameter, copy| match kind(Jit::On, "void (char *, int, float)").copy_in(parameter, copy) {
        Err(CreateError::Copy { error, .. }) => error,
        other => panic!("{other:?}"),
    };
    assert_eq!(wrong(3, CopyIn::Text), CopyError::Parameter { parameters: 3 });
    assert_eq!(wrong(1, CopyIn::Text), CopyError::NoPointer);
    let counted = CopyIn::Counted { parameter: 2, unit: 1 };
    assert_eq!(wrong(0, counted), CopyError::NoLength { parameter: 2 });
}

#[test]
fn accepted_calls_are_delivered_after_close_and_later_ones_are_not() {
    for jit in BOTH {
        let mailbox = Mailbox::unbounded().unwrap();
        let posting = kind(jit, "void (long)").post(&mailbox).unwrap();
        let (dropped, runs) = (Rc::new(Cell::new(false)), Rc::new(Cell::new(0)));
        struct Guard(Rc<Cell<bool>>);
        impl Drop for Guard {
            fn drop(&mut self) {
                self.0.set(true);
            }
        }
        let (guard, counted) = (Guard(Rc::clone(&dropped)), Rc::clone(&runs));
        let handle = Rc::new(RefCell::new(None::<Callback>));
        let own = Rc::clone(&handle);
        let callback = posting.callback(move |x: i64| {
            counted.set(counted.get() + 1);
            if x == 3 {
                // From its mailbox's drain.
                drop(own.borrow_mut().take());
            }
            assert!(!guard.0.get());
        });
        *handle.borrow_mut() = Some(callback.unwrap());
        let address = handle.borrow().as_ref().unwrap().address();
        Job::posts(handle.borrow().as_ref().unwrap(), 0, 10).join();
        assert_eq!(handle.borrow().as_ref().unwrap().in_flight(), 10);
        assert_eq!(mailbox.drain(usize::MAX), Ok(10));
        assert_eq!((runs.get(), dropped.get(), handle.borrow().is_none()), (10, true, true));
        let late = engine(jit).function_at(address, "void f(long)").unwrap();
        call(&late, &[1.into()]);
        assert_eq!((runs.get(), mailbox.drain(usize::MAX)), (10, Ok(0)));
    }
}

#[test]
fn closing_while_others_run_waits_for_nobody_and_frees_once() {
    struct Guard(Arc<AtomicUsize>);
    impl Drop for Guard {
        fn drop(&mut self) {
            self.0.fetch_add(1, SeqCst);
        }
    }
    for jit in BOTH {
        for _ in 0..20 {
            let (dropped, inside) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
            let (guard, counted) = (Guard(Arc::clone(&dropped)), Arc::clone(&inside));
            let callback = kind(jit, "int (int)").callback(move |x: i32| {
                counted.fetch_add(1, SeqCst);
                thread::sleep(Duration::from_millis(2));
                assert_eq!(guard.0.load(SeqCst), 0);
                x + 1
            });
            let callback = callback.unwrap();
            let jobs: Vec<Job> = (0..4).map(|x| Job::asks(&callback, x)).collect();
            while inside.load(SeqCst) == 0 {
                thread::yield_now();
            }
            drop(callback);
            let results: Vec<i32> = jobs.into_iter().map(Job::join).collect();
            let expected = |(x, result): (usize, &i32)| [0, x as i32 + 1].contains(result);
            assert!(results.iter().enumerate().all(expected), "{results:?}");
            assert_eq!(dropped.load(SeqCst), 1);
        }
    }
}

#[test]
fn an_owner_that_ends_releases_callers_and_drops_records() {
    for jit in BOTH {
        for leak in [false, true] {
            let (send, receive) = mpsc::channel();
            let freed = Arc::new(AtomicBool::new(false));
            let on_drop = Arc::clone(&freed);
            let owner = thread::spawn(move || {
                struct Guard(Arc<AtomicBool>, thread::ThreadId);
                impl Drop for Guard {
                    fn drop(&mut self) {
                        assert_eq!(thread::current().id(), self.1, "freed where it belongs");
                        self.0.store(true, SeqCst);
                    }
                }
                let mailbox = Mailbox::unbounded().unwrap();
                let blocking = kind(jit, "int (int)").block(&mailbox, Busy::Wait);
                let guard = Guard(on_drop, thread::current().id());
                let asked =
                    blocking.callback(move |x: i32| if guard.0.load(SeqCst) { 0 } else { x }).unwrap();
                let posting = kind(jit, "void (long)").post(&mailbox).unwrap();
                let posted = posting.callback(|_: i64| -> () { panic!("nobody drains") }).unwrap();
                Job::posts(&posted, 0, 600).join();
                let job = Job::asks(&asked, 9);
                while asked.in_flight() != 2 {
                    thread::yield_now();
                }
                // From the count to the queue.
                thread::sleep(Duration::from_millis(50));
                drop((posted, asked));
                if leak {
                    std::mem::forget(mailbox);
                } else {
                    assert_eq!(mailbox.close(), Err(Abandoned { posted: 600, waiting: 1 }));
                    assert_eq!(job.join(), 0);
                    return;
                }
                send.send(job.0.expose_provenance()).unwrap();
            });
            if leak {
                // The caller is released when the thread ends. If it leaves after that, the handler is never freed.
                let job = Job(std::ptr::with_exposed_provenance_mut(receive.recv().unwrap()));
                assert_eq!(job.join(), 0);
            }
            owner.join().unwrap();
            assert!(leak || freed.load(SeqCst));
        }
    }
}

#[test]
fn errors_of_posted_calls_surface_at_the_drain() {
    for jit in BOTH {
        let mailbox = Mailbox::unbounded().unwrap();
        let runs = Rc::new(Cell::new(0));
        let counted = Rc::clone(&runs);
        let posting = kind(jit, "void (long)").post(&mailbox).unwrap();
        let callback = posting.callback(move |x: i64| {
            counted.set(counted.get() + 1);
            if x == 1 { Err("one") } else { Ok(()) }
        });
        let callback = callback.unwrap();
        Job::posts(&callback, 0, 4).join();
        let error = mailbox.drain(usize::MAX).unwrap_err();
        assert_eq!((error.delivered, error.to_string()), (2, "one".to_owned()));
        assert_eq!(mailbox.drain(usize::MAX), Ok(2));
        assert_eq!(runs.get(), 4);
        assert_eq!(springboard::take_pending(), None);
    }
}

#[test]
fn callbacks_run_at_the_ends_of_threads() {
    for jit in BOTH {
        let mailbox = Mailbox::unbounded().unwrap();
        let posting = kind(jit, "void (long)").post(&mailbox).unwrap();
        let sum = Rc::new(Cell::new(0));
        let total = Rc::clone(&sum);
        let posted = posting.callback(move |x: i64| total.set(total.get() + x)).unwrap();
        let inline = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&inline);
        let counting = kind(jit, "void (long)");
        let counting = counting.callback(move |_: i64| _ = counted.fetch_add(1, SeqCst)).unwrap();
        // More in the long form: `cargo xtask stress callbacks`.
        for callback in [&posted, &counting] {
            call(&function("void thread_exits(void *, long)"), &[callback.into(), 300.into()]);
        }
        assert_eq!(mailbox.drain(usize::MAX), Ok(300));
        assert_eq!((sum.get(), inline.load(SeqCst)), (300 * 42, 300));
    }
}

#[test]
fn a_poll_loop_and_a_waker_are_told() {
    use std::os::fd::AsRawFd;

    for jit in BOTH {
        let mailbox = Mailbox::unbounded().unwrap();
        let wakes = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&wakes);
        mailbox.set_waker(move || _ = counted.fetch_add(1, SeqCst));
        let posting = kind(jit, "void (long)").post(&mailbox).unwrap();
        let callback = posting.callback(|_: i64| ()).unwrap();
        let readable = || {
            let fd = mailbox.event_fd().unwrap().as_raw_fd();
            let mut poll = libc::pollfd { fd, events: libc::POLLIN, revents: 0 };
            // SAFETY: one descriptor.
            unsafe { libc::poll(&raw mut poll, 1, 0) == 1 }
        };
        assert!(!readable());
        Job::posts(&callback, 0, 5).join();
        assert!(readable());
        assert_eq!(wakes.load(SeqCst), 1, "one for the five: the mailbox was empty once");
        assert_eq!(mailbox.drain(3), Ok(3));
        assert!(readable(), "two are left");
        assert_eq!(mailbox.drain(3), Ok(2));
        assert!(!readable());
        Job::posts(&callback, 0, 1).join();
        assert!(readable());
        assert_eq!(wakes.load(SeqCst), 2);
        assert_eq!(mailbox.drain(3), Ok(1));
    }
}

#[test]
fn an_error_that_is_pending_stays_out_of_a_drain() {
    let engine = engine(Jit::On);
    let mailbox = Rc::new(Mailbox::unbounded().unwrap());
    let posting = engine.callback_type("void (long)").unwrap().post(&mailbox).unwrap();
    let seen = Rc::new(Cell::new(0));
    let counted = Rc::clone(&seen);
    let posted = posting.callback(move |_: i64| counted.set(counted.get() + 1)).unwrap();
    Job::posts(&posted, 0, 1).join();
    let inner = Rc::clone(&mailbox);
    let raising = engine.callback_type("int (int)").unwrap().reject().unwrap();
    let raising = raising.callback(move |_: i32| {
        springboard::raise("first");
        assert_eq!(inner.drain(usize::MAX), Ok(1));
        0
    });
    let here = engine.function_at(raising.as_ref().unwrap().address(), "int f(int)").unwrap();
    // SAFETY: the function is the callback.
    let error = unsafe { here.call(&[1.into()]) }.unwrap_err();
    assert!(matches!(&error, CallError::Callback(CallbackError::Raised(_))), "{error}");
    assert_eq!(seen.get(), 1);
}

#[cfg(feature = "tokio")]
#[test]
fn a_tokio_task_waits_for_records() {
    let mailbox = Mailbox::unbounded().unwrap();
    let posting = kind(Jit::On, "void (long)").post(&mailbox).unwrap();
    let callback = posting.callback(|_: i64| ()).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
    let job = Job::posts(&callback, 0, 10);
    let delivered = runtime.block_on(async {
        let mut delivered = 0;
        while delivered < 10 {
            mailbox.ready().await;
            delivered += mailbox.drain(usize::MAX).unwrap();
        }
        delivered
    });
    assert_eq!(delivered, 10);
    job.join();
}
