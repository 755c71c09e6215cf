//! Functions as Rust function pointers, after one check.

use std::{fmt, mem};

use springboard_code::CodePointer;

use super::Function;
use crate::{
    declaration::Position,
    typed::{FunctionPointer, TypeMismatch, Variadic, fits},
};

/// A function as a Rust function pointer, which costs what a direct call costs.
///
/// A handle that keeps the function, and with it the library.
#[derive(Clone)]
pub struct Typed<F> {
    pointer: F,
    function: Function,
}

impl<F: FunctionPointer> Typed<F> {
    pub(super) fn new(function: &Function) -> Result<Typed<F>, TypeMismatch> {
        check::<F>(function)?;
        let address = function.bound.address;
        // SAFETY: the trait is sealed, and implemented for function pointers alone, which are all of one size. The
        // type has just been found to be the function's.
        let pointer = unsafe { mem::transmute_copy::<CodePointer, F>(&address) };
        Ok(Typed { pointer, function: function.clone() })
    }

    /// The pointer itself. It must not be called once the [`Function`], its clones and all handles like this one are
    /// gone.
    pub fn get(&self) -> F {
        self.pointer
    }

    /// The function that is called.
    pub fn function(&self) -> &Function {
        &self.function
    }
}

impl<F: fmt::Debug> fmt::Debug for Typed<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Typed").field(&self.pointer).finish()
    }
}

macro_rules! calls {
    ($(($($param:ident)*))*) => {$(
        impl<R, $($param),*> Typed<unsafe extern "C" fn($($param),*) -> R> {
            /// Calls the function.
            ///
            /// # Safety
            /// The function must be sound to call with these arguments, on this thread, and really have the type
            /// that it was declared with. No exception or panic may leave it.
            #[inline(always)]
            #[allow(non_snake_case, clippy::too_many_arguments)] // as many as the function has
            pub unsafe fn call(&self, $($param: $param),*) -> R {
                // SAFETY: `new` found that this is the function's type, and `function` keeps it loaded; the caller
                // answers for the arguments.
                unsafe { (self.pointer)($($param),*) }
            }
        }
    )*};
}

calls! {
    () (A) (A B) (A B C) (A B C D) (A B C D E) (A B C D E F) (A B C D E F G) (A B C D E F G H)
    (A B C D E F G H I) (A B C D E F G H I J) (A B C D E F G H I J K) (A B C D E F G H I J K L)
}

fn check<F: FunctionPointer>(function: &Function) -> Result<(), TypeMismatch> {
    if function.last_error().is_some() {
        return Err(TypeMismatch::LastError);
    }
    let signature = function.signature();
    if let Some(named) = signature.convention() {
        return Err(TypeMismatch::Convention(named));
    }
    let variadic = if signature.fixed().is_some() { Variadic::Yes } else { Variadic::No };
    if F::VARIADIC != variadic {
        return Err(TypeMismatch::Variadic { c: variadic, rust: F::VARIADIC });
    }
    let fixed = signature.fixed().unwrap_or(signature.params().len());
    if F::PARAMS.len() != fixed {
        return Err(TypeMismatch::Arity { c: fixed, rust: F::PARAMS.len() });
    }
    for (index, (param, rust)) in signature.params().iter().zip(F::PARAMS).enumerate() {
        fits(Position::Parameter(index), &param.ty, Some(rust), function.data_model())?;
    }
    fits(Position::Result, signature.result(), F::RESULT.as_ref(), function.data_model())
}
