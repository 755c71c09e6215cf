//! Branch target identification on aarch64: indirect branches land where they may, and nowhere else.
#![cfg(target_arch = "aarch64")]

use std::{ffi::c_void, mem, ptr::NonNull};

use springboard::{Engine, Stubs, Value};

mod support;

use support::call;

/// `bti c`: where calls may land.
const BTI_C: u32 = 0xd503_245f;

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
    assert_eq!(unsafe { *(stub as *const u32) }, BTI_C);
    let slots = [2u64, 3];
    let enter = |at: usize| {
        // SAFETY: at the beginning it is a stub of this type; the second instruction is as good as the first for a CPU
        // that checks nothing, because a landing pad does nothing else.
        let stub = unsafe { mem::transmute::<usize, unsafe extern "C" fn(*const u64) -> i64>(at) };
        // SAFETY: `add` takes two integers, and there are two slots.
        ended_by(|| assert_eq!(unsafe { stub(slots.as_ptr()) }, 5))
    };
    assert_eq!(enter(stub), None);
    assert_eq!(enter(stub + 4), Some(libc::SIGILL), "no branch may land behind the pad");
}
