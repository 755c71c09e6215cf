//! How a function is entered: by code or through libffi, and until its code is there.
//!
//! Whatever the way, it is entered with a target and slots, so that a caller cannot tell.

use std::{
    ffi::c_void,
    mem,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use springboard_abi::Plan;
use springboard_code::{CodePointer, fork};

use super::{
    Bound, BoundPointer,
    entered::{EntryFor, SlotsPointer},
};
use crate::{
    address,
    bind_error::BindError,
    engine::{Callee, Code, Compile, Engine, Waiting},
    fallback::{Interface, Unsupported},
    last_error::LastError,
    reason::{Path, Reason},
    word::SlotResult,
};

/// How a function, or the functions of a type, are entered.
pub(super) enum Way {
    Code(Code),
    /// Through libffi, for a reason that the path says.
    Libffi(Arc<Interface>, Path),
}

impl Way {
    /// By the code that there is, or through libffi for the reason why there is none.
    pub(super) fn of(
        code: Result<Code, Reason>,
        interface: impl FnOnce() -> Result<Arc<Interface>, Unsupported>,
    ) -> Result<Way, BindError> {
        match code {
            Ok(code) => Ok(Way::Code(code)),
            Err(reason) => match interface() {
                Ok(interface) => Ok(Way::Libffi(interface, Path::Libffi(reason))),
                Err(unsupported) => Err(BindError::NoPath { reason, unsupported }),
            },
        }
    }

    pub(super) fn path(&self) -> &Path {
        match self {
            Way::Code(code) => code.path(),
            Way::Libffi(_, path) => path,
        }
    }
}

/// Whether it is known how a function is entered.
pub(super) enum Binding {
    Settled(Way),
    /// By code that is still to come, or was.
    Later(Box<Later>),
}

/// Code that is still to come.
pub(super) struct Later {
    /// Serves calls until there is code, and for good where there will be none.
    interface: Arc<Interface>,
    /// At the first call, or soon by another thread.
    compile: Compile,
    /// How calls go from now on, once that is known.
    settled: OnceLock<Way>,
    /// What the code is made of, until it is.
    wanted: Mutex<Option<(Engine, Arc<Plan>)>>,
    /// The forks that the process had seen when somebody last saw to it that a thread compiles.
    forks: AtomicU64,
}

impl Binding {
    /// Calls go over to the code of `plan` once it is there.
    pub(super) fn later(engine: &Engine, plan: Arc<Plan>, interface: Arc<Interface>) -> Binding {
        Binding::Later(Box::new(Later {
            interface,
            compile: engine.compiles(),
            settled: OnceLock::new(),
            wanted: Mutex::new(Some((engine.clone(), plan))),
            forks: AtomicU64::new(fork::count()),
        }))
    }

    /// How calls go, if that is known.
    fn way(&self) -> Option<&Way> {
        match self {
            Binding::Settled(way) => Some(way),
            Binding::Later(later) => later.settled.get(),
        }
    }

    /// By which path a call would go now.
    pub(super) fn path(&self) -> &Path {
        match self {
            Binding::Settled(way) => way.path(),
            Binding::Later(later) => match (later.settled.get(), later.compile) {
                (Some(way), _) => way.path(),
                (None, Compile::Background) => &Path::Libffi(Reason::Compiling),
                (None, Compile::Lazy | Compile::Eager) => &Path::Uncalled,
            },
        }
    }

    /// Whether a thread is to make the code soon.
    pub(super) fn is_made_soon(&self) -> bool {
        matches!(self, Binding::Later(later) if later.compile == Compile::Background)
    }
}

/// Enters a stub that knows its function, with the stub as the target.
///
/// # Safety
/// `stub` is the first instruction of a stub of the bound entry, of a function that returns an `R`, and `slots` are its
/// slots. The rest as [`Slots::call`](super::Slots::call).
unsafe extern "C" fn enter_own<R: SlotResult>(stub: *const c_void, slots: *const u64) -> R {
    // SAFETY: the caller says so; both follow the C convention, and leave the result where the function does.
    unsafe { mem::transmute::<*const c_void, BoundPointer<R>>(stub)(slots) }
}

/// Code, for the function at an address.
impl EntryFor for (&Code, CodePointer) {
    fn entry<R: SlotResult>(self) -> (SlotsPointer<R>, *const c_void) {
        let (code, address) = self;
        let first = code.first();
        match code {
            Code::Own { .. } => (enter_own::<R>, first as *const c_void),
            // SAFETY: code of the slots entry has this type, for the `R` that its signature returns: it leaves the result
            // where the native function does, and both follow the C convention.
            Code::Shared(_) | Code::Packed(_) => unsafe {
                (mem::transmute::<CodePointer, SlotsPointer<R>>(first), address as *const c_void)
            },
        }
    }
}

/// A function that is bound, or is about to be, at `bound`. Its signature returns an `R`, or its result is read as one.
pub(super) struct Entering<'b> {
    pub(super) binding: &'b Binding,
    pub(super) address: CodePointer,
    pub(super) bound: *const Bound,
    pub(super) last_error: Option<LastError>,
}

impl EntryFor for Entering<'_> {
    fn entry<R: SlotResult>(self) -> (SlotsPointer<R>, *const c_void) {
        let enter: SlotsPointer<R> = match self.binding.way() {
            Some(Way::Code(code)) => return (code, self.address).entry(),
            Some(Way::Libffi(interface, _)) => match (interface.blocks_of_slots(), self.last_error) {
                (Some(0), None) => Bound::enter_slots::<R, 0>,
                (Some(1), None) => Bound::enter_slots::<R, 1>,
                (Some(2), None) => Bound::enter_slots::<R, 2>,
                (Some(3), None) => Bound::enter_slots::<R, 3>,
                _ => Bound::enter::<R>,
            },
            None => Bound::enter::<R>,
        };
        (enter, self.bound.cast())
    }
}

