//! Functions with the conversions of `node:ffi`: what Node.js refuses is refused, by fast code and slow twin alike.
//!
//! V8 converts numbers modulo 2^32 and bigints modulo 2^64 before any native code runs. So nothing that has to be
//! checked is left to it: it passes numbers as `double` and everything else as a handle that nobody has looked into, and
//! the code of these functions converts them, by the same rules as the slow twin.

mod argument;
mod strict;

use std::{
    ffi::c_void,
    ptr::{self, NonNull},
    sync::Arc,
};

use springboard::{
    Reason,
    abi::{Entry, plan, plan_fast_call},
    emit::HoleKind,
    ir::{Prototype, Signature},
    stamp::{Stamp, Stub},
};

pub use self::argument::Wide;
pub(super) use self::strict::Strict;
use super::{
    description::Effects,
    error::{BindError, Helper, NoFast},
    hosted::Hosted,
    settings::Callbacks,
    types::{SignatureError, node_signature},
};

/// How a function with the conversions of `node:ffi` is called.
#[derive(Clone, Copy, Default, Debug)]
pub struct NodeSettings {
    /// What `int64` and `uint64` arguments are given as.
    pub wide: Wide,
    /// Whether the function may call JavaScript back.
    pub callbacks: Callbacks,
    /// Whether calls change anything that JavaScript can see.
    pub effects: Effects,
    /// The first argument of [`ThrowHelper`](super::ThrowHelper): the host's own.
    pub context: HostPointer,
}

/// An address that belongs to the host, which springboard only passes on, to whatever thread calls.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct HostPointer(pub *mut c_void);

impl Default for HostPointer {
    fn default() -> HostPointer {
        HostPointer(ptr::null_mut())
    }
}

// SAFETY: springboard does nothing with the address but to hand it to functions of the host's, which know what it is.
unsafe impl Send for HostPointer {}
// SAFETY: a shared one only gives the address away.
unsafe impl Sync for HostPointer {}

/// A function by the names of its types: see [`Library::node_function`](super::Library::node_function).
#[derive(Clone, Copy, Debug)]
pub struct NodeDeclaration<'a> {
    /// The symbol, which is not looked at where the address is known.
    pub name: &'a str,
    /// The names of the arguments' types.
    pub arguments: &'a [&'a str],
    /// The name of the result's type.
    pub result: &'a str,
}

/// The two halves of a function: see [`Library::node_function`](super::Library::node_function). It is at `address`, or
/// where the library has the symbol.
pub(super) fn bind(
    library: &Arc<Hosted>,
    address: Option<NonNull<c_void>>,
    declaration: &NodeDeclaration<'_>,
    settings: &NodeSettings,
) -> Result<(Arc<Strict>, Result<Stub, NoFast>), BindError> {
    let NodeDeclaration { name, arguments, result } = *declaration;
    let (signature, _) = node_signature(arguments, result).map_err(|error| match error {
        SignatureError::Signature(error) => BindError::Bind(error.into()),
        other => BindError::Names(other),
    })?;
    let helpers =
        [(library.host.throw.is_none(), Helper::Throw), (library.host.value.is_none(), Helper::Value)];
    if let Some((_, helper)) = helpers.into_iter().find(|(missing, _)| *missing) {
        return Err(BindError::MissingHelper { helper });
    }
    let native = library.native();
    let native = native.as_ref().ok_or(BindError::Closed)?;
    let calls_back = settings.callbacks.are_possible(&signature);
    let address = match address {
        Some(address) => address,
        None => native.function_symbol(name).map_err(springboard::BindError::from)?,
    };
    let declared = Prototype { name: Some(name.into()), signature };
    let function = library.engine.function_at(address, declared).map_err(BindError::Bind)?;
    let strict = Arc::new(Strict::new(&function, library, settings));
    let fast = if calls_back { Err(NoFast::CallsBack) } else { code(library, &strict) };
    Ok((strict, fast))
}

/// The code that V8 calls. Where all arguments are numbers, it checks them itself; else it writes what V8 passes into
/// slots, and calls [`Strict::dispatch`].
fn code(library: &Hosted, strict: &Arc<Strict>) -> Result<Stub, NoFast> {
    let engine = &library.engine;
    if let Some(call) = strict.numbers()
        && let Ok(plan) = engine.plan_with(|target| plan_fast_call(&call, target))
    {
        let stamp = Stamp::new(&plan)
            .hole(HoleKind::Target, strict.address())
            .hole(HoleKind::Context, Arc::as_ptr(strict).cast())
            .hole(HoleKind::Guard, library.node_guard())
            .hole_if_any(HoleKind::Range, Strict::refuse as *const c_void);
        return engine.stamp(stamp).map_err(NoFast::from);
    }
    let signature: Signature = strict.code_signature();
    let plan = engine
        .plan_with(|target| plan(&signature, target, Entry::Callback))
        .map_err(|reason: Reason| NoFast::Reason(reason))?;
    let stamp = Stamp::new(&plan)
        .hole(HoleKind::Helper, Strict::dispatch as *const c_void)
        .hole(HoleKind::Context, Arc::as_ptr(strict).cast());
    engine.stamp(stamp).map_err(NoFast::from)
}
