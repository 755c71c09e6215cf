//! What a process sees of its own pages and handles.

use std::{ffi::c_void, mem, ptr};

use windows_sys::Win32::System::{
    Memory::{
        MEM_COMMIT, MEM_IMAGE, MEM_MAPPED, MEMORY_BASIC_INFORMATION, PAGE_EXECUTE, PAGE_EXECUTE_READ,
        PAGE_EXECUTE_READWRITE, PAGE_EXECUTE_WRITECOPY, PAGE_NOACCESS, PAGE_READWRITE, PAGE_WRITECOPY,
        VirtualProtect, VirtualQuery,
    },
    ProcessStatus::{K32GetProcessMemoryInfo, PROCESS_MEMORY_COUNTERS},
    Threading::{
        FLS_OUT_OF_INDEXES, FlsAlloc, FlsFree, FlsSetValue, GetCurrentProcess, GetProcessHandleCount,
    },
};

use springboard_code::Strategy;

/// The strategies that there are.
pub fn strategies() -> &'static [Strategy] {
    &[Strategy::File, Strategy::Sealed]
}

/// Ranges of pages, in the order of their addresses.
fn regions() -> Vec<MEMORY_BASIC_INFORMATION> {
    let mut regions = Vec::new();
    let mut at = 0;
    loop {
        let mut region = MEMORY_BASIC_INFORMATION::default();
        // SAFETY: the call writes the structure, which is ours and as large as said; the address is not followed.
        let written =
            unsafe { VirtualQuery(ptr::without_provenance(at), &mut region, mem::size_of_val(&region)) };
        if written == 0 {
            return regions;
        }
        at = region.BaseAddress.addr() + region.RegionSize;
        if region.State == MEM_COMMIT {
            regions.push(region);
        }
    }
}

/// What a range allows, in the letters of `/proc/self/maps`; the last says whether others may map the same pages.
fn letters(region: &MEMORY_BASIC_INFORMATION) -> String {
    let protect = region.Protect & 0xff;
    let execute =
        [PAGE_EXECUTE, PAGE_EXECUTE_READ, PAGE_EXECUTE_READWRITE, PAGE_EXECUTE_WRITECOPY].contains(&protect);
    let write =
        [PAGE_READWRITE, PAGE_WRITECOPY, PAGE_EXECUTE_READWRITE, PAGE_EXECUTE_WRITECOPY].contains(&protect);
    [
        if protect == PAGE_NOACCESS { '-' } else { 'r' },
        if write { 'w' } else { '-' },
        if execute { 'x' } else { '-' },
        if region.Type == MEM_MAPPED { 's' } else { 'p' },
    ]
    .iter()
    .collect()
}

fn row(region: &MEMORY_BASIC_INFORMATION) -> String {
    let start = region.BaseAddress.addr();
    format!("{start:x}-{:x} {} {:x}", start + region.RegionSize, letters(region), region.Type)
}

/// The mappings whose pages are both writable and executable, except those of programs and libraries.
pub fn writable_and_executable() -> Vec<String> {
    let both = |region: &&MEMORY_BASIC_INFORMATION| {
        let letters = letters(region);
        region.Type != MEM_IMAGE && letters.contains('w') && letters.contains('x')
    };
    regions().iter().filter(both).map(row).collect()
}

/// The views of code memory's sections.
pub fn code_mappings() -> Vec<String> {
    let code =
        |region: &&MEMORY_BASIC_INFORMATION| region.Type == MEM_MAPPED && letters(region).contains('x');
    regions().iter().filter(code).map(row).collect()
}

/// Whether the system makes a page writable when it is asked to, executable or not.
pub fn becomes_writable(page: usize) -> bool {
    let mut before = 0;
    [PAGE_READWRITE, PAGE_EXECUTE_READWRITE].into_iter().any(|access| {
        // SAFETY: where it does, nothing is written there, and the test that asks fails.
        unsafe { VirtualProtect(ptr::without_provenance(page), 1, access, &mut before) != 0 }
    })
}

/// Bytes of memory that are present now: the working set.
pub fn resident() -> usize {
    let mut counters = PROCESS_MEMORY_COUNTERS::default();
    let bytes = mem::size_of_val(&counters) as u32;
    // SAFETY: the call writes the structure, which is ours and as large as said.
    unsafe { K32GetProcessMemoryInfo(GetCurrentProcess(), &mut counters, bytes) };
    counters.WorkingSetSize
}

/// A thread-local (`FlsAlloc`) that has C called when its thread ends.
pub struct AtEnd(u32);

impl AtEnd {
    /// `destructor` is called with the value of each thread that has one, as that thread ends.
    ///
    /// # Safety
    /// It may be called so on any thread until the last one that has a value has ended.
    pub unsafe fn new(destructor: unsafe extern "C" fn(*mut c_void)) -> AtEnd {
        // SAFETY: on x86_64 `system` is the convention of C (docs of Rust's ABI strings); the caller vouches for the rest.
        let index = unsafe {
            FlsAlloc(Some(mem::transmute::<
                unsafe extern "C" fn(*mut c_void),
                unsafe extern "system" fn(*const c_void),
            >(destructor)))
        };
        assert_ne!(index, FLS_OUT_OF_INDEXES);
        AtEnd(index)
    }

    /// Gives the running thread a value, an address that nobody follows.
    pub fn set(&self, value: usize) {
        // SAFETY: the index is one for as long as `self` lives.
        assert_ne!(unsafe { FlsSetValue(self.0, ptr::without_provenance(value)) }, 0);
    }
}

impl Drop for AtEnd {
    fn drop(&mut self) {
        // SAFETY: it was allocated when `self` was made.
        unsafe { FlsFree(self.0) };
    }
}

/// How many handles are open.
pub fn descriptors() -> usize {
    let mut count = 0;
    // SAFETY: the call writes the count, which is ours.
    unsafe { GetProcessHandleCount(GetCurrentProcess(), &mut count) };
    count as usize
}

/// Access to the page at `address`. `None` where nothing is mapped.
pub fn access(address: usize) -> Option<String> {
    let holds = |region: &&MEMORY_BASIC_INFORMATION| {
        (region.BaseAddress.addr()..region.BaseAddress.addr() + region.RegionSize).contains(&address)
    };
    regions().iter().find(holds).map(letters)
}
