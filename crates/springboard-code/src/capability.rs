//! What the system allows, found out once.

use std::{fmt, sync::OnceLock};

use springboard_emit::Template;

use crate::{
    error::{CodeError, NoRoom},
    memory::CodeMemory,
    stamp::{Holes, Name, Stamp},
    strategy::{CodeWrites, Strategy},
};

/// Whether, and how, this process can have executable memory.
#[derive(Clone, PartialEq, Eq, Debug)]
pub enum Capability {
    /// One file mapped twice: executable for good, and writable only while a stub is written. Works under
    /// `prctl(PR_SET_MDWE)`.
    Shared,
    /// Pages written once and then made executable for good: executable mappings of files in memory are refused.
    Sealed,
    /// None. Every call goes through libffi.
    Refused {
        /// What was refused on the way to [`Capability::Shared`].
        shared: CodeError,
        /// What was refused on the way to [`Capability::Sealed`].
        sealed: CodeError,
    },
}

impl Capability {
    /// How pages become executable here, if `writes` is how they are written.
    ///
    /// # Errors
    /// Fails where no executable memory is to be had.
    pub fn strategy(&self, writes: CodeWrites) -> Result<Strategy, CodeError> {
        match self {
            Capability::Shared => Ok(Strategy::Shared(writes)),
            Capability::Sealed => Ok(Strategy::Sealed),
            Capability::Refused { shared, .. } => Err(*shared),
        }
    }
}

impl fmt::Display for Capability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Capability::Shared => f.write_str("code is written through a view that is never executable"),
            Capability::Sealed => f.write_str("pages are written once and then made executable"),
            Capability::Refused { shared, sealed } => {
                write!(f, "no executable memory: {shared}; {sealed}")
            }
        }
    }
}

/// An instruction that returns: what the probe writes. It is never run.
const RETURN: &[u8] = if cfg!(target_arch = "x86_64") {
    &[0xc3]
} else if cfg!(target_arch = "aarch64") {
    &0xd65f_03c0_u32.to_le_bytes()
} else if cfg!(target_arch = "riscv64") {
    &0x0000_8067_u32.to_le_bytes()
} else {
    &[0x07, 0xfe]
};

/// What this process is allowed. Found out at the first call by mapping a page, writing one instruction and making
/// it executable, without running it; remembered from then on.
pub fn capability() -> &'static Capability {
    static CAPABILITY: OnceLock<Capability> = OnceLock::new();
    CAPABILITY.get_or_init(|| {
        let Err(shared) = probe(Strategy::Shared(CodeWrites::Strict)) else { return Capability::Shared };
        let Err(sealed) = probe(Strategy::Sealed) else { return Capability::Sealed };
        Capability::Refused { shared, sealed }
    })
}

fn probe(strategy: Strategy) -> Result<(), CodeError> {
    let memory = CodeMemory::new(strategy, rustix::param::page_size().max(4096));
    let template = Template { code: RETURN.into(), align: 1, holes: Box::default() };
    let stubs = match memory.publish(&[Stamp {
        name: Name::Plain("probe"),
        template: &template,
        holes: Holes::default(),
    }]) {
        Ok(stubs) => stubs,
        Err(NoRoom::System(error)) => return Err(error),
        Err(NoRoom::Limit(_)) => unreachable!("one instruction fits a page"),
    };
    assert_eq!(stubs[0].code(), RETURN, "both mappings of one file show the same bytes");
    Ok(())
}
