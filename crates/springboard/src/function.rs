//! Functions bound by their prototype.

use std::{cell::OnceCell, ffi::c_void, fmt, mem, ptr::NonNull, sync::Arc};

use springboard_abi::{Plan, SlotForm};
use springboard_ir::{DataModel, Prototype, Signature};

use springboard_code::{CodePointer, Stub};

use crate::{
    address,
    bind_error::BindError,
    declaration::Position,
    engine::{Callee, Engine},
    fallback::{Description, Interface, Unsupported},
    last_error::LastError,
    library::Library,
    reason::{Path, Reason},
    slots::{Entry, ResultMismatch, Slots},
    tier::{Tiered, When},
    typed::{FunctionPointer, TypeMismatch, Typed},
    value::{CallError, Value},
    word::SlotResult,
};

/// A native function, bound to its C type.
///
/// A handle: clones share everything, and any thread may use them. It keeps its library loaded and its stub in
/// memory; the [`Engine`] may be gone.
#[derive(Clone)]
pub struct Function {
    bound: Arc<Bound>,
}

struct Bound {
    prototype: Prototype,
    forms: Arc<Forms>,
    address: CodePointer,
    route: Route,
    /// What calls deliver beside the result.
    last_error: Option<LastError>,
    /// Keeps the code at `address` loaded. `None` for a function bound by address.
    library: Option<Library>,
}

/// What is entered.
enum Route {
    Stub(Code),
    Libffi(Interface, Path),
    /// Libffi or the first call's wait at first, and a stub later.
    Tiered(Arc<Tiered>),
}

/// What there is to enter when a function is bound.
pub(crate) enum Binding {
    /// A stub, or the reason why there is none.
    Now(Result<Code, Reason>),
    /// The same, where calls deliver a last error.
    Delivering(Result<Code, Reason>, LastError),
    /// A stub for this plan, later.
    Later(Arc<Plan>, When),
}

impl Binding {
    fn last_error(&self) -> Option<LastError> {
        match self {
            Binding::Delivering(_, last_error) => Some(*last_error),
            Binding::Now(_) | Binding::Later(..) => None,
        }
    }
}

/// The stub through which a function is called.
pub(crate) enum Code {
    /// That of its shape, which is handed the function's address.
    Shared(Arc<Stub>),
    /// Its own, which knows the address; and the stub of its shape, where it leaves the moves to that.
    Own { stub: Stub, _to: Option<Arc<Stub>> },
    /// That of its shape, compiled with the program.
    Packed(CodePointer),
}

impl Code {
    /// By which path a function with this code is called.
    pub(crate) fn path(&self) -> &'static Path {
        match self {
            Code::Shared(_) | Code::Own { .. } => &Path::Native,
            Code::Packed(_) => &Path::Pack,
        }
    }

    /// The first instruction.
    pub(crate) fn first(&self) -> CodePointer {
        match self {
            Code::Shared(stub) => stub.entry(),
            Code::Own { stub, .. } => stub.entry(),
            Code::Packed(first) => *first,
        }
    }

    /// What to enter for the function at `address`, which returns an `R`, and with which target.
    pub(crate) fn entry<R: SlotResult>(&self, address: *const c_void) -> (Entry<R>, *const c_void) {
        let stub = match self {
            Code::Own { stub, .. } => return (enter_own::<R>, stub.entry() as *const c_void),
            Code::Shared(stub) => stub.entry(),
            Code::Packed(thunk) => *thunk,
        };
        // SAFETY: code of the slots entry has this type, for the `R` that its signature returns: it leaves the result
        // where the native function does, and both follow the C convention.
        (unsafe { mem::transmute::<CodePointer, Entry<R>>(stub) }, address)
    }
}

/// The slots of functions of one signature.
struct Forms {
    model: DataModel,
    /// What the slots of the parameters hold.
    params: Box<[SlotForm]>,
    result: SlotForm,
}

/// What functions of one signature share, found out once for all that are bound together.
pub(crate) struct Facts<'e> {
    engine: &'e Engine,
    forms: Arc<Forms>,
    /// The signature in libffi's terms, once somebody has asked for it.
    description: OnceCell<Result<Arc<Description>, Unsupported>>,
}

