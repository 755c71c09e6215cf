//! Every policy of a callback, called from a thread that the host knows nothing of.

use std::{
    cell::{Cell, RefCell},
    error::Error,
    ffi::{CStr, c_char, c_void},
    mem, ptr,
    rc::Rc,
    time::Duration,
};

use springboard::{
    Callback, Engine, Mailbox,
    callback::{Busy, CopyIn, set_reporter},
};

/// What the threads call.
type Ask = extern "C" fn(i32) -> i32;
type Tell = extern "C" fn(*const c_char);

fn main() -> Result<(), Box<dyn Error>> {
    let engine = Engine::new();
    let mailbox = Mailbox::unbounded()?;
    let ask = engine.callback_type("int (int)")?;

    let inline = ask.callback(|x: i32| x + 1)?;
    println!("inline:  the thread ran the handler itself and got {}", Thread::ask(&inline, 41).join());

    set_reporter(|report| println!("reject:  {report}"));
    let rejecting = ask.reject()?;
    let rejected = rejecting.callback(|x: i32| x + 1)?;
    let got = Thread::ask(&rejected, 41).join();
    println!("reject:  the thread got {got}; refused {}", rejecting.counts().refused);

    // Handlers of callbacks that belong to a thread may hold what only that thread may touch.
    let heard = Rc::new(RefCell::new(Vec::new()));
    let list = Rc::clone(&heard);
    let posting = engine.callback_type("void (const char *)")?.copy_in(0, CopyIn::Text)?.post(&mailbox)?;
    let posted = posting.callback(move |text: *const c_char| {
        // SAFETY: the copy of a text.
        let text = unsafe { CStr::from_ptr(text) };
        list.borrow_mut().push(text.to_string_lossy().into_owned());
    })?;
    Thread::tell(&posted, c"here and gone").join();
    println!(
        "post:    the thread is gone; drained {}, heard {:?}",
        mailbox.drain(usize::MAX)?,
        heard.borrow()
    );

    let calls = Rc::new(Cell::new(0));
    let counted = Rc::clone(&calls);
    let blocking = ask.block(&mailbox, Busy::default());
    let blocked = blocking.callback(move |x: i32| {
        counted.set(counted.get() + 1);
        x + 1
    })?;
    let thread = Thread::ask(&blocked, 41);
    mailbox.wait(None);
    mailbox.drain(usize::MAX)?;
    println!("block:   the thread waited and got {} from call {} here", thread.join(), calls.get());

    // This thread waits for the other in native code, and the other for this one.
    let pthread_join = engine.function(
        // SAFETY: the C library is loaded already.
        &unsafe { springboard::Library::open("libc.so.6") }?,
        "int pthread_join(unsigned long, void **)",
    )?;
    let thread = Thread::ask(&blocked, 41);
    let mut got = ptr::null_mut::<c_void>();
    // SAFETY: the thread is one that nobody has joined.
    unsafe { pthread_join.call(&[thread.id.into(), (&raw mut got).into()]) }?;
    let refusal = mailbox.drain(usize::MAX).unwrap_err();
    println!("block:   no hang: the thread got {}, and here: {refusal}", got.addr());

    let timed = ask.block_timeout(&mailbox, Duration::from_millis(10), -1, Busy::Wait)?;
    let slow = timed.callback(|x: i32| x + 1)?;
    println!("timeout: nobody answered, and the thread got {}", Thread::ask(&slow, 41).join() as i32);
    Ok(())
}

/// A thread made by pthread_create(3).
struct Thread {
    id: libc::pthread_t,
}

/// What a thread is to call.
enum Task {
    Ask(Ask, i32),
    Tell(Tell, Vec<u8>),
}

impl Thread {
    fn ask(callback: &Callback, x: i32) -> Thread {
        // SAFETY: the callback is of this type, and outlives the thread.
        Thread::new(Task::Ask(unsafe { mem::transmute::<*mut c_void, Ask>(callback.as_ptr()) }, x))
    }

    fn tell(callback: &Callback, text: &CStr) -> Thread {
        // SAFETY: the callback is of this type, and outlives the thread.
        let tell = unsafe { mem::transmute::<*mut c_void, Tell>(callback.as_ptr()) };
        Thread::new(Task::Tell(tell, text.to_bytes_with_nul().to_vec()))
    }

    fn new(task: Task) -> Thread {
        let mut id = mem::MaybeUninit::uninit();
        let task: *mut Task = Box::into_raw(Box::new(task));
        // SAFETY: the thread takes the task over.
        let made = unsafe { libc::pthread_create(id.as_mut_ptr(), ptr::null(), run, task.cast()) };
        assert_eq!(made, 0);
        // SAFETY: a thread that was made has its number.
        Thread { id: unsafe { id.assume_init() } }
    }

    fn join(self) -> usize {
        let mut result = ptr::null_mut();
        // SAFETY: nobody else joins it.
        assert_eq!(unsafe { libc::pthread_join(self.id, &raw mut result) }, 0);
        result.addr()
    }
}

extern "C" fn run(task: *mut c_void) -> *mut c_void {
    // SAFETY: from `Thread::new`.
    match *unsafe { Box::from_raw(task.cast::<Task>()) } {
        Task::Ask(ask, x) => ptr::without_provenance_mut(ask(x) as u32 as usize),
        Task::Tell(tell, mut text) => {
            tell(text.as_ptr().cast());
            text.fill(b'x');
            ptr::null_mut()
        }
    }
}
