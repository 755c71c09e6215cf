//! Global variables of libraries.

use std::{
    ffi::{c_int, c_void},
    fmt, ptr,
    ptr::NonNull,
};

use springboard::{Engine, Library, Value, library::SymbolError};
use springboard_ir::{DataModel, Type};

use crate::memory::{MemoryError, View, ViewMut};

/// A global variable of a library, with its C type. A handle, which any thread may hold; it keeps the library loaded.
#[derive(Clone)]
pub struct Variable {
    address: NonNull<c_void>,
    ty: Type,
    model: DataModel,
    library: Library,
}

// SAFETY: only unsafe functions read or write at the address, and their callers say that no other thread interferes.
unsafe impl Send for Variable {}
// SAFETY: only unsafe functions read or write at the address, and their callers say that no other thread interferes.
unsafe impl Sync for Variable {}

/// Why a variable could not be found.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum VariableError {
    /// The library does not have the symbol.
    Symbol(SymbolError),
    /// The type has no layout.
    Memory(MemoryError),
    /// It is smaller than the type, by the library's symbol table.
    Size {
        /// The symbol.
        symbol: String,
        /// The type.
        ty: Type,
        /// The type's size, in bytes.
        size: u64,
        /// Its size in the symbol table, in bytes.
        has: u64,
    },
    /// It is a function, by the library's symbol table.
    Function {
        /// The symbol.
        symbol: String,
    },
}

impl fmt::Display for VariableError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            VariableError::Symbol(error) => error.fmt(f),
            VariableError::Memory(error) => error.fmt(f),
            VariableError::Size { symbol, ty, size, has } => {
                write!(f, "{symbol} has {has} bytes in its library, and {ty} has {size}")
            }
            VariableError::Function { symbol } => write!(f, "{symbol} is a function in its library"),
        }
    }
}

impl std::error::Error for VariableError {}

impl Variable {
    /// The variable `symbol` of `library`, of type `ty`. Its size is checked against the library's symbol table, where
    /// that has an entry for it.
    ///
    /// # Errors
    /// A symbol that the library does not have, or that is a function there, or smaller than the type; a type without a
    /// layout.
    pub fn new(
        engine: &Engine,
        library: &Library,
        symbol: &str,
        ty: &Type,
    ) -> Result<Variable, VariableError> {
        let model = *engine.data_model();
        let layout = ty.layout(&model).map_err(|error| MemoryError::Layout { ty: ty.clone(), error });
        let size = layout.map_err(VariableError::Memory)?.size;
        let address = library.symbol(symbol).map_err(VariableError::Symbol)?;
        if let Some(entry) = symbol_entry(address) {
            let symbol = symbol.to_owned();
            match entry.st_info & 0xf {
                STT_FUNC | STT_GNU_IFUNC => return Err(VariableError::Function { symbol }),
                _ if entry.st_size != 0 && entry.st_size < size => {
                    return Err(VariableError::Size { symbol, ty: ty.clone(), size, has: entry.st_size });
                }
                _ => {}
            }
        }
        Ok(Variable { address, ty: ty.clone(), model, library: library.clone() })
    }

    /// The address of the variable.
    pub fn address(&self) -> NonNull<c_void> {
        self.address
    }

    /// The type of the variable.
    pub fn ty(&self) -> &Type {
        &self.ty
    }

    /// The library, kept loaded.
    pub fn library(&self) -> &Library {
        &self.library
    }

    /// The value, as [`View::read`] gives it.
    ///
    /// # Safety
    /// The variable must be of the type, and nobody may write it meanwhile.
    pub unsafe fn read(&self) -> Value {
        // SAFETY: the caller says that the variable is of the type and not being written.
        unsafe { self.view() }.read()
    }

    /// Writes the value.
    ///
    /// # Errors
    /// As [`ViewMut::write`].
    ///
    /// # Safety
    /// The variable must be of the type and not a constant, and nobody else may read or write it meanwhile.
    pub unsafe fn write(&self, value: &Value) -> Result<(), MemoryError> {
        // SAFETY: the caller says that the variable is of the type, can be written, and is used by nobody else.
        unsafe { self.view_mut() }.write(value)
    }

    /// A look at the variable.
    ///
    /// # Safety
    /// As [`Variable::read`], for as long as the view is used.
    pub unsafe fn view(&self) -> View<'_> {
        // SAFETY: the caller says that an object of the type is there and not being written; `self` keeps it loaded.
        unsafe { View::at(self.address, &self.ty, &self.model) }.expect("the type has a layout")
    }

    /// A look at the variable, for writing.
    ///
    /// # Safety
    /// As [`Variable::write`], for as long as the view is used.
    pub unsafe fn view_mut(&self) -> ViewMut<'_> {
        // SAFETY: the caller says that an object of the type is there, can be written, and is used by nobody else; `self`
        // keeps it loaded.
        unsafe { ViewMut::at(self.address, &self.ty, &self.model) }.expect("the type has a layout")
    }
}

impl fmt::Debug for Variable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Variable")
            .field("address", &self.address)
            .field("ty", &self.ty.to_string())
            .finish_non_exhaustive()
    }
}

/// Types of symbols (System V gABI, "Symbol Table").
const STT_FUNC: u8 = 2;
const STT_GNU_IFUNC: u8 = 10;

/// The entry of the symbol at exactly this address in its library's symbol table.
fn symbol_entry(address: NonNull<c_void>) -> Option<libc::Elf64_Sym> {
    unsafe extern "C" {
        /// dladdr1(3): with `RTLD_DL_SYMENT`, stores the address of the symbol's entry in `extra`.
        fn dladdr1(
            address: *const c_void,
            info: *mut libc::Dl_info,
            extra: *mut *mut c_void,
            flags: c_int,
        ) -> c_int;
    }
    const RTLD_DL_SYMENT: c_int = 1;
    let mut extra: *mut c_void = ptr::null_mut();
    let mut info = libc::Dl_info {
        dli_fname: ptr::null(),
        dli_fbase: ptr::null_mut(),
        dli_sname: ptr::null(),
        dli_saddr: ptr::null_mut(),
    };
    // SAFETY: `info` and `extra` are ours to be written; the address is looked up and not dereferenced.
    let found = unsafe { dladdr1(address.as_ptr(), &raw mut info, &raw mut extra, RTLD_DL_SYMENT) };
    if found == 0 || info.dli_saddr != address.as_ptr() || extra.is_null() {
        return None;
    }
    // SAFETY: dladdr1 found the entry in the symbol table of the library that has the address; the caller holds that
    // library, so it is loaded.
    Some(unsafe { extra.cast::<libc::Elf64_Sym>().read_unaligned() })
}
