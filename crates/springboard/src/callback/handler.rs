//! Handlers: what runs when a callback is called.

use std::{error::Error, ffi::c_void, fmt, mem};

use springboard_code::CodePointer;
use springboard_ir::{DataModel, Signature};

use super::{
    dispatch,
    erased::{Erased, Functions},
    pool::Cell,
    report,
};
use crate::{
    thread::CallbackError,
    typed::{self, CResult, RustType, TypeMismatch, Variadic},
    word::{SlotResult, Word},
};

impl Erased {
    pub(super) fn closure<H: Handler<F>, F>(handler: H) -> Erased {
        let functions = const { &Functions { run: run::<H, F>, release: release::<H> } };
        Erased { data: Box::into_raw(Box::new(handler)).cast(), functions }
    }
}

/// # Safety
/// `data` points to an `H`, and `slots` to those of a signature that `H::check` accepted.
unsafe fn run<H: Handler<F>, F>(data: *const c_void, slots: *mut u64) {
    // SAFETY: the contract is that of `Handler::run`; `data` points to an `H`.
    unsafe { (*data.cast::<H>()).run(slots) }
}

/// # Safety
/// `handler` is from [`Erased::closure`] of an `H`, and nobody uses it any more.
unsafe fn release<H>(handler: Erased) {
    // SAFETY: `Erased::closure` took it out of a box, and the caller gives it up.
    drop(unsafe { Box::from_raw(handler.data.cast_mut().cast::<H>()) });
}

/// A Rust closure that can handle calls: `Fn(A, B, …) -> R` with up to 12 parameters.
///
/// Each parameter is a [`Word`], `R` a [`Word`], `()`, or a [`Result`] of these whose error is raised
/// ([`raise`]). The parameter `F` only keeps closures of different types apart.
pub trait Handler<F>: sealed::Handler<F> + 'static {
    #[doc(hidden)]
    fn check(signature: &Signature, model: &DataModel) -> Result<(), TypeMismatch>;

    /// # Safety
    /// `slots` are those of a signature that [`Handler::check`] accepted, and one more.
    #[doc(hidden)]
    unsafe fn run(&self, slots: *mut u64);

    /// The function that stubs of the `direct` entry jump to, with the handler's parameters and the cell.
    #[doc(hidden)]
    fn direct() -> CodePointer;
}

/// What a handler can return.
pub trait HandlerResult: sealed::HandlerResult {
    /// The C type's, `None` for `void`.
    #[doc(hidden)]
    const TYPE: Option<RustType>;

    /// What native code gets.
    #[doc(hidden)]
    type Native: SlotResult;

    /// What native code gets: zero where an error was raised.
    #[doc(hidden)]
    fn finish(self) -> Self::Native;
}

impl<T: Word> HandlerResult for T {
    const TYPE: Option<RustType> = <T as CResult>::TYPE;

    type Native = T;

    #[inline(always)]
    fn finish(self) -> T {
        self
    }
}

impl HandlerResult for () {
    const TYPE: Option<RustType> = None;

    type Native = ();

    #[inline(always)]
    fn finish(self) {}
}

impl<T: HandlerResult, E: Into<Box<dyn Error + Send + Sync>>> HandlerResult for Result<T, E> {
    const TYPE: Option<RustType> = T::TYPE;

    type Native = T::Native;

    #[inline(always)]
    fn finish(self) -> T::Native {
        match self {
            Ok(result) => result.finish(),
            Err(error) => {
                raise(error);
                T::Native::from_result(0)
            }
        }
    }
}

/// Makes an error pending on the running thread, from inside a handler. For raw handlers, which cannot return one. If one
/// is pending already, that one stays.
pub fn raise(error: impl Into<Box<dyn Error + Send + Sync>>) {
    report::fail(CallbackError::Raised(error.into().into()));
}

mod sealed {
    use std::error::Error;

    use crate::word::Word;

    pub trait Handler<F> {}
    pub trait HandlerResult {}

    impl<T: Word> HandlerResult for T {}
    impl HandlerResult for () {}
    impl<T: HandlerResult, E: Into<Box<dyn Error + Send + Sync>>> HandlerResult for Result<T, E> {}
}

