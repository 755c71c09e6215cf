//! From declarations to functions: many at once, with the code of all of them written in one go.

use std::{collections::HashMap, ffi::c_void, ptr, ptr::NonNull, sync::Arc};

use foldhash::fast::RandomState;
use springboard::abi::{FastCall, Guard, Narrow, Options, Plan, Profile, SlotForm, plan_fast_call};
use springboard::emit::HoleKind;
use springboard::ir::{DataModel, Prototype, Scalar, Signature};

use super::{
    description::{Description, Int64},
    error::{BindError, Helper},
    function::{Called, Function, NoFast},
    library::{Host, Settings, Shared},
};
use springboard::{Declaration, Library as Native, Position, stamp::Stamp};

/// See [`Library::functions`](super::Library::functions). `native` is what `library` has not closed yet.
pub(super) fn bind<'s, D: Declaration>(
    library: &Arc<Shared>,
    native: Option<&Native>,
    wanted: impl IntoIterator<Item = (D, &'s Settings)>,
) -> Vec<Result<Function, BindError>> {
    let mut there = Vec::new();
    let mut find = |(declaration, settings)| {
        there.push(find(library, native, declaration, settings)?);
        Ok(settings)
    };
    let found: Vec<Result<&Settings, BindError>> = wanted.into_iter().map(&mut find).collect();
    // Binding the slow halves also finds what is wrong with the types.
    let mut slow = library.engine.bind_all_at(there).into_iter();
    let halves = found.into_iter().map(|found| {
        let (settings, slow) = (found?, slow.next().expect("one for each that was found"));
        Ok((settings, slow?))
    });
    let halves: Vec<Result<(&Settings, springboard::Function), BindError>> = halves.collect();

    let mut kinds = Kinds::default();
    let which = halves.iter().flatten().map(|(settings, slow)| kinds.of(library, slow.signature(), settings));
    let which: Vec<usize> = which.collect();
    let Kinds { all: kinds, plans, .. } = kinds;
    let with_code = halves.iter().flatten().zip(&which).filter_map(|((settings, slow), index)| {
        let plan = *kinds[*index].as_ref().ok()?.plan.as_ref().ok()?;
        Some(((), stamp(library, &plans[plan], slow, settings)))
    });
    let mut stubs = library.engine.stamp_all(with_code).into_iter();

    let mut which = which.into_iter();
    let whole = halves.into_iter().map(|half| {
        let (settings, slow) = half?;
        let kind = &kinds[which.next().expect("one for each half")];
        let Kind { called, plan } = kind.as_ref().map_err(BindError::clone)?;
        let fast = match plan {
            Ok(_) => stubs.next().expect("one for each that has a plan").1.map_err(NoFast::from),
            Err(why) => Err(why.clone()),
        };
        // A function whose stub does not look at the flag has to stay callable after the library was closed.
        let kept = if settings.guard == Guard::None { native.cloned() } else { None };
        Ok(Function::new(Arc::clone(called), fast, slow, Arc::clone(library), kept))
    });
    whole.collect()
}

/// What functions of one type and the same settings have in common.
struct Kind {
    called: Arc<Called>,
    /// Which of the plans is theirs.
    plan: Result<usize, NoFast>,
}

/// All of a function's settings that make a difference to anything but its holes, and its type.
type Key<'a> = (&'a Signature, &'a [u16], Profile, Guard, Narrow, Options, Option<Int64>);

/// The distinct kinds of many functions.
#[derive(Default)]
struct Kinds<'a> {
    known: HashMap<Key<'a>, usize, RandomState>,
    all: Vec<Result<Kind, BindError>>,
    plans: Vec<Plan>,
}

impl<'a> Kinds<'a> {
    /// Which kind a function is of.
    fn of(&mut self, library: &Shared, signature: &'a Signature, settings: &'a Settings) -> usize {
        let Settings { profile, buffers, guard, narrow, options, int64, context: _ } = settings;
        let key = (signature, &**buffers, *profile, *guard, *narrow, *options, *int64);
        if let Some(index) = self.known.get(&key) {
            return *index;
        }
        let index = self.all.len();
        self.known.insert(key, index);
        let call = FastCall {
            signature: signature.clone(),
            buffers: buffers.clone(),
            guard: *guard,
            narrow: *narrow,
            options: *options,
        };
        let kind = plan(library, call, *profile, *int64).map(|(called, plan)| {
            let index = self.plans.len();
            let plan = plan.map(|plan| {
                self.plans.push(plan);
                index
            });
            Kind { called: Arc::new(called), plan }
        });
        self.all.push(kind);
        index
    }
}

