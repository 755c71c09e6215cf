//! Code memory, as its users see it and as the process does.

use std::time::Duration;

use springboard_code::{CodeMemory, Holes, Name, NoRoom, Site, Stamp, Strategy, Stub};
use springboard_emit::Template;
use springboard_process::{access, becomes_writable, let_pass, strategies, together};

#[cfg(unix)]
mod beside;
mod denied;
#[cfg(unix)]
mod descriptors;
#[cfg(unix)]
mod forks;

/// Size of the smallest slot, in bytes.
const ALIGN: usize = 32;

/// Size of a page, and of what slots of one size lie in, in bytes.
const BLOCK: usize = 4096;

/// Size of what is mapped first, in bytes.
const FIRST_SEGMENT: usize = 16 << 10;

/// Longer than a freed place waits.
const WAIT: Duration = Duration::from_millis(20);

/// What a freed place begins with.
const TRAP: &[u8] = if cfg!(target_arch = "x86_64") {
    &[0xcc; 4]
} else if cfg!(target_arch = "aarch64") {
    &0xd420_0b60_u32.to_le_bytes()
} else if cfg!(target_arch = "riscv64") {
    &0x9002_9002_u32.to_le_bytes()
} else {
    &[0; 4]
};

fn memory(strategy: Strategy) -> CodeMemory {
    CodeMemory::new(strategy, usize::MAX)
}

/// Code that returns `value`, by hand, with `padding` bytes after it.
#[cfg(target_arch = "x86_64")]
fn returning(value: u32, padding: usize) -> Template {
    let code = [&[0xb8][..], &value.to_le_bytes(), &[0xc3], &vec![0x90; padding]].concat();
    Template { code: code.into(), align: 16, holes: Box::default(), row: None }
}

/// Code that returns `value`, by hand: `bti c`, `movz w0`, `movk w0, lsl 16`, `ret`.
#[cfg(target_arch = "aarch64")]
fn returning(value: u32, padding: usize) -> Template {
    let low = 0x5280_0000 | (value & 0xffff) << 5;
    let high = 0x72a0_0000 | (value >> 16) << 5;
    let code = [0xd503_245f, low, high, 0xd65f_03c0].into_iter().flat_map(u32::to_le_bytes);
    let code = code.chain(std::iter::repeat_n(0, padding.next_multiple_of(4))).collect();
    Template { code, align: 16, holes: Box::default(), row: None }
}

/// Code that returns `value`, by hand: `lui a0`, `addiw a0, a0`, `ret`.
#[cfg(target_arch = "riscv64")]
fn returning(value: u32, padding: usize) -> Template {
    let high = value.wrapping_add(0x800) & 0xffff_f000 | 0x537;
    let low = value << 20 | 0x5_051b;
    let code = [high, low, 0x8067].into_iter().flat_map(u32::to_le_bytes);
    let code = code.chain(std::iter::repeat_n(0, padding.next_multiple_of(4))).collect();
    Template { code, align: 16, holes: Box::default(), row: None }
}

/// Code that returns `value`, by hand: `llilf %r2`, `br %r14`.
#[cfg(target_arch = "s390x")]
fn returning(value: u32, padding: usize) -> Template {
    let code = [&[0xc0, 0x2f][..], &value.to_be_bytes(), &[0x07, 0xfe], &vec![0; padding]].concat();
    Template { code: code.into(), align: 16, holes: Box::default(), row: None }
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
    for &strategy in strategies() {
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
    for &strategy in strategies() {
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
    let memory = memory(Strategy::File);
    let stubs: Vec<_> = (0..100).map(|value| publish(&memory, &returning(value, 0))).collect();
    for pair in stubs.windows(2) {
        assert_eq!(address(&pair[1]) - address(&pair[0]), ALIGN);
    }
    assert_eq!(memory.usage().mapped, FIRST_SEGMENT);
}

#[test]
fn what_executes_is_not_writable() {
    let _process = together();
    for (&strategy, expected) in strategies().iter().zip(["r-xs", "r-xp"]) {
        let stub = publish(&memory(strategy), &returning(1, 0));
        assert_eq!(access(address(&stub)).unwrap(), expected);
    }
}

#[test]
fn what_shows_the_file_cannot_be_made_writable() {
    let _process = together();
    let stub = publish(&memory(Strategy::File), &returning(6, 0));
    assert!(!becomes_writable(address(&stub) / BLOCK * BLOCK));
    assert_eq!((access(address(&stub)).unwrap(), run(&stub)), ("r-xs".into(), 6));
}

#[test]
fn what_is_free_traps() {
    let _process = together();
    let memory = memory(Strategy::File);
    let stub = publish(&memory, &returning(1, 0));
    let at = address(&stub);
    // SAFETY: the places of this test's memory lie in one page, which stays mapped as long as `memory` does. Nobody
    // else writes there.
    let bytes_at = |address: usize| unsafe { std::slice::from_raw_parts(address as *const u8, TRAP.len()) };
    assert_eq!(bytes_at(at + ALIGN), TRAP, "a place that was never taken");
    assert_ne!(bytes_at(at), TRAP);
    let _neighbour = publish(&memory, &returning(2, 0));
    drop(stub);
    assert_eq!(bytes_at(at), TRAP, "a place that was");
}

#[test]
fn a_freed_place_is_taken_again_later() {
    let _process = together();
    let memory = memory(Strategy::File);
    let_pass(&memory, Duration::ZERO);
    let publish = || address(&publish(&memory, &returning(0, 0)));
    let first = publish();
    assert!((0..500).all(|_| publish() != first), "not as long as no time passes");
    let_pass(&memory, WAIT);
    assert!((0..500).any(|_| publish() == first), "but after a while");
}

#[test]
fn memory_goes_back_to_the_system() {
    let _process = together();
    let memory = memory(Strategy::File);
    let templates: Vec<_> = (0..100_000).map(|value| returning(value, 0)).collect();
    let mut stubs = publish_all(&memory, &templates).unwrap();
    let most = memory.usage().mapped;
    assert!(most >= 100_000 * ALIGN);
    stubs.truncate(1);
    // What waits leaves as others come and go: four for each that comes.
    for round in 0..40_000 {
        if round % 100 == 0 {
            let_pass(&memory, WAIT);
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
    for &strategy in strategies() {
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
    for &strategy in strategies() {
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

#[test]
fn threads_write_and_run_at_once() {
    let _process = together();
    for &strategy in strategies() {
        let memory = memory(strategy);
        std::thread::scope(|scope| {
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
fn short_stubs_lie_in_one_cache_line() {
    const CACHE_LINE: usize = 64;
    let _process = together();
    for &strategy in strategies() {
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
    Template { code: vec![0; bytes].into(), align: 16, holes: Box::default(), row: None }
}

/// The wish is granted wherever the place is free, as it is in a test.
#[cfg(target_arch = "x86_64")]
#[test]
fn code_lies_where_it_should() {
    let _process = together();
    let program = code_lies_where_it_should as *const () as usize;
    let library = libc::strlen as *const () as usize;
    for &strategy in strategies() {
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
    let memory = CodeMemory::new(Strategy::File, FIRST_SEGMENT);
    let elsewhere = memory.elsewhere(Site::Libraries);
    let stub = publish(&memory, &returning(1, 0));
    assert_eq!(elsewhere.usage(), memory.usage());
    let refused = publish_all(&elsewhere, &[returning(2, 0)]);
    assert!(matches!(refused, Err(NoRoom::Limit(FIRST_SEGMENT))), "all of it is mapped");
    assert_eq!(run(&stub), 1);
}
