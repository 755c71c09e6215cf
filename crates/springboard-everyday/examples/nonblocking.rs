//! Calls in the background: several at once, memory that comes back, `errno`, a serial queue, limits, shutting down.

use std::{error::Error, num::NonZero, time::Instant};

use springboard::{
    Engine, LastError, Library,
    ir::{Array, Integer, Type},
};
use springboard_everyday::{
    background::{Background, Passed, Shutdown},
    memory::Memory,
};

fn main() -> Result<(), Box<dyn Error>> {
    let engine = Engine::new();
    // SAFETY: the C library is loaded already.
    let libc = unsafe { Library::open("libc.so.6") }?;
    let threads = NonZero::new(4).expect("four");
    let background = Background::new(threads, 100_000)?;

    // Four waits at the same time.
    let usleep = engine.function(&libc, "int usleep(unsigned int microseconds)")?;
    let started = Instant::now();
    // SAFETY: usleep may be called from any thread.
    let naps: Vec<_> = (0..4).map(|_| unsafe { background.call(&usleep, vec![50_000u32.into()]) }).collect();
    for nap in naps {
        nap?.wait()?;
    }
    println!("four naps of 50 ms took {:.0?}", started.elapsed());

    // The buffer belongs to the call while it runs, and comes back with the result; errno is the other thread's.
    let read = engine.function(&libc, "ssize_t read(int file, void *buffer, size_t count)")?;
    let read = engine.with_last_error(&read, LastError::Errno)?;
    let bytes = Type::Array(Array { element: Type::Int(Integer::UChar), length: 16 }.into());
    let buffer = || Memory::new(&bytes, engine.data_model());
    let zero = std::fs::File::open("/dev/zero")?;
    let number = std::os::fd::AsRawFd::as_raw_fd(&zero);
    for file in [number, -1] {
        let arguments: Vec<Passed> = vec![file.into(), buffer()?.into(), 16usize.into()];
        // SAFETY: the buffer has as many bytes; the file stays open.
        let done = unsafe { background.call(&read, arguments) }?.wait()?;
        println!(
            "read of file {file}: {}, errno {:?}, {}",
            done.result,
            done.last_error,
            done.memory[0].view().read()
        );
    }

    // As a future, on any executor.
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    let abs = engine.function(&libc, "int abs(int)")?;
    // SAFETY: abs may be called from any thread.
    let pending = unsafe { background.call(&abs, vec![(-7).into()]) }?;
    println!("awaited: {}", runtime.block_on(pending)?.result);

    // What it costs.
    let started = Instant::now();
    for _ in 0..20_000 {
        // SAFETY: abs may be called from any thread.
        unsafe { background.call(&abs, vec![(-7).into()]) }?.wait()?;
    }
    println!("a round trip takes {:.2?}", started.elapsed() / 20_000);
    let started = Instant::now();
    // SAFETY: abs may be called from any thread.
    let calls: Vec<_> = (0..100_000).map(|x| unsafe { background.call(&abs, vec![x.into()]) }).collect();
    for call in calls {
        call?.wait()?;
    }
    println!("{:.0} calls a second from one thread", 100_000.0 / started.elapsed().as_secs_f64());

    // One thread and two places: the third caller is told.
    let serial = Background::serial(2)?;
    let mut accepted = Vec::new();
    let refused = loop {
        // SAFETY: usleep may be called from any thread.
        match unsafe { serial.call(&usleep, vec![20_000u32.into()]) } {
            Ok(pending) => accepted.push(pending),
            Err(refused) => break refused,
        }
    };
    println!("refused: {refused}");
    serial.shutdown(Shutdown::Abandon);
    for (index, pending) in accepted.into_iter().enumerate() {
        match pending.wait() {
            Ok(done) => println!("call {index} ended with {}", done.result),
            Err(error) => println!("call {index}: {error}"),
        }
    }
    background.shutdown(Shutdown::Wait);
    // SAFETY: nothing is called.
    let refused = unsafe { background.call(&abs, vec![1.into()]) }.expect_err("it is shut down");
    println!("after shutting down: {refused}");
    Ok(())
}
