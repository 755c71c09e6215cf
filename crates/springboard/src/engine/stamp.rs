//! Stubs for hosts that enter code by themselves: made from a plan of any entry, which the host makes or has made.

use std::{collections::HashMap, ffi::c_void, fmt, ptr, ptr::NonNull, sync::Arc};

use foldhash::fast::RandomState;
use springboard_abi::{Ineligible, Plan, SlotForm, Target, boxed::HostAddress};
use springboard_code::{self as code, Holes, Site};
use springboard_emit::HoleKind;

use super::{
    Code, Core, Engine, Pack, in_bulk,
    queue::BATCH,
    shape::{HoleKinds, Shape},
};
use crate::{address, pack, reason::Reason};

/// A stub to be: its plan, and what is written into the holes of its code.
///
/// Which holes there are follows from the plan's [`Entry`](springboard_abi::Entry) and is listed at [`HoleKind`].
/// A plan without holes has one stub, which all who ask for it share.
#[derive(Clone, Copy, Debug)]
pub struct Stamp<'p> {
    plan: &'p Plan,
    holes: Holes<'p>,
    /// How many addresses of a host there are.
    host: usize,
    /// The kinds that are filled.
    filled: HoleKinds,
    /// Those of them of which there must be holes.
    certain: HoleKinds,
    result: Option<SlotForm>,
}

impl<'p> Stamp<'p> {
    /// A stub for `plan`, with no hole filled.
    pub fn new(plan: &'p Plan) -> Stamp<'p> {
        let (holes, none) = (Holes::default(), HoleKinds::default());
        Stamp { plan, holes, host: 0, filled: none, certain: none, result: None }
    }

    /// Fills the holes of a kind with an address. [`HoleKind`] says what the stub does with it whenever it is called.
    #[must_use]
    pub fn hole(self, kind: HoleKind, address: *const c_void) -> Stamp<'p> {
        Stamp { certain: self.certain.with(kind), ..self.hole_if_any(kind, address) }
    }

    /// As [`Stamp::hole`], for a kind of which the plan's code may have no hole.
    #[must_use]
    pub fn hole_if_any(self, kind: HoleKind, address: *const c_void) -> Stamp<'p> {
        let holes = self.holes.with(kind, address.expose_provenance() as u64);
        Stamp { holes, filled: self.filled.with(kind), ..self }
    }

    /// The addresses that a [`BoxedCall`](springboard_abi::boxed::BoxedCall) refers to, by their
    /// [numbers](springboard_abi::boxed::HostAddress). There may be more than the plan needs.
    #[must_use]
    pub fn host(self, addresses: &'p [*const c_void]) -> Stamp<'p> {
        let filled = HoleKind::ALL.into_iter().filter(|kind| matches!(kind, HoleKind::Host(_)));
        let filled = filled.fold(self.filled, HoleKinds::with);
        Stamp { holes: self.holes.with_host(addresses), host: addresses.len(), filled, ..self }
    }

    /// What the native function returns, which most plans do not say: debuggers and profilers are told it as part of
    /// the stub's name.
    #[must_use]
    pub fn returns(mut self, result: SlotForm) -> Stamp<'p> {
        self.result = Some(result);
        self
    }

    /// Whether what is filled are the holes of code that has these kinds, and refers to so many addresses of a host.
    fn check(&self, kinds: HoleKinds, host: usize) -> Result<(), StampError> {
        if self.host < host {
            return Err(StampError::Missing(HoleKind::Host(HostAddress(self.host as u8))));
        }
        match (kinds.without(self.filled), self.certain.without(kinds)) {
            (None, None) => Ok(()),
            (Some(kind), _) => Err(StampError::Missing(kind)),
            (None, Some(kind)) => Err(StampError::Superfluous(kind)),
        }
    }
}

/// Code that a host enters. Whoever calls it keeps this value until the call has returned: dropping it frees the code.
///
/// The stub of a plan without holes is shared, and stays as long as its engine or any of those who share it.
pub struct Stub {
    code: Code,
}

impl Stub {
    fn own(stub: code::Stub) -> Stub {
        Stub { code: Code::Own { stub, _to: None } }
    }

    /// The address of the first instruction. The plan's [`Entry`](springboard_abi::Entry) says how it is called.
    pub fn address(&self) -> NonNull<c_void> {
        address::of(self.code.first())
    }

    /// The code as it stands in memory. `None` where it was compiled with the program (feature `pack`).
    pub fn code(&self) -> Option<&[u8]> {
        match &self.code {
            Code::Shared(stub) => Some(stub.code()),
            Code::Own { stub, .. } => Some(stub.code()),
            Code::Packed(_) => None,
        }
    }
}

impl fmt::Debug for Stub {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Stub").field("address", &self.address()).finish_non_exhaustive()
    }
}

/// Why there is no stub.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StampError {
    /// There can be no code.
    #[error("{0}")]
    Reason(Reason),
    /// The code has a hole that was not filled.
    #[error("nothing is given for the plan's {0:?} hole")]
    Missing(HoleKind),
    /// The code has no hole of a kind that was filled.
    #[error("the plan has no {0:?} hole")]
    Superfluous(HoleKind),
}

impl From<Reason> for StampError {
    fn from(reason: Reason) -> StampError {
        StampError::Reason(reason)
    }
}

