//! What is passed to a call in the background, and what comes back.

use std::{any::Any, ffi::CString, fmt};

use springboard::Value;

use crate::memory::{Memory, TextError, c_string};

/// An argument of a call in the background.
#[non_exhaustive]
pub enum Passed {
    /// The value itself. What a pointer points to stays the caller's.
    Value(Value),
    /// The address of memory that belongs to the call, and comes back with its result.
    Memory(Memory),
    /// The address of a C string that belongs to the call.
    Text(CString),
    /// A value, and the owner of what it points to, which is kept until the call has ended.
    Guarded(Value, Box<dyn Any + Send>),
}

impl Passed {
    /// A text as a C string.
    ///
    /// # Errors
    /// A NUL in the text.
    pub fn text(text: &str) -> Result<Passed, TextError> {
        c_string(text).map(Passed::Text)
    }

    /// What the function gets.
    pub(super) fn value(&self) -> Value {
        match self {
            Passed::Value(value) | Passed::Guarded(value, _) => value.clone(),
            Passed::Memory(memory) => memory.into(),
            Passed::Text(text) => text.as_c_str().into(),
        }
    }
}

impl<T: Into<Value>> From<T> for Passed {
    fn from(value: T) -> Passed {
        Passed::Value(value.into())
    }
}

impl From<Memory> for Passed {
    fn from(memory: Memory) -> Passed {
        Passed::Memory(memory)
    }
}

impl fmt::Debug for Passed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Passed::Value(value) => f.debug_tuple("Value").field(value).finish(),
            Passed::Memory(memory) => f.debug_tuple("Memory").field(memory).finish(),
            Passed::Text(text) => f.debug_tuple("Text").field(text).finish(),
            Passed::Guarded(value, _) => f.debug_tuple("Guarded").field(value).finish_non_exhaustive(),
        }
    }
}

/// What a call in the background returned.
#[derive(Debug)]
pub struct Done {
    /// The function's result.
    pub result: Value,
    /// The last error of the thread that made the call, if the function delivers one
    /// ([`Engine::with_last_error`](springboard::Engine::with_last_error)).
    pub last_error: Option<i32>,
    /// The memory that was passed, in the order of the arguments.
    pub memory: Vec<Memory>,
}
