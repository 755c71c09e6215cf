//! Functions that can be called before their stub is there.
//!
//! Such a function is entered through [`Tiered::enter`], which looks where to go at each call: through libffi, until
//! one atomic store shows the stub. A call that has begun by one way ends by it.

use std::{
    ffi::c_void,
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicU64, Ordering::Relaxed},
    },
};

use springboard_abi::Plan;
use springboard_code::fork;

use crate::{
    engine::{Callee, Compile, Engine},
    fallback::Interface,
    function::Code,
    reason::{Path, Reason},
    slots::Entry,
    word::SlotResult,
};

/// A function whose stub comes later than it does.
pub(crate) struct Tiered {
    /// Serves calls until there is a stub, and for good where there will be none.
    interface: Interface,
    callee: Callee,
    when: When,
    ready: OnceLock<Ready>,
    /// What the stub is made of, until it is.
    wanted: Mutex<Option<Wanted>>,
    /// The forks that the process had seen when somebody last saw to it that a thread compiles.
    forks: AtomicU64,
}

// SAFETY: the address is that of a native function, and is never read through.
unsafe impl Send for Tiered {}
// SAFETY: as above; all else is `Sync` by itself.
unsafe impl Sync for Tiered {}

/// When the stub is made.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum When {
    /// At the first call, by the thread that calls.
    Called,
    /// By another thread, soon.
    Soon,
}

struct Wanted {
    engine: Engine,
    plan: Arc<Plan>,
}

/// How calls go from now on.
struct Ready {
    /// `None` where there is no memory for a stub.
    code: Option<Code>,
    path: Path,
}

impl Tiered {
    /// A function of the shape that `plan` describes.
    pub(crate) fn new(
        engine: &Engine,
        plan: Arc<Plan>,
        callee: Callee,
        interface: Interface,
        when: When,
    ) -> Arc<Tiered> {
        let wanted = Mutex::new(Some(Wanted { engine: engine.clone(), plan }));
        let forks = AtomicU64::new(fork::count());
        Arc::new(Tiered { interface, callee, when, ready: OnceLock::new(), wanted, forks })
    }

    /// The native function.
    pub(crate) fn callee(&self) -> Callee {
        self.callee
    }

    /// By which path a call would go now.
    pub(crate) fn path(&self) -> &Path {
        match (self.ready.get(), self.when) {
            (Some(ready), _) => &ready.path,
            (None, When::Called) => &Path::Uncalled,
            (None, When::Soon) => &Path::Libffi(Reason::Compiling),
        }
    }

    /// The stub, made now if it is not there.
    pub(crate) fn code(&self) -> Option<&Code> {
        self.resolve().code.as_ref()
    }

    /// The plan of the stub that is still to be made.
    pub(crate) fn plan(&self) -> Option<Arc<Plan>> {
        let _hold = fork::hold();
        self.wanted().as_ref().map(|wanted| Arc::clone(&wanted.plan))
    }

    /// Whether it has what it will ever have.
    pub(crate) fn is_settled(&self) -> bool {
        self.ready.get().is_some()
    }

    /// Goes over to `code`, unless there is a stub by now.
    pub(crate) fn settle(&self, code: Result<Code, Reason>) {
        let _hold = fork::hold();
        self.ready.get_or_init(|| self.ready(|_| code));
    }

    /// What to enter, and with which target: the stub, or [`Tiered::enter`] where it is still to come.
    pub(crate) fn entry<R: SlotResult>(&self) -> (Entry<R>, *const c_void) {
        match self.ready.get() {
            Some(ready) => self.entry_of(ready),
            None => (Tiered::enter::<R>, (&raw const *self).cast()),
        }
    }

    fn entry_of<R: SlotResult>(&self, ready: &Ready) -> (Entry<R>, *const c_void) {
        match &ready.code {
            Some(code) => code.entry(self.callee.address.as_ptr()),
            None => (Interface::enter::<R>, (&raw const self.interface).cast()),
        }
    }

    /// The entry of a function whose stub is to come: looks at each call whether it has.
    ///
    /// # Safety
    /// `tiered` points to a [`Tiered`] whose function returns an `R`, and `slots` to its slots. The rest as
    /// [`Slots::call`](crate::Slots::call).
    unsafe extern "C" fn enter<R: SlotResult>(tiered: *const c_void, slots: *const u64) -> R {
        // SAFETY: the caller's promise.
        let tiered = unsafe { &*tiered.cast::<Tiered>() };
        let (entry, target) = match (tiered.ready.get(), tiered.when) {
            (Some(ready), _) => tiered.entry_of::<R>(ready),
            (None, When::Called) => tiered.entry_of::<R>(tiered.resolve()),
            (None, When::Soon) => {
                tiered.see_that_somebody_compiles();
                (Interface::enter::<R> as Entry<R>, (&raw const tiered.interface).cast())
            }
        };
        // SAFETY: the entry belongs to the function, and returns an `R`; the rest is the caller's promise.
        unsafe { entry(target, slots) }
    }

    fn resolve(&self) -> &Ready {
        if let Some(ready) = self.ready.get() {
            return ready;
        }
        // A child that is forked meanwhile would find it locked for ever.
        let _hold = fork::hold();
        self.ready.get_or_init(|| self.ready(|Wanted { engine, plan }| engine.code(plan, self.callee)))
    }

    /// What becomes of the function with the code that `make` gives. For whoever makes the switch.
    fn ready(&self, make: impl FnOnce(&Wanted) -> Result<Code, Reason>) -> Ready {
        let wanted = self.wanted().take().expect("what is wanted stays until the one switch");
        let (code, path) = match make(&wanted) {
            Ok(code) => {
                let path = code.path().clone();
                (Some(code), path)
            }
            Err(reason) => (None, Path::Libffi(reason)),
        };
        let counters = wanted.engine.counters();
        counters.settled.count();
        counters.bound(&path).count();
        Ready { code, path }
    }

    /// The thread that compiles does not exist in a child that was forked.
    fn see_that_somebody_compiles(&self) {
        let forks = fork::count();
        if self.forks.load(Relaxed) != forks {
            self.forks.store(forks, Relaxed);
            let _hold = fork::hold();
            let engine = self.wanted().as_ref().map(|wanted| wanted.engine.clone());
            if let Some(engine) = engine {
                engine.compile_soon(Vec::new());
            }
        }
    }

    fn wanted(&self) -> MutexGuard<'_, Option<Wanted>> {
        self.wanted.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Tiered {
    fn drop(&mut self) {
        if let Some(wanted) = self.wanted.get_mut().unwrap_or_else(PoisonError::into_inner) {
            wanted.engine.counters().settled.count();
        }
    }
}

impl When {
    /// When an engine with this setting makes stubs; `None` where functions are bound with theirs.
    pub(crate) fn of(compile: Compile) -> Option<When> {
        match compile {
            Compile::Eager => None,
            Compile::Lazy => Some(When::Called),
            Compile::Background => Some(When::Soon),
        }
    }
}