impl<'e> Facts<'e> {
    /// # Errors
    /// A type has no layout on this machine.
    pub(crate) fn of(signature: &Signature, engine: &'e Engine) -> Result<Facts<'e>, BindError> {
        let model = engine.data_model();
        let form =
            |position, ty| SlotForm::of(ty, model).map_err(|error| BindError::Layout { position, error });
        let params = signature.params().iter().enumerate();
        let params = params.map(|(index, param)| form(Position::Parameter(index), &param.ty));
        let params = params.collect::<Result<_, _>>()?;
        let result = form(Position::Result, signature.result())?;
        let forms = Arc::new(Forms { model: *model, params, result });
        Ok(Facts { engine, forms, description: OnceCell::new() })
    }

    /// The function at `address`, if it is of the signature.
    pub(crate) fn callee(&self, address: NonNull<c_void>) -> Callee {
        Callee { address, result: self.forms.result }
    }

    fn description(&self, signature: &Signature) -> Result<Arc<Description>, Unsupported> {
        let describe = || Description::new(signature, self.engine).map(Arc::new);
        self.description.get_or_init(describe).clone()
    }
}

impl Function {
    /// Binds a function of the signature that `facts` are of.
    pub(crate) fn new(
        prototype: Prototype,
        address: NonNull<c_void>,
        library: Option<Library>,
        binding: Binding,
        facts: &Facts<'_>,
    ) -> Result<Function, BindError> {
        let Facts { engine, forms, .. } = facts;
        let pointer = address::code(address);
        let last_error = binding.last_error();
        let interface = || {
            let description = facts.description(&prototype.signature)?;
            Ok::<_, Unsupported>(Interface::new(description, pointer, last_error))
        };
        let route = match binding {
            Binding::Now(code) | Binding::Delivering(code, _) => match code {
                Ok(code) => Route::Stub(code),
                Err(reason) => match interface() {
                    Ok(interface) => Route::Libffi(interface, Path::Libffi(reason)),
                    Err(unsupported) => return Err(BindError::NoPath { reason, unsupported }),
                },
            },
            Binding::Later(plan, when) => match interface() {
                Ok(interface) => {
                    Route::Tiered(Tiered::new(engine, plan, facts.callee(address), interface, when))
                }
                // Nothing else could serve calls meanwhile.
                Err(unsupported) => match engine.code(&plan, facts.callee(address)) {
                    Ok(code) => Route::Stub(code),
                    Err(reason) => return Err(BindError::NoPath { reason, unsupported }),
                },
            },
        };
        let forms = Arc::clone(forms);
        let bound = Bound { prototype, forms, address: pointer, route, last_error, library };
        let function = Function { bound: Arc::new(bound) };
        engine.counters().bound(function.path()).count();
        Ok(function)
    }

    /// The prototype that the function was bound with.
    pub fn prototype(&self) -> &Prototype {
        &self.bound.prototype
    }

    /// The type that the function was bound with.
    pub fn signature(&self) -> &Signature {
        &self.bound.prototype.signature
    }

    /// By which path a call would go now. It changes once where the engine does not compile when it binds
    /// ([`Compile`](crate::Compile)).
    pub fn path(&self) -> &Path {
        match &self.bound.route {
            Route::Stub(code) => code.path(),
            Route::Libffi(_, path) => path,
            Route::Tiered(tiered) => tiered.path(),
        }
    }

    /// What is to be compiled for the function later, if anything is.
    pub(crate) fn tiered(&self) -> Option<&Arc<Tiered>> {
        match &self.bound.route {
            Route::Tiered(tiered) => Some(tiered),
            _ => None,
        }
    }

    /// The library that the function is in, and keeps loaded. `None` where it was bound by address.
    pub fn library(&self) -> Option<&Library> {
        self.bound.library.as_ref()
    }

    /// The address of the native function.
    pub fn address(&self) -> NonNull<c_void> {
        address::of(self.bound.address)
    }

    /// Calls with values that are checked against the signature: their number, their kinds, their ranges and sizes.
    ///
    /// Allocates where there are more than 32 parameters or the result is no word.
    ///
    /// # Errors
    /// What does not fit, with the argument's index, the value and the limit. Nothing was called then. Or what a
    /// callback ended with that the function called, on this thread: see [`CallbackError`](crate::CallbackError).
    ///
    /// # Safety
    /// The function must be sound to call with these arguments, on this thread, and really have the type that it
    /// was declared with. No exception or panic may leave it.
    pub unsafe fn call(&self, arguments: &[Value]) -> Result<Value, CallError> {
        // SAFETY: the caller's promise.
        unsafe { crate::value::call(self, arguments, &mut 0) }
    }

    /// As [`Function::call`], with the last error beside the result.
    ///
    /// # Errors
    /// As [`Function::call`]; and [`CallError::NoLastError`] where the function delivers none, because it was not made
    /// by [`Engine::with_last_error`].
    ///
    /// # Safety
    /// As [`Function::call`].
    pub unsafe fn call_with_last_error(&self, arguments: &[Value]) -> Result<(Value, i32), CallError> {
        if self.bound.last_error.is_none() {
            return Err(CallError::NoLastError);
        }
        let mut last_error = 0;
        // SAFETY: the caller's promise.
        let result = unsafe { crate::value::call(self, arguments, &mut last_error) }?;
        Ok((result, last_error))
    }

    /// What calls deliver beside the result.
    pub fn last_error(&self) -> Option<LastError> {
        self.bound.last_error
    }

    /// Readies the function for calls with raw slots that return an `R`.
    ///
    /// # Errors
    /// Where the signature returns something else. A result that is no word (an aggregate, `long double` …) goes to
    /// memory and needs `()`, as `void` does.
    pub fn slots<R: SlotResult>(&self) -> Result<Slots<'_, R>, ResultMismatch> {
        self.check_result::<R>()?;
        Ok(Slots::new(self))
    }

