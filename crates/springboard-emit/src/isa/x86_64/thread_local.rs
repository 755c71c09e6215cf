//! The address of a thread-local before a finished stub, which is handed it in a register.
//!
//! ```text
//!     movabs rdx, distance        rdx: the parameter after the slots; rsi, where the slots are the first
//!     add    rdx, fs:[0]          the thread pointer, which is the first word that it points to
//!     …the stub…
//! ```
//!
//! Cranelift knows of thread-locals only by calls of `__tls_get_addr`.

use springboard_abi::{Entry, ErrorSource, Plan};

use crate::template::{Hole, HoleKind};

/// Whether a plan's stub is handed the address of its last error.
pub(crate) fn is_wanted(plan: &Plan) -> bool {
    plan.form.last_error().is_some_and(|error| error.source == ErrorSource::ThreadLocal)
}

/// Puts the instructions before a stub of an entry that has slots.
pub(crate) fn prepend(entry: Entry, stub: &[u8], holes: &mut Vec<Hole>) -> Vec<u8> {
    const RDX: u8 = 2;
    const RSI: u8 = 6;
    let register = if entry == Entry::Bound { RSI } else { RDX };
    let mut code = vec![0x48, 0xb8 | register]; // movabs register, distance
    let hole = Hole { offset: code.len() as u32, kind: HoleKind::Helper };
    code.extend([0; 8]);
    code.extend([0x64, 0x48, 0x03, register << 3 | 0b100, 0x25, 0, 0, 0, 0]); // add register, fs:[0]
    holes.iter_mut().for_each(|hole| hole.offset += code.len() as u32);
    holes.push(hole);
    code.extend(stub);
    code
}
