//! What libffi has here.

use libffi::middle::Type;
use springboard_ir::Complex;

/// libffi's own type of a complex number: it has none.
pub(crate) fn complex(_: Complex) -> Option<Type> {
    None
}