impl EntryFor for &Bound {
    fn entry<R: SlotResult>(self) -> (SlotsPointer<R>, *const c_void) {
        let Bound { binding, address, last_error, .. } = self;
        Entering { binding, address: *address, bound: self, last_error: *last_error }.entry()
    }
}

impl Bound {
    /// The entry of a function that has no code, or whose code is still to come: looks at each call for it.
    ///
    /// # Safety
    /// `bound` points to a [`Bound`] function that returns an `R`, and `slots` to its slots. The rest as
    /// [`Slots::call`](super::Slots::call).
    unsafe extern "C" fn enter<R: SlotResult>(bound: *const c_void, slots: *const u64) -> R {
        // SAFETY: the caller passes what `entry` gave beside this function: its own `Bound`, which is still there.
        let bound = unsafe { &*bound.cast::<Bound>() };
        // SAFETY: the contract is this function's own.
        unsafe { bound.enter_later(slots) }
    }

    /// The entry of a function that is settled to go through libffi, with its arguments in so many blocks of slots and no last
    /// error.
    ///
    /// # Safety
    /// As [`Bound::enter`].
    unsafe extern "C" fn enter_slots<R: SlotResult, const BLOCKS: usize>(
        bound: *const c_void,
        slots: *const u64,
    ) -> R {
        // SAFETY: the caller passes what `entry` gave beside this function: its own `Bound`, which is still there.
        let bound = unsafe { &*bound.cast::<Bound>() };
        match &bound.binding {
            // SAFETY: the interface is that of the function's type, and has as many blocks; the caller answers for slots and
            // function.
            Binding::Settled(Way::Libffi(interface, _)) => unsafe {
                interface.call_slots::<R, BLOCKS>(bound.address, slots)
            },
            // SAFETY: the contract is this function's own.
            _ => unsafe { bound.enter_later(slots) },
        }
    }

    /// As [`Bound::enter`], where the code may be there by now.
    ///
    /// # Safety
    /// As [`Bound::enter`].
    #[inline(never)]
    unsafe fn enter_later<R: SlotResult>(&self, slots: *const u64) -> R {
        let way = match &self.binding {
            Binding::Settled(way) => Ok(way),
            Binding::Later(later)
                if later.settled.get().is_none() && later.compile == Compile::Background =>
            {
                later.see_that_somebody_compiles();
                Err(&later.interface)
            }
            Binding::Later(_) => Ok(self.resolve()),
        };
        let interface = match way {
            Ok(Way::Code(code)) => {
                let (entry, target) = (code, self.address).entry::<R>();
                // SAFETY: the code is the function's, which returns an `R`; the caller answers for slots and function.
                return unsafe { entry(target, slots) };
            }
            Ok(Way::Libffi(interface, _)) | Err(interface) => interface,
        };
        // SAFETY: the interface is that of the function's type; the caller answers for slots and function.
        unsafe { interface.call(self.address, self.last_error, slots) }
    }

    /// How calls go. The code is made now if it is still to come.
    pub(super) fn resolve(&self) -> &Way {
        match &self.binding {
            Binding::Settled(way) => way,
            Binding::Later(later) => later
                .settled
                .get()
                .unwrap_or_else(|| later.settle(|engine, plan| engine.code(plan, self.callee()))),
        }
    }

    fn callee(&self) -> Callee {
        Callee { address: address::of(self.address), result: self.ty.form }
    }
}

impl Waiting for Bound {
    fn wanted(&self) -> Option<(Arc<Plan>, Callee)> {
        let Binding::Later(later) = &self.binding else { return None };
        let _hold = fork::hold();
        let wanted = later.wanted();
        Some((Arc::clone(&wanted.as_ref()?.1), self.callee()))
    }

    fn settle(&self, code: Result<Code, Reason>) {
        if let Binding::Later(later) = &self.binding {
            later.settle(|_, _| code);
        }
    }

    fn is_settled(&self) -> bool {
        self.binding.way().is_some()
    }
}

impl Later {
    /// Goes over to the code that `make` gives, unless somebody has made it by now.
    fn settle(&self, make: impl FnOnce(&Engine, &Plan) -> Result<Code, Reason>) -> &Way {
        // A child that is forked meanwhile would find the place locked for ever.
        let _hold = fork::hold();
        self.settled.get_or_init(|| {
            let wanted = self.wanted().clone();
            let (engine, plan) = wanted.expect("what is wanted stays until it is made, once");
            let way = match make(&engine, &plan) {
                Ok(code) => Way::Code(code),
                Err(reason) => Way::Libffi(Arc::clone(&self.interface), Path::Libffi(reason)),
            };
            engine.counters().settled.count();
            engine.counters().bound(way.path()).count();
            *self.wanted() = None;
            way
        })
    }

    /// The thread that compiles does not exist in a child that was forked.
    fn see_that_somebody_compiles(&self) {
        let forks = fork::count();
        if self.forks.load(Relaxed) != forks {
            self.forks.store(forks, Relaxed);
            let _hold = fork::hold();
            let engine = self.wanted().as_ref().map(|(engine, _)| engine.clone());
            if let Some(engine) = engine {
                engine.compile_soon(Vec::new());
            }
        }
    }

    fn wanted(&self) -> MutexGuard<'_, Option<(Engine, Arc<Plan>)>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Later {
    fn drop(&mut self) {
        if let Some((engine, _)) = self.wanted.get_mut().unwrap_or_else(PoisonError::into_inner) {
            engine.counters().settled.count();
        }
    }
}
