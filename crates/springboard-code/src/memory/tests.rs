//! Code memory, from the inside of its own process.

use std::thread;

use springboard_emit::Template;

use super::*;
use crate::{
    error::{CodeError, Step},
    segment::WINDOW,
    stamp::{Holes, Name},
    strategy::CodeWrites,
    system::faults::{self, Fault},
    testing::{Child, Ended, access, alone, code_mappings, descriptors, together, writable_and_executable},
};

/// Size of the smallest slot, in bytes.
const ALIGN: usize = 32;

const STRICT: Strategy = Strategy::Shared(CodeWrites::Strict);
const FAST: Strategy = Strategy::Shared(CodeWrites::Fast);
const ALL: [Strategy; 3] = [STRICT, FAST, Strategy::Sealed];

fn memory(strategy: Strategy) -> CodeMemory {
    CodeMemory::new(strategy, usize::MAX)
}

/// Code that returns `value`, by hand, with `padding` bytes behind it.
#[cfg(target_arch = "x86_64")]
fn returning(value: u32, padding: usize) -> Template {
    let code = [&[0xb8][..], &value.to_le_bytes(), &[0xc3], &vec![0x90; padding]].concat();
    Template { code: code.into(), align: 16, holes: Box::default() }
}

/// Code that returns `value`, by hand: `bti c`, `movz w0`, `movk w0, lsl 16`, `ret`.
#[cfg(target_arch = "aarch64")]
fn returning(value: u32, padding: usize) -> Template {
    let low = 0x5280_0000 | (value & 0xffff) << 5;
    let high = 0x72a0_0000 | (value >> 16) << 5;
    let code = [0xd503_245f, low, high, 0xd65f_03c0].into_iter().flat_map(u32::to_le_bytes);
    let code = code.chain(std::iter::repeat_n(0, padding.next_multiple_of(4))).collect();
    Template { code, align: 16, holes: Box::default() }
}

/// Code that returns `value`, by hand: `lui a0`, `addiw a0, a0`, `ret`.
#[cfg(target_arch = "riscv64")]
fn returning(value: u32, padding: usize) -> Template {
    let high = value.wrapping_add(0x800) & 0xffff_f000 | 0x537;
    let low = value << 20 | 0x5_051b;
    let code = [high, low, 0x8067].into_iter().flat_map(u32::to_le_bytes);
    let code = code.chain(std::iter::repeat_n(0, padding.next_multiple_of(4))).collect();
    Template { code, align: 16, holes: Box::default() }
}

/// Code that returns `value`, by hand: `llilf %r2`, `br %r14`.
#[cfg(target_arch = "s390x")]
fn returning(value: u32, padding: usize) -> Template {
    let code = [&[0xc0, 0x2f][..], &value.to_be_bytes(), &[0x07, 0xfe], &vec![0; padding]].concat();
    Template { code: code.into(), align: 16, holes: Box::default() }
}

fn stamps(templates: &[Template]) -> Vec<Stamp<'_>> {
    templates
        .iter()
        .map(|template| Stamp { name: Name::Plain("test"), template, holes: Holes::default() })
        .collect()
}

fn publish_all(memory: &CodeMemory, templates: &[Template]) -> Result<Vec<Stub>, NoRoom> {
    memory.publish(&stamps(templates))
}

fn publish(memory: &CodeMemory, template: &Template) -> Stub {
    let stamp = Stamp { name: Name::Plain("test"), template, holes: Holes::default() };
    memory.publish(&[stamp]).expect("the test machine allows executable memory").remove(0)
}

fn run(stub: &Stub) -> u32 {
    // SAFETY: `returning` wrote a function of this type.
    let function: extern "C" fn() -> u32 = unsafe { std::mem::transmute(stub.entry()) };
    function()
}

fn address(stub: &Stub) -> usize {
    stub.entry() as usize
}

#[test]
fn published_code_runs() {
    let _process = together();
    for strategy in ALL {
        let memory = memory(strategy);
        let stubs: Vec<_> = (0..1000).map(|value| publish(&memory, &returning(value, 0))).collect();
        for (value, stub) in (0..).zip(&stubs) {
            assert_eq!(run(stub), value);
        }
        let usage = memory.usage();
        assert_eq!(usage.code, stubs.iter().map(|stub| stub.code().len()).sum::<usize>());
        assert_eq!((usage.live, usage.stamps), (1000, 1000));
        drop(memory);
        assert_eq!(run(&stubs[7]), 7, "a stub outlives the memory it came from");
    }
}

