//! Libraries and symbols.

use std::ffi::{c_int, c_void};

use springboard::{Library, library::Flags};

use crate::{
    boundary::{Out, OutHandle, give, no_constant},
    constants::*,
    handle::{self, LibraryHandle},
    system,
    text::Text,
};

/// Loads a library.
#[unsafe(no_mangle)]
pub extern "C" fn sb_library_open(
    path: Text<'_>,
    flags: c_int,
    library: OutHandle<'_, LibraryHandle>,
) -> c_int {
    handle::opens(library, "library", || {
        let path = system::path(path)?;
        let flags = i64::from(flags);
        if flags & !(SB_LIBRARY_LAZY | SB_LIBRARY_GLOBAL | SB_LIBRARY_NODELETE | SB_LIBRARY_NOLOAD) != 0 {
            return Err(no_constant("flags", flags));
        }
        let chosen = |flag, then, or| if flags & flag != 0 { then } else { or };
        let mut joined = chosen(SB_LIBRARY_LAZY, Flags::LAZY, Flags::NOW)
            | chosen(SB_LIBRARY_GLOBAL, Flags::GLOBAL, Flags::LOCAL);
        for (flag, meaning) in [(SB_LIBRARY_NODELETE, Flags::NODELETE), (SB_LIBRARY_NOLOAD, Flags::NOLOAD)] {
            joined = chosen(flag, joined | meaning, joined);
        }
        // SAFETY: the header asks C for a library whose initialisers are sound to run.
        let loaded = unsafe { Library::open_with(path, joined) }?;
        Ok(loaded)
    })
}

/// The process itself.
#[unsafe(no_mangle)]
pub extern "C" fn sb_library_process(library: OutHandle<'_, LibraryHandle>) -> c_int {
    handle::opens(library, "library", || Ok(Library::process()))
}

/// The address of a symbol.
#[unsafe(no_mangle)]
pub extern "C" fn sb_library_symbol(
    library: *const LibraryHandle,
    symbol: Text<'_>,
    address: Out<'_, *mut c_void>,
) -> c_int {
    give(address, "address", || {
        let library = handle::get::<_, Library>(library)?;
        Ok(library.symbol(symbol.get("symbol")?)?.as_ptr())
    })
}