macro_rules! handlers {
    ($(($($param:ident)*))*) => {$(
        impl<H, R, $($param),*> sealed::Handler<fn($($param),*) -> R> for H
        where
            H: Fn($($param),*) -> R + 'static,
            R: HandlerResult,
            $($param: Word),*
        {}

        impl<H, R, $($param),*> Handler<fn($($param),*) -> R> for H
        where
            H: Fn($($param),*) -> R + 'static,
            R: HandlerResult,
            $($param: Word),*
        {
            fn check(signature: &Signature, model: &DataModel) -> Result<(), TypeMismatch> {
                typed::check(signature, model, &[$(RustType::of::<$param>()),*], R::TYPE, Variadic::No)
            }

            #[inline(always)]
            #[allow(non_snake_case)]
            unsafe fn run(&self, slots: *mut u64) {
                // SAFETY: the caller gives the slots of a signature that `check` accepted: one per parameter of the
                // closure, of its type, and one more for a result.
                unsafe {
                    let next = slots;
                    $(let ($param, next) = ($param::from_slot(*next), next.add(1));)*
                    let result = self($($param),*).finish();
                    if R::TYPE.is_some() {
                        *next = result.into_result();
                    }
                }
            }

            fn direct() -> CodePointer {
                /// # Safety
                /// As stubs of the `direct` entry call it: the cell's handler is an `H`.
                #[allow(non_snake_case)]
                unsafe extern "C" fn direct<H, R, $($param),*>(
                    $($param: $param::Register,)*
                    cell: *const Cell,
                ) -> R::Native
                where
                    H: Fn($($param),*) -> R + 'static,
                    R: HandlerResult,
                    $($param: Word),*
                {
                    $(let $param = $param::from_slot($param.into_slot());)*
                    let call = |handler: &H| handler($($param),*).finish();
                    // SAFETY: a stub passes its cell, whose handler is an `H`; the slots are the arguments and one more.
                    unsafe { dispatch::direct(cell, call, move || [$($param.into_slot(),)* 0]) }
                }
                // SAFETY: all function pointers have one form. Only stubs of a plan that fits `check` jump to it.
                unsafe {
                    mem::transmute::<unsafe extern "C" fn($($param::Register,)* *const Cell) -> R::Native, CodePointer>(
                        direct::<H, R, $($param),*>,
                    )
                }
            }
        }
    )*};
}

arities!(handlers);

/// A handler for runtimes: a function that gets the slots of a call as they are.
///
/// There is one 8-byte slot per parameter, in order: a word holds its value, extended to the whole slot; any other
/// parameter the address of its bytes, which are the handler's to use until it returns. One more slot follows: a
/// result that is a word must be written there, canonically ([`Word::into_slot`]), and the bytes of
/// any other result to the address that is found there.
#[derive(Clone, Copy)]
pub struct RawHandler {
    /// What `call` and `release` are given. Belongs to the host.
    pub context: *const c_void,
    /// Handles one call: the context, and the slots.
    pub call: unsafe fn(*const c_void, *mut u64),
    /// Called once, with the context, when the callback is closed and the last call has left: on the owner thread, on its
    /// [`Heir`](super::Heir)'s when it has ended, or for an inline callback on the thread that left last.
    pub release: Option<unsafe fn(*const c_void)>,
}

/// The functions of a raw handler, and the host's own that `release` calls.
#[repr(C)]
struct RawFunctions {
    functions: Functions,
    release: Option<unsafe fn(*const c_void)>,
}

impl RawHandler {
    pub(super) fn erased(self) -> Erased {
        let RawHandler { context, call, release } = self;
        let functions = Functions { run: call, release: release_raw };
        let functions = Box::into_raw(Box::new(RawFunctions { functions, release }));
        Erased { data: context, functions: functions.cast() }
    }

    /// Frees what [`RawHandler::erased`] made, and returns the host's `release`.
    ///
    /// # Safety
    /// `handler` is from there, and nobody uses it any more.
    pub(super) unsafe fn forget(handler: Erased) -> Option<unsafe fn(*const c_void)> {
        // SAFETY: `erased` took the functions out of a box, in which they are the first field.
        unsafe { Box::from_raw(handler.functions.cast_mut().cast::<RawFunctions>()) }.release
    }
}

/// # Safety
/// `handler` is from [`RawHandler::erased`], and nobody uses it any more.
unsafe fn release_raw(handler: Erased) {
    // SAFETY: the contract is this function's own.
    if let Some(release) = unsafe { RawHandler::forget(handler) } {
        // SAFETY: `CallbackType::raw` asks for a function that is sound to call with the context now.
        unsafe { release(handler.data) };
    }
}

impl fmt::Debug for RawHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawHandler").field("context", &self.context).finish_non_exhaustive()
    }
}
