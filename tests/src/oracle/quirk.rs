//! Where a C compiler is known to do something else than the ABI says, or than it does itself elsewhere.
//!
//! Such cases are left out, and counted. Each has its reason here.

use springboard_abi::{Convention, Ineligible, Returning, Target, assign};
use springboard_ir::{Integer, Signature, Type};

use crate::oracle::compile::Maker;

impl Maker {
    /// Why calls of `signature` on `target` by this compiler prove nothing.
    pub(crate) fn quirk(self, signature: &Signature, target: &Target) -> Option<&'static str> {
        let mut params = signature.params().iter().map(|param| &param.ty);
        if target.convention == Convention::S390x
            && params.clone().chain([signature.result()]).any(has_vector)
        {
            return Some("vectors of s390x are laid out in two ways, and never passed");
        }
        match assign(signature, target) {
            Err(Ineligible::Compilers { .. }) => {
                return Some("passed in two ways by GCC and Clang, and refused");
            }
            Err(Ineligible::LostBytes { .. }) => {
                return Some("lost between Clang's own caller and callee, and refused");
            }
            _ => {}
        }
        let is_x86 = matches!(target.convention, Convention::Sysv64 | Convention::Win64);
        match self {
            // Its C++ has empty classes, which take no room (`TYPE_EMPTY_P`); C gets the half of it.
            Maker::Gcc if is_x86 && params.any(|ty| has_unnamed(ty) && !has_value(ty)) => Some(
                "GCC passes structures of unnamed bit-fields in registers, and forgets them on the stack",
            ),
            // The same for results: `aggregate_value_p` asks for emptiness before it asks for the size. Clang passes the
            // address.
            Maker::Gcc if is_x86 && returns_nothing_in_memory(signature, target) => {
                Some("GCC passes no address for a result of unnamed bit-fields that comes back in memory")
            }
            Maker::Gcc => None,
            Maker::Clang if params.clone().any(is_int128) => {
                // Before version 18; the psABI aligns them to 16 (LLVM D86310).
                Some("clang aligns __int128 on the stack to 8")
            }
            Maker::Clang => None,
        }
    }
}

/// Whether the result has no value, in unnamed bit-fields alone, and comes back in memory.
fn returns_nothing_in_memory(signature: &Signature, target: &Target) -> bool {
    let result = signature.result();
    let in_memory =
        || assign(signature, target).is_ok_and(|found| matches!(found.result, Returning::Memory { .. }));
    has_unnamed(result) && !has_value(result) && in_memory()
}

fn is_int128(ty: &Type) -> bool {
    matches!(ty, Type::Int(Integer::Int128 | Integer::UInt128))
}

/// Whether there is an unnamed bit-field in a type.
fn has_unnamed(ty: &Type) -> bool {
    match ty {
        Type::Array(array) => has_unnamed(&array.element),
        Type::Aggregate(aggregate) => aggregate.fields.iter().any(|field| match field.bits {
            Some(_) => field.name.is_none(),
            None => has_unnamed(&field.ty),
        }),
        _ => false,
    }
}

/// Whether there is a vector in a type.
fn has_vector(ty: &Type) -> bool {
    match ty {
        Type::Vector(_) => true,
        Type::Array(array) => has_vector(&array.element),
        Type::Aggregate(aggregate) => aggregate.fields.iter().any(|field| has_vector(&field.ty)),
        _ => false,
    }
}

/// Whether a type has a member that can be named, or is not an aggregate.
fn has_value(ty: &Type) -> bool {
    match ty {
        Type::Array(array) => array.length > 0 && has_value(&array.element),
        Type::Aggregate(aggregate) => aggregate.fields.iter().any(|field| match field.bits {
            Some(_) => field.name.is_some(),
            None => has_value(&field.ty),
        }),
        _ => true,
    }
}
