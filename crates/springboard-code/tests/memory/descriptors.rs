//! The descriptor of the file for code: there are few, and a host may close it, or give its number to another file.

use std::{
    fs::{self, File},
    io::Write,
    os::fd::AsRawFd,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
};

use rustix::process::{Resource, getrlimit, setrlimit};
use springboard_code::{Strategy, Stub};
use springboard_process::{Child, Ended, access, alone, code_descriptors, code_mappings};

use crate::{address, memory, publish, publish_all, returning, run};

/// Runs `work` in a child, because it closes what others need.
fn in_a_child(work: impl FnOnce()) {
    let _process = alone();
    assert_eq!(Child::fork(work).wait(), Ended::Well);
}

/// Closes all descriptors but the standard ones, as `closefrom` does.
fn close_from_3() {
    // SAFETY: nobody in the child uses a descriptor that he did not open since, but code memory.
    assert_eq!(unsafe { libc::syscall(libc::SYS_close_range, 3, u32::MAX, 0) }, 0);
}

/// Sets a limit. What it was.
fn limit(resource: Resource, to: u64) -> u64 {
    let mut limit = getrlimit(resource);
    let before = limit.current.replace(to);
    setrlimit(resource, limit).expect("a limit may be lowered, and raised to what it was");
    before.unwrap_or(u64::MAX)
}

#[test]
fn one_serves_all_memory() {
    let _process = alone();
    let memories: Vec<_> = (0..50).map(|_| memory(Strategy::File)).collect();
    let stubs: Vec<Stub> =
        (0..5000).map(|value| publish(&memories[value as usize % 50], &returning(value, 900))).collect();
    assert_eq!(code_descriptors().len(), 1);
    assert!(code_descriptors()[0] >= 900, "numbers that others are given are low");
    for (value, stub) in (0..).zip(&stubs) {
        assert_eq!(run(stub), value);
    }
    drop((stubs, memories));
    assert!(code_descriptors().is_empty() && code_mappings().is_empty());
}

#[test]
fn closing_it_costs_nothing_but_a_new_file() {
    in_a_child(|| {
        let memory = memory(Strategy::File);
        let mut stubs = Vec::new();
        for round in 0..20 {
            stubs.extend((0..50).map(|value| publish(&memory, &returning(round * 50 + value, 0))));
            close_from_3();
            stubs.swap_remove(0);
        }
        let last = publish(&memory, &returning(7, 0));
        assert_eq!(access(address(&last)).unwrap(), "r-xs");
        assert_eq!((run(&last), code_descriptors().len()), (7, 1));
    });
}

#[test]
fn closing_it_in_the_midst_of_binding_loses_no_stub() {
    static BOUND: AtomicBool = AtomicBool::new(false);
    in_a_child(|| {
        let memory = memory(Strategy::File);
        // Not scoped: a panic below ends the child, and does not wait for this thread.
        let closing = std::thread::spawn(|| {
            while !BOUND.load(Relaxed) {
                close_from_3();
            }
        });
        let publish = |value| publish_all(&memory, &[returning(value, 0)]);
        let stubs: Vec<_> = (0..2000).map(publish).collect();
        BOUND.store(true, Relaxed);
        closing.join().unwrap();
        for (value, stubs) in (0..).zip(&stubs) {
            let stub = &stubs.as_ref().expect("there is a next way")[0];
            assert_eq!(run(stub), value);
        }
    });
}

#[test]
fn a_foreign_file_under_its_number_is_not_touched() {
    let path = std::env::temp_dir().join(format!("springboard-foreign-{}", std::process::id()));
    let contents = vec![b'x'; 100_000];
    // All of it in the child: other tests count this process's descriptors.
    in_a_child(|| {
        File::create(&path).unwrap().write_all(&contents).unwrap();
        let memory = memory(Strategy::File);
        let mut stubs: Vec<_> = (0..100).map(|value| publish(&memory, &returning(value, 0))).collect();
        let [number] = code_descriptors()[..] else { panic!("one file is open") };
        let foreign = File::options().read(true).write(true).open(&path).unwrap();
        // SAFETY: the host gives the number to a file of its own.
        assert_eq!(unsafe { libc::dup2(foreign.as_raw_fd(), number) }, number);
        // Overwritten with traps, if at all.
        stubs.truncate(50);
        stubs.extend((50..100).map(|value| publish(&memory, &returning(value, 0))));
        for (value, stub) in (0..).zip(&stubs) {
            assert_eq!(run(stub), value);
        }
        drop((stubs, memory));
        // SAFETY: asks whether the number is open.
        assert_ne!(unsafe { libc::fcntl(number, libc::F_GETFD) }, -1, "it is not ours to close");
        assert!(fs::read(&path).unwrap() == contents);
        fs::remove_file(&path).unwrap();
    });
}

#[test]
fn a_limit_of_file_sizes_is_no_signal() {
    in_a_child(|| {
        let memory = memory(Strategy::File);
        let before = publish(&memory, &returning(1, 0));
        limit(Resource::Fsize, 0);
        let after = publish(&memory, &returning(2, 0));
        assert_eq!((run(&before), run(&after)), (1, 2));
        assert_eq!(access(address(&after)).unwrap(), "r-xp", "the next way");
        drop(before);
    });
    in_a_child(|| {
        limit(Resource::Fsize, 40 << 10);
        let memory = memory(Strategy::File);
        let stubs: Vec<_> = (0..300).map(|value| publish(&memory, &returning(value, 900))).collect();
        for (value, stub) in (0..).zip(&stubs) {
            assert_eq!(run(stub), value);
        }
        assert!((1..=4).contains(&code_descriptors().len()), "{:?}", code_descriptors());
        assert_eq!(access(address(&stubs[0])).unwrap(), "r-xs");
        assert_eq!(access(address(&stubs[299])).unwrap(), "r-xp");
    });
}

#[test]
fn a_limit_of_descriptors_is_the_next_way() {
    in_a_child(|| {
        let memory = memory(Strategy::File);
        let before = limit(Resource::Nofile, 3);
        let without = publish(&memory, &returning(1, 0));
        limit(Resource::Nofile, before);
        assert_eq!((run(&without), code_descriptors().len()), (1, 0));
    });
}
