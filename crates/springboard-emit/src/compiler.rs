//! The compiler for one target: settings once, then a plan in and a template out.

use std::fmt;

use cranelift_codegen::{
    Context, FinalizedRelocTarget,
    binemit::Reloc,
    control::ControlPlane,
    ir::ExternalName,
    isa::{self as codegen, OwnedTargetIsa},
    settings::{self, Configurable},
};
use cranelift_frontend::{FunctionBuilder, FunctionBuilderContext};
use springboard_abi::{DowncallResult, Entry, FastForm, Form, Plan, Protection, SlotsForm};
use target_lexicon::{OperatingSystem, Triple};

use crate::{
    body::{Built, Notes},
    boxed::Boxed,
    closure,
    columns::Loop,
    downcall::Downcall,
    error::EmitError,
    isa::{Code, Isa},
    symbol::Symbol,
    template::{Hole, Template},
    upcall::Upcall,
};

/// Compiles plans for one target.
///
/// Holds Cranelift's working memory, so one compiler serves one thread at a time. Any number may exist.
pub struct Compiler {
    pub(crate) backend: OwnedTargetIsa,
    pub(crate) isa: &'static Isa,
    protection: Protection,
    /// On the heap: it has some ten kilobytes, which callers with small stacks do not want to move about.
    pub(crate) context: Box<Context>,
    frontend: FunctionBuilderContext,
}

impl Compiler {
    /// A compiler for `triple`, for the oldest CPU of its architecture, whose stubs are not protected.
    ///
    /// # Errors
    /// [`EmitError::NoBackend`].
    pub fn new(triple: &Triple) -> Result<Compiler, EmitError> {
        Compiler::protected(triple, Protection::default())
    }

    /// A compiler for `triple` whose stubs are protected like this.
    ///
    /// # Errors
    /// As [`Compiler::new`].
    pub fn protected(triple: &Triple, protection: Protection) -> Result<Compiler, EmitError> {
        let fail = |error: &dyn fmt::Display| EmitError::Backend(error.to_string());
        let no_backend = || EmitError::NoBackend(triple.clone());
        let isa = Isa::of(&triple.architecture).ok_or_else(no_backend)?;
        let mut builder = codegen::lookup(triple.clone()).map_err(|_| no_backend())?;
        (isa.configure)(&mut builder, protection).map_err(|error| fail(&error))?;
        let backend = builder.finish(settings::Flags::new(flags())).map_err(|error| fail(&error))?;
        Ok(Compiler {
            backend,
            isa,
            protection,
            context: Box::new(Context::new()),
            frontend: FunctionBuilderContext::new(),
        })
    }

    /// A compiler for the running machine.
    ///
    /// # Errors
    /// As [`Compiler::new`].
    pub fn host() -> Result<Compiler, EmitError> {
        Compiler::new(&Triple::host())
    }

    /// Compiles `plan`.
    ///
    /// # Errors
    /// [`EmitError::OtherArchitecture`], and [`EmitError::Backend`] where springboard has a defect.
    pub fn emit(&mut self, plan: &Plan) -> Result<Template, EmitError> {
        Ok(self.compile(plan)?.1)
    }

    /// Leaves the compiled function in the context, and says which instruction performs which move.
    pub(crate) fn compile(&mut self, plan: &Plan) -> Result<(Notes, Template), EmitError> {
        let triple = self.backend.triple();
        if !plan.convention.runs_on(&triple.architecture) {
            return Err(EmitError::OtherArchitecture {
                compiler: triple.clone(),
                convention: plan.convention,
            });
        }
        let stub = match &plan.form {
            Form::Columns(columns) => Stub::Rows(Loop::of(plan, columns)),
            Form::Boxed(form) => Stub::Boxed(Boxed::of(plan, form)),
            Form::Callback(result) => Stub::Up(Upcall::of(plan, result, None)),
            Form::Closure(form) => {
                Stub::Up(Upcall::of(plan, &form.result, Some((form, closure::Fields::closure(plan.caller)))))
            }
            Form::GoClosure(form) => {
                Stub::Up(Upcall::of(plan, &form.result, Some((form, closure::Fields::GO_CLOSURE))))
            }
            Form::Slots(SlotsForm { result, .. })
            | Form::Bound(SlotsForm { result, .. })
            | Form::V8(FastForm { result, .. })
            | Form::Avalue(result) => Stub::Down(Downcall::of(plan, result)),
            Form::Relay | Form::Direct { .. } => Stub::Down(Downcall::of(plan, &DowncallResult::InPlace)),
        };
        let built = self.build(plan, &stub);
        if built.as_ref().is_ok_and(|(_, template)| !self.keeps_saved(template)) {
            return built;
        }
        let sparing = match stub {
            Stub::Boxed(boxed) => Stub::Boxed(boxed.on_the_stack()),
            Stub::Down(stub) => Stub::Down(stub.on_the_stack()),
            Stub::Rows(rows) => Stub::Rows(rows.sparing()),
            Stub::Up(_) => return built,
        };
        // One that still keeps some gives them back as it returns: only an exception that crosses it loses them.
        self.build(plan, &sparing)
    }

