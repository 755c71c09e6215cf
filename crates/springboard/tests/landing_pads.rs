//! Branch protection on aarch64: indirect branches land where they may, and stubs return to where they were called from.
#![cfg(target_arch = "aarch64")]

use std::{ffi::c_void, mem, ptr::NonNull};

use springboard::{Engine, Stubs, Value};

mod support;

use support::call;

/// Where calls may land: `bti c`, and `paciasp`, which signs the return address too.
const PADS: [u32; 2] = [0xd503_245f, 0xd503_233f];

extern "C" fn add(a: i64, b: i64) -> i64 {
    a + b
}

/// Whether the CPU checks: `HWCAP2_BTI` of `asm/hwcap.h`. QEMU does by default.
fn is_checked() -> bool {
    // SAFETY: the call reads what the kernel told the process when it started.
    unsafe { libc::getauxval(libc::AT_HWCAP2) & (1 << 17) != 0 }
}

/// Runs `work` in a child process, and says which signal ended it.
fn ended_by(work: impl FnOnce()) -> Option<i32> {
    let mut status = 0;
    // SAFETY: the child runs `work` on the only thread it has and leaves at once; the pointer is to a status.
    unsafe {
        let child = libc::fork();
        assert!(child >= 0, "the machine allows another process");
        if child == 0 {
            work();
            libc::_exit(0);
        }
        assert_eq!(libc::waitpid(child, &raw mut status, 0), child);
    }
    libc::WIFSIGNALED(status).then(|| libc::WTERMSIG(status))
}

#[test]
fn stubs_are_entered_at_their_landing_pads_alone() {
    assert!(is_checked(), "this CPU has no branch target identification: use QEMU's");
    let engine = Engine::builder().stubs(Stubs::PerFunction).build();
    let address = NonNull::new(add as *mut c_void).expect("a function has an address");
    let function = engine.function_at(address, "long add(long, long)").expect("there is always a way");
    assert_eq!(call(&function, &[2i64.into(), 3i64.into()]), Value::from(5i64));
    let stub = function.bound_pointer::<i64>().expect("it has a stub of its own") as usize;
    // SAFETY: a stub is longer than an instruction, and readable.
    assert!(PADS.contains(unsafe { &*(stub as *const u32) }));
    let slots = [2u64, 3];
    let enter = |at: usize| {
        // SAFETY: at the beginning it is a stub of this type; the second instruction is as good as the first for a CPU
        // that checks nothing, because a landing pad does nothing else.
        let stub = unsafe { mem::transmute::<usize, unsafe extern "C" fn(*const u64) -> i64>(at) };
        // SAFETY: `add` takes two integers, and there are two slots.
        ended_by(|| assert_eq!(unsafe { stub(slots.as_ptr()) }, 5))
    };
    assert_eq!(enter(stub), None);
    assert_eq!(enter(stub + 4), Some(libc::SIGILL), "no branch may land after the pad");
}

std::arch::global_asm!(
    // The stub that calls these keeps its return address at its frame pointer.
    ".balign 4",
    "springboard_tests_kept:",
    "bti c",
    "ldr x0, [x29, #8]",
    "ret",
    "springboard_tests_forge:",
    "bti c",
    "ldr x0, [x29, #8]",
    "and x0, x0, #0x0000ffffffffffff",
    "str x0, [x29, #8]",
    "ret",
);

unsafe extern "C" {
    /// Returns the return address that its caller keeps.
    fn springboard_tests_kept() -> u64;
    /// Takes its signature away.
    fn springboard_tests_forge() -> u64;
}

/// The bits of an address; above them is a signature.
const ADDRESS: u64 = (1 << 48) - 1;

#[test]
fn stubs_return_by_signed_addresses_alone() {
    // SAFETY: the call reads what the kernel told the process when it started.
    let signs = unsafe { libc::getauxval(libc::AT_HWCAP) & (1 << 30) != 0 };
    assert!(signs, "this CPU has no pointer authentication: use QEMU's");
    let shared = Engine::new();
    let own = Engine::builder().stubs(Stubs::PerFunction).build();
    for engine in [&shared, &own] {
        let bind = |function: unsafe extern "C" fn() -> u64| {
            let address = NonNull::new(function as *mut c_void).expect("a function has an address");
            engine.function_at(address, "unsigned long f(void)").expect("there is always a way")
        };
        let (kept, forge) = (bind(springboard_tests_kept), bind(springboard_tests_forge));
        let Value::Unsigned(address) = call(&kept, &[]) else { panic!("it returns 64 bits") };
        let address = address as u64;
        assert_ne!(address & !ADDRESS, 0, "it has a signature");
        // SAFETY: `call_pointer` is where a stub is called, so in code; its bytes are readable.
        let at = unsafe { *((address & ADDRESS) as *const u32) };
        assert_ne!(at, 0, "it is one");
        assert!(ended_by(|| drop(call(&forge, &[]))).is_some(), "no stub returns by an address without one");
    }
}
