//! What a thread that ends leaves to whom.

use std::{
    sync::{Arc, Mutex, mpsc},
    thread,
};

use springboard::{
    Callback, Engine, Mailbox,
    callback::{Heir, close_at_thread_exit, leaked_handlers},
};

/// A callback that belongs to the running thread and counts when its handler is freed, and on which thread.
fn counted(freed: &Arc<Mutex<Vec<thread::ThreadId>>>) -> Callback {
    struct Told(Arc<Mutex<Vec<thread::ThreadId>>>);
    impl Drop for Told {
        fn drop(&mut self) {
            self.0.lock().unwrap().push(thread::current().id());
        }
    }
    let told = Told(Arc::clone(freed));
    let rejecting = Engine::new().callback_type("void (int64_t)").unwrap().reject().unwrap();
    let handler = move |_: i64| {
        let _ = &told;
    };
    rejecting.callback(handler).unwrap()
}

/// What is closed after its owner thread has ended: leaked on purpose and counted, closed by the thread's end, or freed by
/// another thread. In a program of its own, because the
/// count of what is leaked is the process'.
#[test]
fn an_ended_owner_leaves_its_handlers_where_the_host_says() {
    let freed = Arc::new(Mutex::new(Vec::new()));
    let taken = || std::mem::take(&mut *freed.lock().unwrap());
    let make = |choose: fn()| {
        let freed = Arc::clone(&freed);
        let make = move || {
            choose();
            ((0..50).map(|_| counted(&freed)).collect::<Vec<_>>(), thread::current().id())
        };
        thread::spawn(make).join().unwrap()
    };
    // Nobody is named.
    let leaked = leaked_handlers();
    let (callbacks, _) = make(|| {});
    drop(callbacks);
    assert_eq!((taken().len(), leaked_handlers()), (0, leaked + 50));
    // The thread's own end, whoever has the handles.
    let (callbacks, owner) = make(|| close_at_thread_exit().unwrap());
    assert!(callbacks.iter().all(Callback::is_closed));
    assert_eq!(taken(), vec![owner; 50]);
    drop(callbacks);
    assert_eq!((taken().len(), leaked_handlers()), (0, leaked + 50));
    // Another thread: this one, at its next drain. The heir's heir takes the place of an heir that has ended.
    let (send, receive) = mpsc::channel();
    let heir = Heir::current().unwrap();
    let between = thread::spawn(move || {
        // SAFETY: handlers of these tests may be freed on any thread.
        unsafe { heir.inherit() }.unwrap();
        send.send(Heir::current().unwrap()).unwrap();
    });
    between.join().unwrap();
    HEIR.lock().unwrap().replace(receive.recv().unwrap());
    let (callbacks, _) = make(|| {
        // SAFETY: handlers of these tests may be freed on any thread.
        unsafe { HEIR.lock().unwrap().as_ref().unwrap().inherit() }.unwrap();
    });
    drop(callbacks);
    assert!(taken().is_empty(), "not before the drain");
    Mailbox::unbounded().unwrap().drain(0).unwrap();
    assert_eq!(taken(), vec![thread::current().id(); 50]);
    assert_eq!(leaked_handlers(), leaked + 50);
}

static HEIR: Mutex<Option<Heir>> = Mutex::new(None);
