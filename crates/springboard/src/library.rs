//! Native libraries and the symbols in them.

use std::{
    ffi::{CStr, CString, NulError, OsStr, OsString, c_void},
    fmt,
    ptr::NonNull,
    sync::Arc,
};

use crate::system::loading::{self, Handle};

pub use crate::{described::Described, system::loading::Flags};

/// A loaded native library, or the process itself.
///
/// A handle: clones share the library, and so does every [`Function`](crate::Function) bound from it. The library
/// is unloaded when the last of them is dropped.
#[derive(Clone, Debug)]
pub struct Library {
    loaded: Arc<Loaded>,
}

#[derive(Debug)]
struct Loaded {
    handle: Handle,
    /// What was asked for. `None` is the process.
    path: Option<OsString>,
}

/// Why a library could not be loaded.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum LibraryError {
    /// The path is empty. The process' own symbols are [`Library::process`].
    EmptyPath,
    /// The path has a NUL in it.
    NulInPath {
        /// The path.
        path: OsString,
        /// The position of the NUL, in bytes.
        at: usize,
    },
    /// The system's loader refused.
    Load {
        /// The path.
        path: OsString,
        /// What the loader said.
        message: String,
    },
}

impl fmt::Display for LibraryError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            LibraryError::EmptyPath => f.write_str("the path of the library is empty"),
            LibraryError::NulInPath { path, at } => {
                write!(
                    f,
                    "the path of the library has a NUL at byte {at}: {}",
                    path.to_string_lossy().escape_debug()
                )
            }
            LibraryError::Load { path, message } => {
                write!(f, "library {} does not load: {message}", path.display())
            }
        }
    }
}

impl std::error::Error for LibraryError {}

/// Why a symbol has no address.
#[derive(Clone, PartialEq, Eq, Debug)]
#[non_exhaustive]
pub enum SymbolError {
    /// The name is empty.
    Empty,
    /// The name has a NUL in it.
    Nul {
        /// The name.
        symbol: String,
        /// The position of the NUL, in bytes.
        at: usize,
    },
    /// The library has no such symbol.
    Missing {
        /// The name.
        symbol: String,
        /// The library, as it was opened; `None` is the process.
        library: Option<OsString>,
        /// What the loader said.
        message: String,
    },
    /// The library has no such symbol of that version.
    Version {
        /// The name.
        symbol: String,
        /// The version.
        version: String,
        /// The library, as it was opened; `None` is the process.
        library: Option<OsString>,
        /// What the loader said.
        message: String,
    },
    /// The library has the symbol, and its address is null: a weak symbol that nothing defines.
    Null {
        /// The name.
        symbol: String,
    },
}

impl fmt::Display for SymbolError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            SymbolError::Empty => f.write_str("the name of the symbol is empty"),
            SymbolError::Nul { symbol, at } => {
                write!(f, "the name of the symbol has a NUL at byte {at}: {}", symbol.escape_debug())
            }
            SymbolError::Missing { symbol, library: Some(library), message } => {
                write!(f, "no symbol {symbol} in {}: {message}", library.display())
            }
            SymbolError::Missing { symbol, library: None, message } => {
                write!(f, "no symbol {symbol} in the process: {message}")
            }
            SymbolError::Version { symbol, version, library, message } => {
                let library = library.as_deref().unwrap_or(OsStr::new("the process"));
                write!(f, "no symbol {symbol} of version {version} in {}: {message}", library.display())
            }
            SymbolError::Null { symbol } => write!(f, "the address of symbol {symbol} is null"),
        }
    }
}

impl std::error::Error for SymbolError {}

impl Library {
    /// Loads the library at `path` with [`Flags::default`]: everything resolved at once, symbols kept to itself. A
    /// path without a slash is looked for where the system's loader looks.
    ///
    /// # Errors
    /// [`LibraryError`].
    ///
    /// # Safety
    /// Loading runs the library's initialisers, and unloading its finalisers: both must be sound to run in this
    /// process, on the threads that load and drop it.
    pub unsafe fn open(path: impl AsRef<OsStr>) -> Result<Library, LibraryError> {
        // SAFETY: the caller vouches that the library's initialisers and finalisers are sound to run here.
        unsafe { Library::open_with(path, Flags::default()) }
    }

