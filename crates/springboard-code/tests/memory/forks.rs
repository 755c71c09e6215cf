//! What a child has of its parent's code: it runs it, and cannot change it.

use std::{fs, ptr};

use springboard_code::{Step, Strategy, Stub};
use springboard_process::{
    Child, Ended, alone, code_descriptors, code_mappings,
    faults::{self, Failing},
    strategies,
};

use crate::{ALIGN, TRAP, address, memory, publish, returning, run};

#[test]
fn a_fork_freezes_what_is_there() {
    let _process = alone();
    for &strategy in strategies() {
        let memory = memory(strategy);
        let mut stubs: Vec<_> = (0..10).map(|value| publish(&memory, &returning(value, 0))).collect();
        let before: Vec<u8> = stubs[9].code().to_vec();
        let code = stubs[9].code().as_ptr();
        let child = Child::fork(|| {
            // Whatever the parent does meanwhile.
            for round in 0..100 {
                for (value, stub) in (0..).zip(&stubs) {
                    assert_eq!(run(stub), value);
                }
                let own = publish(&memory, &returning(round, 0));
                assert_eq!(run(&own), round);
                assert!((0..10).all(|stub| address(&stubs[stub]).abs_diff(address(&own)) >= ALIGN));
            }
            stubs.truncate(3);
            assert_eq!(run(&stubs[2]), 2);
        });
        drop(stubs.pop());
        // SAFETY: the segment is mapped, because other stubs are in it.
        let after = unsafe { std::slice::from_raw_parts(code, before.len()) };
        assert_eq!(after, before, "the child may still call it");
        let own = publish(&memory, &returning(77, 0));
        assert_eq!(run(&own), 77);
        assert_eq!(child.wait(), Ended::Well);
        for (value, stub) in (0..).zip(&stubs) {
            assert_eq!(run(stub), value, "whatever the child did");
        }
        drop(stubs);
        assert_eq!(run(&own), 77);
    }
}

/// Gives up what a process that runs as root may do: it may write whatever it likes.
fn become_nobody() {
    const NOBODY: u32 = 65534;
    // SAFETY: the calls change what the child may do, and no memory.
    unsafe {
        if libc::getuid() == 0 {
            assert_eq!(libc::setgid(NOBODY), 0);
            assert_eq!(libc::setuid(NOBODY), 0);
        }
        // Else it could not open its own files of /proc.
        assert_eq!(libc::prctl(libc::PR_SET_DUMPABLE, 1), 0);
    }
}

/// More descriptors than a test has.
const DESCRIPTORS: i32 = 2000;

/// The numbers of all that is open.
fn open_descriptors() -> Vec<i32> {
    // SAFETY: the call asks whether a number is open, and changes nothing.
    (0..DESCRIPTORS).filter(|number| unsafe { libc::fcntl(*number, libc::F_GETFD) } != -1).collect()
}

/// Writes traps over `code`, by every way that a process has to memory of its own, and into every descriptor except those that
/// were open before there was code.
fn overwrite(code: &[u8], before: &[i32]) {
    let bytes = vec![TRAP[0]; code.len()];
    for row in code_mappings() {
        let (range, _) = row.split_once(' ').unwrap();
        let [start, end] = {
            let (start, end) = range.split_once('-').unwrap();
            [start, end].map(|text| usize::from_str_radix(text, 16).unwrap())
        };
        let pages = ptr::with_exposed_provenance_mut::<u8>(start);
        // SAFETY: nobody in the child runs this code from now on.
        let writable =
            unsafe { libc::mprotect(pages.cast(), end - start, libc::PROT_READ | libc::PROT_WRITE) } == 0;
        if writable {
            // SAFETY: the pages are writable since the line above.
            unsafe { pages.write_bytes(TRAP[0], end - start) };
        }
        let _ = fs::write(format!("/proc/self/map_files/{range}"), &bytes);
    }
    let at = code.as_ptr().addr() as i64;
    if let Ok(memory) = fs::File::options().write(true).open("/proc/self/mem") {
        use std::os::fd::AsRawFd;
        // SAFETY: the buffer has so many bytes, which the call reads; it writes over code that nobody runs.
        unsafe { libc::pwrite(memory.as_raw_fd(), bytes.as_ptr().cast(), bytes.len(), at) };
    }
    for number in (0..DESCRIPTORS).filter(|number| !before.contains(number)) {
        // SAFETY: the buffer has so many bytes. Whoever started the tests has nothing of his own under these numbers.
        let written = unsafe { libc::pwrite(number, bytes.as_ptr().cast(), bytes.len(), 0) } >= 0;
        assert!(!written, "descriptor {number} is the child's");
    }
    assert_eq!(code_descriptors(), [0; 0]);
}

#[test]
fn a_child_cannot_rewrite_its_parent() {
    let _process = alone();
    let open = open_descriptors();
    let rewrite = |stub: &Stub| {
        let before = stub.code().to_vec();
        let child = Child::fork(|| {
            become_nobody();
            overwrite(stub.code(), &open);
        });
        assert_eq!(child.wait(), Ended::Well);
        assert_eq!(stub.code(), before);
        assert_eq!(run(stub), 5);
    };
    let file = memory(Strategy::File);
    rewrite(&publish(&file, &returning(5, 0)));
    // Where the file cannot be opened a second time.
    let (stub, _) =
        faults::with(Failing::Every(Step::ReopenFile), || publish(&memory(Strategy::File), &returning(5, 0)));
    rewrite(&stub);
}

/// A child of the system call, of which the C library does not know.
#[test]
fn a_child_of_the_system_call_writes_a_file_of_its_own() {
    let _process = alone();
    let memory = memory(Strategy::File);
    let stubs: Vec<_> = (0..20).map(|value| publish(&memory, &returning(value, 0))).collect();
    let signal = libc::SIGCHLD as libc::c_long;
    let [first, second] = if cfg!(target_arch = "s390x") { [0, signal] } else { [signal, 0] };
    // SAFETY: the child has a copy of all memory and runs on one thread, which held no lock; it ends without returning.
    let child = unsafe { libc::syscall(libc::SYS_clone, first, second, 0, 0, 0) } as libc::pid_t;
    if child == 0 {
        let own: Vec<_> = (0..20).map(|value| publish(&memory, &returning(100 + value, 0))).collect();
        let runs = (100..).zip(&own).all(|(value, stub)| run(stub) == value);
        // SAFETY: it ends the process at once.
        unsafe { libc::_exit(if runs { 0 } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: `status` is a `c_int` that lives through the call.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0, "the child ran its own");
    let more: Vec<_> = (20..40).map(|value| publish(&memory, &returning(value, 0))).collect();
    for (value, stub) in (0..).zip(stubs.iter().chain(&more)) {
        assert_eq!(run(stub), value);
    }
}

#[test]
fn a_call_to_a_freed_stub_traps() {
    let _process = alone();
    {
        let memory = memory(Strategy::File);
        let _neighbour = publish(&memory, &returning(1, 0));
        let stub = publish(&memory, &returning(2, 0));
        // SAFETY: `returning` wrote a function of this type. What happens once it is freed is what is tested.
        let function: extern "C" fn() -> u32 = unsafe { std::mem::transmute(stub.entry()) };
        assert_eq!(function(), 2);
        drop(stub);
        let ended = Child::fork(|| {
            function();
        })
        .wait();
        let trap = if cfg!(target_arch = "s390x") { libc::SIGILL } else { libc::SIGTRAP };
        assert_eq!(ended, Ended::Killed(trap));
    }
}
