//! What libffi has here.

use libffi::middle::{FfiAbi, Type};
use springboard_ir::{Complex, NamedConvention};

/// What libffi calls a convention that is not the machine's own: it knows none.
pub(crate) fn abi(_: NamedConvention) -> Option<FfiAbi> {
    None
}

/// libffi's own type of a complex number: it has none.
pub(crate) fn complex(_: Complex) -> Option<Type> {
    None
}
