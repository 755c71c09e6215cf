//! Which functions get a fast call: as Node.js decides, or all that there is a plan for.

use core::fmt;

use super::{FastCall, node::NodeRefusal, node_eligible_call, plan_fast_call};
use crate::{ineligible::Ineligible, target::Target};

/// By whose rules a function gets a fast call.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Default, Debug)]
pub enum Profile {
    /// Exactly those of Node.js: see [`NodeRefusal`].
    Node,
    /// Whatever there is a plan for.
    #[default]
    Full,
}

/// Why a profile gives a function no fast call.
#[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// A rule of Node's.
    #[error(transparent)]
    Node(NodeRefusal),
    /// There is no plan.
    #[error(transparent)]
    Ineligible(Ineligible),
}

impl Profile {
    /// Every profile.
    pub const ALL: [Profile; 2] = [Profile::Node, Profile::Full];

    /// Whether a function gets a fast call on `target`.
    ///
    /// # Errors
    /// The first rule that it breaks.
    pub fn verdict(self, call: &FastCall, target: &Target) -> Result<(), Refusal> {
        match self {
            Profile::Node => {
                node_eligible_call(call, &target.model, target.convention).map_err(Refusal::Node)
            }
            Profile::Full => plan_fast_call(call, target).map(drop).map_err(Refusal::Ineligible),
        }
    }
}

impl Refusal {
    /// A short name that never changes, for counters and for programs that match on text.
    pub const fn code(&self) -> &'static str {
        match self {
            Refusal::Node(rule) => rule.code(),
            Refusal::Ineligible(rule) => rule.code(),
        }
    }
}

impl fmt::Display for Profile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Profile::Node => "Node",
            Profile::Full => "full",
        })
    }
}
