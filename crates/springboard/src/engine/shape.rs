//! Shapes: compiled plans, and the stub that serves every function of one.

use std::sync::{Arc, OnceLock};

use springboard_abi::{Entry, ErrorSource, Plan, SlotForm};
use springboard_emit::Template;

use springboard_code::{CodeMemory, CodePointer, Holes, Name, Site, Stamp, Stub, fork};

use crate::{last_error::LastError, reason::Reason, stats::Counter};

/// A compiled plan.
pub(super) struct Shape {
    code: ShapeCode,
    entry: Entry,
    site: Site,
    /// What debuggers and profilers are told of its parameters, where somebody is.
    parameters: Box<str>,
    /// The stub that serves every function of the shape, where the entry is handed its target.
    stub: OnceLock<Arc<Stub>>,
}

/// What there is for a plan.
enum ShapeCode {
    Template(Template),
    /// It was compiled with the program, and is handed its target.
    Thunk(CodePointer),
}

impl Shape {
    /// Code to stamp, for stubs of this plan.
    pub(super) fn compiled(template: Template, plan: &Plan, parameters: String) -> Shape {
        let code = ShapeCode::Template(template);
        let (entry, site) = (plan.entry(), site(plan));
        Shape { code, entry, site, parameters: parameters.into(), stub: OnceLock::new() }
    }

    /// Code that is there, of the slots entry.
    pub(super) fn packed(thunk: CodePointer) -> Shape {
        let code = ShapeCode::Thunk(thunk);
        let (entry, site) = (Entry::Slots, Site::Program);
        Shape { code, entry, site, parameters: Box::default(), stub: OnceLock::new() }
    }

    /// Where its stubs should lie.
    pub(super) fn site(&self) -> Site {
        self.site
    }

    /// How its stubs are entered.
    pub(super) fn entry(&self) -> Entry {
        self.entry
    }

    /// What debuggers and profilers are told of a stub of this or another entry with the shape's parameters.
    pub(super) fn name(&self, entry: Entry, result: Option<SlotForm>) -> Name<'_> {
        Name::Prototype { entry, parameters: &self.parameters, result }
    }

    /// The code that was compiled with the program, if that is what there is.
    pub(super) fn thunk(&self) -> Option<CodePointer> {
        match self.code {
            ShapeCode::Thunk(thunk) => Some(thunk),
            ShapeCode::Template(_) => None,
        }
    }

    /// The code to stamp. Only shapes of the slots entry may have none.
    pub(super) fn template(&self) -> &Template {
        match &self.code {
            ShapeCode::Template(template) => template,
            ShapeCode::Thunk(_) => unreachable!("whoever stamps has asked for a thunk first"),
        }
    }

    /// The stub for an entry that is handed its target: one serves every function of the shape. It is named after the
    /// `result` of the function for which it is made, and counted in `made`.
    ///
    /// # Errors
    /// There is no memory for it. The next call tries again.
    pub(super) fn stub(
        &self,
        memory: &CodeMemory,
        made: &Counter,
        result: Option<SlotForm>,
    ) -> Result<&Arc<Stub>, Reason> {
        if let Some(stub) = self.stub.get() {
            return Ok(stub);
        }
        // A child that is forked meanwhile would find the place locked for ever.
        let _hold = fork::hold();
        let holes = Holes { helper: LastError::Errno.helper(), ..Holes::default() };
        let stamp = Stamp { name: self.name(self.entry, result), template: self.template(), holes };
        let published = memory.publish(&[stamp])?.remove(0);
        // Of threads that come here at once, one's stub stays.
        Ok(self.stub.get_or_init(|| {
            made.count();
            Arc::new(published)
        }))
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
    use springboard_code::{Strategy, testing::together};
    use springboard_ir::Signature;

    use super::*;

    #[test]
    fn a_stub_that_found_no_memory_is_made_by_the_next_call() {
        let _process = together();
        let signature = Signature::parse("int(int)").unwrap();
        let plan = plan(&signature, &Target::host().unwrap(), Entry::Slots).unwrap();
        // Bytes that nobody runs.
        let template = Template { code: [0; 8].into(), align: 8, holes: Box::default() };
        let shape = Shape::compiled(template, &plan, String::new());
        let made = Counter::default();
        let memory = |limit| CodeMemory::new(Strategy::File, limit);
        assert!(matches!(shape.stub(&memory(0), &made, None), Err(Reason::CodeLimit { bytes: 0 })));
        let first = shape.stub(&memory(1 << 20), &made, None).expect("asked for anew");
        let again = shape.stub(&memory(0), &made, None).expect("it is there");
        assert!(Arc::ptr_eq(first, again));
        assert_eq!(made.get(), 1);
    }
}
