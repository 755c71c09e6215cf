//! Global variables of libraries.

use std::{ffi::c_void, fmt, ptr::NonNull};

use springboard::{
    Engine, Library, Value,
    library::{Symbol, SymbolError, SymbolKind},
};
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
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // sizes in bytes
pub enum VariableError {
    /// The library does not have the symbol.
    #[error(transparent)]
    Symbol(SymbolError),
    /// The type has no layout.
    #[error(transparent)]
    Memory(MemoryError),
    /// It is smaller than the type, by the library's symbol table.
    #[error("{symbol} has {has} bytes in its library, and {ty} has {size}")]
    Size { symbol: String, ty: Type, size: u64, has: u64 },
    /// It is a function, by the library's symbol table.
    #[error("{symbol} is a function in its library")]
    Function { symbol: String },
}

impl Variable {
    /// The variable `symbol` of `library`, of type `ty`. Its size is checked against the library's symbol table, where
    /// that has one for it.
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
        Variable::of(engine, library, symbol, library.find(symbol), ty)
    }

    /// The same, of a version of the symbol ([`Library::versioned`]).
    ///
    /// # Errors
    /// As [`Variable::new`]; a version that the library does not have.
    pub fn versioned(
        engine: &Engine,
        library: &Library,
        symbol: &str,
        version: &str,
        ty: &Type,
    ) -> Result<Variable, VariableError> {
        Variable::of(engine, library, symbol, library.find_versioned(symbol, version), ty)
    }

    fn of(
        engine: &Engine,
        library: &Library,
        symbol: &str,
        found: Result<Symbol, SymbolError>,
        ty: &Type,
    ) -> Result<Variable, VariableError> {
        let model = *engine.data_model();
        let layout = ty.layout(&model).map_err(|error| MemoryError::Layout { ty: ty.clone(), error });
        let size = layout.map_err(VariableError::Memory)?.size;
        let Symbol { address, kind, bytes } = found.map_err(VariableError::Symbol)?;
        let symbol = symbol.to_owned();
        if kind == Some(SymbolKind::Function) {
            return Err(VariableError::Function { symbol });
        }
        match bytes {
            Some(has) if has < size => Err(VariableError::Size { symbol, ty: ty.clone(), size, has }),
            _ => Ok(Variable { address, ty: ty.clone(), model, library: library.clone() }),
        }
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
