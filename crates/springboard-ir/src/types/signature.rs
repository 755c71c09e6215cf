//! C function types.

use alloc::{boxed::Box, string::String, vec::Vec};

use thiserror::Error;

use super::{AggregateKind, Type};

/// The most parameters a signature may have. C promises 127 (C11 5.2.4.1); no program in use comes near this.
pub const MAX_PARAMETERS: usize = 1024;

/// A C function type: the result, the parameters, and where variadic arguments begin.
///
/// A signature describes one *call*, so the arguments passed for `...` are part of it, after the fixed ones.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Signature {
    params: Box<[Param]>,
    result: Type,
    fixed: Option<usize>,
    convention: Option<NamedConvention>,
}

/// A calling convention that a declaration names and that is not the target's own.
#[derive(Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Debug)]
#[non_exhaustive]
pub enum NamedConvention {
    /// `__attribute__((ms_abi))`: a function of x86_64 that is called as on Windows. Its `long` stays that of the target.
    Microsoft,
}

impl NamedConvention {
    /// What C's attribute for it is called.
    pub const fn attribute(self) -> &'static str {
        match self {
            NamedConvention::Microsoft => "ms_abi",
        }
    }
}

/// One parameter of a signature.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Param {
    /// The name, where the prototype gave one. Means nothing to the call.
    pub name: Option<String>,
    /// The type, after the adjustment of arrays and functions to pointers (C11 6.7.6.3, 7 and 8).
    pub ty: Type,
}

/// A signature with the name of the function it was declared for.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Prototype {
    /// The declared name. `None` for an abstract declarator such as `int (*)(void)`.
    pub name: Option<String>,
    /// The function type.
    pub signature: Signature,
}

/// Why types cannot form a signature.
#[derive(Clone, PartialEq, Eq, Debug, Error)]
pub enum SignatureError {
    /// More parameters than [`MAX_PARAMETERS`].
    #[error("{0} parameters, and {MAX_PARAMETERS} is the limit")]
    TooManyParameters(usize),
    /// A parameter is `void`.
    #[error("parameter {} is void", .0 + 1)]
    VoidParameter(usize),
    /// A parameter is an array; C adjusts it to a pointer, and so must who builds a signature.
    #[error("parameter {} is an array, which C passes as a pointer", .0 + 1)]
    ArrayParameter(usize),
    /// The result is an array, which no C function can return.
    #[error("the result is an array, which C cannot return")]
    ArrayResult,
    /// A variadic argument has a type that C promotes before passing it: `float`, or an integer narrower than
    /// `int`. The type it is passed as is given.
    #[error("variadic argument {} is promoted by C: declare it as {}", .0 + 1, .1)]
    Unpromoted(usize, Type),
    /// There are more fixed parameters than parameters.
    #[error("{0} fixed parameters are more than there are parameters")]
    FixedCount(usize),
}

impl SignatureError {
    /// The index of the parameter that is wrong, if one is. Of too many, the first beyond the limit.
    pub fn parameter(&self) -> Option<usize> {
        match self {
            SignatureError::TooManyParameters(_) => Some(MAX_PARAMETERS),
            SignatureError::VoidParameter(index)
            | SignatureError::ArrayParameter(index)
            | SignatureError::Unpromoted(index, _) => Some(*index),
            SignatureError::ArrayResult | SignatureError::FixedCount(_) => None,
        }
    }
}

impl Signature {
    /// A function type with a fixed number of parameters.
    ///
    /// # Errors
    /// A parameter that is `void` or an array; a result that is an array; more than [`MAX_PARAMETERS`]. A structure that
    /// is declared and not defined is allowed, as in C; a function that takes or returns one cannot be called.
    pub fn new(result: Type, params: Vec<Param>) -> Result<Signature, SignatureError> {
        Signature::build(result, params, None)
    }

