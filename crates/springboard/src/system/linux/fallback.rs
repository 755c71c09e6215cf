//! What libffi has here.

use libffi::middle::Type;
use springboard_ir::Complex;

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
