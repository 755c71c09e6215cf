//! Where a callee writes down what it sees.
//!
//! ```text
//!   0  how often it was called
//!   8  its frame's address
//!  16  the floating point control word it runs under
//!  64  the bytes of the first parameter; for an integer narrower than 8 bytes also, at the next
//!      multiple of 16, its value widened to 8: compilers disagree on who does that
//!      … each part at the next multiple of 16
//! ```

use springboard_ir::{DataModel, Scalar, Signature, Type};

use crate::oracle::value;

/// Bytes before the first parameter.
const HEADER: usize = 64;

/// Alignment of every part.
const ALIGN: usize = 16;

/// Where the parts of one signature's record are.
pub(crate) struct Record {
    pub(crate) params: Vec<Part>,
    /// Size of the whole.
    pub(crate) bytes: usize,
}

/// What is written down of one parameter.
pub(crate) struct Part {
    /// Offset of its bytes.
    pub(crate) at: usize,
    /// Offset of its value widened to 8 bytes.
    pub(crate) widened: Option<usize>,
}

impl Record {
    pub(crate) fn of(signature: &Signature, model: &DataModel) -> Record {
        let mut bytes = HEADER;
        let mut take = |size: usize| {
            let at = bytes;
            bytes += size.next_multiple_of(ALIGN);
            at
        };
        let params = signature
            .params()
            .iter()
            .map(|param| Part {
                at: take(value::layout_size(&param.ty, model)),
                widened: is_narrow(&param.ty, model).then(|| take(8)),
            })
            .collect();
        Record { params, bytes }
    }
}

/// Whether values are integers that a register holds with room to spare.
pub(crate) fn is_narrow(ty: &Type, model: &DataModel) -> bool {
    matches!(ty.scalar(model), Some(Scalar::Bool | Scalar::Int { bytes: 1..=4, .. }))
}
