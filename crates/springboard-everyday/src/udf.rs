//! C functions as the scalar functions of a query engine: what every engine wants to know of one, from its prototype.
//!
//! docs/engines.md says how an engine is connected.

use springboard::{Engine, Function, Library};
use springboard_abi::SlotForm;
use springboard_ir::{DataModel, Integer, Param, Pointee, Prototype, Scalar, Type};

use crate::columns::{Columns, ColumnsError, Input};

mod error;
mod spans;
mod texts;

pub use self::{
    error::{NoElement, NoSpan, UdfError},
    spans::{Spans, SpansError},
    texts::{Texts, TextsError},
};

/// What the rows of a parameter or of the result are.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Element {
    /// A number or `_Bool`, as C stores it.
    Number(Scalar),
    /// A text. Of a parameter, a `const char *` to a copy with a NUL at its end ([`Texts`]). Of the result, a
    /// `const char *` that stays the library's; null stands for SQL's `NULL`.
    Text,
    /// Bytes by their address and, in the function's next parameter, their number ([`Spans`]): no copy, no NUL. Only of
    /// parameters that [`Udf::bind_sized`] was told of.
    Sized {
        /// What the bytes are.
        contents: Contents,
        /// The integer that is the next parameter.
        length: Scalar,
    },
}

/// What the bytes of [`Element::Sized`] are, by what the function's pointer points to.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Contents {
    /// `const char *`: a text.
    Text,
    /// `const void *`, `const unsigned char *` or `const signed char *`: any bytes.
    Bytes,
}

impl Element {
    /// What an array has for each row; of [`Element::Sized`], the array of the addresses.
    pub fn scalar(self) -> Scalar {
        match self {
            Element::Number(scalar) => scalar,
            Element::Text | Element::Sized { .. } => Scalar::Pointer,
        }
    }

    /// The element of a type.
    ///
    /// # Errors
    /// Why rows of a column cannot be of the type.
    pub fn of(ty: &Type, model: &DataModel) -> Result<Element, NoElement> {
        match (ty, SlotForm::of(ty, model)) {
            (Type::Pointer(pointee), _) => match &**pointee {
                Pointee::Const(Type::Int(Integer::Char)) => Ok(Element::Text),
                Pointee::Object(Type::Int(Integer::Char)) => Err(NoElement::WritableText),
                _ => Err(NoElement::Pointer),
            },
            (Type::Void, _) => Err(NoElement::Void),
            (_, Ok(SlotForm::Word(scalar))) => Ok(Element::Number(scalar)),
            _ => Err(NoElement::NoWord),
        }
    }

    /// The element of two parameters: an address, and how many bytes are there.
    fn sized(params: &[Param], model: &DataModel) -> Result<Element, NoSpan> {
        let [pointer, length, ..] = params else { return Err(NoSpan::Last) };
        let Type::Pointer(pointee) = &pointer.ty else { return Err(NoSpan::Bytes) };
        let contents = match &**pointee {
            Pointee::Const(Type::Int(Integer::Char)) => Contents::Text,
            Pointee::Const(Type::Void) => Contents::Bytes,
            Pointee::Const(Type::Int(Integer::SChar | Integer::UChar | Integer::Int8 | Integer::UInt8)) => {
                Contents::Bytes
            }
            _ => return Err(NoSpan::Bytes),
        };
        match SlotForm::of(&length.ty, model) {
            Ok(SlotForm::Word(length)) if spans::is_length(length) => Ok(Element::Sized { contents, length }),
            _ => Err(NoSpan::Length),
        }
    }
}

/// A C function that an engine calls once per row, over its own columns. A handle, as [`Function`] is: any thread may use
/// it.
#[derive(Clone, Debug)]
pub struct Udf {
    engine: Engine,
    function: Function,
    name: String,
    parameters: Box<[Element]>,
    result: Element,
}

impl Udf {
    /// The function of `library` that a C prototype declares.
    ///
    /// # Errors
    /// Text that is no prototype, or names no function; a function that the library does not have; a type of which a
    /// column has no rows; a variadic function.
    pub fn bind(engine: &Engine, library: &Library, text: &str) -> Result<Udf, UdfError> {
        Udf::bind_sized(engine, library, text, &[])
    }