/// The stub of a function.
fn stamp<'p>(
    library: &Shared,
    plan: &'p Plan,
    slow: &springboard::Function,
    settings: &Settings,
) -> Stamp<'p> {
    let Host { buffer, range, .. } = library.host;
    let buffer = buffer.map_or(ptr::null(), |helper| helper as *const c_void);
    let range = range.map_or(ptr::null(), |helper| helper as *const c_void);
    let result = SlotForm::of(slow.signature().result(), library.engine.data_model());
    let stamp = Stamp::new(plan)
        .hole(HoleKind::Target, slow.address().as_ptr())
        .hole_if_any(HoleKind::Context, settings.context)
        .hole_if_any(HoleKind::Helper, buffer)
        .hole_if_any(HoleKind::Guard, library.guard())
        .hole_if_any(HoleKind::Range, range);
    match result {
        Ok(result) => stamp.returns(result),
        Err(_) => stamp,
    }
}

/// The prototype and the symbol of a declaration, with all that its settings need.
fn find(
    library: &Shared,
    native: Option<&Native>,
    declaration: impl Declaration,
    settings: &Settings,
) -> Result<(Prototype, NonNull<c_void>), BindError> {
    let prototype = declaration.into_prototype().map_err(springboard::BindError::from)?;
    if let Some(helper) = missing(&library.host, settings) {
        return Err(BindError::MissingHelper { helper });
    }
    let native = native.ok_or(BindError::Closed)?;
    let name = prototype.name.as_deref().ok_or(springboard::BindError::Unnamed)?;
    let address = native.symbol(name).map_err(springboard::BindError::from)?;
    check_buffers(&prototype.signature, &settings.buffers, library.engine.data_model())?;
    Ok((prototype, address))
}

/// The first helper that is needed and was not given.
fn missing(host: &Host, settings: &Settings) -> Option<Helper> {
    let needed = [
        (settings.guard == Guard::Closed && host.closed.is_none(), Helper::Closed),
        (settings.narrow == Narrow::Check && host.range.is_none(), Helper::Range),
        (!settings.buffers.is_empty() && host.buffer.is_none(), Helper::Buffer),
    ];
    needed.into_iter().find(|(missing, _)| *missing).map(|(_, helper)| helper)
}

/// Whether every buffer is a parameter that is a pointer.
fn check_buffers(signature: &Signature, buffers: &[u16], model: &DataModel) -> Result<(), BindError> {
    for &index in buffers {
        let count = signature.params().len();
        let param = signature.params().get(usize::from(index));
        let param = param.ok_or(BindError::NoSuchParameter { index, count })?;
        if SlotForm::of(&param.ty, model) != Ok(SlotForm::Word(Scalar::Pointer)) {
            return Err(BindError::NotAPointer { index });
        }
    }
    Ok(())
}

/// What V8 is told, and the plan or the reason why there is none.
fn plan(
    library: &Shared,
    call: FastCall,
    profile: Profile,
    int64: Option<Int64>,
) -> Result<(Called, Result<Plan, NoFast>), BindError> {
    let engine = &library.engine;
    let description = Description::of(&call, engine.data_model(), int64)
        .map_err(|error| springboard::BindError::Layout { position: Position::Result, error })?;
    let refusal = match (profile, engine.target()) {
        (Profile::Node, Some(target)) => profile.verdict(&call, target),
        // Where there is no plan, the engine says why.
        _ => Ok(()),
    };
    let plan = match refusal {
        Ok(()) => engine.plan_with(|target| plan_fast_call(&call, target)).map_err(NoFast::from),
        Err(refusal) => Err(NoFast::Refused(refusal)),
    };
    Ok((Called { call, description }, plan))
}
