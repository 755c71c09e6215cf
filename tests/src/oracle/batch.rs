//! One batch: a loaded C file, and every call of every case in it.

use std::{
    collections::BTreeMap,
    ffi::{c_char, c_void},
    path::Path as FilePath,
    ptr::NonNull,
};

use libloading::Library;
use springboard::{BindError, Callback, Engine, Function, Jit, callback::CreateError, fallback::Unsupported};
use springboard_abi::{Entry, SlotForm};
use springboard_emit::{Compiler, HoleKind, Template};
use springboard_ir::Signature;

use crate::oracle::{
    call::through_runtime,
    canary::{Canary, left_on_x87_stack},
    compare::{Arguments, Bench, Callee},
    crash,
    event::{Event, Path},
    record::Record,
    row::Row,
    stub::Stubs,
    suite::{Case, Suite},
    upcall::{self, Host},
    value,
};

/// The arguments that each case is called with: how values are chosen, and how far from memory that faults.
const ROUNDS: [(value::Style, bool); 3] =
    [(value::Style::Random, true), (value::Style::Boundary, true), (value::Style::Boundary, false)];

/// A case with everything that its calls need.
struct Prepared {
    signature: Signature,
    record: Record,
    params: Vec<SlotForm>,
    result: SlotForm,
    callee: NonNull<c_void>,
    /// The C caller: `fn(callee, values)`.
    caller: NonNull<c_void>,
    stub: Option<Template>,
    columns: Option<Template>,
    callback: Option<Template>,
    runtime: Option<Function>,
    libffi: Option<Function>,
    closure: Option<Callback>,
}

/// The addresses of a case's own stubs, where it has them.
#[derive(Clone, Copy)]
struct Entries {
    stub: Option<*const c_void>,
    columns: Option<*const c_void>,
    callback: Option<*const c_void>,
}

/// Makes every call of `cases`, whose C file was compiled to `object`, and reports what comes of it.
///
/// # Panics
/// Where `object` is not what [`c::file`](super::c::file) wrote for these cases.
pub fn run(suite: &Suite, cases: &[Case], object: &FilePath, from: usize, report: &mut dyn FnMut(Event)) {
    // SAFETY: the object was made from a file of ours, which has no initialisers.
    let library = unsafe { Library::new(object) }.unwrap_or_else(|error| panic!("{error}"));
    let mut batch = Batch::new(suite, &library, report);
    let prepared =
        cases.iter().enumerate().map(|(position, case)| batch.prepare(position, case)).collect::<Vec<_>>();
    let stamp = |hole| match hole {
        HoleKind::Context => batch.host.context() as u64,
        HoleKind::Helper => upcall::handle as *const () as u64,
        other => unreachable!("{other:?} is of no entry that is called here"),
    };
    let stubs = Stubs::new(prepared.iter().map(|case| case.as_ref()?.stub.as_ref()), stamp);
    let columns = Stubs::new(prepared.iter().map(|case| case.as_ref()?.columns.as_ref()), stamp);
    let callbacks = Stubs::new(prepared.iter().map(|case| case.as_ref()?.callback.as_ref()), stamp);
    for (position, case) in prepared.iter().enumerate().skip(from) {
        if let Some(prepared) = case {
            let entries = Entries {
                stub: stubs.entry(position),
                columns: columns.entry(position),
                callback: callbacks.entry(position),
            };
            batch.case(position, &cases[position], prepared, entries);
        }
    }
    for (what, number) in std::mem::take(&mut batch.counts) {
        report(Event::Count(number, what));
    }
    report(Event::Done);
}

struct Batch<'a> {
    suite: &'a Suite,
    library: &'a Library,
    compiler: Compiler,
    /// One with a stub per shape, one with a stub per function.
    jit: [Engine; 2],
    no_jit: Engine,
    bench: Bench,
    host: Box<Host>,
    counts: BTreeMap<String, u64>,
    report: &'a mut dyn FnMut(Event),
}

