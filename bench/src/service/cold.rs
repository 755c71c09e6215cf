//! A cold start: an engine made and its first function called, in a process that has done nothing before.

use std::{
    env,
    ffi::c_void,
    process::{Command, ExitCode},
    ptr::NonNull,
    time::Instant,
};

use springboard::{Engine, Jit, Pack};

/// The ways of starting.
pub(super) fn starts() -> &'static [&'static str] {
    if cfg!(feature = "pack") {
        &["compile", "pack", "pack-only", "fallback"]
    } else {
        &["compile", "fallback"]
    }
}

/// Runs one in a child process. Nanoseconds.
pub(super) fn in_a_child(start: &str) -> f64 {
    let program = env::current_exe().expect("the running program has a path");
    let run = Command::new(program).args(["cold-start", start]).output().expect("it runs again");
    assert!(run.status.success(), "{}", String::from_utf8_lossy(&run.stderr));
    String::from_utf8_lossy(&run.stdout).trim().parse().expect("it prints a number")
}

/// The child's command: prints the nanoseconds.
#[derive(clap::Args)]
pub(crate) struct Arguments {
    start: String,
}

extern "C" fn add(a: i32, b: i32) -> i32 {
    a + b
}

pub(crate) fn run(arguments: &Arguments) -> Result<ExitCode, String> {
    let (jit, pack) = match &*arguments.start {
        "compile" => (Jit::On, Pack::Off),
        "pack" => (Jit::On, Pack::On),
        "pack-only" => (Jit::Off, Pack::On),
        _ => (Jit::Off, Pack::Off),
    };
    let address = NonNull::new(add as *mut c_void).expect("a function has an address");
    let start = Instant::now();
    let engine = Engine::builder().jit(jit).pack(pack).build();
    let function = engine.function_at(address, "int add(int, int)").map_err(|error| error.to_string())?;
    let slots = function.slots::<i32>().map_err(|error| error.to_string())?;
    // SAFETY: add takes two integers.
    let sum = unsafe { slots.call(&[2, 3]) };
    let taken = start.elapsed();
    assert_eq!(sum, 5);
    println!("{}", taken.as_nanos());
    Ok(ExitCode::SUCCESS)
}
