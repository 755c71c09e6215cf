//! Libraries and symbols.

use std::ffi::{c_int, c_void};

use springboard::{Library, library::Flags};

use crate::{
    boundary::{Out, OutHandle, enter, no_constant, out, out_handle},
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
    enter(|| {
        let library = out_handle(library, "library")?;
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
        // SAFETY: the header asks C for what loading asks for.
        let loaded = unsafe { Library::open_with(path, joined) }?;
        library.write(handle::open(loaded)?);
        Ok(())
    })
}

/// The process itself.
#[unsafe(no_mangle)]
pub extern "C" fn sb_library_process(library: OutHandle<'_, LibraryHandle>) -> c_int {
    enter(|| {
        out_handle(library, "library")?.write(handle::open(Library::process())?);
        Ok(())
    })
}

/// The address of a symbol.
#[unsafe(no_mangle)]
pub extern "C" fn sb_library_symbol(
    library: *const LibraryHandle,
    symbol: Text<'_>,
    address: Out<'_, *mut c_void>,
) -> c_int {
    enter(|| {
        let address = out(address, "address")?;
        let library = handle::get::<_, Library>(library)?;
        address.write(library.symbol(symbol.get("symbol")?)?.as_ptr());
        Ok(())
    })
}

/// Closes a library's handle.
#[unsafe(no_mangle)]
pub extern "C" fn sb_library_close(library: *const LibraryHandle) -> c_int {
    enter(|| handle::close(library))
}