    /// A call of a variadic function: the first `fixed` parameters are declared, the others are passed for `...`.
    ///
    /// # Errors
    /// As [`Signature::new`]; also a variadic argument of a type that C promotes, and `fixed` larger than the
    /// number of parameters.
    pub fn variadic(result: Type, params: Vec<Param>, fixed: usize) -> Result<Signature, SignatureError> {
        Signature::build(result, params, Some(fixed))
    }

    fn build(result: Type, params: Vec<Param>, fixed: Option<usize>) -> Result<Signature, SignatureError> {
        if params.len() > MAX_PARAMETERS {
            return Err(SignatureError::TooManyParameters(params.len()));
        }
        for (index, param) in params.iter().enumerate() {
            match param.ty {
                Type::Void => return Err(SignatureError::VoidParameter(index)),
                Type::Array(_) => return Err(SignatureError::ArrayParameter(index)),
                _ => {}
            }
        }
        if let Type::Array(_) = result {
            return Err(SignatureError::ArrayResult);
        }
        if let Some(fixed) = fixed {
            if fixed > params.len() {
                return Err(SignatureError::FixedCount(fixed));
            }
            for (index, param) in params.iter().enumerate().skip(fixed) {
                if let Some(promoted) = param.ty.promoted() {
                    return Err(SignatureError::Unpromoted(index, promoted));
                }
            }
        }
        Ok(Signature { params: params.into(), result, fixed, convention: None })
    }

    /// The parameters, variadic arguments included.
    pub fn params(&self) -> &[Param] {
        &self.params
    }

    /// The result.
    pub fn result(&self) -> &Type {
        &self.result
    }

    /// The type the function is declared with: without the arguments that this call passes for `...`.
    pub fn declared(&self) -> Signature {
        let params = &self.params[..self.fixed.unwrap_or(self.params.len())];
        Signature { params: params.into(), result: self.result.clone(), ..*self }
    }

    /// The first structure or union that is passed or returned and has no definition.
    pub(crate) fn incomplete(&self) -> Option<(AggregateKind, &str)> {
        let mut types = core::iter::once(&self.result).chain(self.params.iter().map(|param| &param.ty));
        types.find_map(|ty| match ty {
            Type::Incomplete(kind, tag) => Some((*kind, &**tag)),
            _ => None,
        })
    }

    /// The same signature, in which each structure that has no definition is what `find` knows by its tag.
    pub(crate) fn completed<'a>(&self, find: impl Fn(&str) -> Option<&'a Type>) -> Signature {
        let complete = |ty: &Type| match ty {
            Type::Incomplete(_, tag) => find(tag).unwrap_or(ty).clone(),
            _ => ty.clone(),
        };
        let params =
            self.params.iter().map(|param| Param { name: param.name.clone(), ty: complete(&param.ty) });
        Signature { params: params.collect(), result: complete(&self.result), ..*self }
    }

    /// For a variadic function, how many of the parameters are declared; the rest are passed for `...`.
    pub fn fixed(&self) -> Option<usize> {
        self.fixed
    }

    /// The convention by which the function is called, where the declaration names another than the target's own.
    pub fn convention(&self) -> Option<NamedConvention> {
        self.convention
    }

    /// The type of a function that takes and returns the same by the convention `convention`.
    pub fn called_by(self, convention: NamedConvention) -> Signature {
        Signature { convention: Some(convention), ..self }
    }
}

impl Type {
    /// The type C's default argument promotions turn this one into, where they change it (C11 6.5.2.2, 6).
    /// `wchar_t` is left alone: it is narrower than `int` on Windows only, where the promoted value has the same
    /// low half.
    pub fn promoted(&self) -> Option<Type> {
        use crate::Integer::*;
        match self {
            Type::Float => Some(Type::Double),
            Type::Bool => Some(Type::Int(Int)),
            Type::Int(Char | SChar | UChar | Short | UShort | Int8 | UInt8 | Int16 | UInt16) => {
                Some(Type::Int(Int))
            }
            Type::Enum(enumeration) => Type::Int(enumeration.underlying()).promoted(),
            _ => None,
        }
    }
}
