//! By which path a function is called, and why not by the other.

use std::{fmt, sync::Arc};

use springboard_abi::{Ineligible, UnknownTarget};
use springboard_code::{CodeError, NoRoom};
use springboard_emit::EmitError;
#[cfg(feature = "verify")]
use springboard_readback::Refusal;

/// By which path a function is called.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Path {
    /// Through a stub compiled for its plan.
    Native,
    /// Through a thunk that was compiled with the program (feature `pack`): nothing is compiled when it runs.
    Pack,
    /// Not decided yet: its engine compiles at the first call ([`Compile::Lazy`](crate::Compile)).
    Uncalled,
    /// Through libffi, for this reason.
    Libffi(Reason),
}

/// Why calls of a function go through libffi. The answers are the same; they take longer.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Reason {
    /// No calling convention is known for this machine.
    UnknownTarget(UnknownTarget),
    /// No plan exists for the signature.
    Ineligible(Ineligible),
    /// Compiling is turned off: by [`Jit::Off`](crate::Jit), or `SPRINGBOARD_JIT=off` in the environment.
    JitOff,
    /// The system allows no executable memory, or no more of it.
    NoExecutableMemory(CodeError),
    /// The engine has as much code memory as [`EngineBuilder::code_limit`](crate::EngineBuilder::code_limit) allows.
    CodeLimit {
        /// The limit, in bytes.
        bytes: usize,
    },
    /// The stub is still being compiled ([`Compile::Background`](crate::Compile)).
    Compiling,
    /// The compiler refused the plan.
    Emit(Arc<EmitError>),
    /// What the compiler made is not what the plan says, and was not published
    /// ([`Verify::On`](crate::Verify)).
    #[cfg(feature = "verify")]
    Refused(Arc<Refusal>),
}

impl Reason {
    /// A short name that never changes, for counters and for programs that match on text. For
    /// [`Reason::Ineligible`] it is the rule's own.
    pub fn code(&self) -> &'static str {
        match self {
            Reason::UnknownTarget(_) => "unknown-target",
            Reason::Ineligible(rule) => rule.code(),
            Reason::JitOff => "jit-off",
            Reason::NoExecutableMemory(_) => "no-executable-memory",
            Reason::CodeLimit { .. } => "code-limit",
            Reason::Compiling => "compiling",
            Reason::Emit(_) => "emit",
            #[cfg(feature = "verify")]
            Reason::Refused(_) => "refused",
        }
    }
}

impl From<NoRoom> for Reason {
    fn from(error: NoRoom) -> Reason {
        match error {
            NoRoom::System(error) => Reason::NoExecutableMemory(error),
            NoRoom::Limit(bytes) => Reason::CodeLimit { bytes },
        }
    }
}

impl fmt::Display for Path {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Path::Native => f.write_str("native"),
            Path::Pack => f.write_str("precompiled"),
            Path::Uncalled => f.write_str("compiled at the first call"),
            Path::Libffi(reason) => write!(f, "libffi: {reason}"),
        }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Reason::UnknownTarget(error) => error.fmt(f),
            Reason::Ineligible(rule) => rule.fmt(f),
            Reason::JitOff => f.write_str("compiling is turned off"),
            Reason::NoExecutableMemory(error) => write!(f, "no executable memory: {error}"),
            Reason::CodeLimit { bytes } => write!(f, "code memory is at its limit of {bytes} bytes"),
            Reason::Compiling => f.write_str("the stub is still being compiled"),
            Reason::Emit(error) => error.fmt(f),
            #[cfg(feature = "verify")]
            Reason::Refused(refusal) => write!(f, "the stub is not what its plan says: {refusal}"),
        }
    }
}
