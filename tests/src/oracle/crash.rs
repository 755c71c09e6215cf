//! Reporting a crash as the mismatch that it is: which case, by which path.

use std::{
    ffi::c_int,
    io::Write as _,
    ptr,
    sync::atomic::{AtomicUsize, Ordering},
};

use crate::oracle::event::Path;

/// The position of the case that is being called.
static POSITION: AtomicUsize = AtomicUsize::new(0);
/// Its path, as an index into [`Path::ALL`].
static PATH: AtomicUsize = AtomicUsize::new(0);

/// Bytes of the stack on which crashes are reported.
const STACK: usize = 64 << 10;

/// Says what is called next.
pub(crate) fn calling(position: usize, path: Path) {
    POSITION.store(position, Ordering::Relaxed);
    let index = Path::ALL.iter().position(|known| *known == path);
    PATH.store(index.expect("every path is in the list"), Ordering::Relaxed);
}

/// From now on, a signal that native code can cause ends the process with a line on stdout.
pub fn report_crashes() {
    // SAFETY: the stack is never freed, and the handler has the type that SA_SIGINFO asks for.
    unsafe {
        let stack = libc::stack_t {
            ss_sp: Box::leak(vec![0u8; STACK].into_boxed_slice()).as_mut_ptr().cast(),
            ss_flags: 0,
            ss_size: STACK,
        };
        libc::sigaltstack(&raw const stack, ptr::null_mut());
        for signal in [libc::SIGSEGV, libc::SIGBUS, libc::SIGILL, libc::SIGFPE, libc::SIGTRAP, libc::SIGABRT]
        {
            let mut action: libc::sigaction = std::mem::zeroed();
            action.sa_sigaction = report as unsafe extern "C" fn(_, _, _) as usize;
            action.sa_flags = libc::SA_ONSTACK | libc::SA_SIGINFO | libc::SA_RESETHAND;
            libc::sigaction(signal, &raw const action, ptr::null_mut());
        }
    }
}

/// # Safety
/// Called by the system.
unsafe extern "C" fn report(signal: c_int, info: *mut libc::siginfo_t, _: *mut libc::c_void) {
    // SAFETY: the system hands over a valid description.
    let address = unsafe { (*info).si_addr() } as usize;
    let (position, path) = (POSITION.load(Ordering::Relaxed), Path::ALL[PATH.load(Ordering::Relaxed)]);
    // The line of an `Event::Mismatch`, without the heap: that may be what was destroyed.
    let mut line = [0u8; 128];
    let mut rest = &mut line[..];
    let _ = writeln!(rest, "mismatch {position} {path} crashed: signal {signal} at {address:#x}");
    let length = 128 - rest.len();
    // SAFETY: the bytes are there; and the process ends.
    unsafe {
        libc::write(libc::STDOUT_FILENO, line.as_ptr().cast(), length);
        libc::_exit(1)
    }
}
