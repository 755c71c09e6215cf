//! Answers that come after their handler has returned, and calls of the owner's own that queue.

use std::{cell::RefCell, ffi::c_void, ptr, rc::Rc, thread, time::Duration};

use springboard::{
    Mailbox, Value, Word,
    callback::{Busy, Full, Later, RawHandler},
};

use crate::{
    jobs::{Job, STRUCTS, drain_all, function, kind},
    support::{BOTH, call},
};

/// What a handler has undertaken to answer: the argument, and the call.
type Owed = RefCell<Vec<(i32, Option<Later>)>>;

/// Answers odd arguments at once, with the argument, and others later.
unsafe fn undertake(owed: *const c_void, slots: *mut u64) {
    // SAFETY: the context is such a list; there is an int, and the slot of the result.
    unsafe {
        let (owed, x) = (&*owed.cast::<Owed>(), i32::from_slot(*slots));
        if x % 2 != 0 {
            *slots.add(1) = x.into_slot();
            return;
        }
        let later = Later::of(slots);
        assert!(Later::of(slots).is_none(), "a call is postponed once");
        // Not looked at.
        *slots.add(1) = 999.into_slot();
        owed.borrow_mut().push((x, later));
    }
}

#[test]
fn answers_come_in_any_order_from_any_thread() {
    for jit in BOTH {
        let (mailbox, owed) = (Mailbox::unbounded().unwrap(), Owed::default());
        let asking = kind(jit, "int (int)").block(&mailbox, Busy::default());
        let handler = RawHandler { context: (&raw const owed).cast(), call: undertake, release: None };
        // SAFETY: the handler is for calls of this type, and `owed` outlives them.
        let callback = unsafe { asking.raw(handler) }.unwrap();
        let jobs: Vec<Job> = (0..6).map(|x| Job::asks(&callback, x)).collect();
        drain_all(&mailbox, 6);
        // Those whose callers have their answers may have left.
        assert!(callback.in_flight() >= 6, "three callers wait, and three answers are owed");
        let mut list = owed.take();
        list.sort_by_key(|(x, _)| -x);
        for (x, later) in list {
            let later = later.expect("its caller waits");
            match x {
                // Nobody answers: the caller gets zero.
                0 => drop(later),
                2 => later.answer((x * 10).into_slot()).unwrap(),
                _ => thread::spawn(move || later.answer((x * 10).into_slot()).unwrap()).join().unwrap(),
            }
        }
        let results: Vec<i32> = jobs.into_iter().map(Job::join).collect();
        assert_eq!(results, [0, 1, 20, 3, 40, 5]);
        let counts = asking.counts();
        assert_eq!((counts.sent, counts.delivered, counts.refused, counts.late), (6, 6, 1, 0));
        assert_eq!(callback.in_flight(), 0);
        // The owner's own call has nobody who waits: the handler answers.
        let own = call(&function("int call_int(int (*)(int), int)"), &[(&callback).into(), 4.into()]);
        assert_eq!(own, Value::Signed(999));
        assert!(matches!(&owed.take()[..], [(4, None)]));
    }
}

#[test]
fn a_structure_is_answered_by_its_bytes() {
    for jit in BOTH {
        unsafe fn keep(owed: *const c_void, slots: *mut u64) {
            // SAFETY: the context is such a list; there is a structure of 12 words, and the address for another.
            unsafe {
                let words = <*const [i64; 12]>::from_slot(*slots).read();
                let owed = &*owed.cast::<RefCell<Vec<([i64; 12], Later)>>>();
                owed.borrow_mut().push((words, Later::of(slots).unwrap()));
            }
        }
        let mailbox = Mailbox::unbounded().unwrap();
        let owed = RefCell::new(Vec::<([i64; 12], Later)>::new());
        let asking =
            kind(jit, &format!("{STRUCTS} struct wide (struct wide)")).block(&mailbox, Busy::default());
        let handler = RawHandler { context: (&raw const owed).cast(), call: keep, release: None };
        // SAFETY: the handler is for calls of this type, and `owed` outlives them.
        let callback = unsafe { asking.raw(handler) }.unwrap();
        let mut words: [i64; 12] = std::array::from_fn(|index| index as i64);
        let mut arguments = [callback.as_ptr(), (&raw mut words).cast()];
        let Value::Pointer(job) = call(
            &function("void *start_doubling(void *)"),
            &[arguments.as_mut_ptr().cast::<c_void>().into()],
        ) else {
            panic!("it returns a pointer")
        };
        drain_all(&mailbox, 1);
        let (given, later) = owed.take().remove(0);
        let bytes: Vec<u8> = given.iter().flat_map(|word| (word * 2).to_ne_bytes()).collect();
        let later = later.answer(5).unwrap_err();
        let later = later.answer_bytes(&bytes[1..]).unwrap_err();
        later.answer_bytes(&bytes).unwrap();
        Job(job).join();
        assert_eq!(words, std::array::from_fn(|index| 2 * index as i64));
    }
}

