//! Entries: code with its target, the type of its result erased until it is called.

use std::{ffi::c_void, mem};

use springboard_code::CodePointer;

use super::ty::ResultWord;
use crate::word::SlotResult;

/// Code entered with a target and an array of slots. What the target points to is the code's own business: a stub
/// is handed the native function, the way through libffi what it knows of it.
pub type SlotsPointer<R> = unsafe extern "C" fn(*const c_void, *const u64) -> R;

/// Code with the target that it is entered with, the type of its result erased.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entered {
    pub(super) code: CodePointer,
    pub(super) target: *const c_void,
}

// SAFETY: `target` is the address of a native function, or of something that is `Sync` and kept by whoever keeps this;
// neither is written to through it. Whether the native function may be called on this thread is for those to know who
// call.
unsafe impl Send for Entered {}
// SAFETY: a shared one only gives both addresses away.
unsafe impl Sync for Entered {}

impl ResultWord {
    /// Code that returns a result of this kind, its type erased, as `entry` gives it for the type.
    pub(super) fn erased(self, code: impl EntryFor) -> Entered {
        // SAFETY: an address may be kept as any type of function pointer; it is cast back before it is called.
        unsafe {
            match self {
                ResultWord::F32 => {
                    let (entry, target) = code.entry::<f32>();
                    Entered { code: mem::transmute::<SlotsPointer<f32>, CodePointer>(entry), target }
                }
                ResultWord::F64 => {
                    let (entry, target) = code.entry::<f64>();
                    Entered { code: mem::transmute::<SlotsPointer<f64>, CodePointer>(entry), target }
                }
                ResultWord::Void => {
                    let (entry, target) = code.entry::<()>();
                    Entered { code: mem::transmute::<SlotsPointer<()>, CodePointer>(entry), target }
                }
                _ => {
                    let (entry, target) = code.entry::<u64>();
                    Entered { code: mem::transmute::<SlotsPointer<u64>, CodePointer>(entry), target }
                }
            }
        }
    }

    /// Enters code, and gives `then` a canonical slot of what comes back. Each kind of result has its own copy of `then`,
    /// which need not ask again for the kind.
    ///
    /// # Safety
    /// `entered` is what [`ResultWord::erased`] gave for this kind of result. The rest as
    /// [`Slots::call`](super::Slots::call).
    #[inline(always)]
    pub(super) unsafe fn enter<T>(
        self,
        Entered { code, target }: Entered,
        slots: *const u64,
        then: impl FnOnce(u64) -> T,
    ) -> T {
        // SAFETY: `code` was made from a pointer of the type that is asked for here; the caller answers for the call.
        unsafe {
            let general = || mem::transmute::<CodePointer, SlotsPointer<u64>>(code)(target, slots);
            match self {
                ResultWord::Signed { unused } => then(((general() << unused) as i64 >> unused) as u64),
                ResultWord::Unsigned { unused } => then(general() << unused >> unused),
                ResultWord::Pointer => then(general()),
                ResultWord::Bool => then(u64::from(general() as u8 != 0)),
                ResultWord::Void => {
                    mem::transmute::<CodePointer, SlotsPointer<()>>(code)(target, slots);
                    then(0)
                }
                ResultWord::F32 => {
                    let code = mem::transmute::<CodePointer, SlotsPointer<f32>>(code);
                    then(code(target, slots).to_bits().into())
                }
                ResultWord::F64 => {
                    let code = mem::transmute::<CodePointer, SlotsPointer<f64>>(code);
                    then(code(target, slots).to_bits())
                }
            }
        }
    }
}

/// What has an entry for each type of result.
pub(super) trait EntryFor {
    fn entry<R: SlotResult>(self) -> (SlotsPointer<R>, *const c_void);
}
