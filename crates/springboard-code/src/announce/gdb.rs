//! GDB's interface for code made at run time (Debugging with GDB, "JIT Compilation Interface"): a list of object files
//! in memory, and a function at which the debugger has a breakpoint.

use std::{
    ptr,
    sync::{Mutex, PoisonError},
};

use object::{
    Architecture, BinaryFormat, Endianness, SectionKind, SymbolFlags, SymbolKind, SymbolScope,
    write::{Object, Symbol, SymbolSection},
};

use crate::{published::Published, system::fork};

/// A stub that debuggers know of, until it is dropped.
#[derive(Debug)]
pub(super) struct Entry(ptr::NonNull<Listed>);

// SAFETY: the entry in the list is touched under the lock alone, by whichever thread.
unsafe impl Send for Entry {}
// SAFETY: a shared reference offers nothing but `Debug`, which prints the address and does not follow it.
unsafe impl Sync for Entry {}

/// An entry of the list as debuggers read it: `struct jit_code_entry`.
#[repr(C)]
#[derive(Debug)]
struct Listed {
    next: *mut Listed,
    previous: *mut Listed,
    /// A boxed slice, which belongs to the entry.
    object: *mut u8,
    /// In bytes.
    size: u64,
}

/// The head of the list: `struct jit_descriptor`.
#[repr(C)]
struct Descriptor {
    version: u32,
    action: u32,
    relevant: *mut Listed,
    first: *mut Listed,
}

const REGISTER: u32 = 1;
const UNREGISTER: u32 = 2;

// Defined by the system's folder.
unsafe extern "C" {
    fn __jit_debug_register_code();
    static mut __jit_debug_descriptor: Descriptor;
}

/// Held while the list is changed.
static LIST: Mutex<()> = Mutex::new(());

impl Entry {
    /// Puts a stub into the list. `None` where no object file can be made for this machine.
    pub(super) fn new(published: &Published<'_>) -> Option<Entry> {
        let contents: Box<[u8]> = object_file(published)?.into();
        let size = contents.len() as u64;
        let object = Box::into_raw(contents).cast();
        let listed = Listed { next: ptr::null_mut(), previous: ptr::null_mut(), object, size };
        let listed = Box::into_raw(Box::new(listed));
        let _list = LIST.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the lock is held, so nobody else of this library changes the list; the entry is new. A debugger
        // reads while the function below is entered.
        unsafe {
            let descriptor = &raw mut __jit_debug_descriptor;
            (*listed).next = (*descriptor).first;
            if let Some(next) = (*listed).next.as_mut() {
                next.previous = listed;
            }
            (*descriptor).first = listed;
            (*descriptor).relevant = listed;
            (*descriptor).action = REGISTER;
            __jit_debug_register_code();
        }
        ptr::NonNull::new(listed).map(Entry)
    }
}

impl Drop for Entry {
    fn drop(&mut self) {
        let _hold = fork::hold();
        let _list = LIST.lock().unwrap_or_else(PoisonError::into_inner);
        let listed = self.0.as_ptr();
        // SAFETY: the list is this crate's while `LIST` is locked; the entry is in it, and out of it when it is freed, which happens once.
        unsafe {
            let descriptor = &raw mut __jit_debug_descriptor;
            match (*listed).previous.as_mut() {
                Some(previous) => previous.next = (*listed).next,
                None => (*descriptor).first = (*listed).next,
            }
            if let Some(next) = (*listed).next.as_mut() {
                next.previous = (*listed).previous;
            }
            (*descriptor).relevant = listed;
            (*descriptor).action = UNREGISTER;
            __jit_debug_register_code();
            (*descriptor).relevant = ptr::null_mut();
            let Listed { object, size, .. } = *Box::from_raw(listed);
            drop(Box::from_raw(ptr::slice_from_raw_parts_mut(object, size as usize)));
        }
    }
}

const ARCHITECTURE: Architecture = if cfg!(target_arch = "x86_64") {
    Architecture::X86_64
} else if cfg!(target_arch = "aarch64") {
    Architecture::Aarch64
} else if cfg!(target_arch = "riscv64") {
    Architecture::Riscv64
} else {
    Architecture::S390x
};

/// An ELF file that has the code at its address, and its name.
fn object_file(published: &Published<'_>) -> Option<Vec<u8>> {
    let endianness = if cfg!(target_endian = "big") { Endianness::Big } else { Endianness::Little };
    let mut file = Object::new(BinaryFormat::Elf, ARCHITECTURE, endianness);
    let text = file.add_section(Vec::new(), b".text".into(), SectionKind::Text);
    file.append_section_data(text, published.code, 16);
    file.add_symbol(Symbol {
        name: published.name.into(),
        value: 0,
        size: published.code.len() as u64,
        kind: SymbolKind::Text,
        scope: SymbolScope::Linkage,
        weak: false,
        section: SymbolSection::Section(text),
        flags: SymbolFlags::None,
    });
    let mut contents = file.write().ok()?;
    place(&mut contents, published.address());
    Some(contents)
}

/// Writes the address of the one section with instructions into its header: what links objects leaves it zero.
fn place(contents: &mut [u8], address: u64) {
    // `Elf64_Ehdr` and `Elf64_Shdr` of elf(5): offsets in bytes.
    const SECTIONS: usize = 40;
    const SECTION_COUNT: usize = 60;
    const SECTION: usize = 64;
    const FLAGS: usize = 8;
    const ADDRESS: usize = 16;
    const EXECUTABLE: u64 = 4;
    let word = |contents: &[u8], at: usize| {
        u64::from_ne_bytes(contents[at..at + 8].try_into().expect("eight bytes are eight"))
    };
    let first = word(contents, SECTIONS) as usize;
    let count = u16::from_ne_bytes([contents[SECTION_COUNT], contents[SECTION_COUNT + 1]]);
    for section in 0..usize::from(count) {
        let at = first + section * SECTION;
        if word(contents, at + FLAGS) & EXECUTABLE != 0 {
            contents[at + ADDRESS..at + ADDRESS + 8].copy_from_slice(&address.to_ne_bytes());
        }
    }
}