#[test]
fn batches_hold_stubs_of_all_sizes_in_order() {
    let _process = together();
    for strategy in ALL {
        let memory = memory(strategy);
        let templates: Vec<_> = (0..3000).map(|value| returning(value, value as usize * 7 % 5000)).collect();
        let stubs = publish_all(&memory, &templates).unwrap();
        for (value, stub) in (0..).zip(&stubs) {
            assert_eq!(run(stub), value);
            assert_eq!(address(stub) % ALIGN, 0);
            assert_eq!(stub.code(), &*templates[value as usize].code);
        }
    }
}

#[test]
fn many_stubs_share_a_page() {
    let _process = together();
    let memory = memory(STRICT);
    let stubs: Vec<_> = (0..100).map(|value| publish(&memory, &returning(value, 0))).collect();
    for pair in stubs.windows(2) {
        assert_eq!(address(&pair[1]) - address(&pair[0]), ALIGN);
    }
    assert_eq!(memory.usage().mapped, FIRST_SEGMENT);
}

#[test]
fn what_executes_is_never_writable() {
    let _process = together();
    let mut segment = Segment::shared(4 * WINDOW, CodeWrites::Strict, Site::Program).unwrap();
    let window = WINDOW..2 * WINDOW;
    let code = segment.at(WINDOW).addr();
    // What is to be written may be less than a window.
    segment.open(WINDOW + 70..WINDOW + 80).unwrap();
    let view = segment.writable(window.clone()).as_ptr().addr();
    assert_eq!(access(view).unwrap(), "rw-s", "while it is written");
    assert_eq!(access(code).unwrap(), "r-xs", "the same page where it executes");
    assert_eq!(access(view - 1).unwrap(), "---s", "the window before");
    assert_eq!(access(view + WINDOW).unwrap(), "---s", "the next window");
    assert_eq!(writable_and_executable(), [""; 0]);
    segment.writable(window)[0] = 7;
    assert_eq!(segment.code(WINDOW..WINDOW + 1), [7], "both show the same bytes");
    segment.close(WINDOW + 70..WINDOW + 80);
    assert_eq!(access(view).unwrap(), "---s", "once it is written");
    assert_eq!(access(code).unwrap(), "r-xs");
}

#[test]
fn windows_are_mappings_of_their_own() {
    let _process = alone();
    let count = || code_mappings().len();
    let before = count();
    // The last one ends early.
    let mut segment = Segment::shared(4 * WINDOW + BLOCK, CodeWrites::Strict, Site::Program).unwrap();
    let divided = before + 1 + 5;
    assert_eq!(count(), divided);
    segment.open(3 * WINDOW..3 * WINDOW + 1).unwrap();
    segment.close(3 * WINDOW..3 * WINDOW + 1);
    assert_eq!(count(), divided, "nothing was taken apart or put together");
    let (undivided, fault) =
        faults::with(4, || Segment::shared(4 * WINDOW, CodeWrites::Strict, Site::Program).unwrap());
    assert_eq!(fault, Fault::Injected);
    assert_eq!(count(), divided + 2, "what could not be divided is one mapping");
    drop((segment, undivided));
    assert_eq!(count(), before);
}

#[test]
fn a_view_that_cannot_be_closed_goes() {
    let _process = together();
    let mut segment = Segment::shared(4 * BLOCK, CodeWrites::Strict, Site::Program).unwrap();
    segment.open(0..BLOCK).unwrap();
    let view = segment.writable(0..BLOCK).as_ptr().addr();
    let ((), fault) = faults::with(0, || segment.close(0..BLOCK));
    assert_eq!(fault, Fault::Injected);
    assert!(!access(view).is_some_and(|access| access.contains('w')));
    assert!(!segment.is_writable());
}

#[test]
fn sealed_pages_are_never_both() {
    let _process = together();
    let memory = memory(Strategy::Sealed);
    let stub = publish(&memory, &returning(1, 0));
    assert_eq!(access(address(&stub)).unwrap(), "r-xp");
}

#[test]
fn released_pages_are_zeros_and_come_again() {
    let _process = together();
    let mut segment = Segment::shared(4 * BLOCK, CodeWrites::Strict, Site::Program).unwrap();
    segment.open(0..BLOCK).unwrap();
    segment.writable(0..BLOCK).fill(7);
    segment.close(0..BLOCK);
    assert_eq!(segment.code(0..2), [7, 7]);
    segment.release(0..BLOCK).unwrap();
    assert_eq!(segment.code(0..2), [0, 0], "emulators of user programs may ignore the advice");
    segment.restore(0..BLOCK).unwrap();
}

