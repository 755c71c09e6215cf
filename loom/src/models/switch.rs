//! Values made once: the cache's shapes, and the switch from libffi to a stub.

use std::collections::HashMap;

use loom::{
    cell::UnsafeCell,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering::Relaxed},
    },
    thread,
};

use super::check;
use crate::switch::Switch;

/// What is made, watched for reads that come before it is whole.
struct Made(UnsafeCell<u32>);

// SAFETY: loom finds every access that would race.
unsafe impl Sync for Made {}

impl Made {
    fn new(value: u32) -> Made {
        let made = Made(UnsafeCell::new(0));
        // SAFETY: nobody else knows it yet.
        made.0.with_mut(|cell| unsafe { *cell = value });
        made
    }

    fn value(&self) -> u32 {
        // SAFETY: it is not written any more, or loom says so.
        self.0.with(|cell| unsafe { *cell })
    }
}

/// The cache: of threads that want one plan, one compiles, and all get what it made.
#[test]
fn a_plan_that_many_want_is_compiled_once() {
    check(3, || {
        let places: Arc<Mutex<HashMap<u8, Arc<Switch<Made>>>>> = Arc::default();
        let compiled = Arc::new(AtomicUsize::new(0));
        let ask = |places: &Mutex<HashMap<u8, Arc<Switch<Made>>>>, compiled: &AtomicUsize, plan: u8| {
            let place = Arc::clone(places.lock().unwrap().entry(plan).or_default());
            let shape = place.get_or_make(|| {
                compiled.fetch_add(1, Relaxed);
                Made::new(u32::from(plan) + 40)
            });
            assert_eq!(shape.value(), u32::from(plan) + 40);
        };
        let threads = [(2, 1), (1, 2)].map(|(first, second)| {
            let (places, compiled) = (Arc::clone(&places), Arc::clone(&compiled));
            thread::spawn(move || {
                ask(&places, &compiled, first);
                ask(&places, &compiled, second);
            })
        });
        ask(&places, &compiled, 2);
        threads.into_iter().for_each(|thread| thread.join().unwrap());
        assert_eq!(compiled.load(Relaxed), 2);
    });
}

/// The way of a call: the stub, if there is one, and libffi otherwise.
fn call(stub: &Switch<Made>, calls: &AtomicUsize) -> bool {
    calls.fetch_add(1, Relaxed);
    match stub.get() {
        Some(stub) => {
            assert_eq!(stub.value(), 7, "the stub is whole");
            true
        }
        None => false,
    }
}

#[test]
fn calls_go_over_once_and_stay() {
    check(4, || {
        let stub = Arc::new(Switch::new());
        let calls = Arc::new(AtomicUsize::new(0));
        let other = Arc::clone(&stub);
        let compiler = thread::spawn(move || assert_eq!(other.get_or_make(|| Made::new(7)).value(), 7));
        let callers = [(); 2].map(|()| {
            let (stub, calls) = (Arc::clone(&stub), Arc::clone(&calls));
            thread::spawn(move || {
                let ways = [(); 2].map(|()| call(&stub, &calls));
                assert!(ways != [true, false], "no call goes back to libffi");
            })
        });
        compiler.join().unwrap();
        assert!(call(&stub, &calls), "it is there for whoever knows that it was made");
        callers.into_iter().for_each(|caller| caller.join().unwrap());
        assert_eq!(calls.load(Relaxed), 5, "each call is made once");
    });
}

/// Somebody asks for the stub while the background makes it: one of the two is kept, and the other never seen.
#[test]
fn two_who_make_it_agree() {
    check(4, || {
        let stub = Arc::new(Switch::new());
        let other = Arc::clone(&stub);
        let background = thread::spawn(move || other.get_or_make(|| Made::new(1)).value());
        let asked = stub.get_or_make(|| Made::new(2)).value();
        assert_eq!(background.join().unwrap(), asked);
        assert_eq!(stub.get().expect("it is there").value(), asked);
    });
}

/// The function is dropped by one thread while another makes its stub, which must not leak.
#[test]
fn what_nobody_has_any_more_is_freed() {
    check(4, || {
        let freed = Arc::new(AtomicUsize::new(0));
        struct Stub(Arc<AtomicUsize>);
        impl Drop for Stub {
            fn drop(&mut self) {
                self.0.fetch_add(1, Relaxed);
            }
        }
        let function = Arc::new(Switch::new());
        let (other, count) = (Arc::clone(&function), Arc::clone(&freed));
        let background = thread::spawn(move || {
            other.get_or_make(|| Stub(count));
        });
        drop(function);
        background.join().unwrap();
        assert_eq!(freed.load(Relaxed), 1);
    });
}
