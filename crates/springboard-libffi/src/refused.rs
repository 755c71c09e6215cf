//! What libffi 3.6, as it is linked in, is known to do wrong (docs/security.md): a cif of such types that has no plan is
//! `FFI_BAD_TYPEDEF`.

use crate::{
    raw::types,
    types::{Cif, Type, code},
};

/// Whether libffi would pass one of the arguments to another place than the callee reads.
///
/// # Safety
/// The types of the cif are there, and laid out.
pub(crate) unsafe fn by_the_bundled(cif: &Cif) -> bool {
    // SAFETY: the caller vouches for the cif's types.
    let all = || unsafe { types(cif) };
    let mut aggregates = all().filter(|ty| ty.code == code::STRUCT);
    if cfg!(target_arch = "riscv64") {
        // A structure of one `float` or `double` once the registers of those are taken.
        // SAFETY: the caller vouches for all that the types refer to.
        return aggregates.any(|ty| ty.alignment > 16 || unsafe { is_one_number(ty) });
    }
    if cfg!(target_arch = "aarch64") {
        // Too little room for what is passed by reference beside what is aligned to 16 bytes.
        return aggregates.any(|ty| ty.alignment > 16 || ty.size > 16) && all().any(|ty| ty.alignment >= 16);
    }
    // No stack argument is aligned beyond the stack.
    let most = if cfg!(target_arch = "s390x") { 8 } else { 16 };
    aggregates.any(|ty| ty.alignment > most)
}

/// Whether a structure is one floating-point number.
///
/// # Safety
/// The type is readable with all that it refers to.
unsafe fn is_one_number(ty: &Type) -> bool {
    match ty.code {
        code::FLOAT | code::DOUBLE => true,
        // SAFETY: elements end with a null pointer, and there is one before it where the first is none.
        code::STRUCT if !ty.elements.is_null() => unsafe {
            (*ty.elements).as_ref().is_some_and(|only| (*ty.elements.add(1)).is_null() && is_one_number(only))
        },
        _ => false,
    }
}
