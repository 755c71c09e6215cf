//! Tests of code memory.

use std::thread;

use super::*;

/// Code that returns `value`, by hand.
#[cfg(target_arch = "x86_64")]
fn returning(value: u32) -> Vec<u8> {
    [&[0xb8][..], &value.to_le_bytes(), &[0xc3]].concat()
}

/// Code that returns `value`, by hand: `movz w0`, `movk w0, lsl 16`, `ret`.
#[cfg(target_arch = "aarch64")]
fn returning(value: u32) -> Vec<u8> {
    let low = 0x5280_0000 | (value & 0xffff) << 5;
    let high = 0x72a0_0000 | (value >> 16) << 5;
    [low, high, 0xd65f_03c0].into_iter().flat_map(u32::to_le_bytes).collect()
}

/// Code that returns `value`, by hand: `lui a0`, `addiw a0, a0`, `ret`.
#[cfg(target_arch = "riscv64")]
fn returning(value: u32) -> Vec<u8> {
    let high = value.wrapping_add(0x800) & 0xffff_f000 | 0x537;
    let low = value << 20 | 0x5_051b;
    [high, low, 0x8067].into_iter().flat_map(u32::to_le_bytes).collect()
}

/// Code that returns `value`, by hand: `llilf %r2`, `br %r14`.
#[cfg(target_arch = "s390x")]
fn returning(value: u32) -> Vec<u8> {
    [&[0xc0, 0x2f][..], &value.to_be_bytes(), &[0x07, 0xfe]].concat()
}

fn publish(memory: &CodeMemory, code: &[u8]) -> Executable {
    let mut writable = memory.writable(code.len(), 16).expect("the test machine allows executable memory");
    writable.bytes().copy_from_slice(code);
    writable.publish().expect("what was opened can be closed")
}

fn run(code: &Executable) -> u32 {
    // SAFETY: `returning` wrote a function of this type.
    let function: extern "C" fn() -> u32 = unsafe { std::mem::transmute(code.entry()) };
    function()
}

/// The rows of the process' map whose pages are both writable and executable.
fn writable_and_executable() -> Vec<String> {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    assert!(maps.lines().count() > 5, "the map of a running process has rows");
    let access = |row: &str| row.split_whitespace().nth(1).unwrap_or_default().to_owned();
    maps.lines()
        .filter(|row| access(row).contains('w') && access(row).contains('x'))
        .map(String::from)
        .collect()
}

/// Access to the page at `address`, as the process' map shows it.
fn access(address: usize) -> String {
    let maps = std::fs::read_to_string("/proc/self/maps").unwrap();
    let row = maps.lines().find(|row| {
        let (start, end) = row.split(' ').next().and_then(|range| range.split_once('-')).unwrap();
        let [start, end] = [start, end].map(|text| usize::from_str_radix(text, 16).unwrap());
        (start..end).contains(&address)
    });
    row.expect("the address is mapped").split(' ').nth(1).unwrap().to_owned()
}

#[test]
fn published_code_runs() {
    for strategy in [Strategy::Shared, Strategy::Sealed] {
        let memory = CodeMemory::new(strategy);
        let stubs: Vec<_> = (0..1000).map(|value| publish(&memory, &returning(value))).collect();
        for (value, stub) in (0..).zip(&stubs) {
            assert_eq!(run(stub), value);
        }
        assert_eq!(memory.usage().code, stubs.iter().map(|stub| stub.code().len()).sum::<usize>());
        drop(memory);
        assert_eq!(run(&stubs[7]), 7, "a stub outlives the memory it came from");
    }
}

#[test]
fn many_stubs_share_a_page() {
    let memory = CodeMemory::new(Strategy::Shared);
    let stubs: Vec<_> = (0..100).map(|value| publish(&memory, &returning(value))).collect();
    let address = |stub: &Executable| stub.entry() as usize;
    for pair in stubs.windows(2) {
        assert_eq!(address(&pair[1]) - address(&pair[0]), STUB_ALIGN);
        assert_eq!(address(&pair[0]) % STUB_ALIGN, 0);
    }
    assert_eq!(memory.usage().mapped, FIRST_SEGMENT);
}

#[test]
fn what_executes_is_never_writable() {
    let memory = CodeMemory::new(Strategy::Shared);
    let first = publish(&memory, &returning(1));
    let mut second = memory.writable(64, 16).unwrap();
    let view = second.bytes().as_ptr() as usize;
    assert_eq!(access(view), "rw-s", "while it is written");
    assert_eq!(access(first.entry() as usize), "r-xs", "the same page where it executes");
    assert_eq!(writable_and_executable(), [""; 0]);
    assert_eq!(run(&first), 1, "while the page is written elsewhere");
    second.bytes()[..6].copy_from_slice(&returning(2)[..6]);
    let second = second.publish().unwrap();
    assert_eq!(access(view), "---s", "once it is published");
    assert_eq!(access(second.entry() as usize), "r-xs");

    let mut dropped = memory.writable(64, 16).unwrap();
    let view = dropped.bytes().as_ptr() as usize;
    drop(dropped);
    assert_eq!(access(view), "---s", "once it is given up");
}

