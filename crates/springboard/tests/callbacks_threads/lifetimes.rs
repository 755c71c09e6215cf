//! The ends of callbacks, of mailboxes and of threads.

use std::{
    cell::{Cell, RefCell},
    rc::Rc,
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicUsize, Ordering::SeqCst},
        mpsc,
    },
    thread,
};

use springboard::{
    Callback, Mailbox,
    callback::{Abandoned, Busy},
};

use crate::{
    jobs::{Job, function, kind},
    support::{BOTH, call, engine},
};

#[test]
fn accepted_calls_are_delivered_after_close_and_later_ones_are_not() {
    for jit in BOTH {
        let mailbox = Mailbox::unbounded().unwrap();
        let posting = kind(jit, "void (int64_t)").post(&mailbox).unwrap();
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
        let late = engine(jit).function_at(address, "void f(int64_t)").unwrap();
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
            let closed = Arc::new(AtomicBool::new(false));
            let is_closed = Arc::clone(&closed);
            let callback = kind(jit, "int (int)").callback(move |x: i32| {
                counted.fetch_add(1, SeqCst);
                while !is_closed.load(SeqCst) {
                    thread::yield_now();
                }
                assert_eq!(guard.0.load(SeqCst), 0);
                x + 1
            });
            let callback = callback.unwrap();
            let jobs: Vec<Job> = (0..4).map(|x| Job::asks(&callback, x)).collect();
            while inside.load(SeqCst) == 0 {
                thread::yield_now();
            }
            drop(callback);
            // Closing did not wait: a call is inside until this.
            closed.store(true, SeqCst);
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
                let posting = kind(jit, "void (int64_t)").post(&mailbox).unwrap();
                let posted = posting.callback(|_: i64| -> () { panic!("nobody drains") }).unwrap();
                let job = Job::asks(&asked, 9);
                while mailbox.is_empty() {
                    thread::yield_now();
                }
                Job::posts(&posted, 0, 600).join();
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
fn callbacks_run_at_the_ends_of_threads() {
    for jit in BOTH {
        let mailbox = Mailbox::unbounded().unwrap();
        let posting = kind(jit, "void (int64_t)").post(&mailbox).unwrap();
        let sum = Rc::new(Cell::new(0));
        let total = Rc::clone(&sum);
        let posted = posting.callback(move |x: i64| total.set(total.get() + x)).unwrap();
        let inline = Arc::new(AtomicUsize::new(0));
        let counted = Arc::clone(&inline);
        let counting = kind(jit, "void (int64_t)");
        let counting = counting.callback(move |_: i64| _ = counted.fetch_add(1, SeqCst)).unwrap();
        // More in the long form: `cargo xtask stress callbacks`.
        for callback in [&posted, &counting] {
            call(&function("void thread_exits(void *, int64_t)"), &[callback.into(), 300.into()]);
        }
        assert_eq!(mailbox.drain(usize::MAX), Ok(300));
        assert_eq!((sum.get(), inline.load(SeqCst)), (300 * 42, 300));
    }
}

/// The system's own end of a thread, which unwinds nothing: the call never returns, and what it has stays.
#[cfg(windows)]
#[test]
fn a_foreign_thread_may_end_in_a_callback() {
    for jit in BOTH {
        let callback = kind(jit, "int (int)").callback(|x: i32| {
            if x < 0 {
                // SAFETY: nothing on this thread's stack wants to be dropped.
                unsafe { windows_sys::Win32::System::Threading::ExitThread(0) };
            }
            x + 1
        });
        let callback = callback.unwrap();
        Job::asks(&callback, -1).join();
        assert_eq!(callback.in_flight(), 1);
        assert_eq!(Job::asks(&callback, 4).join(), 5);
        let address = callback.address();
        callback.close();
        let late = engine(jit).function_at(address, "int f(int)").unwrap();
        assert_eq!(call(&late, &[4.into()]), 0.into());
    }
}
