//! Why a plan could not be compiled.

use std::fmt;

use target_lexicon::Triple;

/// Why a plan could not be compiled. Each is a defect of springboard or a build without the feature, never the
/// caller's mistake: a plan that exists can be emitted.
#[derive(Debug)]
#[non_exhaustive]
pub enum EmitError {
    /// No code generator for this target was built in. The feature `all-targets` adds all there are.
    NoBackend(Triple),
    /// The plan's convention belongs to another architecture than the compiler's.
    OtherArchitecture {
        /// What the compiler emits code for.
        compiler: Triple,
        /// The plan's convention.
        convention: springboard_abi::Convention,
    },
    /// Cranelift refused the function.
    Backend(String),
}

impl fmt::Display for EmitError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            EmitError::NoBackend(triple) => write!(f, "no code generator for {triple} was built in"),
            EmitError::OtherArchitecture { compiler, convention } => {
                write!(f, "a compiler for {compiler} was given a plan for {convention}")
            }
            EmitError::Backend(why) => write!(f, "the code generator refused the plan: {why}"),
        }
    }
}

impl std::error::Error for EmitError {}
