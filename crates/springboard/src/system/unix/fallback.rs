//! What libffi has here.

use libffi::middle::{FfiAbi, Type};
use springboard_ir::{Complex, NamedConvention};

/// What libffi calls a convention that is not the machine's own. `None` where it does not know it.
pub(crate) fn abi(convention: NamedConvention) -> Option<FfiAbi> {
    match convention {
        #[cfg(target_arch = "x86_64")]
        NamedConvention::Microsoft => Some(libffi::raw::ffi_abi_FFI_GNUW64),
        _ => None,
    }
}

/// libffi's own type of a complex number. Built for RISC-V it has none.
#[cfg(not(target_arch = "riscv64"))]
pub(crate) fn complex(complex: Complex) -> Option<Type> {
    Some(match complex {
        Complex::Float => Type::c32(),
        Complex::Double => Type::c64(),
        Complex::LongDouble => Type::complex_longdouble(),
    })
}

#[cfg(target_arch = "riscv64")]
pub(crate) fn complex(_: Complex) -> Option<Type> {
    None
}
