//! The file that `perf inject --jit` reads (linux/tools/perf/Documentation/jitdump-specification.txt): a header, and
//! a record per function with its code.
//!
//! ```text
//! header   magic u32 │ version u32 │ size u32 │ ELF machine u32 │ 0 u32 │ process u32 │ time u64 │ flags u64
//! record   id u32 │ size u32 │ time u64 │ process u32 │ thread u32 │ address u64 │ address u64 │ code size u64 │
//!          number u64 │ name, closed by a zero │ code
//! ```

use std::{
    collections::HashMap,
    fs::{File, OpenOptions},
    io::Write,
    os::{fd::AsFd, unix::fs::OpenOptionsExt},
    path::{Path, PathBuf},
    ptr,
    sync::{LazyLock, Mutex, PoisonError},
};

use rustix::{
    mm::{MapFlags, ProtFlags, mmap},
    thread::gettid,
    time::{ClockId, clock_gettime},
};

use crate::published::Published;

/// The first word of a file, by which a reader knows the order of bytes.
const MAGIC: u32 = 0x4a69_5444;
const VERSION: u32 = 1;
/// Sizes of a header, and of a record without name and code, in bytes.
const HEADER: u32 = 40;
const RECORD: usize = 56;
/// `JIT_CODE_LOAD`.
const LOAD: u32 = 0;

/// `e_machine` of elf(5).
const MACHINE: u32 = if cfg!(target_arch = "x86_64") {
    62
} else if cfg!(target_arch = "aarch64") {
    183
} else if cfg!(target_arch = "riscv64") {
    243
} else {
    22
};

/// The files by folder, with the processes that they belong to; `None` where one cannot be written.
static DUMPS: LazyLock<Mutex<Dumps>> = LazyLock::new(Mutex::default);

type Dumps = HashMap<PathBuf, (u32, Option<Dump>)>;

struct Dump {
    file: File,
    functions: u64,
}

pub(crate) fn tell(folder: &Path, published: &Published<'_>) {
    let mut dumps = DUMPS.lock().unwrap_or_else(PoisonError::into_inner);
    let process = std::process::id();
    let dump = dumps.entry(folder.to_owned()).or_insert((0, None));
    if dump.0 != process {
        *dump = (process, Dump::create(folder, process).ok());
    }
    if let Some(dump) = &mut dump.1 {
        // A full disk is no reason to stop the program.
        let _ = dump.write(process, published);
    }
}

impl Dump {
    fn create(folder: &Path, process: u32) -> std::io::Result<Dump> {
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(true)
            .create(true)
            .truncate(true)
            .custom_flags(libc::O_NOFOLLOW | libc::O_CLOEXEC);
        let mut file = options.mode(0o644).open(folder.join(format!("jit-{process}.dump")))?;
        let mut header = Vec::with_capacity(HEADER as usize);
        for word in [MAGIC, VERSION, HEADER, MACHINE, 0, process] {
            header.extend(word.to_ne_bytes());
        }
        header.extend(now().to_ne_bytes());
        header.extend(0u64.to_ne_bytes());
        file.write_all(&header)?;
        // perf finds the file by an executable mapping of it, which nobody enters. It stays as long as the process.
        // SAFETY: a new mapping, of a file that holds no code, which nobody reads.
        let _ = unsafe {
            let access = ProtFlags::READ | ProtFlags::EXEC;
            mmap(ptr::null_mut(), rustix::param::page_size(), access, MapFlags::PRIVATE, file.as_fd(), 0)
        };
        Ok(Dump { file, functions: 0 })
    }

    fn write(&mut self, process: u32, published: &Published<'_>) -> std::io::Result<()> {
        let Published { name, code } = *published;
        let size = RECORD + name.len() + 1 + code.len();
        let mut record = Vec::with_capacity(size);
        record.extend(LOAD.to_ne_bytes());
        record.extend((size as u32).to_ne_bytes());
        record.extend(now().to_ne_bytes());
        record.extend(process.to_ne_bytes());
        record.extend(gettid().as_raw_nonzero().get().to_ne_bytes());
        for word in [published.address(), published.address(), code.len() as u64, self.functions] {
            record.extend(word.to_ne_bytes());
        }
        record.extend(name.as_bytes());
        record.push(0);
        record.extend(code);
        self.functions += 1;
        self.file.write_all(&record)
    }
}

/// Nanoseconds of the clock that `perf record -k mono` uses.
fn now() -> u64 {
    let now = clock_gettime(ClockId::Monotonic);
    now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64
}
