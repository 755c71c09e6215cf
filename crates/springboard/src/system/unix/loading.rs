//! The system's loader: dlopen(3).
//!
//! `dlvsym` is glibc's own. It is looked for by `dlsym`, so that a program with another C library links, and is told what
//! its loader cannot do.

use std::{
    ffi::{CStr, OsStr, c_char, c_int, c_void},
    mem,
    ops::BitOr,
    os::unix::ffi::OsStrExt,
    ptr::{self, NonNull},
    sync::OnceLock,
};

use libloading::os::unix;

pub use crate::system::names::{C_LIBRARY, MATH_LIBRARY};
use crate::{
    symbol_kind::Entry,
    system::symbols::{self, Tables},
};

/// How a library is loaded: the flags of `dlopen(3)`, joined with `|`.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Flags(c_int);

impl Flags {
    /// Resolve functions of the library's own dependencies when they are first called. musl's loader resolves all of
    /// them at once whatever is asked for.
    pub const LAZY: Flags = Flags(libc::RTLD_LAZY);
    /// Resolve all of them at once, and fail if one is missing.
    pub const NOW: Flags = Flags(libc::RTLD_NOW);
    /// Keep the library's symbols to itself.
    pub const LOCAL: Flags = Flags(libc::RTLD_LOCAL);
    /// Offer the library's symbols to libraries that are loaded later.
    pub const GLOBAL: Flags = Flags(libc::RTLD_GLOBAL);
    /// Never unload the library.
    pub const NODELETE: Flags = Flags(libc::RTLD_NODELETE);
    /// Load nothing: succeed only where the library is loaded already.
    pub const NOLOAD: Flags = Flags(libc::RTLD_NOLOAD);
}

impl Flags {
    /// The flags of a host that has them as a number, as the system's loader takes them (`dlopen(3)`). Where they do not
    /// say when functions are resolved, [`Flags::NOW`] is added.
    pub fn from_raw(flags: c_int) -> Flags {
        match flags & (libc::RTLD_LAZY | libc::RTLD_NOW) {
            0 => Flags(flags | libc::RTLD_NOW),
            _ => Flags(flags),
        }
    }
}

impl Default for Flags {
    fn default() -> Flags {
        Flags::NOW | Flags::LOCAL
    }
}

impl BitOr for Flags {
    type Output = Flags;

    fn bitor(self, other: Flags) -> Flags {
        Flags(self.0 | other.0)
    }
}

/// The position of the first NUL in a path, in bytes.
pub(crate) fn nul(path: &OsStr) -> Option<usize> {
    path.as_bytes().iter().position(|byte| *byte == 0)
}

/// A loaded library, or the process. Closed when it is dropped.
#[derive(Debug)]
pub(crate) struct Handle {
    library: unix::Library,
    /// The same, as the loader knows it.
    raw: usize,
    /// Its own symbols, looked for when the kind of one is asked for first.
    tables: OnceLock<Option<Tables>>,
}

impl Handle {
    /// Loads a library. The error is what the loader says.
    ///
    /// # Safety
    /// The library's initialisers and finalisers are sound to run in this process, on the threads that load and drop it.
    pub(crate) unsafe fn open(path: &OsStr, flags: Flags) -> Result<Handle, String> {
        // SAFETY: the caller vouches for the initialisers and finalisers.
        let library = unsafe { unix::Library::open(Some(path), flags.0) };
        library.map(Handle::of).map_err(|error| said(&error))
    }

    /// The program, the libraries that it was linked to, and those loaded with [`Flags::GLOBAL`].
    pub(crate) fn process() -> Handle {
        Handle::of(unix::Library::this())
    }

    /// Takes over a handle of the loader's.
    ///
    /// # Safety
    /// It is open, and closed by nobody else before this one is dropped; the rest as [`Handle::open`].
    pub(crate) unsafe fn from_raw(handle: NonNull<c_void>) -> Handle {
        // SAFETY: the caller vouches for the handle.
        Handle::of(unsafe { unix::Library::from_raw(handle.as_ptr()) })
    }

    fn of(library: unix::Library) -> Handle {
        let raw = library.into_raw();
        // SAFETY: the handle is what `into_raw` gave just now, and is taken back once.
        let library = unsafe { unix::Library::from_raw(raw) };
        Handle { library, raw: raw.expose_provenance(), tables: OnceLock::new() }
    }

    /// The address of a symbol, which may be null. The error is what the loader says.
    pub(crate) fn symbol(&self, name: &CStr) -> Result<*mut c_void, String> {
        // SAFETY: the address is taken and nothing of its type is claimed.
        let found = unsafe { self.library.get::<*mut c_void>(name) };
        found.map(unix::Symbol::into_raw).map_err(|error| said(&error))
    }

    /// The address of a symbol of a version, which may be null. The error is what the loader says.
    pub(crate) fn versioned(&self, name: &CStr, version: &CStr) -> Result<*mut c_void, String> {
        type Dlvsym = unsafe extern "C" fn(*mut c_void, *const c_char, *const c_char) -> *mut c_void;
        let dlvsym = own(c"dlvsym").ok_or("the C library has no versions of symbols (dlvsym)")?;
        // SAFETY: the C library that defines the name defines it so (dlvsym(3)).
        let dlvsym = unsafe { mem::transmute::<*mut c_void, Dlvsym>(dlvsym) };
        let handle = ptr::with_exposed_provenance_mut(self.raw);
        // SAFETY: the handle is that of a library which `self` keeps loaded; the thread's error is cleared first, and
        // read right after. The loader's message stays until it is called again on this thread.
        unsafe {
            libc::dlerror();
            let address = dlvsym(handle, name.as_ptr(), version.as_ptr());
            let error = libc::dlerror();
            if error.is_null() {
                Ok(address)
            } else {
                Err(CStr::from_ptr(error).to_string_lossy().into_owned())
            }
        }
    }

    /// What the symbol table of the library that has it says of the symbol `name` at `address`, of `version` if one is asked
    /// for. `None` where it says nothing.
    pub(crate) fn entry(
        &self,
        address: NonNull<c_void>,
        name: &CStr,
        version: Option<&CStr>,
    ) -> Option<Entry> {
        let own = self.tables.get_or_init(|| {
            // SAFETY: the handle stays open for as long as the tables that are kept beside it.
            unsafe { Tables::of_handle(ptr::with_exposed_provenance_mut(self.raw)) }
        });
        symbols::entry(own.as_ref(), address, name, version)
    }
}

/// A function of the C library that not all have.
fn own(name: &CStr) -> Option<*mut c_void> {
    // SAFETY: the name ends with a zero; the call finds a symbol among what is loaded.
    let address = unsafe { libc::dlsym(libc::RTLD_DEFAULT, name.as_ptr()) };
    (!address.is_null()).then_some(address)
}

/// The loader's own words, without the name of its function.
fn said(error: &libloading::Error) -> String {
    match error {
        libloading::Error::DlOpen { source } | libloading::Error::DlSym { source } => source.to_string(),
        other => other.to_string(),
    }
}
