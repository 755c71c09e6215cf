//! Native libraries and the symbols in them.

use std::{
    ffi::{CStr, OsStr, OsString, c_void},
    ops::Deref,
    ptr::NonNull,
    sync::Arc,
};

use smallvec::SmallVec;

use crate::{
    symbol_kind::Entry,
    system::loading::{self, Handle},
};

pub use crate::{
    symbol_kind::SymbolKind,
    system::loading::{C_LIBRARY, Flags, MATH_LIBRARY},
};

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

/// A symbol of a library.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Symbol {
    /// The address, good for as long as the library is loaded. Of what each thread has for itself, that of the thread which
    /// looked it up.
    pub address: NonNull<c_void>,
    /// What it is, if the symbol table of the library that has it says so.
    pub kind: Option<SymbolKind>,
    /// Size of a function's code or of a variable in bytes, likewise.
    pub bytes: Option<u64>,
}

/// Why a library could not be loaded.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LibraryError {
    /// The path is empty. The process' own symbols are [`Library::process`].
    #[error("the path of the library is empty")]
    EmptyPath,
    /// The path has a NUL in it.
    #[error("the path of the library has a NUL at byte {at}: {}", .path.to_string_lossy().escape_debug())]
    NulInPath {
        /// The path.
        path: OsString,
        /// The position of the NUL, in bytes.
        at: usize,
    },
    /// The system's loader refused.
    #[error("library {} does not load: {message}", .path.display())]
    Load {
        /// The path.
        path: OsString,
        /// What the loader said.
        message: String,
    },
}

/// Why a symbol has no address.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum SymbolError {
    /// The name is empty.
    #[error("the name of the symbol is empty")]
    Empty,
    /// The name has a NUL in it.
    #[error("the name of the symbol has a NUL at byte {at}: {}", .symbol.escape_debug())]
    Nul {
        /// The name.
        symbol: String,
        /// The position of the NUL, in bytes.
        at: usize,
    },
    /// The library has no such symbol.
    #[error("no symbol {symbol} in {}: {message}", name(.library))]
    Missing {
        /// The name.
        symbol: String,
        /// The library, as it was opened; `None` is the process.
        library: Option<OsString>,
        /// What the loader said.
        message: String,
    },
    /// The library has no such symbol of that version.
    #[error("no symbol {symbol} of version {version} in {}: {message}", name(.library))]
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
    #[error("the address of symbol {symbol} is null")]
    Null {
        /// The name.
        symbol: String,
    },
    /// A function was asked for, and the library's symbol table says that this is data.
    #[error("{symbol} is a variable in its library, and no function")]
    NotFunction {
        /// The name.
        symbol: String,
    },
}

fn name(library: &Option<OsString>) -> std::ffi::os_str::Display<'_> {
    library.as_deref().unwrap_or(OsStr::new("the process")).display()
}

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

    /// Takes over a handle that the system's loader gave (`dlopen(3)`, `LoadLibraryExW`): it is closed when the library is no
    /// longer used.
    ///
    /// # Safety
    /// The handle is open, and nobody else closes it as often as to unload the library before this one is dropped. The
    /// rest as [`Library::open`].
    pub unsafe fn from_handle(handle: NonNull<c_void>) -> Library {
        // SAFETY: the caller vouches for the handle.
        Library::of(unsafe { Handle::from_raw(handle) }, Some(OsString::from("(a handle)")))
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
        self.address(symbol, &Name::new(symbol)?)
    }

    /// The address of `symbol`, which is to be a function.
    ///
    /// # Errors
    /// As [`Library::symbol`]; and [`SymbolError::NotFunction`] where the symbol table of the library that has it says so. What
    /// it says nothing of may be a function.
    pub fn function_symbol(&self, symbol: &str) -> Result<NonNull<c_void>, SymbolError> {
        let Symbol { address, kind, .. } = self.find(symbol)?;
        match kind {
            None | Some(SymbolKind::Function) => Ok(address),
            Some(_) => Err(SymbolError::NotFunction { symbol: symbol.into() }),
        }
    }

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

    /// `symbol`, with what the symbol table of the library that has it says of it.
    ///
    /// # Errors
    /// As [`Library::symbol`].
    pub fn find(&self, symbol: &str) -> Result<Symbol, SymbolError> {
        let name = Name::new(symbol)?;
        Ok(self.described(self.address(symbol, &name)?, &name, None))
    }

    /// The address of `symbol` of a version, as `nm -D --with-symbol-versions` names them: `"GLIBC_2.2.5"`. glibc's loader
    /// alone knows versions.
    ///
    /// # Errors
    /// As [`Library::symbol`]; and [`SymbolError::Version`].
    pub fn versioned(&self, symbol: &str, version: &str) -> Result<NonNull<c_void>, SymbolError> {
        Ok(self.find_versioned(symbol, version)?.address)
    }

    /// `symbol` of a version, with what the symbol table says of it.
    ///
    /// # Errors
    /// As [`Library::versioned`].
    pub fn find_versioned(&self, symbol: &str, version: &str) -> Result<Symbol, SymbolError> {
        let (name, version_name) = (Name::new(symbol)?, Name::new(version)?);
        let address = self.loaded.handle.versioned(&name, &version_name);
        let address = address.map_err(|message| SymbolError::Version {
            symbol: symbol.into(),
            version: version.into(),
            library: self.loaded.path.clone(),
            message,
        })?;
        let address = NonNull::new(address).ok_or_else(|| SymbolError::Null { symbol: symbol.into() })?;
        Ok(self.described(address, &name, Some(&version_name)))
    }

    /// The address of the symbol that is called `name`, which is `symbol`.
    fn address(&self, symbol: &str, name: &CStr) -> Result<NonNull<c_void>, SymbolError> {
        let address = self.loaded.handle.symbol(name).map_err(|message| SymbolError::Missing {
            symbol: symbol.into(),
            library: self.loaded.path.clone(),
            message,
        })?;
        NonNull::new(address).ok_or_else(|| SymbolError::Null { symbol: symbol.into() })
    }

    fn described(&self, address: NonNull<c_void>, name: &CStr, version: Option<&CStr>) -> Symbol {
        let entry = self.loaded.handle.entry(address, name, version);
        let bytes = entry.map(|entry| entry.bytes).filter(|bytes| *bytes != 0);
        Symbol { address, kind: entry.and_then(|Entry { kind, .. }| kind), bytes }
    }
}

/// The name of a symbol, or of a version, for the loader: its bytes, then a zero. Most names are not allocated.
struct Name(SmallVec<[u8; 64]>);

impl Name {
    fn new(name: &str) -> Result<Name, SymbolError> {
        if name.is_empty() {
            return Err(SymbolError::Empty);
        }
        if let Some(at) = name.bytes().position(|byte| byte == 0) {
            return Err(SymbolError::Nul { symbol: name.into(), at });
        }
        let mut bytes = SmallVec::from_slice(name.as_bytes());
        bytes.push(0);
        Ok(Name(bytes))
    }
}

impl Deref for Name {
    type Target = CStr;

    fn deref(&self) -> &CStr {
        CStr::from_bytes_with_nul(&self.0).expect("the zero at the end is the only one")
    }
}
