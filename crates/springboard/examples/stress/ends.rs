//! Callbacks called while a thread's thread-locals are destroyed.

use std::{cell::Cell, error::Error, ffi::c_void, mem, rc::Rc, thread};

use springboard::{Engine, Mailbox};
use springboard_process::AtEnd;

use crate::Sum;

/// So many short threads, each with a thread-local whose destructor is a callback.
pub(crate) fn ends(engine: &Engine, threads: u64) -> Result<Sum, Box<dyn Error>> {
    let mailbox = Mailbox::unbounded()?;
    let posting = engine.callback_type("void (void *)")?.post(&mailbox)?;
    let delivered = Rc::new(Cell::new(0));
    let counted = Rc::clone(&delivered);
    let callback = posting.callback(move |value: *mut c_void| {
        assert_eq!(value.addr(), 42);
        counted.set(counted.get() + 1);
    })?;
    // SAFETY: the callback is of the type of a destructor, and outlives the threads.
    let key = unsafe {
        AtEnd::new(mem::transmute::<*mut c_void, unsafe extern "C" fn(*mut c_void)>(callback.as_ptr()))
    };
    for _ in 0..threads {
        thread::scope(|scope| scope.spawn(|| key.set(42)).join().expect("it only sets a value"));
        mailbox.drain(usize::MAX)?;
    }
    // A thread is joined when it has ended as Rust sees it; its thread-locals may end a moment later.
    while delivered.get() < threads && mailbox.wait(Some(std::time::Duration::from_secs(5))) {
        mailbox.drain(usize::MAX)?;
    }
    // No thread has a value any more.
    drop(key);
    Ok(Sum { sent: threads, delivered: delivered.get(), refused: posting.counts().refused })
}
