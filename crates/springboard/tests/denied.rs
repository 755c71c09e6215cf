//! What happens where the system refuses executable memory: each case in a child process that really denies it.
//!
//! The child makes an engine, binds functions and calls them, and prints what became of it. Whatever is denied, the
//! answers are right and no page is writable and executable.

use std::{env, ffi::c_void, fs, process::Command, ptr::NonNull};

use libtest_mimic::{Arguments, Failed, Trial};
use rustix::process::Resource;
use springboard::{
    Engine, Path, Value,
    code::{Capability, capability},
};

#[path = "support/denial.rs"]
mod denial;
mod support;

use denial::{Denial, PROT_EXEC};

/// A child process: its name, what is denied to it, and what it is to print.
struct Case {
    name: &'static str,
    deny: fn(),
    jit: &'static str,
    prints: &'static str,
}

const CASES: [Case; 11] = [
    Case { name: "nothing", deny: || {}, jit: "on", prints: "File; native" },
    Case {
        name: "pages_that_gain_execution",
        deny: denial::refuse_execution_gain,
        jit: "on",
        prints: "File; native",
    },
    Case {
        name: "files_in_memory",
        deny: || denial::install(&[Denial::Call(libc::SYS_memfd_create)]),
        jit: "on",
        prints: "Sealed; native",
    },
    Case {
        name: "executable_mappings_of_files",
        deny: || denial::install(&[Denial::Argument(libc::SYS_mmap, 2, PROT_EXEC)]),
        jit: "on",
        prints: "Sealed; native",
    },
    Case {
        name: "large_files",
        deny: || denial::limit(Resource::Fsize, 0),
        jit: "on",
        prints: "Sealed; native",
    },
    Case {
        name: "writes_at_a_position",
        deny: || denial::install(&[Denial::Call(libc::SYS_pwrite64)]),
        jit: "on",
        prints: "Sealed; native",
    },
    Case {
        name: "descriptors",
        deny: || denial::limit(Resource::Nofile, 3),
        jit: "on",
        prints: "Sealed; native",
    },
    Case {
        name: "all_executable_memory",
        deny: || {
            denial::install(&[
                Denial::Argument(libc::SYS_mmap, 2, PROT_EXEC),
                Denial::Argument(libc::SYS_mprotect, 2, PROT_EXEC),
            ]);
        },
        jit: "on",
        prints: "Refused { file: CodeError { step: MapExecutable, errno: 1 }, \
                 sealed: CodeError { step: SealPages, errno: 1 } }; \
                 libffi: no executable memory: mapping the file for code as executable (mmap): \
                 Operation not permitted (os error 1)",
    },
    Case {
        name: "address_space",
        deny: denial::keep_address_space,
        jit: "on",
        prints: "Refused { file: CodeError { step: MapExecutable, errno: 12 }, \
                 sealed: CodeError { step: MapPages, errno: 12 } }; \
                 libffi: no executable memory: mapping the file for code as executable (mmap): \
                 Cannot allocate memory (os error 12)",
    },
    Case {
        name: "files_and_execution_gain",
        deny: || {
            denial::install(&[Denial::Call(libc::SYS_memfd_create)]);
            denial::refuse_execution_gain();
        },
        jit: "on",
        prints: "Refused { file: CodeError { step: CreateFile, errno: 1 }, \
                 sealed: CodeError { step: SealPages, errno: 13 } }; \
                 libffi: no executable memory: creating a file for code (memfd_create): \
                 Operation not permitted (os error 1)",
    },
    Case { name: "by_the_environment", deny: || {}, jit: "off", prints: "libffi: compiling is turned off" },
];

fn main() {
    if let Some(name) = env::var_os("SPRINGBOARD_DENIED") {
        let case = CASES.iter().find(|case| name == case.name).expect("the parent names a case");
        return child(case);
    }
    let trials = CASES
        .iter()
        .map(|case| Trial::test(case.name, || parent(case)).with_ignored_flag(!denial::is_possible()));
    libtest_mimic::run(&Arguments::from_args(), trials.collect()).exit();
}

fn parent(case: &Case) -> Result<(), Failed> {
    let mut command = Command::new(env::current_exe()?);
    let run = command.env("SPRINGBOARD_DENIED", case.name).env("SPRINGBOARD_JIT", case.jit).output()?;
    let printed = String::from_utf8(run.stdout)?;
    if !run.status.success() {
        return Err(format!("{}: {}", run.status, String::from_utf8_lossy(&run.stderr)).into());
    }
    if printed.trim_end() != expected(case) {
        return Err(format!("printed {printed}").into());
    }
    Ok(())
}

/// What a case prints. Where the pack is linked in, it serves whatever is denied.
fn expected(case: &Case) -> String {
    let found = case.prints.split_once("; libffi").or(case.prints.split_once("; native"));
    match found {
        Some((capability, _)) if cfg!(feature = "pack") => format!("{capability}; precompiled"),
        None if cfg!(feature = "pack") => "precompiled".into(),
        _ => case.prints.into(),
    }
}

extern "C" fn add(a: i32, b: i32) -> i32 {
    a + b
}

extern "C" fn half(a: f64) -> f64 {
    a / 2.0
}

fn child(case: &Case) {
    let before = descriptors();
    (case.deny)();
    let engine = Engine::new();
    let bind = |address: *const c_void, declaration: &str| {
        let address = NonNull::new(address.cast_mut()).expect("a function has an address");
        engine.function_at(address, declaration).expect("there is always a way")
    };
    let add = bind(add as *const c_void, "int(int, int)");
    let half = bind(half as *const c_void, "double(double)");
    assert_eq!(support::call(&add, &[2.into(), 3.into()]), Value::from(5));
    assert_eq!(support::call(&half, &[3.0.into()]), Value::from(1.5));
    let stats = engine.stats();
    let native = matches!(add.path(), Path::Native);
    let counts = (stats.native, stats.fallbacks.total(), stats.packed);
    assert_eq!(
        counts,
        [(0, 2, 0), (2, 0, 0), (0, 0, 2)][if cfg!(feature = "pack") { 2 } else { native.into() }]
    );
    match case.jit {
        "off" => println!("{}", add.path()),
        _ => println!("{:?}; {}", capability(), add.path()),
    }
    // Enough to look at the process, where that was denied.
    denial::limit(Resource::Nofile, 64);
    // That of the file for code.
    let one = usize::from(native && *capability() == Capability::File);
    assert_eq!(descriptors(), before + one, "descriptors open");
    assert_eq!(support::system::writable_code(), [""; 0]);
}

fn descriptors() -> usize {
    fs::read_dir("/proc/self/fd").expect("Linux shows a process its descriptors").count()
}