#[test]
fn a_panic_while_writing_closes_the_view() {
    let memory = CodeMemory::new(Strategy::Shared);
    let view = std::panic::catch_unwind(|| {
        let mut writable = memory.writable(8, 16).unwrap();
        std::panic::panic_any(writable.bytes().as_ptr() as usize);
    });
    let view = *view.unwrap_err().downcast::<usize>().unwrap();
    assert_eq!(access(view), "---s");
    assert_eq!(run(&publish(&memory, &returning(3))), 3, "the memory goes on");
}

#[test]
fn sealed_pages_are_never_both() {
    let memory = CodeMemory::new(Strategy::Sealed);
    let mut writable = memory.writable(64, 16).unwrap();
    let address = writable.bytes().as_ptr() as usize;
    assert_eq!(access(address), "rw-p");
    let published = writable.publish().unwrap();
    assert_eq!(published.entry() as usize, address);
    assert_eq!(access(address), "r-xp");
}

#[test]
fn segments_grow_and_hold_large_code() {
    let memory = CodeMemory::new(Strategy::Shared);
    let large: Vec<u8> = returning(5).into_iter().chain([0; 3 * FIRST_SEGMENT]).collect();
    let stubs = [publish(&memory, &returning(4)), publish(&memory, &large), publish(&memory, &returning(6))];
    assert_eq!(stubs.each_ref().map(run), [4, 5, 6]);
    assert_eq!(stubs[1].code(), large);
}

#[test]
fn threads_write_and_run_at_once() {
    let memory = CodeMemory::new(Strategy::Shared);
    thread::scope(|scope| {
        for thread in 0..8 {
            let memory = &memory;
            scope.spawn(move || {
                for round in 0..200 {
                    let value = thread * 1000 + round;
                    assert_eq!(run(&publish(memory, &returning(value))), value);
                }
            });
        }
    });
    assert_eq!(writable_and_executable(), [""; 0]);
}

#[test]
fn short_stubs_lie_in_one_cache_line() {
    let memory = CodeMemory::new(Strategy::Shared);
    for bytes in (1..=64).chain((1..=64).rev()) {
        let stub = publish(&memory, &returning(0).repeat(bytes)[..bytes]);
        let start = stub.entry() as usize;
        assert_eq!(start / CACHE_LINE, (start + bytes - 1) / CACHE_LINE, "{bytes} bytes at {start:#x}");
    }
}

/// The wish is granted wherever the place is free, as it is in a test.
#[cfg(target_arch = "x86_64")]
#[test]
fn code_lies_near_the_program() {
    for strategy in [Strategy::Shared, Strategy::Sealed] {
        let memory = CodeMemory::new(strategy);
        let stub = publish(&memory, &returning(0)).entry() as usize;
        let program = code_lies_near_the_program as *const () as usize;
        assert!(stub.abs_diff(program) < 1 << 30, "stub at {stub:#x}, program at {program:#x}");
    }
}

/// A child after `fork` goes on in pages of its own: it never writes one that it shares with its parent.
#[test]
fn a_forked_child_writes_its_own_pages() {
    let memory = CodeMemory::new(Strategy::Shared);
    let before = publish(&memory, &returning(1));
    // SAFETY: the child calls nothing that may wait for a lock of another thread: code memory is this test's own,
    // and the C library's allocator is made usable by `fork` itself.
    let child = unsafe { libc::fork() };
    assert!(child >= 0, "{}", std::io::Error::last_os_error());
    if child == 0 {
        let own = publish(&memory, &returning(2));
        let apart = (own.entry() as usize).abs_diff(before.entry() as usize) >= FIRST_SEGMENT;
        let right = run(&before) == 1 && run(&own) == 2;
        // SAFETY: ends the child without running what belongs to its parent.
        unsafe { libc::_exit(if apart && right { 0 } else { 1 }) };
    }
    let mut status = 0;
    // SAFETY: the pointer is to an integer of this function.
    assert_eq!(unsafe { libc::waitpid(child, &mut status, 0) }, child);
    assert_eq!(status, 0, "the child's code, and that it is elsewhere");
    let after = publish(&memory, &returning(3));
    assert_eq!((run(&before), run(&after)), (1, 3));
    assert_eq!(
        after.entry() as usize,
        before.entry() as usize + STUB_ALIGN,
        "the parent goes on where it was"
    );
}
