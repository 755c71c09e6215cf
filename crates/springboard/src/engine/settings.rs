//! What an engine can be told: whether and when it compiles, and what it makes stubs for.

/// Whether an engine compiles.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum Jit {
    /// Calls go through stubs where a plan exists, through libffi where not.
    #[default]
    On,
    /// Nothing is compiled, and no executable memory is asked for. All calls go through libffi, except those that
    /// [`Pack`] serves.
    Off,
}

/// When functions get their stubs.
///
/// Only compiling is put off. Whether there is a plan is known when a function is bound; where there is none, or where
/// libffi could not stand in, it is bound as by [`Compile::Eager`].
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum Compile {
    /// When they are bound: a call never waits, and is as fast as it will ever be.
    #[default]
    Eager,
    /// At the first call, by the thread that calls: what is never called costs no compiling. Of threads that call a
    /// function for the first time at once, one compiles and the others wait.
    Lazy,
    /// Soon after they are bound, by a thread of the engine's own; calls go through libffi until then. No call waits,
    /// and every call is made once, by one way or the other. The thread ends when it has had nothing to do for a
    /// second; in a child that was forked, the next call or bind starts another.
    Background,
}

/// Whether thunks that were compiled with the program serve functions of common shapes. There are some where the
/// feature `pack` is on.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum Pack {
    /// They do, and nothing is compiled for such functions. With [`Stubs::PerFunction`], a function uses its thunk if there
    /// is no executable memory for a stub of its own, or if that stub would leave the moves to the stub of its shape.
    #[default]
    On,
    /// They do not.
    Off,
}

/// Whether code is read back before it is published.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
#[cfg_attr(not(feature = "verify"), allow(dead_code, unreachable_pub, reason = "nobody can ask for it"))]
pub enum Verify {
    /// It is not.
    #[default]
    Off,
    /// All that the engine compiles is read by means that share nothing with the compiler, and compared with its plan. What
    /// differs is a defect of the compiler's: it is not published, and whatever asked for it goes on as after an error of
    /// the compiler, with [`Reason::Refused`](crate::Reason::Refused). Thunks that were compiled with the program
    /// ([`Pack`]) are not read again.
    On,
}

/// What stubs are made for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum Stubs {
    /// One per shape, which is handed the function's address: the least memory.
    #[default]
    PerShape,
    /// One per function, with the address in it, for hosts that keep one pointer per function:
    /// [`Function::bound_pointer`](crate::Function::bound_pointer). It is freed with the function's last handle.
    ///
    /// The stub of a function whose moves take more than a cache line or so leaves them to a stub of its shape: it
    /// takes 32 bytes on x86_64, 64 on aarch64, and a call one jump more.
    PerFunction,
}
