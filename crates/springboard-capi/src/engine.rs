//! Engines: settings, numbers, and what becomes of a signature.

use std::{
    ffi::{c_char, c_int, c_void},
    fmt::Display,
    ptr,
};

use springboard::{
    Compile, Engine, Jit, Path, Reason, Stubs,
    abi::{self, Entry, Target},
    emit::LandingPads,
    ir::Prototype,
    stamp::Stamp,
};

use crate::{
    boundary::{Failure, Out, OutHandle, enter, give_or, no_constant, pick},
    constants::*,
    handle::{self, EngineHandle, SignatureHandle},
    structure::{Given, Growing, Told},
    text::Buffer,
};

/// `sb_engine_options`.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
#[allow(missing_docs)] // as in the header
pub struct EngineOptions {
    pub size: usize,
    pub jit: c_int,
    pub compile: c_int,
    pub stubs: c_int,
    pub landing_pads: c_int,
    pub code_limit: u64,
}

// SAFETY: numbers, of which the first is the size.
unsafe impl Growing for EngineOptions {}

/// `sb_stats`.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
#[allow(missing_docs)] // as in the header
pub struct Stats {
    pub size: usize,
    pub hits: u64,
    pub misses: u64,
    pub compiles: u64,
    pub stamps: u64,
    pub live: u64,
    pub code_bytes: u64,
    pub mapped_bytes: u64,
    pub native: u64,
    pub pending: u64,
    pub unknown_target: u64,
    pub ineligible: u64,
    pub jit_off: u64,
    pub no_executable_memory: u64,
    pub code_limit: u64,
    pub emit: u64,
}

// SAFETY: numbers, of which the first is the size.
unsafe impl Growing for Stats {}

/// Makes an engine.
#[unsafe(no_mangle)]
pub extern "C" fn sb_engine_new(
    options: Given<'_, EngineOptions>,
    engine: OutHandle<'_, EngineHandle>,
) -> c_int {
    handle::opens(engine, "engine", || {
        let mut builder = Engine::builder();
        let Some(options) = options.get("options")? else { return Ok(builder.build()) };
        let compile = [Compile::Eager, Compile::Lazy, Compile::Background];
        let landing_pads = [None, Some(LandingPads::Emit), Some(LandingPads::Omit)];
        builder = builder
            .jit(pick("options->jit", options.jit, [Jit::On, Jit::Off])?)
            .compile(pick("options->compile", options.compile, compile)?)
            .stubs(pick("options->stubs", options.stubs, [Stubs::PerShape, Stubs::PerFunction])?);
        if let Some(chosen) = pick("options->landing_pads", options.landing_pads, landing_pads)? {
            builder = builder.landing_pads(chosen);
        }
        if options.code_limit != 0 {
            builder = builder.code_limit(usize::try_from(options.code_limit).unwrap_or(usize::MAX));
        }
        Ok(builder.build())
    })
}

/// What the engine has done so far.
#[unsafe(no_mangle)]
pub extern "C" fn sb_engine_stats(engine: *const EngineHandle, stats: Told<'_, Stats>) -> c_int {
    enter(|| {
        let engine = get(engine)?;
        let now = engine.stats();
        let fallbacks = now.fallbacks;
        let value = Stats {
            size: 0,
            hits: now.hits,
            misses: now.misses,
            compiles: now.compiles,
            stamps: now.stamps,
            live: now.live,
            code_bytes: now.code_bytes,
            mapped_bytes: now.mapped_bytes,
            native: now.native,
            pending: now.pending,
            unknown_target: fallbacks.unknown_target,
            ineligible: fallbacks.ineligible,
            jit_off: fallbacks.jit_off,
            no_executable_memory: fallbacks.no_executable_memory,
            code_limit: fallbacks.code_limit,
            emit: fallbacks.emit,
        };
        stats.write(value, "stats")
    })
}

/// The code that calls any function of a signature.
#[unsafe(no_mangle)]
pub extern "C" fn sb_engine_stub(
    engine: *const EngineHandle,
    signature: *const SignatureHandle,
    entry: c_int,
    code: Out<'_, *mut c_void>,
) -> c_int {
    give_or(code, "code", ptr::null_mut(), || {
        let engine = get(engine)?;
        let prototype = handle::get::<_, Prototype>(signature)?;
        let entry = match entry_of(entry)? {
            entry @ (Entry::Slots | Entry::Avalue) => entry,
            _ => return Err(no_constant("entry", entry)),
        };
        let none = |reason: &dyn Display| Failure::new(SB_ERROR_NO_PATH, reason);
        let target = Target::host().map_err(|unknown| none(&unknown))?;
        let plan = abi::plan(&prototype.signature, &target, entry).map_err(|rule| none(&rule))?;
        let stub = engine.stamp(Stamp::new(&plan)).map_err(|error| none(&error))?;
        Ok(stub.address().as_ptr())
    })
}

fn entry_of(constant: c_int) -> Result<Entry, Failure> {
    pick("entry", constant, [Entry::Slots, Entry::Bound, Entry::Callback, Entry::V8, Entry::Avalue])
}

/// The plan of a signature as text, or why there is none.
#[unsafe(no_mangle)]
pub extern "C" fn sb_explain(
    signature: *const SignatureHandle,
    entry: c_int,
    buffer: *mut c_char,
    size: usize,
    length: Out<'_, usize>,
) -> c_int {
    enter(|| {
        let prototype = handle::get::<_, Prototype>(signature)?;
        let entry = entry_of(entry)?;
        let buffer = Buffer { start: buffer, size, length };
        let target = match Target::host() {
            Ok(target) => target,
            Err(unknown) => return buffer.write(format_args!("no plan: {unknown}\n")),
        };
        match abi::plan(&prototype.signature, &target, entry) {
            Ok(plan) => buffer.write(plan),
            Err(reason) => buffer.write(format_args!("no plan: {} ({reason})\n", reason.code())),
        }
    })
}

pub(crate) fn get(engine: *const EngineHandle) -> Result<std::sync::Arc<Engine>, Failure> {
    handle::get(engine)
}

/// A path as C is told of it: the constant, and the sentence.
pub(crate) fn tell(path: &Path, to: Out<'_, c_int>, buffer: Buffer<'_>) -> Result<(), Failure> {
    let constant = match path {
        Path::Native => SB_PATH_NATIVE,
        Path::Uncalled => SB_PATH_UNCALLED,
        Path::Libffi(Reason::Compiling) => SB_PATH_COMPILING,
        Path::Libffi(Reason::UnknownTarget(_)) => SB_PATH_UNKNOWN_TARGET,
        Path::Libffi(Reason::Ineligible(_)) => SB_PATH_INELIGIBLE,
        Path::Libffi(Reason::JitOff) => SB_PATH_JIT_OFF,
        Path::Libffi(Reason::NoExecutableMemory(_)) => SB_PATH_NO_EXECUTABLE_MEMORY,
        Path::Libffi(Reason::CodeLimit { .. }) => SB_PATH_CODE_LIMIT,
        Path::Libffi(Reason::Emit(_)) => SB_PATH_EMIT,
        _ => SB_PATH_OTHER,
    };
    to.map(|to| to.write(constant as c_int));
    buffer.write(path)
}
