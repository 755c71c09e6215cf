//! `SPRINGBOARD_FFI_TRACE=1`: what was served by whom, counted, and printed to standard error when the process ends.

use std::{
    collections::BTreeMap,
    sync::{
        Mutex, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

/// Calls through stubs, and through libffi; closures made with stubs, and with libffi.
pub(crate) struct Counters {
    pub(crate) native_calls: AtomicU64,
    pub(crate) libffi_calls: AtomicU64,
    pub(crate) native_closures: AtomicU64,
    pub(crate) libffi_closures: AtomicU64,
}

pub(crate) static COUNTERS: Counters = Counters {
    native_calls: AtomicU64::new(0),
    libffi_calls: AtomicU64::new(0),
    native_closures: AtomicU64::new(0),
    libffi_closures: AtomicU64::new(0),
};

/// How often each reason sent a cif to libffi.
static REASONS: Mutex<BTreeMap<&'static str, u64>> = Mutex::new(BTreeMap::new());

/// Whether anything is counted.
pub(crate) fn enabled() -> bool {
    static ENABLED: OnceLock<bool> = OnceLock::new();
    *ENABLED.get_or_init(|| {
        let enabled = std::env::var_os("SPRINGBOARD_FFI_TRACE").is_some_and(|value| value == "1");
        if enabled {
            // SAFETY: the function prints, and stays loaded: the library is never unloaded.
            unsafe { libc::atexit(print) };
        }
        enabled
    })
}

/// Counts one.
pub(crate) fn count(counter: &AtomicU64) {
    if enabled() {
        counter.fetch_add(1, Relaxed);
    }
}

/// Counts a cif that is libffi's.
pub(crate) fn fallback(reason: &'static str) {
    if enabled() {
        *REASONS.lock().unwrap_or_else(PoisonError::into_inner).entry(reason).or_default() += 1;
    }
}

extern "C" fn print() {
    let Counters { native_calls, libffi_calls, native_closures, libffi_closures } = &COUNTERS;
    let [native, libffi, closures, others] =
        [native_calls, libffi_calls, native_closures, libffi_closures].map(|counter| counter.load(Relaxed));
    let mut line = format!(
        "springboard-libffi: calls native={native} libffi={libffi}, closures native={closures} libffi={others}"
    );
    for (reason, times) in &*REASONS.lock().unwrap_or_else(PoisonError::into_inner) {
        line += &format!(", {reason}={times}");
    }
    line.push('\n');
    // Not `eprintln`: it takes a lock and panics where standard error is closed.
    // SAFETY: the bytes are the line's.
    unsafe { libc::write(2, line.as_ptr().cast(), line.len()) };
}
