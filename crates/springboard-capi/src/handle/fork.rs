//! What `fork` means for the table.
//!
//! A thread that has the table locked while another forks does not exist in the child: so who forks takes the lock.

use std::{cell::UnsafeCell, sync::MutexGuard};

use super::{PoisonError, TABLE, Table};

/// The guard between the handlers.
struct Forking(UnsafeCell<Option<MutexGuard<'static, Table>>>);

// SAFETY: only who has the table's lock accesses the value, and a guard is dropped by the thread that took it: the
// handlers of one `fork` run on one thread.
unsafe impl Sync for Forking {}

static FORKING: Forking = Forking(UnsafeCell::new(None));

pub(super) fn register() {
    // SAFETY: the handlers touch only statics, and the C library forgets them when it unloads their object.
    let refused = unsafe { libc::pthread_atfork(Some(before), Some(after), Some(after)) };
    debug_assert_eq!(refused, 0);
}

extern "C" fn before() {
    let guard = TABLE.lock().unwrap_or_else(PoisonError::into_inner);
    // SAFETY: this thread has the lock.
    unsafe { *FORKING.0.get() = Some(guard) };
}

extern "C" fn after() {
    // SAFETY: this thread has had the lock since `before`.
    drop(unsafe { (*FORKING.0.get()).take() });
}