    /// Loads the library at `path` with `flags`.
    ///
    /// # Errors
    /// [`LibraryError`].
    ///
    /// # Safety
    /// As [`Library::open`].
    pub unsafe fn open_with(path: impl AsRef<OsStr>, flags: Flags) -> Result<Library, LibraryError> {
        let path = path.as_ref();
        if path.is_empty() {
            return Err(LibraryError::EmptyPath);
        }
        if let Some(at) = loading::nul(path) {
            return Err(LibraryError::NulInPath { path: path.into(), at });
        }
        // SAFETY: the caller vouches that the library's initialisers and finalisers are sound to run here.
        let handle = unsafe { Handle::open(path, flags) }
            .map_err(|message| LibraryError::Load { path: path.into(), message })?;
        Ok(Library::of(handle, Some(path.into())))
    }

    /// The process itself: the program, the libraries it was linked to, and those loaded with [`Flags::GLOBAL`].
    pub fn process() -> Library {
        Library::of(Handle::process(), None)
    }

    fn of(handle: Handle, path: Option<OsString>) -> Library {
        Library { loaded: Arc::new(Loaded { handle, path }) }
    }

    /// The path by which the library was opened. `None` for the process.
    pub fn path(&self) -> Option<&OsStr> {
        self.loaded.path.as_deref()
    }

    /// The address of `symbol`, good for as long as the library is loaded.
    ///
    /// # Errors
    /// [`SymbolError`].
    pub fn symbol(&self, symbol: &str) -> Result<NonNull<c_void>, SymbolError> {
        let mut short = [0; SHORT_NAME];
        let long;
        let name = match c_name(symbol, &mut short) {
            Some(name) => name,
            None => {
                long = symbol_name(symbol)?;
                long.as_c_str()
            }
        };
        let address = self.loaded.handle.symbol(name).map_err(|message| SymbolError::Missing {
            symbol: symbol.into(),
            library: self.loaded.path.clone(),
            message,
        })?;
        NonNull::new(address).ok_or_else(|| SymbolError::Null { symbol: symbol.into() })
    }
}

impl Library {
    /// The address of `symbol`, or `None` where the library lacks it or has it as a weak symbol that nothing defines.
    ///
    /// # Errors
    /// A name that cannot be a symbol's, such as one with a zero byte.
    pub fn optional(&self, symbol: &str) -> Result<Option<NonNull<c_void>>, SymbolError> {
        match self.symbol(symbol) {
            Ok(address) => Ok(Some(address)),
            Err(SymbolError::Missing { .. } | SymbolError::Null { .. }) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The address of `symbol` of a version, as `nm -D --with-symbol-versions` names them: `"GLIBC_2.2.5"`. glibc's loader
    /// alone knows versions.
    ///
    /// # Errors
    /// As [`Library::symbol`]; and [`SymbolError::Version`].
    pub fn versioned(&self, symbol: &str, version: &str) -> Result<NonNull<c_void>, SymbolError> {
        let (name, version_name) = (symbol_name(symbol)?, symbol_name(version)?);
        let address =
            self.loaded.handle.versioned(&name, &version_name).map_err(|message| SymbolError::Version {
                symbol: symbol.into(),
                version: version.into(),
                library: self.loaded.path.clone(),
                message,
            })?;
        NonNull::new(address).ok_or_else(|| SymbolError::Null { symbol: symbol.into() })
    }

    /// What the symbol at `address` is, by the library's symbol table. `None` where no symbol of it begins there, or where
    /// the system's loader does not tell: musl's does not, and DLLs have no such table.
    pub fn described(&self, address: NonNull<c_void>) -> Option<Described> {
        loading::described(address.as_ptr())
    }
}

/// Length of names, in bytes, beyond which they are allocated for the loader: its terminator included.
const SHORT_NAME: usize = 64;

/// The name of a symbol for the loader, in `buffer`. `None` where it does not fit, or is none.
fn c_name<'b>(name: &str, buffer: &'b mut [u8; SHORT_NAME]) -> Option<&'b CStr> {
    if name.is_empty() {
        return None;
    }
    // What is left is zeros.
    buffer[..SHORT_NAME - 1].get_mut(..name.len())?.copy_from_slice(name.as_bytes());
    CStr::from_bytes_with_nul(&buffer[..=name.len()]).ok()
}

/// The name of a symbol, or of a version, for the loader.
fn symbol_name(name: &str) -> Result<CString, SymbolError> {
    if name.is_empty() {
        return Err(SymbolError::Empty);
    }
    CString::new(name)
        .map_err(|nul: NulError| SymbolError::Nul { symbol: name.into(), at: nul.nul_position() })
}
