//! Native libraries for V8, with the functions of the host's that their stubs call.

use std::ffi::c_int;

use springboard::{Engine, Library as Native};
use springboard_js::v8::{BufferHelper, ClosedHelper, Host, Library, RangeHelper, ThrowHelper, ValueHelper};

use crate::{
    boundary::{OutHandle, enter},
    handle::{self, EngineHandle, LibraryHandle, V8LibraryHandle},
    structure::{Given, Growing},
};

/// `sb_v8_host`.
#[repr(C)]
#[derive(Clone, Copy, Default, Debug)]
#[allow(missing_docs)] // as in the header
pub struct V8Host {
    pub size: usize,
    pub closed: Option<ClosedHelper>,
    pub range: Option<RangeHelper>,
    pub buffer: Option<BufferHelper>,
    pub fail: Option<ThrowHelper>,
    pub value: Option<ValueHelper>,
}

// SAFETY: the first member is the size; a function of C's is what the header says, or null, which is `None`.
unsafe impl Growing for V8Host {}

/// Makes a library ready for V8.
#[unsafe(no_mangle)]
pub extern "C" fn sb_v8_library_new(
    engine: *const EngineHandle,
    library: *const LibraryHandle,
    host: Given<'_, V8Host>,
    made: OutHandle<'_, V8LibraryHandle>,
) -> c_int {
    handle::opens(made, "made", || {
        let engine = handle::get::<_, Engine>(engine)?;
        let library = handle::get::<_, Native>(library)?;
        let V8Host { closed, range, buffer, fail, value, .. } = host.read("host")?;
        let host = Host { closed, range, buffer, throw: fail, value };
        Ok(Library::new(&engine, &library, host))
    })
}

/// Ends calls of a library, and unloads it.
#[unsafe(no_mangle)]
pub extern "C" fn sb_v8_library_retire(library: *const V8LibraryHandle) -> c_int {
    enter(|| {
        let library = handle::get::<_, Library>(library)?;
        // SAFETY: the header asks C to have no thread in the library, and none that has read the flag and not called yet.
        unsafe { library.close() };
        Ok(())
    })
}