    /// The function as one code pointer, which is called with the address of its slots alone, for hosts that keep one
    /// word a function. The slots are those of [`Function::slots`].
    ///
    /// It must not be called once the function and all its clones are gone: its code is freed then.
    ///
    /// # Errors
    /// Where the signature returns no `R`, or the function has no code of its own: its engine was not built with
    /// [`Stubs::PerFunction`](crate::Stubs::PerFunction), or it is called through libffi. A stub that is still to come
    /// is made now.
    pub fn bound_pointer<R: SlotResult>(&self) -> Result<BoundPointer<R>, PointerError> {
        self.check_result::<R>().map_err(PointerError::Result)?;
        let code = match &self.bound.route {
            Route::Stub(code) => Some(code),
            Route::Tiered(tiered) => tiered.code(),
            Route::Libffi(..) => None,
        };
        match (code, self.path()) {
            (Some(Code::Own { stub, .. }), _) => {
                // SAFETY: a stub of the bound entry has this type, for the `R` that its signature returns.
                Ok(unsafe { mem::transmute::<CodePointer, BoundPointer<R>>(stub.entry()) })
            }
            (None, Path::Libffi(reason)) => Err(PointerError::Libffi(reason.clone())),
            (Some(Code::Shared(_) | Code::Packed(_)), _) | (None, _) => Err(PointerError::Shared),
        }
    }

    fn check_result<R: SlotResult>(&self) -> Result<(), ResultMismatch> {
        let fits = match self.bound.forms.result {
            SlotForm::None | SlotForm::Address(_) => R::RESULT.is_none(),
            SlotForm::Word(scalar) => R::RESULT == Some(scalar),
        };
        if fits {
            return Ok(());
        }
        Err(ResultMismatch { c: self.signature().result().clone(), rust: std::any::type_name::<R>() })
    }

    /// The function as a Rust function pointer, once the signature has been found to be that of `F`.
    ///
    /// # Errors
    /// Where the number of parameters, one of their types, or the result differ, and where calls deliver a last error,
    /// which the function alone cannot do.
    pub fn typed<F: FunctionPointer>(&self) -> Result<Typed<'_, F>, TypeMismatch> {
        Typed::new(self)
    }

    /// The sizes and alignments of C types where the function runs.
    pub fn data_model(&self) -> &DataModel {
        &self.bound.forms.model
    }

    /// What the slots of the parameters hold.
    pub(crate) fn params(&self) -> &[SlotForm] {
        &self.bound.forms.params
    }

    /// What the slot behind them holds.
    pub(crate) fn result(&self) -> SlotForm {
        self.bound.forms.result
    }

    pub(crate) fn code_pointer(&self) -> CodePointer {
        self.bound.address
    }

    /// The call interface, where calls go through libffi for good.
    pub(crate) fn interface(&self) -> Option<&Interface> {
        match &self.bound.route {
            Route::Libffi(interface, _) => Some(interface),
            Route::Stub(_) | Route::Tiered(_) => None,
        }
    }

    /// What to enter, and with which target. The signature must return an `R`.
    pub(crate) fn entry<R: SlotResult>(&self) -> (Entry<R>, *const c_void) {
        match &self.bound.route {
            Route::Stub(code) => code.entry(self.bound.address as *const c_void),
            Route::Libffi(interface, _) => (Interface::enter::<R>, (&raw const *interface).cast()),
            Route::Tiered(tiered) => tiered.entry(),
        }
    }
}

/// Enters a stub that knows its function, with the stub as the target.
///
/// # Safety
/// `stub` is the entry of a stub of the bound entry, of a function that returns an `R`, and `slots` are its slots. The
/// rest as [`Slots::call`].
pub(crate) unsafe extern "C" fn enter_own<R: SlotResult>(stub: *const c_void, slots: *const u64) -> R {
    // SAFETY: the caller's promise; both follow the C convention, and leave the result where the function does.
    unsafe { mem::transmute::<*const c_void, BoundPointer<R>>(stub)(slots) }
}

/// Code that calls one function: entered with the address of its slots, as [`Slots`] describes them.
pub type BoundPointer<R> = unsafe extern "C" fn(*const u64) -> R;

impl fmt::Debug for Function {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Function")
            .field("prototype", self.prototype())
            .field("path", self.path())
            .field("address", &self.address())
            .finish_non_exhaustive()
    }
}

/// Why a function has no code pointer of its own.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum PointerError {
    /// The signature returns something else.
    Result(ResultMismatch),
    /// The engine makes one stub a shape, or takes it from the pack.
    Shared,
    /// The function is called through libffi, for this reason.
    Libffi(Reason),
}

impl fmt::Display for PointerError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            PointerError::Result(error) => error.fmt(f),
            PointerError::Shared => f.write_str("the engine makes one stub a shape, and none a function"),
            PointerError::Libffi(reason) => write!(f, "the function is called through libffi: {reason}"),
        }
    }
}

impl std::error::Error for PointerError {}
