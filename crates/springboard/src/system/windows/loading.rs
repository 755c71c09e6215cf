//! The system's loader: `LoadLibraryExW`.

use std::{
    ffi::{CStr, OsStr, c_int, c_void},
    io,
    ops::BitOr,
    os::windows::ffi::OsStrExt,
    ptr::{self, NonNull},
};

use windows_sys::Win32::{
    Foundation::{FreeLibrary, HMODULE},
    System::{
        LibraryLoader::{
            GET_MODULE_HANDLE_EX_FLAG_PIN, GetModuleHandleExW, GetModuleHandleW, GetProcAddress,
            LOAD_LIBRARY_SEARCH_DEFAULT_DIRS, LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR, LOAD_LIBRARY_SEARCH_SYSTEM32,
            LOAD_WITH_ALTERED_SEARCH_PATH, LoadLibraryExW,
        },
        ProcessStatus::K32EnumProcessModules,
        Threading::GetCurrentProcess,
    },
};

use crate::symbol_kind::Entry;

/// By what name the loader finds the C library of programs that mingw links.
pub const C_LIBRARY: &str = "msvcrt.dll";

/// By what name the loader finds the functions of `math.h`: the universal C runtime, because the other lacks those of C99.
pub const MATH_LIBRARY: &str = "ucrtbase.dll";

/// How a library is loaded, joined with `|`: the flags of `LoadLibraryExW`, and those of other systems that mean
/// something here.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub struct Flags {
    search: u32,
    pin: bool,
    load: bool,
}

impl Flags {
    const NONE: Flags = Flags { search: 0, pin: false, load: true };

    /// As [`Flags::NOW`]: the loader resolves what a DLL imports when it loads it.
    pub const LAZY: Flags = Flags::NONE;
    /// Resolve all functions of the library's own dependencies at once, and fail if one is missing. Always so.
    pub const NOW: Flags = Flags::NONE;
    /// Keep the library's symbols to itself. Always so: who imports a symbol names its DLL.
    pub const LOCAL: Flags = Flags::NONE;
    /// As [`Flags::LOCAL`]; [`Library::process`](crate::Library::process) looks into every DLL as it is.
    pub const GLOBAL: Flags = Flags::NONE;
    /// Never unload the library.
    pub const NODELETE: Flags = Flags { pin: true, ..Flags::NONE };
    /// Load nothing: succeed only where the library is loaded already.
    pub const NOLOAD: Flags = Flags { load: false, ..Flags::NONE };
    /// Look for the library and its dependencies in the program's folder, the system's, and those that were added, and
    /// not along `PATH`.
    pub const SEARCH_DEFAULT_DIRS: Flags = Flags { search: LOAD_LIBRARY_SEARCH_DEFAULT_DIRS, ..Flags::NONE };
    /// Look for dependencies in the library's own folder too. The path must be absolute.
    pub const SEARCH_DLL_LOAD_DIR: Flags = Flags { search: LOAD_LIBRARY_SEARCH_DLL_LOAD_DIR, ..Flags::NONE };
    /// Look in the system's folder alone.
    pub const SEARCH_SYSTEM32: Flags = Flags { search: LOAD_LIBRARY_SEARCH_SYSTEM32, ..Flags::NONE };
    /// Look for dependencies in the library's own folder in place of the program's.
    pub const ALTERED_SEARCH_PATH: Flags = Flags { search: LOAD_WITH_ALTERED_SEARCH_PATH, ..Flags::NONE };
}

impl Flags {
    /// The flags of a host that has them as a number, as the system's loader takes them (`LoadLibraryExW`).
    pub fn from_raw(flags: c_int) -> Flags {
        Flags { search: flags.cast_unsigned(), ..Flags::NONE }
    }
}

impl Default for Flags {
    fn default() -> Flags {
        Flags::NONE
    }
}

impl BitOr for Flags {
    type Output = Flags;

    fn bitor(self, other: Flags) -> Flags {
        Flags { search: self.search | other.search, pin: self.pin | other.pin, load: self.load & other.load }
    }
}

/// The position of the first NUL in a path, in UTF-16 words.
pub(crate) fn nul(path: &OsStr) -> Option<usize> {
    path.encode_wide().position(|word| word == 0)
}

/// A loaded library, or the process. Closed when it is dropped.
#[derive(Debug)]
pub(crate) struct Handle {
    /// `None` is the process.
    module: Option<Module>,
}

/// A count of a loaded library's uses.
#[derive(Debug)]
struct Module(usize);

