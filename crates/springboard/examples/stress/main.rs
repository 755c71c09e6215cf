//! Calls callbacks from many threads at once while they are closed at random, and counts what became of every call.
//!
//! `cargo xtask stress callbacks` runs it. The last line is the sum: what was sent was delivered or refused, and
//! nothing is lost.

mod ends;
mod waits;

use std::{
    error::Error,
    ffi::c_void,
    mem,
    ops::AddAssign,
    process::ExitCode,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicBool, AtomicPtr, AtomicU64, Ordering::SeqCst},
    },
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use springboard::{Callback, CallbackType, Engine, Jit, Mailbox, callback::Full};

#[derive(Parser)]
struct Arguments {
    /// What is put under stress
    #[arg(value_parser = ["callbacks"])]
    what: String,
    /// Threads that post
    #[arg(long, default_value_t = 64)]
    threads: u64,
    /// Calls that each of them makes
    #[arg(long, default_value_t = 100_000)]
    posts: u64,
    /// Threads that end while a callback is called for their thread-locals
    #[arg(long, default_value_t = 10_000)]
    ends: u64,
    /// Blocking calls that each of four threads makes
    #[arg(long, default_value_t = 5_000)]
    asks: u64,
    /// Go through libffi
    #[arg(long)]
    libffi: bool,
}

/// What became of calls.
#[derive(Clone, Copy, Default)]
struct Sum {
    sent: u64,
    delivered: u64,
    refused: u64,
}

impl AddAssign for Sum {
    fn add_assign(&mut self, other: Sum) {
        self.sent += other.sent;
        self.delivered += other.delivered;
        self.refused += other.refused;
    }
}

impl Sum {
    fn lost(&self) -> i128 {
        i128::from(self.sent) - i128::from(self.delivered) - i128::from(self.refused)
    }

