//! Whom a plan is for: data model, convention of the native function, convention by which the stub is entered.

use alloc::string::ToString as _;

use springboard_ir::DataModel;
use target_lexicon::{Architecture, OperatingSystem, Triple};

/// A C calling convention. The architecture is part of it.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub enum Convention {
    /// System V AMD64 psABI, version 1.0.
    Sysv64,
    /// Microsoft's x64 convention, as GCC implements it (`__attribute__((ms_abi))`).
    Win64,
    /// Procedure Call Standard for the Arm 64-bit Architecture, as Linux uses it.
    Aapcs64,
    /// Apple's variant of AAPCS64.
    Apple64,
    /// RISC-V ELF psABI, hardware floating point with 64-bit registers.
    Lp64d,
    /// z/Architecture ELF ABI supplement, without the vector facility.
    S390x,
}

impl Convention {
    /// Every convention, in the order of the documentation's table.
    pub const ALL: [Convention; 6] = [
        Convention::Sysv64,
        Convention::Win64,
        Convention::Aapcs64,
        Convention::Apple64,
        Convention::Lp64d,
        Convention::S390x,
    ];
}

/// What a plan depends on beside the signature.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
pub struct Target {
    /// What C types are.
    pub model: DataModel,
    /// How the native function is called.
    pub convention: Convention,
    /// How the stub itself is called: the platform's C convention.
    pub caller: Convention,
}

/// A triple that names no target of springboard.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[error(
    "no calling convention is known for {0}; known are {known}",
    known = Convention::ALL.map(|known| known.to_string()).join(", ")
)]
pub struct UnknownTarget(pub Triple);

impl Target {
    /// The platform's own C convention on `triple`.
    ///
    /// # Errors
    /// [`UnknownTarget`] where no planner is written for it.
    pub fn of(triple: &Triple) -> Result<Target, UnknownTarget> {
        let windows = triple.operating_system == OperatingSystem::Windows;
        let apple = triple.operating_system.is_like_darwin();
        let convention = match triple.architecture {
            Architecture::X86_64 if windows => Convention::Win64,
            Architecture::X86_64 => Convention::Sysv64,
            Architecture::Aarch64(_) if apple => Convention::Apple64,
            Architecture::Aarch64(_) if !windows => Convention::Aapcs64,
            Architecture::Riscv64(_) => Convention::Lp64d,
            Architecture::S390x => Convention::S390x,
            _ => return Err(UnknownTarget(triple.clone())),
        };
        let model = DataModel::of(triple).ok_or_else(|| UnknownTarget(triple.clone()))?;
        Ok(Target { model, convention, caller: convention })
    }

    /// The target of the running process.
    ///
    /// # Errors
    /// As [`Target::of`].
    pub fn host() -> Result<Target, UnknownTarget> {
        Target::of(&Triple::host())
    }

    /// The same platform, calling functions of another convention: `__attribute__((ms_abi))` on Linux, for one.
    pub fn calling(self, convention: Convention) -> Target {
        Target { convention, ..self }
    }
}
