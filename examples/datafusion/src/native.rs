//! A C function as a scalar function of DataFusion.

use std::{
    any::type_name,
    fmt,
    hash::{Hash, Hasher},
};

use datafusion::{
    arrow::{
        array::{Array, ArrayRef, AsArray, PrimitiveArray, new_null_array},
        buffer::NullBuffer,
        datatypes::{ArrowPrimitiveType, DataType},
    },
    common::{DataFusionError, Result, ScalarValue},
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility},
};
use springboard::{
    BindError, Engine, Function, Library, Word,
    ir::{ParseError, Prototype, Type},
};
use springboard_everyday::columns::{Column, Columns, ColumnsError, Input, Output, Validity};

use crate::number::{arrow_type, with_number};

/// A function of a library, ready to be called over Arrow's arrays: where those are, nothing of them is copied.
pub(crate) struct NativeFunction {
    engine: Engine,
    function: Function,
    /// What SQL calls it.
    name: String,
    signature: Signature,
    result: DataType,
}

/// Why a C function is not a scalar function.
#[derive(Debug)]
pub(crate) enum RegisterError {
    /// The prototype cannot be read.
    Prototype { text: String, error: ParseError },
    /// A function without a name.
    Nameless(String),
    /// The library does not have it.
    Bind(BindError),
    /// A type of which Arrow has no arrays. The parameter, counted from 0; `None` for the result.
    NoNumber { name: String, parameter: Option<usize>, ty: Type },
    /// It cannot be called over columns.
    Columns { name: String, error: ColumnsError },
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RegisterError::Prototype { text, error } => write!(f, "{error}\n{}", error.excerpt(text)),
            RegisterError::Nameless(text) => write!(f, "`{text}` has no name"),
            RegisterError::Bind(error) => error.fmt(f),
            RegisterError::NoNumber { name, parameter: Some(index), ty } => {
                write!(f, "{name}: parameter {} is of type {ty}, and columns here are of numbers", index + 1)
            }
            RegisterError::NoNumber { name, parameter: None, ty } => {
                write!(f, "{name}: the result is of type {ty}, and columns here are of numbers")
            }
            RegisterError::Columns { name, error } => write!(f, "{name}: {error}"),
        }
    }
}

impl std::error::Error for RegisterError {}

impl NativeFunction {
    /// The function of `library` that a C prototype declares. SQL calls it by its name with `c_` before it, so that it
    /// takes the place of none of DataFusion's own.
    pub(crate) fn bind(
        engine: &Engine,
        library: &Library,
        text: &str,
    ) -> Result<NativeFunction, RegisterError> {
        let prototype =
            Prototype::parse(text).map_err(|error| RegisterError::Prototype { text: text.into(), error })?;
        let name = prototype.name.clone().ok_or_else(|| RegisterError::Nameless(text.into()))?;
        let number = |parameter, ty: &Type| {
            arrow_type(ty, engine.data_model()).ok_or_else(|| RegisterError::NoNumber {
                name: name.clone(),
                parameter,
                ty: ty.clone(),
            })
        };
        let result = number(None, prototype.signature.result())?;
        let parameters = prototype.signature.params().iter().enumerate();
        let parameters: Vec<_> = parameters
            .map(|(index, parameter)| number(Some(index), &parameter.ty))
            .collect::<Result<_, _>>()?;
        let function = engine.function(library, prototype).map_err(RegisterError::Bind)?;
        Columns::new(engine, &function, &vec![Input::Column; parameters.len()])
            .map_err(|error| RegisterError::Columns { name: name.clone(), error })?;
        // C does not say whether a function gives the same result twice.
        let signature = match parameters.is_empty() {
            true => Signature::nullary(Volatility::Volatile),
            false => Signature::exact(parameters, Volatility::Volatile),
        };
        Ok(NativeFunction { engine: engine.clone(), function, name: format!("c_{name}"), signature, result })
    }

