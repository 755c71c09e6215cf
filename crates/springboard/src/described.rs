//! What a library says of its symbols.

/// What a symbol is, by the symbol table of its library.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Described {
    /// Code.
    Function,
    /// Data.
    Object {
        /// Its size in bytes; 0 where the table does not say.
        bytes: u64,
    },
}
