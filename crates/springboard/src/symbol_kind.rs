//! What a symbol is, as the symbol table of the library that has it says.

/// What a symbol is.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
#[non_exhaustive]
pub enum SymbolKind {
    /// A function; also one that the loader chooses among several (an indirect function), as `strlen` of glibc.
    Function,
    /// A variable or a constant.
    Data,
    /// A variable that each thread has for itself.
    ThreadLocal,
}

/// An entry of a symbol table.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Entry {
    /// `None` where the table does not say, as it is of what was written in assembly and given no type.
    pub(crate) kind: Option<SymbolKind>,
    /// Size of what is there, in bytes. 0 where the table does not say.
    pub(crate) bytes: u64,
}