    /// The results of one call over columns: an array with as many rows.
    fn run<R: ArrowPrimitiveType<Native: Word>>(
        &self,
        prepared: &Columns,
        columns: &[Column<'_>],
        nulls: Option<NullBuffer>,
        rows: usize,
    ) -> Result<ArrayRef> {
        let mut results = vec![R::Native::default(); rows];
        let validity = nulls.as_ref().map(|nulls| Validity::from_bit(nulls.validity(), nulls.offset()));
        // SAFETY: whoever registered the function said that it may be called with any numbers of its types, from any
        // thread.
        unsafe { prepared.call(columns, Some(Output::of(&mut results)), validity) }
            .map_err(|error| self.failed(&error))?;
        Ok(std::sync::Arc::new(PrimitiveArray::<R>::new(results.into(), nulls)))
    }

    fn failed(&self, error: &ColumnsError) -> DataFusionError {
        DataFusionError::Execution(format!("{}: {error}", self.name))
    }
}

impl ScalarUDFImpl for NativeFunction {
    fn name(&self) -> &str {
        &self.name
    }

    fn signature(&self) -> &Signature {
        &self.signature
    }

    fn return_type(&self, _: &[DataType]) -> Result<DataType> {
        Ok(self.result.clone())
    }

    fn invoke_with_args(&self, arguments: ScalarFunctionArgs) -> Result<ColumnarValue> {
        let ScalarFunctionArgs { args, number_rows, .. } = arguments;
        let one_value =
            !args.is_empty() && args.iter().all(|argument| matches!(argument, ColumnarValue::Scalar(_)));
        let rows = if one_value { 1 } else { number_rows };
        let arrays: Vec<(ArrayRef, Input)> = args
            .into_iter()
            .map(|argument| match argument {
                ColumnarValue::Array(array) => Ok((array, Input::Column)),
                ColumnarValue::Scalar(value) => Ok((value.to_array_of_size(1)?, Input::Scalar)),
            })
            .collect::<Result<_>>()?;
        if arrays.iter().any(|(array, input)| *input == Input::Scalar && array.is_null(0)) {
            return Ok(ColumnarValue::Array(new_null_array(&self.result, rows)));
        }
        let columns: Vec<Column<'_>> = arrays.iter().map(|(array, input)| column(array, *input)).collect();
        let inputs: Vec<Input> = arrays.iter().map(|(_, input)| *input).collect();
        // Nothing is compiled for functions of one shape but the first time.
        let prepared =
            Columns::new(&self.engine, &self.function, &inputs).map_err(|error| self.failed(&error))?;
        let nulls =
            arrays.iter().filter(|(_, input)| *input == Input::Column).map(|(array, _)| array.nulls());
        let nulls = NullBuffer::union_many(nulls);
        let results = with_number!(&self.result, R => self.run::<R>(&prepared, &columns, nulls, rows))?;
        Ok(match one_value {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&results, 0)?),
            false => ColumnarValue::Array(results),
        })
    }
}

/// The values of an array, which may be a slice of another, where they are.
fn column(array: &ArrayRef, input: Input) -> Column<'_> {
    with_number!(array.data_type(), N => {
        let values = array.as_primitive::<N>().values();
        match input {
            Input::Column => Column::of(values),
            Input::Scalar => Column::scalar(&values[0]),
        }
    })
}

impl fmt::Debug for NativeFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(type_name::<NativeFunction>())
            .field("function", &self.function)
            .finish_non_exhaustive()
    }
}

/// The same code, called in the same way: DataFusion looks for equal expressions.
impl PartialEq for NativeFunction {
    fn eq(&self, other: &NativeFunction) -> bool {
        self.function.address() == other.function.address()
            && self.function.signature() == other.function.signature()
    }
}

impl Eq for NativeFunction {}

impl Hash for NativeFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.function.address().hash(state);
    }
}
