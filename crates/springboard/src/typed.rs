//! Rust types that stand for C function types.

use springboard_ir::{DataModel, NamedConvention, Scalar, Signature, Type};

use crate::{declaration::Position, word::CType};

/// `unsafe extern "C" fn(A, B, …) -> R` with up to 12 parameters, each a [`CType`], and with or without `...`
/// after them; `R` is a [`CType`] or `()`.
pub trait FunctionPointer: Copy + sealed::FunctionPointer {
    /// The parameters in front of `...`.
    #[doc(hidden)]
    const PARAMS: &'static [RustType];
    /// The result. `None` for `()`.
    #[doc(hidden)]
    const RESULT: Option<RustType>;
    #[doc(hidden)]
    const VARIADIC: Variadic;
}

/// A Rust type that stands for a C scalar.
#[doc(hidden)]
#[derive(Clone, Copy)]
pub struct RustType {
    scalar: Scalar,
    name: fn() -> &'static str,
}

impl RustType {
    pub(crate) const fn of<T: CType>() -> RustType {
        RustType { scalar: T::SCALAR, name: std::any::type_name::<T> }
    }
}

/// Whether a function takes arguments beyond its parameters.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[allow(missing_docs)]
pub enum Variadic {
    No,
    Yes,
}

/// What a Rust function can return to C or from it: a [`CType`] or `()`.
pub trait CResult: sealed::CResult {
    #[doc(hidden)]
    const TYPE: Option<RustType>;
}

impl<T: CType> CResult for T {
    const TYPE: Option<RustType> = Some(RustType::of::<T>());
}

impl CResult for () {
    const TYPE: Option<RustType> = None;
}

mod sealed {
    use super::CType;

    pub trait FunctionPointer {}
    pub trait CResult {}

    impl<T: CType> CResult for T {}
    impl CResult for () {}
}

macro_rules! function_pointers {
    ($(($($param:ident)*))*) => {$(
        function_pointers!(@one [$($param)*] [] Variadic::No);
        function_pointers!(@one [$($param)*] [, ...] Variadic::Yes);
    )*};
    (@one [] [, ...] $variadic:expr) => {
        function_pointers!(@impl [] [...] $variadic);
    };
    (@one [$($param:ident)*] [$($dots:tt)*] $variadic:expr) => {
        function_pointers!(@impl [$($param)*] [$($dots)*] $variadic);
    };
    (@impl [$($param:ident)*] [$($dots:tt)*] $variadic:expr) => {
        impl<R: CResult, $($param: CType),*> sealed::FunctionPointer
            for unsafe extern "C" fn($($param),* $($dots)*) -> R {}

        impl<R: CResult, $($param: CType),*> FunctionPointer
            for unsafe extern "C" fn($($param),* $($dots)*) -> R
        {
            const PARAMS: &'static [RustType] = &[$(RustType::of::<$param>()),*];
            const RESULT: Option<RustType> = R::TYPE;
            const VARIADIC: Variadic = $variadic;
        }
    };
}

arities!(function_pointers);

/// Whether Rust types stand for the parameters and the result of a C function type. A result of `None` is `()`.
pub(crate) fn check(
    signature: &Signature,
    model: &DataModel,
    params: &[RustType],
    result: Option<RustType>,
    variadic: Variadic,
) -> Result<(), TypeMismatch> {
    let c = if signature.fixed().is_some() { Variadic::Yes } else { Variadic::No };
    if variadic != c {
        return Err(TypeMismatch::Variadic { c, rust: variadic });
    }
    let fixed = signature.fixed().unwrap_or(signature.params().len());
    if params.len() != fixed {
        return Err(TypeMismatch::Arity { c: fixed, rust: params.len() });
    }
    for (index, (param, rust)) in signature.params().iter().zip(params).enumerate() {
        fits(Position::Parameter(index), &param.ty, Some(*rust), model)?;
    }
    fits(Position::Result, signature.result(), result, model)
}

/// Whether a Rust type, or `None` for `()`, stands for a C type.
fn fits(position: Position, c: &Type, rust: Option<RustType>, model: &DataModel) -> Result<(), TypeMismatch> {
    let fits = match rust {
        Some(rust) => c.scalar(model) == Some(rust.scalar),
        None => *c == Type::Void,
    };
    if fits {
        return Ok(());
    }
    Err(TypeMismatch::Type { position, c: c.clone(), rust: rust.map_or("()", |rust| (rust.name)()) })
}

/// Why a Rust function pointer is not of a function's C type.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum TypeMismatch {
    /// The numbers of parameters differ. Arguments for `...` do not count.
    #[error("the function has {c} parameters, and the Rust type {rust}")]
    #[allow(missing_docs)]
    Arity { c: usize, rust: usize },
    /// One of them takes further arguments and the other does not.
    #[error("{}", match .c {
        Variadic::Yes => "the function is variadic, and the Rust type is not",
        Variadic::No => "the Rust type is variadic, and the function is not",
    })]
    #[allow(missing_docs)]
    Variadic { c: Variadic, rust: Variadic },
    /// Calls are to deliver a last error, and a plain function pointer delivers none.
    #[error("a plain function pointer delivers no last error")]
    LastError,
    /// The function is called by a convention that its declaration names, and the Rust type says `extern "C"`.
    #[error("the function is called by `{}`, and the Rust type is `extern \"C\"`", .0.attribute())]
    Convention(NamedConvention),
    /// A Rust type does not stand for the C type in its place.
    #[error("{position} is {c}, which {rust} does not stand for")]
    Type {
        /// The place.
        position: Position,
        /// The type that the signature has there.
        c: Type,
        /// The name of the Rust type.
        rust: &'static str,
    },
}
