//! A value that is not there at first: made once, by whoever comes first, and read without a lock from then on.
//!
//! This is how many threads that want one plan compile it once, and how a function goes over from libffi to its stub:
//! the value is whole before one atomic store shows it.

#[cfg(not(loom))]
use std::sync::{Mutex, atomic::AtomicPtr};
use std::{
    fmt,
    marker::PhantomData,
    ptr,
    sync::atomic::Ordering::{Acquire, Release},
};

#[cfg(loom)]
use loom::sync::{Mutex, atomic::AtomicPtr};

/// A place for a value that is made at most once.
pub(crate) struct Switch<T> {
    /// Null, or a box that belongs to this value. Changes once.
    value: AtomicPtr<T>,
    /// Held by whoever makes the value.
    making: Mutex<()>,
    /// It drops a `T`.
    owns: PhantomData<Box<T>>,
}

// SAFETY: as a mutex around a box: whoever drops the place drops a `T` that another thread may have made, and any
// thread may read it.
unsafe impl<T: Send> Send for Switch<T> {}
// SAFETY: as above.
unsafe impl<T: Send + Sync> Sync for Switch<T> {}

impl<T> Switch<T> {
    /// An empty place.
    pub(crate) fn new() -> Switch<T> {
        Switch { value: AtomicPtr::new(ptr::null_mut()), making: Mutex::new(()), owns: PhantomData }
    }

    /// The value, if it is there. Takes no lock.
    #[inline(always)]
    pub(crate) fn get(&self) -> Option<&T> {
        // SAFETY: what is not null is a box that was whole before the store that this load sees, and that is neither
        // changed nor freed while `self` is borrowed.
        unsafe { self.value.load(Acquire).as_ref() }
    }

    /// The value, made by `make` where there is none. Of threads that come at once one makes it, and the others wait.
    ///
    /// Where `make` panics there is still none, and the next one makes it.
    pub(crate) fn get_or_make(&self, make: impl FnOnce() -> T) -> &T {
        if let Some(value) = self.get() {
            return value;
        }
        // The lock guards no value: whoever left it half-way has stored none.
        let _making = self.making.lock().unwrap_or_else(|poison| poison.into_inner());
        if let Some(value) = self.get() {
            return value;
        }
        let value = Box::into_raw(Box::new(make()));
        self.value.store(value, Release);
        // SAFETY: as in `get`.
        unsafe { &*value }
    }
}

impl<T> Default for Switch<T> {
    fn default() -> Switch<T> {
        Switch::new()
    }
}

impl<T> Drop for Switch<T> {
    fn drop(&mut self) {
        let value = self.value.load(Acquire);
        if !value.is_null() {
            // SAFETY: the box is this value's own, and nobody borrows what is being dropped.
            drop(unsafe { Box::from_raw(value) });
        }
    }
}

impl<T: fmt::Debug> fmt::Debug for Switch<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Switch").field(&self.get()).finish()
    }
}