    /// As [`Udf::bind`], of a function that is told how many bytes there are at an address: each of `sized` is the number of
    /// such a parameter, counted from 0, and its length is the next one. The two are one parameter of the engine's,
    /// [`Element::Sized`]: `unsigned long crc32(unsigned long, const unsigned char *, unsigned)` with 1 has two.
    ///
    /// # Errors
    /// Also where a number is that of no parameter, or the two parameters are not of such types.
    pub fn bind_sized(
        engine: &Engine,
        library: &Library,
        text: &str,
        sized: &[usize],
    ) -> Result<Udf, UdfError> {
        let prototype =
            Prototype::parse(text).map_err(|error| UdfError::Prototype { text: text.to_owned(), error })?;
        let name = prototype.name.clone().ok_or_else(|| UdfError::Nameless(text.to_owned()))?;
        let element = |parameter, ty: &Type| {
            let wrong = |why| UdfError::Type { name: name.clone(), parameter, ty: ty.clone(), why };
            Element::of(ty, engine.data_model()).map_err(wrong)
        };
        let result = element(None, prototype.signature.result())?;
        let (params, mut parameters, mut next) = (prototype.signature.params(), Vec::new(), 0);
        if let Some(&parameter) = sized.iter().find(|parameter| **parameter >= params.len()) {
            return Err(UdfError::Sized { name, parameter, why: NoSpan::None });
        }
        while let Some(param) = params.get(next) {
            if sized.contains(&next) {
                let wrong = |parameter, why| UdfError::Sized { name: name.clone(), parameter, why };
                let element = Element::sized(&params[next..], engine.data_model());
                parameters.push(element.map_err(|why| wrong(next, why))?);
                // A length is not where others begin.
                if sized.contains(&(next + 1)) {
                    return Err(wrong(next + 1, NoSpan::Bytes));
                }
                next += 2;
            } else {
                parameters.push(element(Some(next), &param.ty)?);
                next += 1;
            }
        }
        let parameters = parameters.into_boxed_slice();
        let function = engine.function(library, prototype).map_err(UdfError::Bind)?;
        let udf = Udf { engine: engine.clone(), function, name, parameters, result };
        // The commonest way to call it, compiled now.
        match udf.columns(&vec![Input::Column; udf.parameters.len()]) {
            Ok(_) => Ok(udf),
            Err(error) => Err(UdfError::Columns { name: udf.name, error }),
        }
    }

    /// What C calls it.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What the parameters take, in order: those of the engine's function, of which C's may have more.
    pub fn parameters(&self) -> &[Element] {
        &self.parameters
    }

    /// What it returns.
    pub fn result(&self) -> Element {
        self.result
    }

    /// The function.
    pub fn function(&self) -> &Function {
        &self.function
    }

    /// Prepares a call in which each parameter gets an array or one value for all rows. Cheap after the first time for a
    /// shape: its stub is kept by the engine. The call gets one column for each parameter of the C function: both of
    /// [`Spans`] for an [`Element::Sized`].
    ///
    /// # Errors
    /// Not one input per parameter.
    pub fn columns(&self, inputs: &[Input]) -> Result<Columns, ColumnsError> {
        if inputs.len() != self.parameters.len() {
            return Err(ColumnsError::Arity { parameters: self.parameters.len(), columns: inputs.len() });
        }
        let of_c = |(input, element): (&Input, &Element)| match (element, input) {
            (Element::Sized { .. }, Input::Scalar) => vec![Input::Scalar; 2],
            // Addresses and lengths lie in turns.
            (Element::Sized { .. }, _) => vec![Input::Strided; 2],
            _ => vec![*input],
        };
        let inputs: Vec<Input> = inputs.iter().zip(&self.parameters).flat_map(of_c).collect();
        Columns::new(&self.engine, &self.function, &inputs)
    }
}

/// The same code, called in the same way: engines look for equal expressions.
impl PartialEq for Udf {
    fn eq(&self, other: &Udf) -> bool {
        self.function.address() == other.function.address()
            && self.function.signature() == other.function.signature()
    }
}

impl Eq for Udf {}