impl Engine {
    /// The plan that `plan` makes for this machine, where the engine has or can make code of it.
    ///
    /// # Errors
    /// The reason why there is no plan, or can be no code.
    pub fn plan_with(&self, plan: impl FnOnce(&Target) -> Result<Plan, Ineligible>) -> Result<Plan, Reason> {
        let Core { target, pack, .. } = &*self.core;
        if !pack::AVAILABLE || *pack == Pack::Off {
            self.memory()?;
        }
        let planned = match target {
            Ok(target) => plan(target).map_err(Reason::Ineligible),
            Err(unknown) => Err(Reason::UnknownTarget(unknown.clone())),
        };
        // What the pack has needs no memory.
        if !planned.as_ref().is_ok_and(|plan| self.thunk(plan).is_some()) {
            self.memory()?;
        }
        planned
    }

    /// Makes a stub. Its plan is compiled now if this engine has not compiled it before.
    ///
    /// # Errors
    /// The reason why there can be no code; a hole that was not filled, or was and is not there.
    pub fn stamp(&self, stamp: Stamp<'_>) -> Result<Stub, StampError> {
        let make = |shape: &Result<Arc<Shape>, Reason>| {
            let shape = shape.as_ref().map_err(Reason::clone)?;
            match self.prepare(shape, &stamp)? {
                Prepared::Made(stub) => Ok(stub),
                Prepared::Own { stamp, site } => {
                    let mut stubs = self.core.memory.at(site)?.publish(&[stamp]).map_err(Reason::from)?;
                    Ok(Stub::own(stubs.remove(0)))
                }
            }
        };
        self.core.cache.get(stamp.plan, make).unwrap_or_else(|| make(&self.shape(stamp.plan)))
    }

    /// Makes many stubs: each plan is compiled once, several at a time where there are many, and code is written for a
    /// thousand at a time. What comes with a stamp comes back with its stub, in order. Give the same reference for the same plan:
    /// plans are told apart by address.
    ///
    /// # Errors
    /// Each result's own, as [`Engine::stamp`]. Where there is not room for all, there may be for some.
    pub fn stamp_all<'p, T>(
        &self,
        stamps: impl IntoIterator<Item = (T, Stamp<'p>)>,
    ) -> Vec<(T, Result<Stub, StampError>)> {
        let mut stamps = stamps.into_iter();
        let mut known: HashMap<*const Plan, usize, RandomState> = HashMap::default();
        let mut shapes = Vec::new();
        let mut made = Vec::with_capacity(stamps.size_hint().0);
        loop {
            let mut plans = Vec::new();
            let some = stamps.by_ref().take(BATCH).map(|(with, stamp)| {
                let index = *known.entry(ptr::from_ref(stamp.plan)).or_insert_with(|| {
                    plans.push(Ok(stamp.plan));
                    shapes.len() + plans.len() - 1
                });
                (with, stamp, index)
            });
            let some: Vec<_> = some.collect();
            if some.is_empty() {
                return made;
            }
            shapes.extend(in_bulk::compile(self, plans));
            self.stamp_some(some, &shapes, &mut made);
        }
    }

    /// Makes stubs of shapes, by their index.
    fn stamp_some<T>(
        &self,
        some: Vec<(T, Stamp<'_>, usize)>,
        shapes: &[Result<Arc<Shape>, Reason>],
        made: &mut Vec<(T, Result<Stub, StampError>)>,
    ) {
        let prepared = some.iter().map(|(_, stamp, shape)| match &shapes[*shape] {
            Ok(shape) => self.prepare(shape, stamp),
            Err(reason) => Err(reason.clone().into()),
        });
        let prepared: Vec<_> = prepared.collect();
        let batch: Vec<_> = prepared.iter().filter_map(in_one_go).collect();
        let published = match (&*batch, self.memory()) {
            ([], _) | (_, Err(_)) => Vec::new(),
            (stamps, Ok(memory)) => memory.publish(stamps).unwrap_or_default(),
        };
        let mut published = published.into_iter();
        made.extend(some.into_iter().zip(prepared).map(|((with, stamp, _), prepared)| {
            let published = in_one_go(&prepared).and_then(|_| published.next());
            let stub = match (prepared, published) {
                (_, Some(stub)) => Ok(Stub::own(stub)),
                (Err(error), None) => Err(error),
                (Ok(Prepared::Made(stub)), None) => Ok(stub),
                // It lies elsewhere, or there is not room for all.
                (Ok(Prepared::Own { .. }), None) => self.stamp(stamp),
            };
            (with, stub)
        }));
    }

    /// Checks a stamp, and finds the stub that is there already.
    fn prepare<'s>(&self, shape: &'s Shape, stamp: &Stamp<'s>) -> Result<Prepared<'s>, StampError> {
        match shape {
            Shape::Compiled(shape) if shape.holes != HoleKinds::default() => {
                stamp.check(shape.holes, shape.host)?;
                let (name, template) = (shape.name(shape.entry, stamp.result), &shape.template);
                let stamp = code::Stamp { name, template, holes: stamp.holes };
                Ok(Prepared::Own { stamp, site: shape.site })
            }
            _ => {
                stamp.check(HoleKinds::default(), 0)?;
                Ok(Prepared::Made(Stub { code: self.shared_code_of(shape, stamp.result)? }))
            }
        }
    }
}

/// A stamp whose holes are right.
enum Prepared<'s> {
    /// The stub is there.
    Made(Stub),
    /// It is to be written, in memory at a site.
    Own { stamp: code::Stamp<'s>, site: Site },
}

/// What is written with others in one go.
fn in_one_go<'s>(prepared: &Result<Prepared<'s>, StampError>) -> Option<code::Stamp<'s>> {
    match prepared {
        Ok(Prepared::Own { stamp, site: Site::Program }) => Some(*stamp),
        _ => None,
    }
}
