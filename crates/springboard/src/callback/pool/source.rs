//! Sources: how the cells of a pool get addresses that native code can call.

use std::{ffi::c_void, mem};

use springboard_abi::{Entry, Plan};
use springboard_code::{CodeMemory, CodePointer, Holes, Name, NoRoom, Stamp, Stub};
use springboard_emit::{HoleKind, Template};

use crate::{
    callback::error::CreateError,
    engine::Engine,
    fallback::{Closures, Helper},
    reason::Reason,
};

/// Where the cells of a pool get their addresses from.
pub(in crate::callback) enum Source {
    /// Stubs of the `callback` entry, and what they call.
    Slots(Stubs, Helper),
    /// Stubs of the `direct` entry, which leave arguments in their registers and jump to what their cell says; and what
    /// that is once the callback is closed and left.
    Direct(Stubs, CodePointer),
    /// Code that libffi makes.
    Closures(Closures),
}

/// What stubs are stamped from, and where they go.
pub(in crate::callback) struct Stubs {
    template: Template,
    memory: CodeMemory,
    entry: Entry,
    /// What debuggers and profilers are told of their parameters.
    parameters: String,
}

impl Source {
    /// The size of one stub.
    pub(super) fn code_bytes(&self) -> usize {
        match self {
            Source::Slots(stubs, _) | Source::Direct(stubs, _) => stubs.template.code.len(),
            Source::Closures(_) => 0,
        }
    }

    /// Code for cells at these addresses, for the rest of the process' life: for all, or the first of them.
    pub(super) fn entries(&self, cells: &[*const c_void]) -> Result<Vec<CodePointer>, CreateError> {
        match self {
            Source::Slots(stubs, helper) => {
                let helper = (*helper as *const c_void).expose_provenance() as u64;
                stubs.stamp(cells, Holes::default().with(HoleKind::Helper, helper))
            }
            Source::Direct(stubs, _) => stubs.stamp(cells, Holes::default()),
            Source::Closures(closures) => {
                Ok(cells.iter().map_while(|cell| closures.closure(*cell)).collect())
            }
        }
    }
}

impl Stubs {
    /// Stubs of `plan`, which is compiled here.
    pub(in crate::callback) fn of(plan: &Plan, engine: &Engine, memory: CodeMemory) -> Result<Stubs, Reason> {
        let template = engine.template(plan)?;
        Ok(Stubs { template, memory, entry: plan.entry(), parameters: plan.symbol_parameters() })
    }

    /// One stub per cell, written and published at once.
    fn stamp(&self, cells: &[*const c_void], holes: Holes<'_>) -> Result<Vec<CodePointer>, CreateError> {
        let Stubs { template, memory, entry, parameters } = self;
        let name = Name::Prototype { entry: *entry, parameters, result: None };
        let holes = |cell: &*const c_void| holes.with(HoleKind::Context, cell.expose_provenance() as u64);
        let stamps: Vec<_> = cells.iter().map(|cell| Stamp { name, template, holes: holes(cell) }).collect();
        match memory.publish(&stamps) {
            Ok(stubs) => Ok(stubs.into_iter().map(kept).collect()),
            Err(NoRoom::System(error)) => Err(CreateError::Memory(error)),
            Err(NoRoom::Limit(bytes)) => Err(CreateError::CodeLimit { bytes }),
        }
    }
}

/// The address of a stub, which stays for good.
fn kept(stub: Stub) -> CodePointer {
    let entry = stub.entry();
    mem::forget(stub);
    entry
}
