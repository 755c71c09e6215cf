//! What a process sees of its own mappings, descriptors and children.

use std::{
    ffi::c_void,
    panic::{AssertUnwindSafe, catch_unwind},
};

use springboard_code::Strategy;

/// The strategies that there are: under `prctl(PR_SET_MDWE)` no pages can be sealed.
pub fn strategies() -> &'static [Strategy] {
    const PR_GET_MDWE: libc::c_int = 66;
    // SAFETY: the call takes no pointers.
    let refused = unsafe { libc::prctl(PR_GET_MDWE, 0, 0, 0, 0) } & 1 == 1;
    if refused { &[Strategy::File] } else { &[Strategy::File, Strategy::Sealed] }
}

fn maps() -> Vec<String> {
    let maps = std::fs::read_to_string("/proc/self/maps").expect("Linux shows a process its mappings");
    assert!(maps.lines().count() > 5, "the map of a running process has rows");
    maps.lines().map(String::from).collect()
}

fn access_of(row: &str) -> &str {
    row.split_whitespace().nth(1).unwrap_or_default()
}

/// The mappings whose pages are both writable and executable.
pub fn writable_and_executable() -> Vec<String> {
    let both = |row: &String| access_of(row).contains('w') && access_of(row).contains('x');
    maps().into_iter().filter(both).collect()
}

/// The mappings of code memory's files.
pub fn code_mappings() -> Vec<String> {
    maps().into_iter().filter(|row| row.contains("memfd:springboard")).collect()
}

/// The descriptors of code memory's files.
pub fn code_descriptors() -> Vec<i32> {
    let open = std::fs::read_dir("/proc/self/fd").expect("Linux shows a process its descriptors");
    let number = |entry: std::fs::DirEntry| {
        let to = std::fs::read_link(entry.path()).ok()?;
        to.to_string_lossy()
            .contains("memfd:springboard")
            .then(|| entry.file_name().to_str()?.parse().ok())?
    };
    open.filter_map(Result::ok).filter_map(number).collect()
}

/// How many descriptors are open.
pub fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").expect("Linux shows a process its descriptors").count()
}

/// Access to the page at `address`. `None` where nothing is mapped.
pub fn access(address: usize) -> Option<String> {
    let row = maps().into_iter().find(|row| {
        let (start, end) = row.split(' ').next().and_then(|range| range.split_once('-')).unwrap();
        let [start, end] = [start, end].map(|text| usize::from_str_radix(text, 16).unwrap());
        (start..end).contains(&address)
    });
    row.map(|row| access_of(&row).to_owned())
}

/// Whether the system makes a page writable when it is asked to.
pub fn becomes_writable(page: usize) -> bool {
    let (page, access) = (std::ptr::without_provenance_mut(page), libc::PROT_READ | libc::PROT_WRITE);
    // SAFETY: where it does, nothing is written there, and the test that asks fails.
    unsafe { libc::mprotect(page, 1, access) == 0 }
}

/// Bytes of memory that are the process' own or shared with it and present now: `VmRSS` of proc(5).
pub fn resident() -> usize {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux shows a process its status");
    let row = status.lines().find_map(|row| row.strip_prefix("VmRSS:")).expect("a process has memory");
    let kilobytes = row.trim().trim_end_matches("kB").trim_end();
    kilobytes.parse::<usize>().expect("a number of kB") << 10
}

/// A thread-local (pthread_key_create(3)) that has C called when its thread ends.
pub struct AtEnd(libc::pthread_key_t);

impl AtEnd {
    /// `destructor` is called with the value of each thread that has one, as that thread ends.
    ///
    /// # Safety
    /// It may be called so on any thread until the last one that has a value has ended.
    pub unsafe fn new(destructor: unsafe extern "C" fn(*mut c_void)) -> AtEnd {
        let mut key = 0;
        // SAFETY: the key is ours to be written, and the caller vouches for the destructor.
        assert_eq!(unsafe { libc::pthread_key_create(&mut key, Some(destructor)) }, 0);
        AtEnd(key)
    }

    /// Gives the running thread a value, an address that nobody follows.
    pub fn set(&self, value: usize) {
        // SAFETY: the key is one for as long as `self` lives.
        assert_eq!(unsafe { libc::pthread_setspecific(self.0, std::ptr::without_provenance(value)) }, 0);
    }
}

impl Drop for AtEnd {
    fn drop(&mut self) {
        // SAFETY: it was made when `self` was.
        unsafe { libc::pthread_key_delete(self.0) };
    }
}

/// How a child process ended.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub enum Ended {
    /// Its work returned.
    Well,
    /// Its work panicked.
    Panicked,
    /// This signal killed it.
    Killed(i32),
}

/// Seconds after which `SIGALRM` ends a child that hangs. Emulated and sanitized ones take a few.
const LIMIT: u32 = 300;

/// A forked child, which runs beside this process.
pub struct Child(libc::pid_t);

impl Child {
    /// Forks a child that runs `work` and ends, and is killed if it does not.
    pub fn fork(work: impl FnOnce()) -> Child {
        // SAFETY: the child runs `work` on its only thread and ends without returning to the caller's frames. The C
        // library keeps memory allocation usable in a child.
        let pid = unsafe { libc::fork() };
        assert!(pid >= 0, "the machine allows another process");
        if pid == 0 {
            // SAFETY: the call takes no pointers. No test of a child handles the signal.
            unsafe { libc::alarm(LIMIT) };
            let code = if catch_unwind(AssertUnwindSafe(work)).is_ok() { 0 } else { 1 };
            // SAFETY: it ends the process at once; nothing of the parent's is unwound or flushed.
            unsafe { libc::_exit(code) };
        }
        Child(pid)
    }

    /// Waits for its end.
    pub fn wait(self) -> Ended {
        let mut status = 0;
        // SAFETY: `status` is a `c_int` that lives through the call, which is what the pointer must lead to.
        let waited = unsafe { libc::waitpid(self.0, &mut status, 0) };
        assert_eq!(waited, self.0);
        match (libc::WIFSIGNALED(status), libc::WEXITSTATUS(status)) {
            (true, _) => Ended::Killed(libc::WTERMSIG(status)),
            (false, 0) => Ended::Well,
            (false, _) => Ended::Panicked,
        }
    }
}
