//! What the system allows, found out once.

use std::{fmt, sync::OnceLock};

use springboard_emit::Template;

use crate::{
    error::{CodeError, NoRoom},
    memory::CodeMemory,
    stamp::{Holes, Name, Stamp},
    strategy::Strategy,
    trap,
};

/// Whether, and how, this process can have executable memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Capability {
    /// Pages of a file in memory, which code is written to. No mapping is ever writable. Works under
    /// `prctl(PR_SET_MDWE)`.
    File,
    /// Pages written once and then made executable for good: files in memory cannot be had, written or executed.
    Sealed,
    /// None. Every call goes through libffi.
    Refused {
        /// What was refused on the way to [`Capability::File`].
        file: CodeError,
        /// What was refused on the way to [`Capability::Sealed`].
        sealed: CodeError,
    },
}

impl Capability {
    /// How pages become executable here.
    ///
    /// # Errors
    /// Fails where no executable memory is to be had.
    pub fn strategy(&self) -> Result<Strategy, CodeError> {
        match self {
            Capability::File => Ok(Strategy::File),
            Capability::Sealed => Ok(Strategy::Sealed),
            Capability::Refused { file, .. } => Err(*file),
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Capability::File => f.write_str("code is written to a file whose pages execute"),
            Capability::Sealed => f.write_str("pages are written once and then made executable"),
            Capability::Refused { file, sealed } => {
                write!(f, "no executable memory: {file}; {sealed}")
            }
        }
    }
}

/// What this process is allowed. Found out at the first call by writing an instruction and making it executable, without
/// running it; remembered from then on.
pub fn capability() -> &'static Capability {
    static CAPABILITY: OnceLock<Capability> = OnceLock::new();
    CAPABILITY.get_or_init(|| {
        let Err(file) = probe(Strategy::File) else { return Capability::File };
        let Err(sealed) = probe(Strategy::Sealed) else { return Capability::Sealed };
        Capability::Refused { file, sealed }
    })
}

fn probe(strategy: Strategy) -> Result<(), CodeError> {
    let mut code = [0; 4];
    trap::fill(&mut code);
    let template = Template { code: code.into(), align: 4, holes: Box::default(), row: None };
    let stamp = Stamp { name: Name::Plain("probe"), template: &template, holes: Holes::default() };
    match CodeMemory::new(strategy, usize::MAX).publish_by(strategy, &[stamp]) {
        Ok(_) | Err(NoRoom::Limit(_)) => Ok(()),
        Err(NoRoom::System(error)) => Err(error),
    }
}
