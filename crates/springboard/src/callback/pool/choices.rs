//! What a type of callbacks chooses.

/// What becomes of the owner's own calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Own {
    /// The handler runs at once.
    Run,
    /// They queue behind those of other threads.
    Queue,
}

/// What becomes of a panic, or of another language's exception, that leaves a handler on the thread of its caller.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Unwinding {
    /// A panic is stopped and surfaces later; nothing else may leave.
    Stops,
    /// It goes on into the native caller.
    Passes,
}
