//! Callers that wait for the owner, or are turned away.

use std::{
    cell::Cell,
    ffi::c_void,
    rc::Rc,
    sync::{Mutex, mpsc},
    thread,
    time::{Duration, Instant},
};

use springboard::{
    CallbackError, Jit, Mailbox, Value, Word,
    callback::{Busy, CreateError, NativeScope, RawHandler, Report, set_reporter},
};

use crate::{
    jobs::{Job, STRUCTS, drain_all, function, kind},
    support::{BOTH, call, engine, system::thread_number},
};

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
        let start = |_| Job::start("void *start_asking_all(void *, int64_t)", &callback, &[200]);
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
        // Long enough for this thread to begin an answer in, on any machine.
        let short = Duration::from_millis(500);
        let timed = kind(jit, "int (int)").block_timeout(&mailbox, short, -1, Busy::Wait).unwrap();
        let given_up = {
            let timed = timed.clone();
            move || timed.counts().refused == 2
        };
        let callback = timed
            .callback(move |x: i32| {
                while x == 2 && !given_up() {
                    thread::yield_now();
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
                Report::Rejected { owner, caller, .. } => Some((*owner, *caller, report.to_string())),
                _ => None,
            })
            .collect();
        let [(owner, caller, sentence)] = &rejections[..] else { panic!("{reports:?}") };
        assert_eq!(*owner, thread_number());
        assert_ne!(caller, owner);
        let expected =
            format!("thread {caller} called a callback int (*)(int) of thread {owner}, which rejects it");
        assert_eq!(*sentence, expected);
    }
    // A panic on a thread that is not the host's is reported too, and stays there.
    let callback = engine(Jit::On).callback("int (int)", |_: i32| -> i32 { panic!("elsewhere") }).unwrap();
    assert_eq!(call(&function("int ask_and_join(void *, int)"), &[(&callback).into(), 5.into()]), 0.into());
    let reports = std::mem::take(&mut *REPORTS.lock().unwrap());
    assert!(matches!(&reports[..], [Report::Error(CallbackError::Panic(_))]), "{reports:?}");
}
