//! Shapes: what there is for a plan, and the stub that serves every function of one.

use std::sync::{Arc, OnceLock};

use springboard_abi::{Entry, ErrorSource, Form, Plan, SlotForm};
use springboard_code::{CodeMemory, CodePointer, Holes, Name, Site, Stamp, Stub, fork};
use springboard_emit::{HoleKind, Template};

use crate::{last_error::LastError, reason::Reason, stats::Counter};

/// What there is for a plan.
pub(super) enum Shape {
    /// Code of the slots entry that was compiled with the program. It is handed its target.
    Thunk(CodePointer),
    Compiled(Compiled),
}

/// A compiled plan.
pub(super) struct Compiled {
    /// The code to stamp.
    pub(super) template: Template,
    /// What it has holes for.
    pub(super) holes: HoleKinds,
    /// How many addresses of a host's list it refers to: one more than the largest number.
    pub(super) host: usize,
    /// How its stubs are entered.
    pub(super) entry: Entry,
    /// Where its stubs should lie.
    pub(super) site: Site,
    /// What debuggers and profilers are told of its parameters, where somebody is.
    parameters: Box<str>,
    /// The stub that serves every function of the shape, where the entry is handed its target.
    stub: OnceLock<Arc<Stub>>,
}

impl Compiled {
    pub(super) fn new(template: Template, plan: &Plan, parameters: String) -> Compiled {
        let holes = template.holes.iter().fold(HoleKinds::default(), |kinds, hole| kinds.with(hole.kind));
        let host = match &plan.form {
            Form::Boxed(boxed) => boxed.addresses(),
            _ => 0,
        };
        let (entry, site) = (plan.entry(), site(plan));
        Compiled { template, holes, host, entry, site, parameters: parameters.into(), stub: OnceLock::new() }
    }

    /// What debuggers and profilers are told of a stub of this or another entry with the shape's parameters.
    pub(super) fn name(&self, entry: Entry, result: Option<SlotForm>) -> Name<'_> {
        Name::Prototype { entry, parameters: &self.parameters, result }
    }

    /// The stub for an entry that is handed its target, if it was made.
    pub(super) fn made(&self) -> Option<&Arc<Stub>> {
        self.stub.get()
    }

    /// Makes that stub: one serves every function of the shape. It is named after the `result` of the function for which
    /// it is made, and counted in `made`.
    ///
    /// # Errors
    /// There is no memory for it. The next call tries again.
    pub(super) fn make(
        &self,
        memory: &CodeMemory,
        made: &Counter,
        result: Option<SlotForm>,
    ) -> Result<&Arc<Stub>, Reason> {
        // A child that is forked meanwhile would find the place locked for ever.
        let _hold = fork::hold();
        let holes = Holes::default().with(HoleKind::Helper, LastError::Errno.helper());
        let stamp = Stamp { name: self.name(self.entry, result), template: &self.template, holes };
        let published = memory.publish(&[stamp])?.remove(0);
        // Of threads that come here at once, one's stub stays.
        Ok(self.stub.get_or_init(|| {
            made.count();
            Arc::new(published)
        }))
    }
}

/// A set of kinds of holes.
#[derive(Clone, Copy, PartialEq, Eq, Default, Debug)]
pub(super) struct HoleKinds(u8);

const _: () = assert!(HoleKind::ALL.len() <= 8);

impl HoleKinds {
    pub(super) fn with(self, kind: HoleKind) -> HoleKinds {
        HoleKinds(self.0 | 1 << kind.number())
    }

    /// The first kind that is not among others.
    pub(super) fn without(self, others: HoleKinds) -> Option<HoleKind> {
        let rest = self.0 & !others.0;
        HoleKind::ALL.get(rest.trailing_zeros() as usize).copied()
    }
}

/// Where stubs of a plan should lie: near what they call more often than they are called.
fn site(plan: &Plan) -> Site {
    let asks = plan.form.last_error().is_some_and(|error| error.source != ErrorSource::ThreadLocal);
    if plan.entry() == Entry::Columns || asks { Site::Libraries } else { Site::Program }
}

#[cfg(test)]
mod tests {
    use springboard_abi::{Target, plan};
    use springboard_code::Strategy;
    use springboard_ir::Signature;
    use springboard_process::together;

    use super::*;

    #[test]
    fn a_stub_that_found_no_memory_is_made_by_the_next_call() {
        let _process = together();
        let signature = Signature::parse("int(int)").unwrap();
        let plan = plan(&signature, &Target::host().unwrap(), Entry::Slots).unwrap();
        // Bytes that nobody runs.
        let template = Template { code: [0; 8].into(), align: 8, holes: Box::default(), row: None };
        let shape = Compiled::new(template, &plan, String::new());
        let made = Counter::default();
        let memory = |limit| CodeMemory::new(Strategy::File, limit);
        assert!(matches!(shape.make(&memory(0), &made, None), Err(Reason::CodeLimit { bytes: 0 })));
        let first = shape.make(&memory(1 << 20), &made, None).expect("asked for anew");
        let again = shape.made().expect("it is there");
        assert!(Arc::ptr_eq(first, again));
        assert_eq!(made.get(), 1);
    }
}
