//! The compiler for one architecture.

use springboard_abi::Plan;
use target_lexicon::Triple;

use crate::template::Template;

/// Compiles plans for one target. Cheap to use from one thread at a time; make one a thread, or share it behind a
/// lock.
pub struct Compiler {}

/// Why a plan could not be compiled. Each is a defect of springboard or a missing feature, never the caller's
/// mistake: a plan that exists can be emitted.
#[derive(Debug)]
pub enum EmitError {
    /// No code generator for this target was built in. Feature `all-targets` adds the others.
    NoBackend(Triple),
    /// Cranelift refused the function.
    Backend(String),
}

impl std::fmt::Display for EmitError {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            EmitError::NoBackend(triple) => write!(f, "no code generator for {triple} was built in"),
            EmitError::Backend(why) => write!(f, "the code generator refused the plan: {why}"),
        }
    }
}

impl std::error::Error for EmitError {}

impl Compiler {
    /// A compiler for `triple`.
    ///
    /// # Errors
    /// [`EmitError::NoBackend`].
    pub fn new(triple: &Triple) -> Result<Compiler, EmitError> {
        Err(EmitError::NoBackend(triple.clone()))
    }

    /// A compiler for the running machine, using what its CPU and operating system offer.
    ///
    /// # Errors
    /// [`EmitError::NoBackend`].
    pub fn host() -> Result<Compiler, EmitError> {
        Compiler::new(&Triple::host())
    }

    /// Compiles `plan`.
    ///
    /// # Errors
    /// [`EmitError::Backend`].
    pub fn emit(&mut self, plan: &Plan) -> Result<Template, EmitError> {
        let _ = plan;
        Err(EmitError::Backend(String::new()))
    }
}
