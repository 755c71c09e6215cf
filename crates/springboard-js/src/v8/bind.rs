//! From declarations to functions: many at once, and their code is written 1024 stubs at a time.

use std::{ffi::c_void, ptr, ptr::NonNull, sync::Arc};

use springboard::{
    Declaration, Library as Native, Reason,
    abi::Guard,
    emit::HoleKind,
    ir::Prototype,
    stamp::{Stamp, Stub},
};

use super::{
    called::{Called, Known},
    error::{BindError, NoFast},
    function::{Bound, Conversions, Function},
    hosted::{Host, Hosted},
    settings::Settings,
};

/// See [`Library::functions`](super::Library::functions). `native` is what `library` has not closed yet.
pub(super) fn bind<'s, D: Declaration>(
    library: &Arc<Hosted>,
    native: Option<&Native>,
    wanted: impl IntoIterator<Item = (Place, D, &'s Settings)>,
) -> Vec<Result<Function, BindError>> {
    let engine = &library.engine;
    let found = wanted.into_iter().map(|(place, declaration, settings)| {
        let (prototype, address) = find(library, native, place, declaration, settings)?;
        Ok((settings, prototype, address))
    });
    let slow = engine.bind_all_at(found);
    let mut known = Known::default();
    let halves = slow.iter().map(|slow| {
        let (settings, slow) = slow.as_ref().map_err(BindError::clone)?;
        Ok(Half::new(settings, slow, known.called(engine, slow.signature(), settings)?))
    });
    let mut halves: Vec<Result<Half<'_>, BindError>> = halves.collect();
    let stamps = halves.iter_mut().flatten().filter_map(|half| half.stamp(library));
    for (fast, stub) in engine.stamp_all(stamps) {
        *fast = stub.map_err(NoFast::from);
    }
    halves.into_iter().map(|half| Ok(half?.whole(library, native))).collect()
}

/// Where a function is.
pub(super) enum Place {
    /// At the symbol of its name.
    Symbol,
    Address(NonNull<c_void>),
}

/// The prototype of a declaration, and where the function is.
fn find(
    library: &Hosted,
    native: Option<&Native>,
    place: Place,
    declaration: impl Declaration,
    settings: &Settings,
) -> Result<(Prototype, NonNull<c_void>), BindError> {
    let prototype = declaration.into_prototype().map_err(springboard::BindError::from)?;
    if let Some(helper) = library.host.missing(settings) {
        return Err(BindError::MissingHelper { helper });
    }
    let native = native.ok_or(BindError::Closed)?;
    let address = match place {
        Place::Address(address) => address,
        Place::Symbol => {
            let name = prototype.name.as_deref().ok_or(springboard::BindError::Unnamed)?;
            native.function_symbol(name).map_err(springboard::BindError::from)?
        }
    };
    Ok((prototype, address))
}

/// A function whose slow half is bound.
struct Half<'a> {
    settings: &'a Settings,
    slow: &'a springboard::Function,
    called: Arc<Called>,
    fast: Result<Stub, NoFast>,
}

impl<'a> Half<'a> {
    fn new(settings: &'a Settings, slow: &'a springboard::Function, called: Arc<Called>) -> Half<'a> {
        let fast = match &called.plan {
            Ok(_) => NoFast::Reason(Reason::Compiling),
            Err(why) => why.clone(),
        };
        Half { settings, slow, called, fast: Err(fast) }
    }

    /// The stub of the fast half, where there is a plan, and where it goes.
    fn stamp(&mut self, library: &Hosted) -> Option<(&mut Result<Stub, NoFast>, Stamp<'_>)> {
        let Half { settings, slow, called, fast } = self;
        let Host { buffer, range, .. } = library.host;
        let buffer = buffer.map_or(ptr::null(), |helper| helper as *const c_void);
        let range = range.map_or(ptr::null(), |helper| helper as *const c_void);
        let stamp = Stamp::new(called.plan.as_ref().ok()?)
            .hole(HoleKind::Target, slow.address().as_ptr())
            .hole_if_any(HoleKind::Context, settings.context)
            .hole_if_any(HoleKind::Helper, buffer)
            .hole_if_any(HoleKind::Guard, library.guard())
            .hole_if_any(HoleKind::Range, range)
            .returns(called.result);
        Some((fast, stamp))
    }

    fn whole(self, library: &Arc<Hosted>, native: Option<&Native>) -> Function {
        // A function whose stub does not look at the flag has to stay callable after the library was closed.
        let kept = if self.settings.guard == Guard::None { native.cloned() } else { None };
        let (slow, library) = (self.slow.clone(), Arc::clone(library));
        let conversions = Conversions::V8 { called: self.called, slow, library, _kept: kept };
        Function::new(Bound { fast: self.fast, effects: self.settings.effects, conversions })
    }
}