    /// Whether a stub keeps registers of its caller's of which the row of all stubs says nothing (`unwind.rs`).
    fn keeps_saved(&self, template: &Template) -> bool {
        let end = template.row.map_or(template.code.len(), |row| row as usize);
        self.isa.frame.is_some() && (self.isa.names_saved)(&template.code[..end])
    }

    /// Builds and compiles a stub.
    fn build(&mut self, plan: &Plan, stub: &Stub<'_>) -> Result<(Notes, Template), EmitError> {
        self.context.clear();
        let signature = match stub {
            Stub::Down(stub) => stub.entry_signature(),
            Stub::Up(stub) => stub.entry_signature(),
            Stub::Rows(stub) => stub.entry_signature(),
            Stub::Boxed(stub) => stub.entry_signature(),
        };
        self.context.func.signature = signature;
        let mut builder = FunctionBuilder::new(&mut self.context.func, &mut self.frontend);
        let built = match stub {
            Stub::Down(stub) => stub.build(&mut builder),
            Stub::Up(stub) => stub.build(&mut builder),
            Stub::Rows(stub) => stub.build(&mut builder),
            Stub::Boxed(stub) => stub.build(&mut builder),
        };
        let Built { notes, outgoing } = match built {
            Ok(built) => {
                builder.finalize(self.backend.frontend_config());
                built
            }
            Err(malformed) => {
                // Half a function is of no use to the next one.
                self.frontend = FunctionBuilderContext::new();
                return Err(malformed.into());
            }
        };
        let compiled = self
            .context
            .compile(&*self.backend, &mut ControlPlane::default())
            .map_err(|error| EmitError::Backend(format!("{:?}", error.inner)))?;
        if let Some(outgoing) = outgoing {
            outgoing.check(compiled, plan)?;
        }
        Ok((notes, self.template(plan)?))
    }

    /// Takes the compiled function out of the context.
    fn template(&self, plan: &Plan) -> Result<Template, EmitError> {
        let compiled = self.context.compiled_code().expect("compiled just now");
        let mut code = compiled.code_buffer().to_vec();
        let landing = code.len();
        code.extend((self.isa.landing)(plan).unwrap_or_default());
        let mut holes = Vec::new();
        for reloc in compiled.buffer.relocs() {
            let FinalizedRelocTarget::ExternalName(ExternalName::User(name)) = reloc.target else {
                return Err(EmitError::Backend(format!("a relocation to {:?}", reloc.target)));
            };
            match (reloc.kind, Symbol::named(&self.context.func, name)) {
                (Reloc::X86CallPCRel4, Symbol::Landing) => {
                    let at = reloc.offset as usize;
                    let distance = landing as i64 - at as i64 + reloc.addend;
                    code[at..at + 4].copy_from_slice(&(distance as i32).to_le_bytes());
                }
                (Reloc::Abs8, Symbol::Hole(kind)) => holes.push(Hole { offset: reloc.offset, kind }),
                (kind, symbol) => {
                    return Err(EmitError::Backend(format!("a relocation {kind} to {symbol:?}")));
                }
            }
        }
        if matches!(plan.entry(), Entry::Closure | Entry::GoClosure) {
            let found = holes
                .pop()
                .and_then(|hole| (self.isa.find_closure)(plan.entry(), &code, hole.offset as usize));
            code = found
                .ok_or_else(|| EmitError::Backend("a closure's stub does not find its closure".into()))?;
        }
        let Code { bytes: mut code, mut holes } =
            (self.isa.finish)(plan, Code { bytes: code, holes }, self.protection)?;
        holes.sort_unstable();
        let align = self.backend.function_alignment().minimum.max(16);
        let row = self.row(&mut code)?;
        Ok(Template { code: code.into(), align, holes: holes.into(), row })
    }

    /// Appends what the system's unwinder is told of code that does not have the frame of all others, and says where it is.
    fn row(&self, code: &mut Vec<u8>) -> Result<Option<u32>, EmitError> {
        if self.backend.triple().operating_system != OperatingSystem::Windows {
            return Ok(None);
        }
        let refused = |why: &str| EmitError::Backend(why.into());
        let Some(info) = (self.isa.unwind_info)(code).map_err(refused)? else { return Ok(None) };
        // `int3`: nothing goes on from the last instruction.
        code.resize(code.len().next_multiple_of(4), 0xcc);
        let row = code.len() as u32;
        code.extend(info);
        Ok(Some(row))
    }
}

