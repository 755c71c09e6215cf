//! Calls whose parameters bring results: out and in-out parameters, buffers, and texts for the time of a call.

use std::{
    ffi::{CString, c_void},
    fmt, ptr,
};

use springboard_ir::{Integer, Pointee, Type};

use super::{Value, call::CallError};
use crate::{
    function::Function,
    memory::{Memory, MemoryError, c_string},
};

/// What is passed for a parameter of [`Function::call_outputs`].
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Argument<'a> {
    /// The value itself.
    In(Value),
    /// For a pointer to characters: the text as a C string, which lives until the call has ended.
    Text(&'a str),
    /// For a `const T *`: the address of these bytes, which are lent until the call has ended. No NUL is added: their
    /// number is another argument.
    Bytes(&'a [u8]),
    /// For a `T *`: memory for a `T`, zero at first, whose value comes back.
    Out,
    /// For a `T *`: memory for a `T` with this value, whose value comes back.
    InOut(Value),
    /// As [`Argument::Out`], with the type of the object: for a `void *`, or a pointer to a structure whose members
    /// the signature does not know.
    OutOf(&'a Type),
    /// As [`Argument::InOut`], with the type of the object.
    InOutOf(&'a Type, Value),
    /// For a pointer: so many bytes, zero at first, which come back as [`Value::Bytes`].
    Buffer(usize),
}

impl<T: Into<Value>> From<T> for Argument<'_> {
    fn from(value: T) -> Self {
        Argument::In(value.into())
    }
}

/// What a call with outputs comes to.
#[derive(Clone, PartialEq, Debug)]
pub struct Outputs {
    /// The function's result.
    pub result: Value,
    /// What out and in-out parameters and buffers held when the call had ended, in their order.
    pub outputs: Vec<Value>,
    /// The last error, where the function delivers one ([`Engine::with_last_error`](crate::Engine::with_last_error)).
    pub last_error: Option<i32>,
}

/// Why an output cannot be made for a parameter.
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum OutputError {
    /// The parameter is no pointer to an object.
    NoPointer {
        /// The parameter's type.
        ty: Type,
    },
    /// The parameter points to something that the function does not write.
    Const {
        /// The parameter's type.
        ty: Type,
    },
    /// The function may write through the parameter, and the bytes are lent for reading.
    Written {
        /// The parameter's type.
        ty: Type,
    },
    /// The parameter does not say what it points to, and nothing else does.
    Unknown {
        /// The parameter's type.
        ty: Type,
    },
    /// The object is of another size than what the parameter points to.
    Size {
        /// What the parameter points to.
        declared: Type,
        /// Its size, in bytes.
        size: u64,
        /// The type that was given.
        given: Type,
        /// Its size, in bytes.
        given_size: u64,
    },
    /// The object cannot be made, or the text is none.
    Memory(MemoryError),
}

impl fmt::Display for OutputError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            OutputError::NoPointer { ty } => write!(f, "{ty} is no pointer to an object"),
            OutputError::Const { ty } => write!(f, "what {ty} points to is not written"),
            OutputError::Written { ty } => {
                write!(f, "what {ty} points to may be written, and bytes are only lent")
            }
            OutputError::Unknown { ty } => write!(f, "{ty} does not say of what type the output is"),
            OutputError::Size { declared, size, given, given_size } => {
                write!(
                    f,
                    "{declared} has {size} bytes, and the output is declared as {given} of {given_size}"
                )
            }
            OutputError::Memory(error) => error.fmt(f),
        }
    }
}

impl std::error::Error for OutputError {}

impl<E: Into<MemoryError>> From<E> for OutputError {
    fn from(error: E) -> OutputError {
        OutputError::Memory(error.into())
    }
}

/// Memory that lives as long as a call.
enum Kept {
    Nothing,
    Text(CString),
    Output(Memory),
    Buffer(Memory),
}

