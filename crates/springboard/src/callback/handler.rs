//! Handlers: what runs when a callback is called.

use std::{error::Error, ffi::c_void, fmt, mem};

use springboard_code::CodePointer;
use springboard_ir::{DataModel, Signature};

use super::{cell::Cell, dispatch, error::CallbackError, thread};
use crate::{
    declaration::Position,
    typed::{self, CResult, RustType, TypeMismatch, Variadic},
    word::{SlotResult, Word},
};

/// A handler with its type erased: what a cell holds.
#[derive(Clone, Copy)]
pub(super) struct Erased {
    pub(super) data: *const c_void,
    pub(super) functions: Functions,
}

/// The functions of a handler.
#[derive(Clone, Copy)]
pub(super) enum Functions {
    /// For stubs that write arguments into slots.
    Slots(SlotFunctions),
    /// For stubs that leave arguments in their registers: what those jump to, and what all others call.
    Direct(CodePointer, &'static SlotFunctions),
}

/// What can be done with a handler whose type is not known.
#[derive(Clone, Copy)]
pub(super) struct SlotFunctions {
    /// Runs it with the slots of a call.
    pub(super) run: unsafe fn(*const c_void, *mut u64),
    /// Frees `data`, once no call is inside and none will come.
    pub(super) release: unsafe fn(*const c_void),
}

impl Erased {
    /// For stubs that write arguments into slots.
    pub(super) fn closure<H: Handler<F>, F>(handler: H) -> Erased {
        Erased { data: leak(handler), functions: Functions::Slots(const { slot_functions::<H, F>() }) }
    }

    /// For stubs that leave arguments in their registers.
    pub(super) fn direct<H: Handler<F>, F>(handler: H) -> Erased {
        let functions = const { &slot_functions::<H, F>() };
        Erased { data: leak(handler), functions: Functions::Direct(H::direct(), functions) }
    }

    /// Frees a handler that was never called.
    ///
    /// # Safety
    /// Nobody else uses it any more.
    pub(super) unsafe fn release(self) {
        let release = match self.functions {
            Functions::Slots(functions) => functions.release,
            Functions::Direct(_, functions) => functions.release,
        };
        // SAFETY: the caller's promise.
        unsafe { release(self.data) }
    }
}

fn leak<H>(handler: H) -> *const c_void {
    Box::into_raw(Box::new(handler)).cast()
}

const fn slot_functions<H: Handler<F>, F>() -> SlotFunctions {
    SlotFunctions { run: run::<H, F>, release: release::<H> }
}

/// # Safety
/// `data` points to an `H`, and `slots` to those of a signature that `H` was found to fit.
unsafe fn run<H: Handler<F>, F>(data: *const c_void, slots: *mut u64) {
    // SAFETY: the caller's promise.
    unsafe { (*data.cast::<H>()).run(slots) }
}

/// # Safety
/// `data` points to an `H` made by [`leak`], which nobody uses any more.
unsafe fn release<H>(data: *const c_void) {
    // SAFETY: the caller's promise.
    drop(unsafe { Box::from_raw(data.cast_mut().cast::<H>()) });
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

/// Makes an error pending on the running thread, from inside a handler: what a raw handler does, which cannot return
/// one. Where one is pending already, that one stays.
pub fn raise(error: impl Into<Box<dyn Error + Send + Sync>>) {
    super::dispatch::fail(CallbackError::Raised(error.into().into()));
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
    ($(($($param:ident $index:literal)*) $count:literal;)*) => {$(
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
                fits(signature, model, &[$(RustType::of::<$param>()),*], R::TYPE)
            }

            #[inline(always)]
            #[allow(non_snake_case)]
            unsafe fn run(&self, slots: *mut u64) {
                // SAFETY: the caller's promise: as many slots as the signature has parameters, which was found to
                // be as many as the closure has, and one more.
                unsafe {
                    $(let $param = $param::from_slot(*slots.add($index));)*
                    let result = self($($param),*).finish();
                    if R::TYPE.is_some() {
                        *slots.add($count) = result.into_result();
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
                    $(let $param = $param::from_register($param);)*
                    let call = |handler: &H| handler($($param),*).finish();
                    // SAFETY: the caller's promise; the slots are the arguments' and one more.
                    unsafe { dispatch::direct(cell, call, move || [$($param.into_slot(),)* 0]) }
                }
                // SAFETY: function pointers are of one form; who calls it knows its type.
                unsafe {
                    mem::transmute::<unsafe extern "C" fn($($param::Register,)* *const Cell) -> R::Native, CodePointer>(
                        direct::<H, R, $($param),*>,
                    )
                }
            }
        }
    )*};
}

handlers! {
    () 0;
    (A 0) 1;
    (A 0 B 1) 2;
    (A 0 B 1 C 2) 3;
    (A 0 B 1 C 2 D 3) 4;
    (A 0 B 1 C 2 D 3 E 4) 5;
    (A 0 B 1 C 2 D 3 E 4 F 5) 6;
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6) 7;
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 I 7) 8;
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 I 7 J 8) 9;
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 I 7 J 8 K 9) 10;
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 I 7 J 8 K 9 L 10) 11;
    (A 0 B 1 C 2 D 3 E 4 F 5 G 6 I 7 J 8 K 9 L 10 M 11) 12;
}

fn fits(
    signature: &Signature,
    model: &DataModel,
    params: &[RustType],
    result: Option<RustType>,
) -> Result<(), TypeMismatch> {
    if signature.fixed().is_some() {
        return Err(TypeMismatch::Variadic { c: Variadic::Yes, rust: Variadic::No });
    }
    if signature.params().len() != params.len() {
        return Err(TypeMismatch::Arity { c: signature.params().len(), rust: params.len() });
    }
    for (index, (param, rust)) in signature.params().iter().zip(params).enumerate() {
        typed::fits(Position::Parameter(index), &param.ty, Some(rust), model)?;
    }
    typed::fits(Position::Result, signature.result(), result.as_ref(), model)
}

/// A handler for runtimes: a function that gets the slots of a call as they are.
///
/// There is one 8-byte slot a parameter, in order: a word holds its value, extended to the whole slot; any other
/// parameter the address of its bytes, which are the handler's to use until it returns. One more slot follows: a
/// result that is a word must be written there, canonically ([`Word::into_slot`]), and the bytes of
/// any other result to the address that is found there.
#[derive(Clone, Copy)]
pub struct RawHandler {
    /// What `call` and `release` are given. Belongs to the host.
    pub context: *const c_void,
    /// Handles one call: the context, and the slots.
    pub call: unsafe fn(*const c_void, *mut u64),
    /// Called once, with the context, when the callback is closed and the last call has left: on the owner thread,
    /// or for an inline callback on the thread that left last.
    pub release: Option<unsafe fn(*const c_void)>,
}

impl RawHandler {
    pub(super) fn erased(self) -> Erased {
        unsafe fn keep(_: *const c_void) {}
        let release = self.release.unwrap_or(keep);
        Erased { data: self.context, functions: Functions::Slots(SlotFunctions { run: self.call, release }) }
    }
}

impl fmt::Debug for RawHandler {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RawHandler").field("context", &self.context).finish_non_exhaustive()
    }
}

/// Keeps an error of the thread out of the way of what runs in between.
pub(super) fn without_pending<T>(run: impl FnOnce() -> T) -> (T, Option<CallbackError>) {
    let before = thread::take_pending();
    let result = run();
    let error = thread::take_pending();
    thread::restore_pending(before);
    (result, error)
}