#[test]
fn a_caller_whose_time_is_up_does_not_wait_for_the_answer() {
    for jit in BOTH {
        let (mailbox, owed) = (Mailbox::unbounded().unwrap(), Owed::default());
        let limit = Duration::from_millis(30);
        let asking = kind(jit, "int (int)").block_timeout(&mailbox, limit, -7i32, Busy::default()).unwrap();
        let handler = RawHandler { context: (&raw const owed).cast(), call: undertake, release: None };
        // SAFETY: the handler is for calls of this type, and `owed` outlives them.
        let callback = unsafe { asking.raw(handler) }.unwrap();
        let job = Job::asks(&callback, 4);
        assert!(mailbox.wait(Some(Duration::from_secs(20))));
        // Where the caller was too fast, it was not delivered at all.
        let delivered = mailbox.drain(usize::MAX).unwrap();
        assert_eq!(job.join(), -7);
        for (_, later) in owed.take() {
            later.expect("its caller waits").answer(5).unwrap();
        }
        let counts = asking.counts();
        assert_eq!((counts.delivered, counts.late), (delivered as u64, delivered as u64));
        // Closed while an answer is owed: the handler is freed after it.
        let job = Job::asks(&callback, 6);
        assert!(mailbox.wait(Some(Duration::from_secs(20))));
        mailbox.drain(usize::MAX).unwrap();
        callback.close();
        drop(owed.take());
        assert_eq!((job.join(), callback.in_flight()), (-7, 0));
    }
}

#[test]
fn calls_of_the_owner_queue_behind_those_of_others() {
    for jit in BOTH {
        for (queued, expected) in [(true, [1, -1]), (false, [-1, 1])] {
            let mailbox = Mailbox::unbounded().unwrap();
            let seen = Rc::new(RefCell::new(Vec::new()));
            let list = Rc::clone(&seen);
            let inline = kind(jit, "void (int64_t)");
            let posting = if queued { inline.queue(&mailbox) } else { inline.post(&mailbox) }.unwrap();
            let callback = posting.callback(move |x: i64| list.borrow_mut().push(x)).unwrap();
            Job::posts(&callback, 1, 1).join();
            call(&function("void call_here(void *)"), &[(&callback).into()]);
            assert_eq!(mailbox.drain(usize::MAX), Ok(if queued { 2 } else { 1 }));
            assert_eq!(*seen.borrow(), expected, "1 was posted, and then -1 called by the owner");
        }
    }
}

#[test]
fn handlers_of_queued_calls_do_not_nest_and_a_full_mailbox_refuses_its_owner() {
    for jit in BOTH {
        let mailbox = Mailbox::bounded(2, Full::Block).unwrap();
        let seen = Rc::new(RefCell::new(Vec::new()));
        let queueing = kind(jit, "void (int64_t)").queue(&mailbox).unwrap();
        let list = Rc::clone(&seen);
        let address = Rc::new(std::cell::Cell::new(ptr::null_mut::<c_void>()));
        let own = Rc::clone(&address);
        let callback = queueing.callback(move |x: i64| {
            list.borrow_mut().push(x);
            if list.borrow().len() < 4 {
                let before = list.borrow().len();
                call(&function("void call_here(void *)"), &[own.get().into()]);
                assert_eq!(list.borrow().len(), before, "not within the handler");
            }
        });
        let callback = callback.unwrap();
        address.set(callback.as_ptr());
        for _ in 0..3 {
            call(&function("void call_here(void *)"), &[(&callback).into()]);
        }
        let counts = queueing.counts();
        assert_eq!((counts.sent, counts.refused), (3, 1), "two find room");
        assert_eq!(mailbox.drain(2), Ok(2));
        assert_eq!(mailbox.drain(usize::MAX), Ok(3));
        assert_eq!(seen.borrow().len(), 5);
        drop(callback);
        assert_eq!(mailbox.drain(usize::MAX), Ok(0));
    }
}
