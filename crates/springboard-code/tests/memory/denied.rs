//! System calls that fail, one, many, or all of a kind.

use springboard_code::{CodeError, CodeMemory, NoRoom, Step, Strategy, Stub};
use springboard_emit::Template;
use springboard_process::{
    access, alone, code_mappings, descriptors,
    faults::{self, Failing, Fault},
    let_pass, strategies, unmap_the_rest, writable_and_executable,
};

use crate::{WAIT, address, memory, publish_all, returning, run};

/// Makes and frees stubs of all kinds, whatever fails. What failed.
fn exercise(strategy: Strategy) -> Vec<NoRoom> {
    let memory = memory(strategy);
    let_pass(&memory, WAIT);
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
    let_pass(&memory, WAIT);
    // Places come out of quarantine, pages go and come.
    for _ in 0..2 {
        let more: Vec<_> = (0..60).map(|value| returning(value, 1300)).collect();
        attempt(&more, &mut kept);
        kept.truncate(30);
        let_pass(&memory, WAIT);
    }
    for (value, stub) in &kept {
        assert_eq!(run(stub), *value);
    }
    assert_eq!(memory.usage().live, kept.len());
    errors
}

/// The same while calls fail. Nothing is left behind.
fn exercise_while(failing: Failing, strategy: Strategy) -> (Vec<NoRoom>, Fault) {
    let before = (descriptors(), code_mappings());
    let (errors, fault) = faults::with(failing, || exercise(strategy));
    unmap_the_rest();
    assert_eq!((descriptors(), code_mappings()), before, "after {failing:?}: {errors:?}");
    assert_eq!(writable_and_executable(), [""; 0]);
    (errors, fault)
}

#[test]
fn any_system_call_may_fail() {
    let _process = alone();
    for &strategy in strategies() {
        for nth in 0.. {
            let (errors, fault) = exercise_while(Failing::Nth(nth), strategy);
            let most = if strategy == Strategy::File { 0 } else { 1 };
            assert!(errors.len() <= most, "there is another way: {errors:?} after call {nth}");
            if fault == Fault::NotReached {
                assert!(nth > 10, "{strategy:?} makes system calls");
                break;
            }
        }
    }
}

#[test]
fn all_system_calls_may_fail_from_any_on() {
    let _process = alone();
    for &strategy in strategies() {
        let mut failed = Vec::new();
        for nth in 0.. {
            let (errors, fault) = exercise_while(Failing::From(nth), strategy);
            failed.extend(errors);
            if fault == Fault::NotReached {
                break;
            }
        }
        let steps: &[Step] = match strategy {
            Strategy::File => &[Step::CreateFile, Step::IdentifyFile, Step::WriteFile, Step::MapExecutable],
            Strategy::Sealed => &[Step::MapPages, Step::SealPages],
        };
        for &step in steps.iter().filter(|step| is_made(**step)) {
            let expected = NoRoom::System(CodeError { step, errno: libc::ENOMEM });
            assert!(failed.contains(&expected), "{step:?} among {failed:?}");
        }
    }
}

/// Whether this system's way of writing code has the step: Windows has sections, which no number is mistaken for.
fn is_made(step: Step) -> bool {
    let files_alone =
        matches!(step, Step::MoveDescriptor | Step::IdentifyFile | Step::ReopenFile | Step::ReleasePages);
    !(cfg!(windows) && files_alone)
}

/// What the pages of a stub allow when a step always fails.
#[test]
fn each_step_has_a_next_way() {
    let _process = alone();
    for step in Step::ALL {
        let (errors, _) = exercise_while(Failing::Every(step), Strategy::File);
        assert_eq!(errors, [], "without {step:?}");
        let publish = || publish_all(&CodeMemory::new(Strategy::File, usize::MAX), &[returning(7, 0)]);
        let (stubs, _) = faults::with(Failing::Every(step), publish);
        let stub = &stubs.unwrap()[0];
        assert_eq!(run(stub), 7);
        let in_file = code_mappings().len();
        let (expected, files) = match step {
            _ if !is_made(step) => ("r-xs", 1),
            Step::CreateFile | Step::IdentifyFile | Step::WriteFile | Step::MapExecutable => ("r-xp", 0),
            // Privately.
            Step::ReopenFile => ("r-xp", 1),
            _ => ("r-xs", 1),
        };
        assert_eq!((access(address(stub)).unwrap().as_str(), in_file), (expected, files), "without {step:?}");
    }
}
