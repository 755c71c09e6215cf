//! Functions as Rust function pointers, after one check.

use std::mem;

use springboard_code::CodePointer;

use super::Function;
use crate::typed::{self, FunctionPointer, TypeMismatch};

/// A function as a Rust function pointer, which costs what a direct call costs.
///
/// A handle that keeps the function, and with it the library.
#[derive(Clone, Debug)]
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

arities!(calls);

fn check<F: FunctionPointer>(function: &Function) -> Result<(), TypeMismatch> {
    if function.last_error().is_some() {
        return Err(TypeMismatch::LastError);
    }
    let signature = function.signature();
    if let Some(named) = signature.convention() {
        return Err(TypeMismatch::Convention(named));
    }
    typed::check(signature, function.data_model(), F::PARAMS, F::RESULT, F::VARIADIC)
}