impl Drop for Module {
    fn drop(&mut self) {
        // SAFETY: the module was counted for this value alone.
        unsafe { FreeLibrary(self.raw()) };
    }
}

impl Module {
    fn raw(&self) -> HMODULE {
        ptr::with_exposed_provenance_mut(self.0)
    }
}

impl Handle {
    /// Loads a library. The error is what the system says.
    ///
    /// # Safety
    /// The library's initialisers and finalisers are sound to run in this process, on the threads that load and drop it.
    pub(crate) unsafe fn open(path: &OsStr, flags: Flags) -> Result<Handle, String> {
        let path: Vec<u16> = path.encode_wide().chain([0]).collect();
        let mut module: HMODULE = ptr::null_mut();
        // SAFETY: the path ends with a zero, the module is ours to be written, and the caller vouches for the library.
        unsafe {
            if flags.load {
                module = LoadLibraryExW(path.as_ptr(), ptr::null_mut(), flags.search);
            } else {
                GetModuleHandleExW(0, path.as_ptr(), &mut module);
            }
        }
        if module.is_null() {
            return Err(said());
        }
        let module = Module(module.expose_provenance());
        if flags.pin {
            let mut pinned = ptr::null_mut();
            // SAFETY: the path ends with a zero, and `pinned` is ours to be written.
            if unsafe { GetModuleHandleExW(GET_MODULE_HANDLE_EX_FLAG_PIN, path.as_ptr(), &mut pinned) } == 0 {
                return Err(said());
            }
        }
        Ok(Handle { module: Some(module) })
    }

    /// Takes over a handle of the loader's.
    ///
    /// # Safety
    /// It is open, and closed by nobody else before this one is dropped; the rest as [`Handle::open`].
    pub(crate) unsafe fn from_raw(handle: NonNull<c_void>) -> Handle {
        Handle { module: Some(Module(handle.as_ptr().expose_provenance())) }
    }

    /// The program and every DLL that is loaded.
    pub(crate) fn process() -> Handle {
        Handle { module: None }
    }

    /// The address of a symbol. The error is what the system says.
    pub(crate) fn symbol(&self, name: &CStr) -> Result<*mut c_void, String> {
        let find = |module: HMODULE| {
            // SAFETY: the module is loaded, and the name ends with a zero.
            unsafe { GetProcAddress(module, name.as_ptr().cast()) }
        };
        let found = match &self.module {
            Some(module) => find(module.raw()),
            None => modules().into_iter().find_map(find),
        };
        found.map(|code| code as *mut c_void).ok_or_else(said)
    }

    /// DLLs have no versions of symbols.
    pub(crate) fn versioned(&self, _name: &CStr, _version: &CStr) -> Result<*mut c_void, String> {
        Err("DLLs have no versions of symbols".into())
    }

    /// What a symbol is: DLLs do not say.
    pub(crate) fn entry(
        &self,
        _address: NonNull<c_void>,
        _name: &CStr,
        _version: Option<&CStr>,
    ) -> Option<Entry> {
        None
    }
}

/// The program, the C library, and every DLL that is loaded, in the order in which they were: the system's own `ntdll.dll`
/// has functions of the C library's names, some of which do less.
fn modules() -> Vec<HMODULE> {
    let name: Vec<u16> = C_LIBRARY.encode_utf16().chain([0]).collect();
    // SAFETY: the name ends with a zero; nothing is loaded.
    let c_library = unsafe { GetModuleHandleW(name.as_ptr()) };
    let mut modules = loaded();
    let program = usize::from(!modules.is_empty());
    if !c_library.is_null() {
        modules.insert(program, c_library);
    }
    modules
}

/// The program and every DLL that is loaded.
fn loaded() -> Vec<HMODULE> {
    let mut modules: Vec<HMODULE> = vec![ptr::null_mut(); 64];
    loop {
        let room = size_of_val(&modules[..]) as u32;
        let mut needed = 0;
        // SAFETY: the call writes as many bytes as are said, which are ours.
        let done =
            unsafe { K32EnumProcessModules(GetCurrentProcess(), modules.as_mut_ptr(), room, &mut needed) };
        if done == 0 {
            return Vec::new();
        }
        modules.resize(needed as usize / size_of::<HMODULE>(), ptr::null_mut());
        if needed <= room {
            return modules;
        }
    }
}

/// The system's words for its last error.
fn said() -> String {
    io::Error::last_os_error().to_string()
}