    fn print(&self, what: &str, started: Instant) {
        println!(
            "{what}: sent {}, delivered {}, refused {}, lost {} ({:.1?})",
            self.sent,
            self.delivered,
            self.refused,
            self.lost(),
            started.elapsed()
        );
    }
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let Arguments { threads, posts, ends, asks, libffi, .. } = Arguments::parse();
    let engine = Engine::builder().jit(if libffi { Jit::Off } else { Jit::On }).build();
    let mut total = Sum::default();
    let mut run = |what: &str, stress: &dyn Fn() -> Result<Sum, Box<dyn Error>>| {
        let started = Instant::now();
        let sum = stress()?;
        sum.print(what, started);
        total += sum;
        Ok::<_, Box<dyn Error>>(())
    };
    run("posts, closed at random", &|| self::posts(&engine, threads, posts))?;
    run("calls where they are made, closed at random", &|| inline(&engine, threads, posts / 10))?;
    run("blocking calls", &|| waits::blocking(&engine, 4, asks))?;
    run("ends of threads", &|| ends::ends(&engine, ends))?;
    let Sum { sent, delivered, refused } = total;
    println!("sent {sent}, delivered {delivered}, refused {refused}, lost {}", total.lost());
    Ok(if total.lost() == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

/// Callbacks that some threads call and others close and replace.
struct Targets {
    open: Vec<Mutex<Option<Callback>>>,
    addresses: Vec<AtomicPtr<c_void>>,
}

impl Targets {
    const COUNT: usize = 16;

    fn new(mut make: impl FnMut() -> Callback) -> Targets {
        let open: Vec<_> = (0..Targets::COUNT).map(|_| Mutex::new(Some(make()))).collect();
        let address = |callback: &Mutex<Option<Callback>>| {
            AtomicPtr::new(lock(callback).as_ref().expect("made above").as_ptr())
        };
        let addresses = open.iter().map(address).collect();
        Targets { open, addresses }
    }

    /// Calls as C does, at random.
    fn call(&self, random: &mut Random, argument: i64) {
        let address = self.addresses[random.below(Targets::COUNT)].load(SeqCst);
        // SAFETY: the addresses are those of callbacks of this type; closed ones return too.
        let function = unsafe { mem::transmute::<*mut c_void, extern "C" fn(i64)>(address) };
        function(argument);
    }

    /// Closes one at random.
    fn close(&self, random: &mut Random) {
        drop(lock(&self.open[random.below(Targets::COUNT)]).take());
    }

    /// Replaces those that are closed.
    fn replace(&self, mut make: impl FnMut() -> Callback) {
        for (open, address) in self.open.iter().zip(&self.addresses) {
            let mut open = lock(open);
            if open.is_none() {
                let callback = make();
                address.store(callback.as_ptr(), SeqCst);
                *open = Some(callback);
            }
        }
    }
}

fn posts(engine: &Engine, threads: u64, posts: u64) -> Result<Sum, Box<dyn Error>> {
    let mailbox = Mailbox::bounded(1 << 14, Full::Block)?;
    let inline = engine.callback_type("void (int64_t)")?;
    let late = inline.calls_after_close();
    let posting = inline.post(&mailbox)?;
    let delivered = std::rc::Rc::new(std::cell::Cell::new(0));
    let make = || {
        let counted = std::rc::Rc::clone(&delivered);
        posting.callback(move |_: i64| counted.set(counted.get() + 1)).expect("there is memory")
    };
    let targets = Targets::new(make);
    let running = AtomicU64::new(threads);
    thread::scope(|scope| {
        for thread in 0..threads {
            let (targets, running) = (&targets, &running);
            scope.spawn(move || {
                let mut random = Random(thread + 1);
                (0..posts).for_each(|post| targets.call(&mut random, post as i64));
                running.fetch_sub(1, SeqCst);
            });
        }
        let (targets, running) = (&targets, &running);
        scope.spawn(move || close_until(targets, || running.load(SeqCst) == 0));
        let mut random = Random(99);
        while running.load(SeqCst) != 0 {
            mailbox.wait(Some(Duration::from_millis(1)));
            mailbox.drain(5000).expect("handlers do not fail");
            targets.close(&mut random);
            targets.replace(make);
        }
        Ok::<_, Box<dyn Error>>(())
    })?;
    drop(targets);
    while mailbox.drain(usize::MAX)? != 0 {}
    let refused = posting.counts().refused + inline.calls_after_close() - late;
    Ok(Sum { sent: threads * posts, delivered: delivered.get(), refused })
}

fn inline(engine: &Engine, threads: u64, calls: u64) -> Result<Sum, Box<dyn Error>> {
    static DELIVERED: AtomicU64 = AtomicU64::new(0);
    let kind: CallbackType = engine.callback_type("void (int64_t)")?;
    let late = kind.calls_after_close();
    let make = || {
        let alive = Alive(AtomicBool::new(true));
        let handler = move |_: i64| {
            assert!(alive.0.load(SeqCst), "a handler ran after it was freed");
            DELIVERED.fetch_add(1, SeqCst);
        };
        kind.callback(handler).expect("there is memory")
    };
    let targets = Targets::new(make);
    let running = AtomicU64::new(threads);
    thread::scope(|scope| {
        for thread in 0..threads {
            let (targets, running) = (&targets, &running);
            scope.spawn(move || {
                let mut random = Random(thread + 1);
                (0..calls).for_each(|call| targets.call(&mut random, call as i64));
                running.fetch_sub(1, SeqCst);
            });
        }
        let mut random = Random(7);
        let mut own = 0;
        while running.load(SeqCst) != 0 {
            // The thread that made them calls too: it enters by another way.
            targets.call(&mut random, 0);
            own += 1;
            targets.close(&mut random);
            targets.replace(make);
        }
        let refused = kind.calls_after_close() - late;
        Ok(Sum { sent: threads * calls + own, delivered: DELIVERED.load(SeqCst), refused })
    })
}

/// What a handler looks at to see that it was not freed.
struct Alive(AtomicBool);

impl Drop for Alive {
    fn drop(&mut self) {
        self.0.store(false, SeqCst);
    }
}

fn close_until(targets: &Targets, end: impl Fn() -> bool) {
    let mut random = Random(1234);
    while !end() {
        targets.close(&mut random);
        thread::sleep(Duration::from_micros(200));
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Marsaglia's xorshift: repeatable, and good enough to choose among a few.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 >> 8) as usize % limit
    }
}
