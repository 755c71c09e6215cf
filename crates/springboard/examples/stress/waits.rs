//! Threads that wait for their answers.

use std::{cell::Cell, error::Error, ffi::c_void, mem, ptr::NonNull, rc::Rc, thread, time::Duration};

use springboard::{Engine, Mailbox, callback::Busy};

use crate::Sum;

/// Each of `threads` makes so many blocking calls, and looks at each result.
pub(crate) fn blocking(engine: &Engine, threads: u64, asks: u64) -> Result<Sum, Box<dyn Error>> {
    let mailbox = Mailbox::unbounded()?;
    let asking = engine.callback_type("int64_t (int64_t)")?.block(&mailbox, Busy::default());
    let delivered = Rc::new(Cell::new(0));
    let counted = Rc::clone(&delivered);
    let callback = asking.callback(move |x: i64| {
        counted.set(counted.get() + 1);
        x ^ 0x55
    })?;
    // SAFETY: the callback is of this type, and outlives the threads.
    let ask = unsafe { mem::transmute::<NonNull<c_void>, extern "C" fn(i64) -> i64>(callback.address()) };
    thread::scope(|scope| {
        let run = || (0..asks as i64).filter(|x| ask(*x) == x ^ 0x55).count() as u64;
        let askers: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        while askers.iter().any(|asker| !asker.is_finished()) {
            mailbox.wait(Some(Duration::from_millis(1)));
            mailbox.drain(usize::MAX)?;
        }
        let answered: u64 = askers.into_iter().map(|asker| asker.join().expect("it only counts")).sum();
        assert_eq!(answered, delivered.get(), "each got its own answer");
        Ok(Sum { sent: threads * asks, delivered: delivered.get(), refused: asking.counts().refused })
    })
}
