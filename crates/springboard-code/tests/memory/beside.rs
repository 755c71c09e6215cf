//! Data with code after it.

use springboard_code::{CodeBeside, Step};
use springboard_process::{
    access, alone, code_mappings, descriptors,
    faults::{self, Failing, Fault},
    strategies, unmap_the_rest,
};

use super::BLOCK;

const ALIGN: usize = 64 << 10;

/// One page of data, and two of code.
fn beside() -> Result<CodeBeside, springboard_code::CodeError> {
    CodeBeside::new(ALIGN, BLOCK, &[0xcc; 2 * BLOCK])
}

#[test]
fn data_is_written_and_code_executed() {
    let _process = alone();
    let before = (descriptors(), code_mappings());
    let memory = beside().expect("memory");
    let start = memory.as_ptr();
    assert_eq!(start.addr().get() % ALIGN, 0);
    assert_eq!(memory.bytes(), 3 * BLOCK);
    assert_eq!(access(start.addr().get()).as_deref(), Some("rw-p"));
    for page in [1, 2] {
        assert_eq!(access(start.addr().get() + page * BLOCK).as_deref(), Some("r-xp"), "page {page}");
    }
    // SAFETY: the data is ours, and the code is readable.
    unsafe {
        start.write_bytes(0xa5, BLOCK);
        assert_eq!(start.add(BLOCK).read(), 0xcc);
    }
    let start = memory.keep();
    assert_eq!(access(start.addr().get()).as_deref(), Some("rw-p"), "it is kept");
    // SAFETY: it was kept just now, of so many bytes.
    drop(unsafe { CodeBeside::kept(start, 3 * BLOCK) });
    assert_eq!((descriptors(), code_mappings()), before);
}

#[test]
fn any_system_call_may_fail() {
    let _process = alone();
    let before = (descriptors(), code_mappings());
    let mut refused = 0;
    for nth in 0.. {
        let (made, fault) = faults::with(Failing::Nth(nth), || beside().map(drop));
        refused += u32::from(made.is_err());
        unmap_the_rest();
        assert_eq!((descriptors(), code_mappings()), before, "after call {nth} failed");
        if fault == Fault::NotReached {
            assert!(made.is_ok() && nth >= 5, "{nth}");
            break;
        }
    }
    if strategies().len() > 1 {
        assert_eq!(refused, 1, "without memory alone there is no way");
        let (made, _) = faults::with(Failing::Every(Step::CreateFile), beside);
        assert!(made.is_ok(), "without files, pages are sealed");
    }
    let (made, _) = faults::with(Failing::From(1), beside);
    unmap_the_rest();
    assert_eq!(made.map(drop).map_err(|error| error.step), Err(Step::SealPages));
}
