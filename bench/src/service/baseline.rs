//! What others do: compile every function by itself, on a page of its own, written and then made executable.
//!
//! The code is the emitter's own, so that mappings alone differ; each shape is compiled once, which favours the baseline.

use std::{collections::HashMap, ffi::c_void, ptr};

use rustix::mm::{MapFlags, MprotectFlags, ProtFlags, mmap_anonymous, mprotect, munmap};
use springboard::{
    Library,
    abi::{Entry, Target, plan},
    emit::{Compiler, HoleKind, Template},
    ir::{Prototype, Signature},
};

/// Size of a page, in bytes.
const PAGE: usize = 4096;

/// A function on a page of its own.
pub(super) struct Mapped {
    page: *mut c_void,
    /// What the other ways keep as well.
    _declared: Prototype,
}

/// Binds all of them.
pub(super) fn bind_all(library: &Library, declared: &[Prototype]) -> Vec<Mapped> {
    let target = Target::host().expect("the host has a convention");
    let mut compiler = Compiler::host().expect("the host's code generator is built in");
    let mut templates: HashMap<&Signature, Template> = HashMap::new();
    let bind = |declared: &'_ Prototype, template: &Template| {
        let symbol = declared.name.as_deref().expect("all have names");
        let address = library.symbol(symbol).expect("the library has it");
        Mapped { page: page(template, address.addr().get() as u64), _declared: declared.clone() }
    };
    let mut mapped = Vec::with_capacity(declared.len());
    for declared in declared {
        let template = templates.entry(&declared.signature).or_insert_with(|| {
            let plan = plan(&declared.signature, &target, Entry::Bound).expect("plain types have plans");
            compiler.emit(&plan).expect("a plan is emitted")
        });
        mapped.push(bind(declared, template));
    }
    mapped
}

fn page(template: &Template, target: u64) -> *mut c_void {
    assert!(template.code.len() <= PAGE);
    // SAFETY: a new mapping; it is written while nobody else knows it, and within its size.
    unsafe {
        let access = ProtFlags::READ | ProtFlags::WRITE;
        let page = mmap_anonymous(ptr::null_mut(), PAGE, access, MapFlags::PRIVATE)
            .expect("the system gives a page");
        page.cast::<u8>().copy_from_nonoverlapping(template.code.as_ptr(), template.code.len());
        for hole in template.holes.iter().filter(|hole| hole.kind == HoleKind::Target) {
            page.cast::<u8>().add(hole.offset as usize).cast::<u64>().write_unaligned(target);
        }
        mprotect(page, PAGE, MprotectFlags::READ | MprotectFlags::EXEC).expect("the page may be executed");
        page
    }
}

impl Drop for Mapped {
    fn drop(&mut self) {
        // SAFETY: the page is this value's own.
        unsafe { munmap(self.page, PAGE) }.expect("it is mapped");
    }
}
