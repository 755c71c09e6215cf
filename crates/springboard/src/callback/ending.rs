//! The end of a thread: who frees the handlers of its callbacks.
//!
//! A handler is freed on its owner thread. What is closed while that thread lives is freed there, at a drain or when it
//! ends. What is still open then, and closed later by another thread, would never be freed; the host chooses otherwise
//! by one of the two ways here.

use std::{cell::RefCell, sync::Arc};

use super::{
    error::CreateError,
    gate::{AfterClose, Generation},
    handle::Callback,
    owner::Owner,
    pool::Cell,
};

/// A thread that frees handlers for others that have ended. Any thread may have it.
#[derive(Clone, Debug)]
pub struct Heir(Arc<Owner>);

impl Heir {
    /// The running thread. It frees what it inherits at its next drain of any mailbox, and when it ends.
    ///
    /// # Errors
    /// [`CreateError::NotOwner`] in the destructor of a thread-local.
    pub fn current() -> Result<Heir, CreateError> {
        Owner::current().map(Heir).ok_or(CreateError::NotOwner)
    }

    /// Leaves to this thread the handlers of the running one that nobody has freed when it ends. Where the heir has
    /// ended as well, its own heir has them. The last choice counts.
    ///
    /// # Errors
    /// [`CreateError::NotOwner`] in the destructor of a thread-local.
    ///
    /// # Safety
    /// Each handler of the running thread's callbacks may be freed on the heir's thread, and on those of its heirs, once
    /// the running thread has ended: what it refers to is there, and is not bound to the running thread.
    pub unsafe fn inherit(&self) -> Result<(), CreateError> {
        let owner = Owner::current().ok_or(CreateError::NotOwner)?;
        owner.leave_to(Arc::clone(&self.0));
        Ok(())
    }
}

thread_local! {
    static OPEN: Open = const { Open(RefCell::new(None)) };
}

/// The callbacks of a thread that are to be closed when it ends. `None` where it has not asked for that.
struct Open(RefCell<Option<Vec<(&'static Cell, Generation)>>>);

impl Drop for Open {
    fn drop(&mut self) {
        for (cell, generation) in self.0.take().into_iter().flatten() {
            cell.close(generation, AfterClose::Zero);
        }
    }
}

/// Has callbacks with a policy that the running thread makes from now on closed when it ends, and their handlers freed
/// there: whoever has the handles. A handler that a call of another thread keeps at that moment has an [`Heir`], or is
/// leaked.
///
/// # Errors
/// [`CreateError::NotOwner`] in the destructor of a thread-local.
pub fn close_at_thread_exit() -> Result<(), CreateError> {
    // The owner's thread-local is there first, and so outlives this one.
    Owner::current().ok_or(CreateError::NotOwner)?;
    let chosen = OPEN.try_with(|Open(open)| _ = open.borrow_mut().get_or_insert_default());
    chosen.map_err(|_| CreateError::NotOwner)
}

/// A callback with a policy was made by the running thread.
pub(super) fn made(callback: &Callback) {
    let _ = OPEN.try_with(|Open(open)| {
        let mut open = open.borrow_mut();
        let Some(open) = open.as_mut() else { return };
        if open.len() == open.capacity() {
            open.retain(|(cell, generation)| !cell.gate.is_closed(*generation));
        }
        open.push(callback.identity());
    });
}