impl Function {
    /// As [`Function::call`], with memory made for parameters through which the function returns something, and read
    /// when the call has ended.
    ///
    /// # Errors
    /// As [`Function::call`]; and [`CallError::Output`].
    ///
    /// # Safety
    /// As [`Function::call`]. The function may keep no address that it was passed.
    pub unsafe fn call_outputs(&self, arguments: &[Argument<'_>]) -> Result<Outputs, CallError> {
        let params = self.signature().params();
        if arguments.len() != params.len() {
            return Err(CallError::Arity { parameters: params.len(), arguments: arguments.len() });
        }
        let mut kept = Vec::with_capacity(params.len());
        let mut values = Vec::with_capacity(params.len());
        for (index, (argument, param)) in arguments.iter().zip(params).enumerate() {
            let made = self.make(argument, &param.ty).map_err(|error| CallError::Output { index, error })?;
            values.push(match (&made, argument) {
                (Kept::Nothing, Argument::In(value)) => value.clone(),
                (Kept::Text(text), _) => text.as_c_str().into(),
                (Kept::Output(memory) | Kept::Buffer(memory), _) => memory.into(),
                (Kept::Nothing, Argument::Bytes(bytes)) => bytes.as_ptr().into(),
                (Kept::Nothing, _) => Value::Pointer(ptr::null_mut::<c_void>()),
            });
            kept.push(made);
        }
        let mut last_error = 0;
        // SAFETY: the caller's promise; what was made here lives until the end of this function.
        let result = unsafe { super::call(self, &values, &mut last_error) }?;
        let outputs = kept.iter().filter_map(|kept| match kept {
            Kept::Output(memory) => Some(memory.view().read()),
            Kept::Buffer(memory) => Some(Value::Bytes(memory.view().to_bytes().into())),
            Kept::Nothing | Kept::Text(_) => None,
        });
        let last_error = self.last_error().map(|_| last_error);
        Ok(Outputs { result, outputs: outputs.collect(), last_error })
    }

    fn make(&self, argument: &Argument<'_>, param: &Type) -> Result<Kept, OutputError> {
        let model = self.model();
        Ok(match argument {
            Argument::In(_) => Kept::Nothing,
            Argument::Text(text) => Kept::Text(c_string(text).map_err(MemoryError::from)?),
            Argument::Bytes(_) => match written(param) {
                Err(OutputError::Const { .. }) => Kept::Nothing,
                Err(error) => return Err(error),
                Ok(_) => return Err(OutputError::Written { ty: param.clone() }),
            },
            Argument::Out => Kept::Output(Memory::new(&written(param)?.known(param, model)?, model)?),
            Argument::InOut(value) => {
                Kept::Output(Memory::with(value, &written(param)?.known(param, model)?, model)?)
            }
            Argument::OutOf(ty) => {
                written(param)?.agrees_with(ty, model)?;
                Kept::Output(Memory::new(ty, model)?)
            }
            Argument::InOutOf(ty, value) => {
                written(param)?.agrees_with(ty, model)?;
                Kept::Output(Memory::with(value, ty, model)?)
            }
            Argument::Buffer(bytes) => {
                written(param)?;
                // Aligned for whatever a function may take the bytes for.
                let unit = Type::Int(Integer::UInt128);
                let units = bytes.div_ceil(16).max(1);
                let memory = Memory::array(&unit, units, model)?;
                Kept::Buffer(memory.into_bytes_of(*bytes))
            }
        })
    }
}

/// What a parameter points to.
struct Target<'a>(&'a Type);

/// What may be written through a parameter.
fn written(param: &Type) -> Result<Target<'_>, OutputError> {
    let Type::Pointer(pointee) = param else { return Err(OutputError::NoPointer { ty: param.clone() }) };
    match &**pointee {
        Pointee::Object(ty) => Ok(Target(ty)),
        Pointee::Const(_) => Err(OutputError::Const { ty: param.clone() }),
        Pointee::Function(_) => Err(OutputError::NoPointer { ty: param.clone() }),
    }
}

impl Target<'_> {
    /// The type, where it is known.
    fn known(&self, param: &Type, model: &springboard_ir::DataModel) -> Result<Type, OutputError> {
        match self.0.layout(model) {
            Ok(_) => Ok(self.0.clone()),
            Err(_) => Err(OutputError::Unknown { ty: param.clone() }),
        }
    }

    /// Whether an object of type `given` is as large as what the parameter points to, where that is known. A pointer to
    /// characters points to anything.
    fn agrees_with(&self, given: &Type, model: &springboard_ir::DataModel) -> Result<(), OutputError> {
        let Ok(own) = self.0.layout(model) else { return Ok(()) };
        let given_size = given.layout(model).map_or(0, |layout| layout.size);
        if own.size == 1 || own.size == given_size {
            return Ok(());
        }
        let (declared, given) = (self.0.clone(), given.clone());
        Err(OutputError::Size { declared, size: own.size, given, given_size })
    }
}
