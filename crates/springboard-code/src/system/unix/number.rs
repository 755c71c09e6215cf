//! The process's number.

#[cfg(target_os = "linux")]
pub(super) use remembered::number;

/// It tells a child that was made without the C library's `fork`.
#[cfg(not(target_os = "linux"))]
pub(super) fn number() -> u32 {
    std::process::id()
}

/// At the cost of a load, where the kernel clears a word in children.
#[cfg(target_os = "linux")]
mod remembered {
    use std::{
        ptr,
        sync::{
            OnceLock,
            atomic::{AtomicU32, Ordering},
        },
    };

    use rustix::{
        mm::{Advice, MapFlags, ProtFlags, madvise, mmap_anonymous, munmap},
        param::page_size,
        process::getpid,
    };

    /// The process's number. It tells a child that was made without the C library's `fork`.
    pub(crate) fn number() -> u32 {
        let ask = || getpid().as_raw_nonzero().get().cast_unsigned();
        match remembered() {
            None => ask(),
            Some(remembered) => match remembered.load(Ordering::Relaxed) {
                0 => {
                    let number = ask();
                    remembered.store(number, Ordering::Relaxed);
                    number
                }
                number => number,
            },
        }
    }

    /// A word that the kernel sets to zero in every child that does not share this process's memory, so that asking for the
    /// process's number takes no system call. `None` where the kernel does not do that.
    fn remembered() -> Option<&'static AtomicU32> {
        static WORD: OnceLock<Option<&'static AtomicU32>> = OnceLock::new();
        *WORD.get_or_init(|| {
            let page = page_size();
            // SAFETY: a new mapping, at an address that the kernel chooses.
            let word = unsafe {
                mmap_anonymous(ptr::null_mut(), page, ProtFlags::READ | ProtFlags::WRITE, MapFlags::PRIVATE)
            };
            let word = word.ok()?;
            // SAFETY: the page was mapped just now, and nobody else knows it.
            if unsafe { madvise(word, page, Advice::LinuxWipeOnFork) }.is_err() {
                // SAFETY: as long as nobody has the address, nobody misses the page.
                let _ = unsafe { munmap(word, page) };
                return None;
            }
            // SAFETY: a page is aligned for the word and larger, is zeroed, and stays mapped as long as the process lives.
            Some(unsafe { AtomicU32::from_ptr(word.cast()) })
        })
    }
}