/// A stub in Cranelift's terms.
enum Stub<'a> {
    Down(Downcall<'a>),
    Up(Upcall<'a>),
    Rows(Loop<'a>),
    Boxed(Boxed<'a>),
}

/// Settings of the code generator, the same for every target.
fn flags() -> settings::Builder {
    let mut flags = settings::builder();
    let mut set = |name, value| flags.set(name, value).expect("a setting of Cranelift's");
    // The functions are straight lines, written the way they should come out: there is nothing to optimise.
    set("opt_level", "none");
    set("enable_verifier", if cfg!(debug_assertions) { "true" } else { "false" });
    // Asked for by the `tail` convention, and the reason why profilers can walk through a stub.
    set("preserve_frame_pointers", "true");
    // One row describes all stubs (`unwind.rs`), or what the finished code says (`Isa::unwind_info`).
    set("unwind_info", "false");
    // Moved arguments and what Cranelift spills of them can take three pages, and a stack may have one guard page.
    set("enable_probestack", "true");
    set("probestack_strategy", "inline");
    flags
}

#[cfg(all(test, feature = "all-targets"))]
mod tests {
    use springboard_abi::{ErrorSource, LandingPads, ReturnAddresses, Target, plan, plan_with_last_error};
    use springboard_ir::Signature;
    use target_lexicon::Architecture;

    use super::*;

    fn instructions(entry: Entry, protection: Protection) -> Vec<u32> {
        let triple: Triple = "aarch64-unknown-linux-gnu".parse().expect("a triple");
        let target = Target::of(&triple).expect("a target");
        let signature = Signature::parse("double(double, int)").expect("a signature");
        let plan = plan(&signature, &target, entry).expect("a plan");
        let mut compiler = Compiler::protected(&triple, protection).expect("a compiler");
        let template = compiler.emit(&plan).expect("a template");
        let word = |bytes: &[u8]| u32::from_le_bytes(bytes.try_into().expect("four bytes"));
        template.code.chunks_exact(4).map(word).collect()
    }

    #[test]
    fn return_addresses_are_signed_where_they_are_kept() {
        const PACIASP: u32 = 0xd503_233f;
        const AUTIASP: u32 = 0xd503_23bf;
        const BTI_C: u32 = 0xd503_245f;
        const RET: u32 = 0xd65f_03c0;
        let protected = |landing_pads, return_addresses| Protection { landing_pads, return_addresses };
        let mut jumps = 0;
        for entry in [Entry::Slots, Entry::Bound, Entry::Relay, Entry::Callback, Entry::Direct] {
            let plain = instructions(entry, protected(LandingPads::Emit, ReturnAddresses::Plain));
            assert_eq!(plain[0], BTI_C, "{entry}");
            assert!(!plain.contains(&PACIASP) && !plain.contains(&AUTIASP), "{entry}");
            for landing_pads in [LandingPads::Omit, LandingPads::Emit] {
                let signed = instructions(entry, protected(landing_pads, ReturnAddresses::Signed));
                let returns: Vec<_> = (0..signed.len()).filter(|&at| signed[at] == RET).collect();
                if returns.is_empty() {
                    // A jump keeps no return address.
                    assert!(!signed.contains(&PACIASP) && !signed.contains(&AUTIASP), "{entry}");
                    assert_eq!(signed[0] == BTI_C, landing_pads == LandingPads::Emit, "{entry}");
                    jumps += 1;
                } else {
                    assert_eq!(signed[0], PACIASP, "{entry}");
                    assert!(returns.iter().all(|&at| signed[at - 1] == AUTIASP), "{entry}");
                }
            }
        }
        assert_eq!(jumps, 8, "all entries but that of callbacks");
    }

    #[test]
    fn a_plan_changed_by_hand_is_an_error_and_the_compiler_goes_on() {
        let triple: Triple = "x86_64-unknown-linux-gnu".parse().expect("a triple");
        let target = Target::of(&triple).expect("a target");
        let signature = Signature::parse("struct { short s; double d; }(int, char)").expect("a signature");
        let mut compiler = Compiler::new(&triple).expect("a compiler");
        for entry in [Entry::Slots, Entry::Avalue, Entry::Callback] {
            let good = plan(&signature, &target, entry).expect("a plan");
            let mut odd = good.clone();
            for step in &mut odd.moves {
                step.bytes = 3;
            }
            let refused = compiler.emit(&odd);
            assert!(
                matches!(refused, Err(EmitError::Malformed(crate::Malformed::Width(3)))),
                "{entry}: {refused:?}"
            );
            compiler.emit(&good).unwrap_or_else(|error| panic!("{entry}: {error}"));
        }
    }

    #[test]
    fn only_stubs_of_x86_64_find_thread_locals() {
        for triple in ["x86_64-unknown-linux-gnu", "aarch64-unknown-linux-gnu", "s390x-unknown-linux-gnu"] {
            let triple: Triple = triple.parse().expect("a triple");
            let target = Target::of(&triple).expect("a target");
            let signature = Signature::parse("int(int)").expect("a signature");
            let plan = plan_with_last_error(&signature, &target, ErrorSource::ThreadLocal).expect("a plan");
            let emitted = Compiler::new(&triple).expect("a compiler").emit(&plan);
            let refused = matches!(emitted, Err(EmitError::Malformed(crate::Malformed::ThreadPointer(_))));
            assert_eq!(refused, triple.architecture != Architecture::X86_64, "{triple}: {emitted:?}");
        }
    }
}
