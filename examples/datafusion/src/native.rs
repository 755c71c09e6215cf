//! A C function as a scalar function of DataFusion.

use std::{
    any::type_name,
    fmt,
    hash::{Hash, Hasher},
    sync::atomic::{AtomicU64, Ordering::Relaxed},
};

use datafusion::{
    arrow::{
        array::{Array, ArrayData, ArrayRef, make_array, new_null_array},
        buffer::{MutableBuffer, NullBuffer},
        datatypes::DataType,
    },
    common::{DataFusionError, Result, ScalarValue},
    logical_expr::{ColumnarValue, ScalarFunctionArgs, ScalarUDFImpl, Signature, Volatility},
};
use springboard::{Engine, Library, ir::Scalar};
use springboard_everyday::{
    columns::{Column, Columns, ColumnsError, Input, Output, Validity},
    udf::{Element, Udf, UdfError},
};

use crate::number::{bytes, data_type};

/// A function of a library, ready to be called over Arrow's arrays: where those are, nothing of them is copied.
#[derive(PartialEq, Eq)]
pub struct NativeFunction {
    udf: Udf,
    /// The library and the prototype that it was bound by.
    source: Source,
    /// What SQL calls it.
    name: String,
    signature: Signature,
    result: DataType,
}

static ROWS: AtomicU64 = AtomicU64::new(0);

/// For how many rows C functions were called in this process, so far.
pub fn rows_called() -> u64 {
    ROWS.load(Relaxed)
}

/// What it takes to bind a function, here or elsewhere.
#[derive(Clone, PartialEq, Eq, Hash, Debug)]
pub struct Source {
    /// The library, as the system's loader knows it.
    pub library: String,
    /// The function, as C declares it.
    pub prototype: String,
}

/// Why a C function is not a scalar function here.
#[derive(Debug)]
pub enum RegisterError {
    /// It is none anywhere.
    Udf(UdfError),
    /// A type of which Arrow has no arrays with C's layout.
    NoArray {
        /// The function.
        name: String,
        /// What it takes or returns.
        element: Element,
    },
}

impl fmt::Display for RegisterError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            RegisterError::Udf(error) => error.fmt(f),
            RegisterError::NoArray { name, element: Element::Text } => {
                write!(f, "{name}: columns of texts are not called over here")
            }
            RegisterError::NoArray { name, .. } => {
                write!(f, "{name}: a _Bool has a byte in C and a bit in Arrow")
            }
        }
    }
}

impl std::error::Error for RegisterError {}

impl NativeFunction {
    /// The function of `library` that a C prototype declares. SQL calls it by its name with `c_` before it, so that it
    /// takes the place of none of DataFusion's own.
    ///
    /// # Errors
    /// What the prototype or the library lacks, or a type that columns here do not have.
    pub fn bind(engine: &Engine, library: &Library, text: &str) -> Result<NativeFunction, RegisterError> {
        let udf = Udf::bind(engine, library, text).map_err(RegisterError::Udf)?;
        let path = library.path().map_or_else(String::new, |path| path.to_string_lossy().into_owned());
        let source = Source { library: path, prototype: text.to_owned() };
        let array = |element: Element| {
            let no_array = || RegisterError::NoArray { name: udf.name().to_owned(), element };
            data_type(element).ok_or_else(no_array)
        };
        let result = array(udf.result())?;
        let parameters =
            udf.parameters().iter().map(|element| array(*element)).collect::<Result<Vec<_>, _>>()?;
        // C does not say whether a function gives the same result twice.
        let signature = match parameters.is_empty() {
            true => Signature::nullary(Volatility::Volatile),
            false => Signature::exact(parameters, Volatility::Volatile),
        };
        Ok(NativeFunction { name: format!("c_{}", udf.name()), udf, source, signature, result })
    }

    /// What it was bound by.
    pub fn source(&self) -> &Source {
        &self.source
    }

    /// The results of one call over columns: an array with as many rows.
    fn run(
        &self,
        prepared: &Columns,
        columns: &[Column<'_>],
        nulls: Option<NullBuffer>,
        rows: usize,
    ) -> Result<ArrayRef> {
        ROWS.fetch_add(rows as u64, Relaxed);
        let element = self.udf.result().scalar();
        let mut results = MutableBuffer::from_len_zeroed(rows * bytes(element));
        let validity = nulls.as_ref().map(|nulls| Validity::from_bit(nulls.validity(), nulls.offset()));
        // SAFETY: the buffer has room for the rows, and is this call's.
        let output = unsafe { Output::raw(element, results.as_mut_ptr().cast(), rows) };
        // SAFETY: whoever registered the function said that it may be called with any numbers of its types, from any
        // thread.
        unsafe { prepared.call(columns, &[output], validity) }.map_err(|error| self.failed(&error))?;
        let array = ArrayData::builder(self.result.clone()).len(rows).add_buffer(results.into()).nulls(nulls);
        Ok(make_array(array.build()?))
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
        let arrays: Vec<(ArrayData, Input)> = args
            .into_iter()
            .map(|argument| match argument {
                ColumnarValue::Array(array) => Ok((array.to_data(), Input::Column)),
                ColumnarValue::Scalar(value) => Ok((value.to_array_of_size(1)?.to_data(), Input::Scalar)),
            })
            .collect::<Result<_>>()?;
        if arrays.iter().any(|(array, input)| *input == Input::Scalar && array.null_count() > 0) {
            return Ok(ColumnarValue::Array(new_null_array(&self.result, rows)));
        }
        let columns: Vec<Column<'_>> = arrays
            .iter()
            .zip(self.udf.parameters())
            .map(|((array, input), element)| column(array, *input, element.scalar()))
            .collect();
        let inputs: Vec<Input> = arrays.iter().map(|(_, input)| *input).collect();
        // Nothing is compiled for functions of one shape but the first time.
        let prepared = self.udf.columns(&inputs).map_err(|error| self.failed(&error))?;
        let nulls =
            arrays.iter().filter(|(_, input)| *input == Input::Column).map(|(array, _)| array.nulls());
        let results = self.run(&prepared, &columns, NullBuffer::union_many(nulls), rows)?;
        Ok(match one_value {
            true => ColumnarValue::Scalar(ScalarValue::try_from_array(&results, 0)?),
            false => ColumnarValue::Array(results),
        })
    }
}

/// The values of an array, which may be a slice of another, where they are.
fn column(array: &ArrayData, input: Input, element: Scalar) -> Column<'_> {
    let values = array.buffers()[0].as_ptr().wrapping_add(array.offset() * bytes(element)).cast();
    // SAFETY: DataFusion passes arrays of the types that the signature names, whose values these are.
    unsafe {
        match input {
            Input::Scalar => Column::raw_scalar(element, values),
            // Arrow's arrays are dense.
            Input::Column | Input::Strided => Column::raw(element, values, array.len()),
        }
    }
}

impl fmt::Debug for NativeFunction {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct(type_name::<NativeFunction>()).field("udf", &self.udf).finish_non_exhaustive()
    }
}

impl Hash for NativeFunction {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.udf.function().address().hash(state);
    }
}
