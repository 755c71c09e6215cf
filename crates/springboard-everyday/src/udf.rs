//! C functions as the scalar functions of a query engine: what every engine wants to know of one, from its prototype.
//!
//! docs/engines.md says how an engine is connected.

use springboard::{Engine, Function, Library};
use springboard_abi::SlotForm;
use springboard_ir::{DataModel, Integer, Pointee, Prototype, Scalar, Type};

use crate::columns::{Columns, ColumnsError, Input};

mod error;
mod texts;

pub use self::{
    error::{NoElement, UdfError},
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
}

impl Element {
    /// What an array has for each row.
    pub fn scalar(self) -> Scalar {
        match self {
            Element::Number(scalar) => scalar,
            Element::Text => Scalar::Pointer,
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
        let prototype =
            Prototype::parse(text).map_err(|error| UdfError::Prototype { text: text.to_owned(), error })?;
        let name = prototype.name.clone().ok_or_else(|| UdfError::Nameless(text.to_owned()))?;
        let element = |parameter, ty: &Type| {
            let wrong = |why| UdfError::Type { name: name.clone(), parameter, ty: ty.clone(), why };
            Element::of(ty, engine.data_model()).map_err(wrong)
        };
        let result = element(None, prototype.signature.result())?;
        let parameters = prototype.signature.params().iter().enumerate();
        let parameters = parameters
            .map(|(index, parameter)| element(Some(index), &parameter.ty))
            .collect::<Result<Box<[_]>, _>>()?;
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

    /// What the parameters take, in order.
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
    /// shape: its stub is kept by the engine.
    ///
    /// # Errors
    /// Not one input per parameter.
    pub fn columns(&self, inputs: &[Input]) -> Result<Columns, ColumnsError> {
        Columns::new(&self.engine, &self.function, inputs)
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
