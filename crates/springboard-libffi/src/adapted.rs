//! Functions of closures that stand before the program's own.

use std::ffi::c_void;

use crate::{
    real,
    types::{Cif, ClosureFunction, Status},
};

/// What the function of a closure calls that stands between the stub, or libffi's code, and the program's function.
pub(crate) struct Adapted {
    /// As it was prepared by whoever made the closure.
    pub(crate) cif: Cif,
    pub(crate) theirs: *mut Cif,
    pub(crate) function: ClosureFunction,
    pub(crate) user_data: *mut c_void,
}

impl Adapted {
    /// For a closure that libffi makes, of a cif of another's making.
    ///
    /// # Safety
    /// The cif is prepared, and its types are there.
    pub(crate) unsafe fn new(
        cif: *mut Cif,
        function: ClosureFunction,
        user_data: *mut c_void,
    ) -> Result<*mut Adapted, Status> {
        // SAFETY: the caller vouches that the cif is prepared and its types are there.
        let prepared = unsafe { real::prepared(&*cif) }?;
        Ok(Adapted::kept(prepared, cif, function, user_data))
    }

    /// Kept for good: nobody says when a closure ends that lies in the program's own memory.
    pub(crate) fn kept(
        cif: Cif,
        theirs: *mut Cif,
        function: ClosureFunction,
        user_data: *mut c_void,
    ) -> *mut Adapted {
        Box::into_raw(Box::new(Adapted { cif, theirs, function, user_data }))
    }
}