impl<'a> Batch<'a> {
    fn new(suite: &'a Suite, library: &'a Library, report: &'a mut dyn FnMut(Event)) -> Batch<'a> {
        let builder = || match suite.target.model.compiler {
            Some(compiler) => Engine::builder().compiler(compiler),
            None => Engine::builder(),
        };
        Batch {
            suite,
            library,
            compiler: Compiler::host().expect("the host's code generator is built in"),
            jit: [springboard::Stubs::PerShape, springboard::Stubs::PerFunction]
                .map(|stubs| builder().stubs(stubs).build()),
            no_jit: builder().jit(Jit::Off).build(),
            bench: Bench::new(library),
            // SAFETY: the prelude of the C file defines it, with this type.
            host: Host::new(
                *unsafe { library.get(b"oracle_enter") }.unwrap_or_else(|error| panic!("{error}")),
            ),
            counts: BTreeMap::new(),
            report,
        }
    }

    fn count(&mut self, what: impl Into<String>) {
        *self.counts.entry(what.into()).or_default() += 1;
    }

    fn mismatch(&mut self, position: usize, path: Path, what: String) {
        (self.report)(Event::Mismatch { position, path, what });
    }

    /// Plans, compiles and binds a case. `None` where it cannot be called, which has been reported.
    fn prepare(&mut self, position: usize, case: &Case) -> Option<Prepared> {
        let Suite { target, .. } = self.suite;
        let signature = self.suite.signature(case);
        if let Err(what) = self.check_layout(position, &signature) {
            self.mismatch(position, Path::Compiled, what);
            return None;
        }
        let form = |ty| SlotForm::of(ty, &target.model).expect("drawn types have a layout");
        let stub = self.template(position, Path::Stub, Entry::Slots, &signature);
        let columns = self.template(position, Path::Columns, Entry::Columns, &signature);
        let callback = self.template(position, Path::Callback, Entry::Callback, &signature);
        let callee = self.symbol::<c_char>(&format!("f{position}")).cast();
        let caller = self.symbol::<c_void>(&format!("f{position}_call"));
        let runtime = self.bind(position, Path::Runtime, callee, &signature, stub.is_some());
        let libffi = self.bind(position, Path::Libffi, callee, &signature, false);
        let closure = self.closure(position, &signature);
        Some(Prepared {
            record: Record::of(&signature, &target.model),
            params: signature.params().iter().map(|param| form(&param.ty)).collect(),
            result: form(signature.result()),
            signature,
            callee,
            caller,
            stub,
            columns,
            callback,
            runtime,
            libffi,
            closure,
        })
    }

    /// Plans, checks and compiles a case for one entry. `None` where that is not possible, which has been reported.
    fn template(
        &mut self,
        position: usize,
        path: Path,
        entry: Entry,
        signature: &Signature,
    ) -> Option<Template> {
        let Suite { target, .. } = self.suite;
        let plan = match springboard_abi::plan(signature, target, entry) {
            Ok(plan) => plan,
            Err(reason) => {
                self.count(format!("{path} ineligible: {}", reason.code()));
                return None;
            }
        };
        if let Err(violation) = springboard_abi::check(&plan, signature, target) {
            self.mismatch(position, path, format!("the checker refuses the plan: {violation}"));
        }
        let template = self.compiler.emit(&plan);
        template.map_err(|error| self.mismatch(position, path, error.to_string())).ok()
    }

    /// A callback of the runtime's, by a closure of libffi. `None` where that cannot be called, which is counted.
    fn closure(&mut self, position: usize, signature: &Signature) -> Option<Callback> {
        // SAFETY: the handler writes results as the entry has them, on this thread; the host outlives the callbacks'
        // last call.
        let made = self
            .no_jit
            .callback_type(signature.clone())
            .and_then(|kind| unsafe { kind.raw(self.host.handler()) });
        match made {
            Ok(callback) => Some(callback),
            // Counted for calls.
            Err(CreateError::Bind(BindError::NoPath { .. })) => None,
            Err(error) => {
                self.mismatch(position, Path::Closure, error.to_string());
                None
            }
        }
    }

    /// Binds a callee through the runtime. `None` where that has no way to call it, which is counted.
    fn bind(
        &mut self,
        position: usize,
        path: Path,
        callee: NonNull<c_void>,
        signature: &Signature,
        compiled: bool,
    ) -> Option<Function> {
        let engine = if path == Path::Libffi { &self.no_jit } else { &self.jit[position % 2] };
        match engine.function_at(callee, signature.clone()) {
            Ok(function) => {
                let native = matches!(function.path(), springboard::Path::Native);
                if native != compiled {
                    self.mismatch(position, path, format!("is called by {}", function.path()));
                }
                Some(function)
            }
            Err(BindError::NoPath { unsupported, .. }) => {
                if path == Path::Libffi {
                    let what = match unsupported {
                        Unsupported::Type { what, .. } => what.to_string(),
                        other => other.to_string(),
                    };
                    self.count(format!("not expressible by libffi: {what}"));
                }
                None
            }
            Err(error) => {
                self.mismatch(position, path, error.to_string());
                None
            }
        }
    }

    /// Compares sizes and alignments with the compiler's.
    fn check_layout(&self, position: usize, signature: &Signature) -> Result<(), String> {
        let layouts = self.symbol::<[usize; 2]>(&format!("f{position}_layout"));
        let types = signature.params().iter().map(|param| &param.ty).chain([signature.result()]);
        for (index, ty) in types.enumerate() {
            // SAFETY: the C file has one row per parameter, and one for the result.
            let [size, align] = unsafe { layouts.add(index).read() };
            let ours = ty.layout(&self.suite.target.model).map(|layout| (layout.size, layout.align));
            let theirs = (size as u64, align as u32);
            if *ty != springboard_ir::Type::Void && ours != Ok(theirs) {
                return Err(format!("{ty} has size and alignment {ours:?}, for the compiler {theirs:?}"));
            }
        }
        Ok(())
    }

    fn symbol<T>(&self, name: &str) -> NonNull<T> {
        // SAFETY: the address is not used before its type is known.
        let symbol = unsafe { self.library.get::<*mut T>(name) };
        let symbol = symbol.unwrap_or_else(|error| panic!("{error}"));
        NonNull::new(*symbol).expect("a symbol of ours has an address")
    }

    /// Makes every call of one case.
    fn case(&mut self, position: usize, case: &Case, prepared: &Prepared, entries: Entries) {
        let Prepared { runtime, libffi, closure, .. } = prepared;
        let paths = [
            (Path::Compiled, true),
            (Path::Stub, entries.stub.is_some()),
            (Path::Columns, entries.columns.is_some()),
            (Path::Runtime, runtime.is_some()),
            (Path::Libffi, libffi.is_some()),
            (Path::Callback, entries.callback.is_some()),
            (Path::Closure, closure.is_some()),
        ];
        for (path, _) in paths.into_iter().filter(|(_, possible)| *possible) {
            self.count(path.to_string());
            crash::calling(position, path);
            let rounds = ROUNDS.iter().enumerate();
            let wrong =
                rounds.filter_map(|(round, _)| self.call(case, prepared, path, entries, round).err()).next();
            if let Some(what) = wrong {
                self.mismatch(position, path, what);
            }
        }
    }

    /// Makes one call, and compares.
    fn call(
        &mut self,
        case: &Case,
        prepared: &Prepared,
        path: Path,
        entries: Entries,
        round: usize,
    ) -> Result<(), String> {
        let Prepared { signature, record, params, result, callee, caller, runtime, libffi, closure, .. } =
            prepared;
        let model = &self.suite.target.model;
        let (style, at_the_end) = ROUNDS[round];
        let mut rng = self.suite.rng(case, 1 + round as u64);
        let called_by_c = matches!(path, Path::Compiled | Path::Callback | Path::Closure);
        let nans = if called_by_c { value::Nans::Quiet } else { value::Nans::Any };
        let mut draw = value::Draw { rng: &mut rng, model, style, nans };
        let values = signature.params().iter().map(|param| draw.value(&param.ty)).collect();
        let reply = draw.value(signature.result());
        let arguments = Arguments { signature, record, params, result: *result, values, reply, model };
        let before_end = |bytes: usize| if at_the_end { 0 } else { 1 + bytes % 7 };
        let laid = self.bench.lay(&arguments, before_end);
        let from_c = |callee: *const c_void| {
            // SAFETY: the C caller takes any function of this signature, and finds the address of each value.
            let canary = unsafe { Canary::call(caller.as_ptr(), callee, laid.pointers.as_ptr().cast()) };
            canary.intact().map(|_| ())
        };
        let of_this_path = "a path is taken where there is one";
        // SAFETY: the callee has this signature, and the slots are those of its arguments.
        let (word, control, seen_by) = unsafe {
            match path {
                Path::Compiled => {
                    from_c(callee.as_ptr())?;
                    (None, Canary::CONTROL, Callee::Compiled)
                }
                Path::Stub => {
                    let stub = entries.stub.expect(of_this_path);
                    let canary = Canary::call(stub, callee.as_ptr(), laid.slots);
                    (Some(arguments.word(canary.intact()?)), Canary::CONTROL, Callee::Compiled)
                }
                Path::Columns => {
                    let stub = entries.columns.expect(of_this_path);
                    let row = Row::of(&arguments, &laid);
                    let canary = Canary::call(stub, callee.as_ptr(), row.frame.as_ptr());
                    if canary.intact()?.gpr != 1 {
                        return Err(format!("{} rows are done, of 1", canary.gpr));
                    }
                    (None, Canary::CONTROL, Callee::Compiled)
                }
                Path::Runtime | Path::Libffi => {
                    let function = if path == Path::Runtime { runtime } else { libffi };
                    let function = function.as_ref().expect(of_this_path);
                    let word = through_runtime(function, *result, laid.slots);
                    (Some(word), self.bench.control, Callee::Compiled)
                }
                Path::Callback | Path::Closure => {
                    let closure = || closure.as_ref().map(|closure| closure.as_ptr().cast_const());
                    let callback = if path == Path::Callback { entries.callback } else { closure() };
                    let callback = callback.expect(of_this_path);
                    self.host.expect(&arguments, &laid, || from_c(callback))??;
                    (None, Canary::CONTROL, Callee::Handler)
                }
            }
        };
        let left = left_on_x87_stack();
        if left != 0 {
            return Err(format!("{left} registers of the x87 stack are still in use"));
        }
        self.bench.compare(&arguments, &laid, word, control, seen_by)
    }
}
