//! Calls whose parameters bring results: out and in-out parameters, buffers, and texts that live as long as a call.

use std::ffi::CString;

use springboard::{CallError, Function, Value};
use springboard_ir::{DataModel, Pointee, Type};

use crate::memory::{Memory, MemoryError, c_string};

/// What is passed for a parameter of [`call`].
#[derive(Clone, PartialEq, Debug)]
#[non_exhaustive]
pub enum Argument<'a> {
    /// The value itself.
    In(Value),
    /// For a pointer to characters: the text as a C string, freed when the call has ended.
    Text(&'a str),
    /// For a `const T *`: the address of these bytes, borrowed until the call has ended. No NUL is added; their number is
    /// passed as another argument.
    Bytes(&'a [u8]),
    /// For a `T *`: memory for a `T`, zeroed, whose value comes back.
    Out,
    /// For a `T *`: memory for a `T` with this value, whose value comes back.
    InOut(Value),
    /// As [`Argument::Out`], for a `void *` or a pointer to a structure whose members the signature does not know: the
    /// type of the object.
    OutOf(&'a Type),
    /// As [`Argument::InOut`], with the type of the object.
    InOutOf(&'a Type, Value),
    /// For a pointer: as many bytes, zeroed and aligned for any type, which come back as [`Value::Bytes`].
    Buffer(usize),
}

impl<T: Into<Value>> From<T> for Argument<'_> {
    fn from(value: T) -> Self {
        Argument::In(value.into())
    }
}

/// What a call with outputs returned.
#[derive(Clone, PartialEq, Debug)]
pub struct Outputs {
    /// The function's result.
    pub result: Value,
    /// What out and in-out parameters and buffers hold after the call, in the order of the arguments.
    pub outputs: Vec<Value>,
    /// The last error, if the function delivers one ([`Engine::with_last_error`](springboard::Engine::with_last_error)).
    pub last_error: Option<i32>,
}

/// Why a call with outputs was not made, or has no result.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum OutputsError {
    /// The call failed as it would without outputs.
    #[error(transparent)]
    Call(#[from] CallError),
    /// No memory can be made for a parameter. Nothing was called.
    #[error("argument {}: {error}", .index + 1)]
    Output {
        /// The argument, counted from 0.
        index: usize,
        /// Why not.
        error: OutputError,
    },
}

/// Why no memory can be made for a parameter.
#[derive(Clone, PartialEq, Debug, thiserror::Error)]
#[non_exhaustive]
#[allow(missing_docs)] // `ty` is the parameter's type, `declared` what it points to; sizes in bytes
pub enum OutputError {
    /// The parameter is not a pointer to an object.
    #[error("{ty} is not a pointer to an object")]
    NoPointer { ty: Type },
    /// The parameter points to a constant, which the function does not write.
    #[error("what {ty} points to is not written")]
    Const { ty: Type },
    /// The function may write through the parameter, and the bytes are borrowed for reading.
    #[error("what {ty} points to may be written, and the bytes are borrowed for reading")]
    Written { ty: Type },
    /// The size of what the parameter points to is not known.
    #[error("{ty} does not say what type the output has")]
    Unknown { ty: Type },
    /// The given type has another size than the type that the parameter points to.
    #[error("{declared} has {size} bytes, and the output is declared as {given} of {given_size}")]
    Size { declared: Type, size: u64, given: Type, given_size: u64 },
    /// The object cannot be made, the value does not fit it, or the text has a NUL.
    #[error(transparent)]
    Memory(MemoryError),
}

impl<E: Into<MemoryError>> From<E> for OutputError {
    fn from(error: E) -> OutputError {
        OutputError::Memory(error.into())
    }
}

/// What an argument keeps until the call has ended.
enum Kept {
    Nothing,
    Text { _text: CString },
    Output(Memory),
    Buffer(Memory),
}

/// Calls `function` with memory made for the parameters through which it returns something, and reads that memory when
/// the call has ended.
///
/// # Errors
/// As [`Function::call`]; and [`OutputsError::Output`].
///
/// # Safety
/// As [`Function::call`]; and the function must not keep an address that it was passed.
pub unsafe fn call(function: &Function, arguments: &[Argument<'_>]) -> Result<Outputs, OutputsError> {
    let params = function.signature().params();
    if arguments.len() != params.len() {
        return Err(CallError::Arity { parameters: params.len(), arguments: arguments.len() }.into());
    }
    let mut kept = Vec::with_capacity(params.len());
    let mut values = Vec::with_capacity(params.len());
    for (index, (argument, param)) in arguments.iter().zip(params).enumerate() {
        let (value, keep) = make(argument, &param.ty, function.data_model())
            .map_err(|error| OutputsError::Output { index, error })?;
        values.push(value);
        kept.push(keep);
    }
    // SAFETY: the caller says that the function may be called with these arguments; the memory that was made for
    // others, of the size and alignment of what they point to, is in `kept` until the call has ended.
    let (result, last_error) = unsafe { call_with_any_error(function, &values) }?;
    let outputs = kept.iter().filter_map(|kept| match kept {
        Kept::Output(memory) => Some(memory.view().read()),
        Kept::Buffer(memory) => Some(Value::Bytes(memory.view().to_bytes().into())),
        Kept::Nothing | Kept::Text { .. } => None,
    });
    Ok(Outputs { result, outputs: outputs.collect(), last_error })
}

/// Calls `function`. The last error comes with the result, where the function delivers one.
///
/// # Safety
/// As [`Function::call`].
pub(crate) unsafe fn call_with_any_error(
    function: &Function,
    arguments: &[Value],
) -> Result<(Value, Option<i32>), CallError> {
    match function.last_error() {
        // SAFETY: the caller keeps what `Function::call` asks for.
        None => unsafe { function.call(arguments) }.map(|result| (result, None)),
        Some(_) => {
            // SAFETY: the caller keeps what `Function::call` asks for.
            unsafe { function.call_with_last_error(arguments) }.map(|(result, error)| (result, Some(error)))
        }
    }
}

/// What is passed for a parameter, and what has to be kept for it.
fn make(argument: &Argument<'_>, param: &Type, model: &DataModel) -> Result<(Value, Kept), OutputError> {
    let output = |memory: Memory| ((&memory).into(), Kept::Output(memory));
    Ok(match argument {
        Argument::In(value) => (value.clone(), Kept::Nothing),
        Argument::Text(text) => {
            let text = c_string(text).map_err(MemoryError::from)?;
            (text.as_c_str().into(), Kept::Text { _text: text })
        }
        Argument::Bytes(bytes) => match written(param) {
            Err(OutputError::Const { .. }) => (bytes.as_ptr().into(), Kept::Nothing),
            Err(error) => return Err(error),
            Ok(_) => return Err(OutputError::Written { ty: param.clone() }),
        },
        Argument::Out => output(Memory::new(&written(param)?.known(param, model)?, model)?),
        Argument::InOut(value) => output(Memory::with(value, &written(param)?.known(param, model)?, model)?),
        Argument::OutOf(ty) => {
            written(param)?.agrees_with(ty, model)?;
            output(Memory::new(ty, model)?)
        }
        Argument::InOutOf(ty, value) => {
            written(param)?.agrees_with(ty, model)?;
            output(Memory::with(value, ty, model)?)
        }
        Argument::Buffer(bytes) => {
            written(param)?;
            let memory = Memory::bytes(*bytes, model)?;
            ((&memory).into(), Kept::Buffer(memory))
        }
    })
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
    /// The type, if it has a layout.
    fn known(&self, param: &Type, model: &DataModel) -> Result<Type, OutputError> {
        match self.0.layout(model) {
            Ok(_) => Ok(self.0.clone()),
            Err(_) => Err(OutputError::Unknown { ty: param.clone() }),
        }
    }

    /// Checks that an object of type `given` is as large as what the parameter points to, where that has a layout. A
    /// pointer to characters may point to anything.
    fn agrees_with(&self, given: &Type, model: &DataModel) -> Result<(), OutputError> {
        let Ok(own) = self.0.layout(model) else { return Ok(()) };
        let given_size = given.layout(model).map_or(0, |layout| layout.size);
        if own.size == 1 || own.size == given_size {
            return Ok(());
        }
        let (declared, given) = (self.0.clone(), given.clone());
        Err(OutputError::Size { declared, size: own.size, given, given_size })
    }
}
