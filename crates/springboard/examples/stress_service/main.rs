//! Binds, calls and drops functions from many threads at random, then makes many stubs, then makes and drops one over
//! and over, and looks for what is left behind.
//!
//! `cargo xtask stress service` runs it. The last line is the sum: every call arrived, and nothing is leaked.

mod progress;
mod race;
mod random;

use std::{
    error::Error,
    ffi::c_void,
    process::ExitCode,
    ptr::NonNull,
    sync::{
        Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
    thread,
    time::{Duration, Instant},
};

use clap::Parser;
use springboard::{Compile, Engine, Function, Jit, Stubs};

use springboard_process::{code_mappings, resident};

use crate::{progress::Progress, random::Random};

/// Puts the compiler service under stress
#[derive(Parser)]
struct Arguments {
    /// How long threads bind, call and drop
    #[arg(long, default_value_t = 60)]
    seconds: u64,
    /// Threads that do
    #[arg(long, default_value_t = 16)]
    threads: u64,
    /// Stubs to have at once
    #[arg(long, default_value_t = 1_000_000)]
    live: usize,
    /// Functions to bind and drop, one after the other
    #[arg(long, default_value_t = 10_000_000)]
    churn: u64,
    /// Has two threads race for a number first: for sanitizers, which must notice
    #[arg(long, hide = true)]
    race: bool,
}

/// What happened.
#[derive(Default)]
struct Sum {
    bound: AtomicU64,
    called: AtomicU64,
    dropped: AtomicU64,
}

/// Calls that arrived.
static ARRIVED: AtomicU64 = AtomicU64::new(0);

/// The one function that all are bound to. Its further arguments are those that the shape at hand has.
extern "C" fn echo(a: i64) -> i64 {
    ARRIVED.fetch_add(1, Relaxed);
    a
}

/// Different shapes.
const SHAPES: usize = 48;

/// A declaration of `echo`, and how many slots its calls have.
fn shape(index: usize) -> (String, usize) {
    let params = ["int64_t", "double", "int", "float"];
    let more: Vec<_> = (0..index / 4).map(|position| params[(index + position * (index % 3)) % 4]).collect();
    let list: String = more.iter().flat_map(|param| [", ", *param]).collect();
    (format!("int64_t echo(int64_t{list})"), 1 + more.len())
}

fn bind(engine: &Engine, declaration: &str) -> Function {
    let address = NonNull::new(echo as *mut c_void).expect("a function has an address");
    engine.function_at(address, declaration).expect("there is always a way")
}

fn call(function: &Function, slots: usize, argument: i64) {
    let arguments = [argument as u64; SHAPES];
    let entry = function.slots::<i64>().expect("echo returns an int64_t");
    // SAFETY: echo takes any integer and touches no memory of its caller; there are slots enough.
    assert_eq!(unsafe { entry.call(&arguments[..slots]) }, argument);
}

fn main() -> Result<ExitCode, Box<dyn Error>> {
    let Arguments { seconds, threads, live, churn, race } = Arguments::parse();
    if race {
        race::run();
    }
    let before = code_mappings().len();
    let sum = Sum::default();
    let started = Instant::now();
    let mut leaked = at_random(&sum, threads, Duration::from_secs(seconds));
    println!("at random: {}, leaked {leaked} ({:.1?})", sum.text(), started.elapsed());
    leaked += many(&sum, live);
    leaked += over_and_over(&sum, churn);
    let left = code_mappings().len().saturating_sub(before) as u64;
    println!("mappings of code left: {left}");
    leaked += left;
    let lost = sum.called.load(Relaxed).abs_diff(ARRIVED.load(Relaxed));
    println!("{}, lost {lost}, leaked {leaked}", sum.text());
    Ok(if lost == 0 && leaked == 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

impl Sum {
    fn text(&self) -> String {
        let Sum { bound, called, dropped } = self;
        let [bound, called, dropped] = [bound, called, dropped].map(|counter| counter.load(Relaxed));
        format!("bound {bound}, called {called}, dropped {dropped}")
    }
}

/// An engine, by its number, and its handle.
fn engine(number: usize) -> Engine {
    let compile = [Compile::Eager, Compile::Lazy, Compile::Background][number % 3];
    let jit = if number % 13 == 12 { Jit::Off } else { Jit::On };
    Engine::builder().compile(compile).stubs(stubs(number)).jit(jit).build()
}

fn stubs(number: usize) -> Stubs {
    [Stubs::PerFunction, Stubs::PerShape][number / 3 % 2]
}

/// Functions that all threads know, with the numbers of their slots.
type Shared = Vec<Mutex<Option<(Function, usize)>>>;

/// Returns how many stubs are left that belong to nothing.
fn at_random(sum: &Sum, threads: u64, time: Duration) -> u64 {
    let engines: Vec<Mutex<Engine>> = (0..13).map(|number| Mutex::new(engine(number))).collect();
    let shared: Shared = (0..256).map(|_| Mutex::new(None)).collect();
    let end = Instant::now() + time;
    thread::scope(|scope| {
        scope.spawn(|| {
            let progress = Progress::new("at random");
            while Instant::now() < end {
                thread::sleep(Duration::from_millis(100).min(time));
                progress.show(|| sum.text());
            }
        });
        for thread in 0..threads {
            let (engines, shared) = (&engines, &shared);
            scope.spawn(move || {
                let mut random = Random(thread + 1);
                while Instant::now() < end {
                    for _ in 0..64 {
                        step(sum, engines, shared, &mut random);
                    }
                    if random.below(64) == 0 {
                        let number = random.below(engines.len());
                        // The old one's functions go on without it. What is left of it would show as a mapping.
                        *lock(&engines[number]) = engine(number);
                    }
                }
            });
        }
    });
    for place in shared {
        sum.dropped
            .fetch_add(u64::from(place.into_inner().is_ok_and(|function| function.is_some())), Relaxed);
    }
    let mut leaked = 0;
    for engine in engines {
        let engine = engine.into_inner().unwrap_or_else(PoisonError::into_inner);
        leaked += left_over(&engine);
    }
    leaked
}

/// Binds, calls or drops.
fn step(sum: &Sum, engines: &[Mutex<Engine>], shared: &Shared, random: &mut Random) {
    let place = &shared[random.below(shared.len())];
    match random.below(4) {
        0 => {
            let engine = lock(&engines[random.below(engines.len())]).clone();
            let (declaration, slots) = shape(random.below(SHAPES));
            let function = bind(&engine, &declaration);
            sum.bound.fetch_add(1, Relaxed);
            let old = lock(place).replace((function, slots));
            sum.dropped.fetch_add(u64::from(old.is_some()), Relaxed);
        }
        1 => {
            let old = lock(place).take();
            sum.dropped.fetch_add(u64::from(old.is_some()), Relaxed);
        }
        _ => {
            let found = lock(place).clone();
            // Whoever dropped it meanwhile dropped not the last handle.
            if let Some((function, slots)) = found {
                for _ in 0..8 {
                    sum.called.fetch_add(1, Relaxed);
                    call(&function, slots, random.below(1 << 30) as i64);
                }
            }
        }
    }
}

/// The stubs of an engine none of whose functions is left.
fn left_over(engine: &Engine) -> u64 {
    let deadline = Instant::now() + Duration::from_secs(60);
    loop {
        let stats = engine.stats();
        // What serves a shape stays as long as the engine.
        let leaked = stats.live - stats.shared + stats.pending;
        // The thread that compiles in the background may still hold some.
        if leaked == 0 || Instant::now() > deadline {
            return leaked;
        }
        thread::sleep(Duration::from_millis(10));
    }
}

/// Has so many stubs at once, each of which works.
fn many(sum: &Sum, live: usize) -> u64 {
    let started = Instant::now();
    let engine = Engine::builder().stubs(Stubs::PerFunction).build();
    let before = resident();
    let shapes: Vec<_> = (0..SHAPES).map(shape).collect();
    let progress = Progress::new("many at once");
    let one = |index: usize| {
        progress.show(|| format!("{index} of {live} bound"));
        bind(&engine, &shapes[index % SHAPES].0)
    };
    let functions: Vec<_> = (0..live).map(one).collect();
    sum.bound.fetch_add(live as u64, Relaxed);
    let bound = started.elapsed();
    let stats = engine.stats();
    assert_eq!(stats.live - stats.shared, live as u64, "{stats:?}");
    let each = resident().saturating_sub(before) / live.max(1);
    for (index, function) in functions.iter().enumerate() {
        call(function, shapes[index % SHAPES].1, index as i64);
    }
    sum.called.fetch_add(live as u64, Relaxed);
    println!(
        "{live} live: bound in {bound:.1?}, {each} bytes resident each, {} of them mapped for code, {} of code",
        stats.mapped_bytes / stats.live.max(1),
        stats.code_bytes / stats.live.max(1),
    );
    drop(functions);
    sum.dropped.fetch_add(live as u64, Relaxed);
    left_over(&engine)
}

/// Memory that the process may seem to grow by: what the allocator and the kernel keep for later.
const SLACK: usize = 4 << 20;

/// Makes and drops one function after the other. What the process has in memory must not grow.
fn over_and_over(sum: &Sum, churn: u64) -> u64 {
    let started = Instant::now();
    let engine = Engine::builder().stubs(Stubs::PerFunction).build();
    let shapes: Vec<_> = (0..SHAPES).map(shape).collect();
    let progress = Progress::new("over and over");
    let once = |index: u64| {
        progress.show(|| format!("{index} of {churn}, {} KiB resident", resident() >> 10));
        let (declaration, slots) = &shapes[index as usize % SHAPES];
        let function = bind(&engine, declaration);
        call(&function, *slots, index as i64);
        for counter in [&sum.bound, &sum.called, &sum.dropped] {
            counter.fetch_add(1, Relaxed);
        }
    };
    let warm = churn / 10;
    (0..warm).for_each(once);
    let (before, mapped) = (resident(), engine.stats().mapped_bytes);
    (warm..churn).for_each(once);
    let (after, mapped_after) = (resident(), engine.stats().mapped_bytes);
    println!(
        "{churn} made and dropped: {} KiB resident after a tenth, {} after all; {} and {} mapped for code ({:.1?})",
        before >> 10,
        after >> 10,
        mapped >> 10,
        mapped_after >> 10,
        started.elapsed()
    );
    let grown = after.saturating_sub(before) > SLACK || mapped_after > mapped + SLACK as u64;
    left_over(&engine) + u64::from(grown)
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