#[test]
fn a_call_to_a_freed_stub_traps() {
    let _process = alone();
    for strategy in [STRICT, FAST] {
        let memory = memory(strategy);
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

#[test]
fn what_is_free_and_fresh_traps_too() {
    let _process = together();
    let memory = memory(STRICT);
    let stub = publish(&memory, &returning(1, 0));
    // SAFETY: the slot behind the stub's is in the same page, and nobody takes it meanwhile.
    let next = unsafe { std::slice::from_raw_parts((address(&stub) + ALIGN) as *const u8, ALIGN) };
    let mut traps = [0; ALIGN];
    trap::fill(&mut traps);
    assert_eq!(next, traps);
}

#[test]
fn a_freed_place_is_taken_again_later() {
    let _process = together();
    let memory = memory(FAST);
    let first = address(&publish(&memory, &returning(0, 0)));
    assert_ne!(address(&publish(&memory, &returning(0, 0))), first, "not at once");
    let mut again = 0;
    let start = std::time::Instant::now();
    while start.elapsed().as_millis() < 100 {
        again += u32::from(address(&publish(&memory, &returning(0, 0))) == first);
    }
    assert!(again > 0, "but after a while");
}

#[test]
fn memory_goes_back_to_the_system() {
    let _process = together();
    let memory = memory(FAST);
    let templates: Vec<_> = (0..100_000).map(|value| returning(value, 0)).collect();
    let mut stubs = publish_all(&memory, &templates).unwrap();
    let most = memory.usage().mapped;
    assert!(most >= 100_000 * ALIGN);
    stubs.truncate(1);
    // What waits leaves as others come and go. How many must come depends on how fast they do: they wait as well.
    thread::sleep(std::time::Duration::from_millis(20));
    for _ in 0..1_000_000 {
        if memory.usage().mapped <= most / 2 {
            break;
        }
        drop(publish(&memory, &returning(1, 0)));
    }
    assert!(memory.usage().mapped <= most / 2, "{:?} of {most}", memory.usage());
    assert_eq!(run(&stubs[0]), 0);
    assert_eq!(memory.usage().live, 1);
}

#[test]
fn coming_and_going_takes_no_more_memory() {
    let _process = together();
    for strategy in ALL {
        let memory = memory(strategy);
        for round in 0..20_000 {
            assert_eq!(run(&publish(&memory, &returning(round, 0))), round);
        }
        assert!(memory.usage().mapped <= 4 << 20, "{:?}", memory.usage());
        assert_eq!((memory.usage().live, memory.usage().code), (0, 0));
    }
}

#[test]
fn the_limit_is_kept() {
    let _process = together();
    for strategy in ALL {
        let limit = 40 * BLOCK;
        let memory = CodeMemory::new(strategy, limit);
        let mut stubs = Vec::new();
        let error = loop {
            match publish_all(&memory, &[returning(stubs.len() as u32, 0)]) {
                Ok(more) => stubs.extend(more),
                Err(error) => break error,
            }
            assert!(memory.usage().mapped <= limit);
        };
        assert_eq!(error, NoRoom::Limit(limit));
        let at_least = if strategy == Strategy::Sealed { 40 } else { limit / ALIGN };
        assert_eq!(stubs.len(), at_least, "all of it is used");
        for (value, stub) in (0..).zip(&stubs) {
            assert_eq!(run(stub), value);
        }
        let large = publish_all(&memory, &[returning(0, 3 * BLOCK)]);
        assert_eq!(large.unwrap_err(), NoRoom::Limit(limit));
        stubs.clear();
        assert!(publish_all(&memory, &[returning(1, 0)]).is_ok(), "what was freed counts no more");
    }
}

/// Makes and frees stubs of all kinds, whatever fails.
fn exercise(strategy: Strategy) -> Vec<NoRoom> {
    let memory = memory(strategy);
    let mut errors = Vec::new();
    let mut kept = Vec::new();
    let mut attempt =
        |templates: &[Template], kept: &mut Vec<(u32, Stub)>| match publish_all(&memory, templates) {
            Ok(stubs) => kept.extend((0..).zip(stubs)),
            Err(error) => errors.push(error),
        };
    attempt(&[returning(0, 0)], &mut kept);
    attempt(&[returning(0, 3000)], &mut kept);
    // Over several segments, one of them large.
    let many: Vec<_> = (0..120).map(|value| returning(value, if value == 5 { 9000 } else { 1300 })).collect();
    attempt(&many, &mut kept);
    kept.truncate(20);
    thread::sleep(std::time::Duration::from_millis(12));
    // Places come out of quarantine, pages go and come.
    for _ in 0..2 {
        let more: Vec<_> = (0..60).map(|value| returning(value, 1300)).collect();
        attempt(&more, &mut kept);
        kept.truncate(30);
    }
    for (value, stub) in &kept {
        assert_eq!(run(stub), *value);
    }
    assert_eq!(memory.usage().live, kept.len());
    errors
}

#[test]
fn any_system_call_may_fail() {
    let _process = alone();
    for strategy in ALL {
        let before = (descriptors(), code_mappings());
        let mut failed = Vec::new();
        for nth in 0.. {
            let (errors, fault) = faults::with(nth, || exercise(strategy));
            retry_unmapping();
            assert_eq!((descriptors(), code_mappings()), before, "after call {nth} failed: {errors:?}");
            assert_eq!(writable_and_executable(), [""; 0]);
            assert!(errors.len() <= 1, "{errors:?}");
            failed.extend(errors);
            if fault == Fault::NotReached {
                assert!(nth > 10, "{strategy:?} makes system calls");
                break;
            }
        }
        let steps: Vec<_> = match strategy {
            Strategy::Sealed => vec![Step::MapPages, Step::SealPages],
            FAST => vec![Step::CreateFile, Step::SizeFile, Step::MapExecutable, Step::MapView],
            Strategy::Shared(_) => {
                vec![Step::CreateFile, Step::SizeFile, Step::MapExecutable, Step::MapView, Step::OpenView]
            }
        };
        for step in steps {
            let expected = NoRoom::System(CodeError { step, errno: libc::ENOMEM });
            assert!(failed.contains(&expected), "{step:?} among {failed:?}");
        }
    }
}

#[test]
fn threads_write_and_run_at_once() {
    let _process = together();
    for strategy in ALL {
        let memory = memory(strategy);
        thread::scope(|scope| {
            for thread in 0..8 {
                let memory = &memory;
                scope.spawn(move || {
                    let mut kept = Vec::new();
                    for round in 0..300 {
                        let value = thread * 1000 + round;
                        let stub = publish(memory, &returning(value, round as usize % 200));
                        assert_eq!(run(&stub), value);
                        kept.push((value, stub));
                        if round % 3 == 0 {
                            kept.swap_remove(kept.len() / 2);
                        }
                    }
                    for (value, stub) in kept {
                        assert_eq!(run(&stub), value);
                    }
                });
            }
        });
        assert_eq!(memory.usage().live, 0);
    }
}

#[test]
fn a_fork_freezes_what_is_there() {
    let _process = alone();
    for strategy in ALL {
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

#[test]
fn short_stubs_lie_in_one_cache_line() {
    const CACHE_LINE: usize = 64;
    let _process = together();
    for strategy in ALL {
        let memory = memory(strategy);
        let sizes: Vec<usize> = (1..=200).chain((1..=200).rev()).collect();
        let templates: Vec<_> = sizes.iter().map(|&bytes| of_size(bytes)).collect();
        for stub in publish_all(&memory, &templates).unwrap() {
            let (start, bytes) = (address(&stub), stub.code().len());
            let lines = (start + bytes - 1) / CACHE_LINE - start / CACHE_LINE + 1;
            assert_eq!(lines, bytes.div_ceil(CACHE_LINE), "{bytes} bytes at {start:#x}");
        }
    }
}

fn of_size(bytes: usize) -> Template {
    Template { code: vec![0; bytes].into(), align: 16, holes: Box::default() }
}

/// The wish is granted wherever the place is free, as it is in a test.
#[cfg(target_arch = "x86_64")]
#[test]
fn code_lies_where_it_should() {
    let _process = together();
    let program = code_lies_where_it_should as *const () as usize;
    let library = libc::strlen as *const () as usize;
    for strategy in ALL {
        let memory = memory(strategy);
        let elsewhere = memory.elsewhere(Site::Libraries);
        for (memory, near) in [(&memory, program), (&elsewhere, library)] {
            let stub = publish(memory, &returning(0, 0)).entry() as usize;
            assert!(stub.abs_diff(near) < 2 << 30, "stub at {stub:#x}, what it should be near at {near:#x}");
        }
    }
}

#[test]
fn a_limit_is_for_all_sites() {
    let _process = together();
    let memory = CodeMemory::new(STRICT, FIRST_SEGMENT);
    let elsewhere = memory.elsewhere(Site::Libraries);
    let stub = publish(&memory, &returning(1, 0));
    assert_eq!(elsewhere.usage(), memory.usage());
    let refused = publish_all(&elsewhere, &[returning(2, 0)]);
    assert!(matches!(refused, Err(NoRoom::Limit(FIRST_SEGMENT))), "all of it is mapped");
    assert_eq!(run(&stub), 1);
}
