//! An engine's code memory: asked for when something is to be written into it, so that an engine which finds all of its
//! code in the pack never asks.

use std::sync::OnceLock;

use springboard_code::{Announce, CodeMemory, Site, capability, fork};

use crate::reason::Reason;

/// Code memory, or why there is none, once it is known.
pub(super) struct Memory {
    settings: Settings,
    made: OnceLock<Result<CodeMemory, Reason>>,
    /// More of it near the libraries, once something is to lie there.
    elsewhere: OnceLock<CodeMemory>,
}

/// What code memory depends on. The same settings make memory of the same behaviour.
#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) struct Settings {
    /// Whether there is to be none.
    pub(super) off: bool,
    /// Most bytes to map.
    pub(super) limit: usize,
    pub(super) announce: Vec<Announce>,
}

impl Memory {
    pub(super) fn new(settings: Settings) -> Memory {
        Memory { settings, made: OnceLock::new(), elsewhere: OnceLock::new() }
    }

    /// The memory.
    pub(super) fn get(&self) -> Result<&CodeMemory, Reason> {
        let made = match self.made.get() {
            Some(made) => made,
            None => {
                // A child that is forked meanwhile would find it locked for ever.
                let _hold = fork::hold();
                self.made.get_or_init(|| self.settings.memory())
            }
        };
        made.as_ref().map_err(Reason::clone)
    }

    /// Memory at a site.
    pub(super) fn at(&self, site: Site) -> Result<&CodeMemory, Reason> {
        let memory = self.get()?;
        match site {
            Site::Program => Ok(memory),
            site => {
                let _hold = fork::hold();
                Ok(self.elsewhere.get_or_init(|| memory.elsewhere(site)))
            }
        }
    }

    /// The memory, if something was written into it or tried to.
    pub(super) fn made(&self) -> Option<&CodeMemory> {
        self.made.get()?.as_ref().ok()
    }

    pub(super) fn settings(&self) -> &Settings {
        &self.settings
    }
}

impl Settings {
    /// Memory with these settings. Maps nothing yet.
    pub(crate) fn memory(&self) -> Result<CodeMemory, Reason> {
        let Settings { off, limit, announce } = self;
        if *off {
            return Err(Reason::JitOff);
        }
        let strategy = capability().strategy().map_err(Reason::NoExecutableMemory)?;
        Ok(CodeMemory::announcing(strategy, *limit, announce.clone()))
    }
}
