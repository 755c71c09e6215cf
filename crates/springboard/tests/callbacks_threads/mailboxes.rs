//! Posted calls: order, bounds, copies, errors, and who is told.

use std::{
    cell::{Cell, RefCell},
    ffi::{CStr, c_char, c_void},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering::SeqCst},
    },
    thread,
};

use springboard::{
    CallError, CallbackError, Jit, Mailbox, Word,
    callback::{Abandoned, CopyError, CopyIn, CreateError, Full, RawHandler},
};

use crate::{
    jobs::{Job, STRUCTS, drain_all, function, kind},
    support::{BOTH, call, engine, system::is_signalled},
};

#[test]
fn posts_arrive_in_order_and_nothing_runs_elsewhere() {
    for jit in BOTH {
        let mailbox = Mailbox::unbounded().unwrap();
        // Neither Send nor Sync, as the host's own objects are.
        let seen = Rc::new(RefCell::new(Vec::new()));
        let (list, owner) = (Rc::clone(&seen), thread::current().id());
        let posting = kind(jit, "void (int64_t)").post(&mailbox).unwrap();
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
fn a_full_mailbox_refuses_drops_or_lets_wait() {
    for jit in BOTH {
        let seen = Rc::new(RefCell::new(Vec::new()));
        let make = |full| {
            let mailbox = Mailbox::bounded(10, full).unwrap();
            let posting = kind(jit, "void (int64_t)").post(&mailbox).unwrap();
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
fn errors_of_posted_calls_surface_at_the_drain() {
    for jit in BOTH {
        let mailbox = Mailbox::unbounded().unwrap();
        let runs = Rc::new(Cell::new(0));
        let counted = Rc::clone(&runs);
        let posting = kind(jit, "void (int64_t)").post(&mailbox).unwrap();
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
        assert_eq!(springboard::callback::take_pending(), None);
    }
}

#[test]
fn a_poll_loop_and_a_waker_are_told() {
    for jit in BOTH {
        let mailbox = Mailbox::unbounded().unwrap();
        let wakes = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&wakes);
        mailbox.set_waker(move || _ = counted.fetch_add(1, SeqCst));
        let posting = kind(jit, "void (int64_t)").post(&mailbox).unwrap();
        let callback = posting.callback(|_: i64| ()).unwrap();
        let readable = || is_signalled(mailbox.event().unwrap());
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
    let posting = engine.callback_type("void (int64_t)").unwrap().post(&mailbox).unwrap();
    let seen = Rc::new(Cell::new(0));
    let counted = Rc::clone(&seen);
    let posted = posting.callback(move |_: i64| counted.set(counted.get() + 1)).unwrap();
    Job::posts(&posted, 0, 1).join();
    let inner = Rc::clone(&mailbox);
    let raising = engine.callback_type("int (int)").unwrap().reject().unwrap();
    let raising = raising.callback(move |_: i32| {
        springboard::callback::raise("first");
        assert_eq!(inner.drain(usize::MAX), Ok(1));
        0
    });
    let here = engine.function_at(raising.as_ref().unwrap().address(), "int f(int)").unwrap();
    // SAFETY: the function is the callback.
    let error = unsafe { here.call(&[1.into()]) }.unwrap_err();
    assert!(
        matches!(&error, CallError::Callback(error) if matches!(**error, CallbackError::Raised(_))),
        "{error}"
    );
    assert_eq!(seen.get(), 1);
}

#[cfg(feature = "tokio")]
#[test]
fn a_tokio_task_waits_for_records() {
    let mailbox = Mailbox::unbounded().unwrap();
    let posting = kind(Jit::On, "void (int64_t)").post(&mailbox).unwrap();
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
