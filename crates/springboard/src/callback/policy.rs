//! Policies: what becomes of a call that comes from another thread than the owner.

use std::sync::Arc;

use super::owner::Owner;

/// What a callback does with calls from other threads than its owner. On the owner thread handlers run at once.
#[derive(Clone, Debug)]
pub(super) enum Policy {
    /// The handler runs on whatever thread calls.
    Inline,
    /// The caller gets zero.
    Reject(Arc<Owner>),
}

impl Policy {
    /// The thread on which alone the handler runs and is freed. `None` where it may be any.
    pub(super) fn owner(&self) -> Option<&Arc<Owner>> {
        match self {
            Policy::Inline => None,
            Policy::Reject(owner) => Some(owner),
        }
    }
}
