//! Callbacks called while a thread's thread-locals are destroyed.

use std::{cell::Cell, error::Error, ffi::c_void, mem, rc::Rc, thread};

use springboard::{Engine, Mailbox};

use crate::Sum;

/// So many short threads, each with a thread-local (pthread_key_create(3)) whose destructor is a callback.
pub(crate) fn ends(engine: &Engine, threads: u64) -> Result<Sum, Box<dyn Error>> {
    let mailbox = Mailbox::unbounded()?;
    let posting = engine.callback_type("void (void *)")?.post(&mailbox)?;
    let delivered = Rc::new(Cell::new(0));
    let counted = Rc::clone(&delivered);
    let callback = posting.callback(move |value: *mut c_void| {
        assert_eq!(value.addr(), 42);
        counted.set(counted.get() + 1);
    })?;
    let mut key = 0;
    // SAFETY: the callback is of the type of a destructor, and outlives the threads.
    let made = unsafe {
        let destructor = mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void)>(callback.as_ptr());
        libc::pthread_key_create(&raw mut key, Some(destructor))
    };
    assert_eq!(made, 0);
    for _ in 0..threads {
        let set = move || {
            // SAFETY: the key is one; the value is an address that nobody follows.
            let set = unsafe { libc::pthread_setspecific(key, std::ptr::without_provenance(42)) };
            assert_eq!(set, 0);
        };
        thread::spawn(set).join().expect("it only sets a value");
        mailbox.drain(usize::MAX)?;
    }
    // SAFETY: no thread has a value any more.
    unsafe { libc::pthread_key_delete(key) };
    // A thread is joined when it has ended as Rust sees it; its thread-locals may end a moment later.
    while delivered.get() < threads && mailbox.wait(Some(std::time::Duration::from_secs(5))) {
        mailbox.drain(usize::MAX)?;
    }
    Ok(Sum { sent: threads, delivered: delivered.get(), refused: posting.counts().refused })
}
