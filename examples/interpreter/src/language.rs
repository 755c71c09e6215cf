//! The language without its FFI: values, variables, functions, and arithmetic.

use std::{
    cell::{Cell, RefCell},
    collections::HashMap,
    ffi::c_void,
    fmt,
    rc::Rc,
};

use springboard::{Callback, Engine, Library};

/// A value of the language, programs included: lists and symbols are code.
#[derive(Clone)]
pub(crate) enum Value {
    Nil,
    Int(i64),
    Float(f64),
    Text(Rc<str>),
    Symbol(Rc<str>),
    List(Rc<[Value]>),
    Builtin(Builtin),
    Lambda(Rc<Lambda>),
    // What the FFI adds:
    Pointer(*const c_void),
    Library(Library),
    Native(Rc<dyn Native>),
    Callback(Rc<Callback>),
    Ints(Rc<[Cell<i32>]>),
}

/// A function of the language that is written in Rust.
pub(crate) type Builtin = fn(&Rc<Interpreter>, &[Value]) -> Result<Value, Error>;

/// A native function.
pub(crate) trait Native {
    fn call(&self, arguments: &[Value]) -> Result<Value, Error>;
}

/// A function of the language.
pub(crate) struct Lambda {
    parameters: Vec<Rc<str>>,
    body: Vec<Value>,
    environment: Rc<Environment>,
}

/// Variables, and where to look for others.
struct Environment {
    variables: RefCell<HashMap<Rc<str>, Value>>,
    outer: Option<Rc<Environment>>,
}

/// An interpreter: its global variables, and the engine that compiles its calls of native functions.
pub(crate) struct Interpreter {
    pub(crate) engine: Engine,
    globals: Rc<Environment>,
    printed: RefCell<String>,
}

/// What ends a program.
#[derive(Debug)]
pub(crate) struct Error(pub(crate) String);

/// An error in the words of a format string.
macro_rules! error {
    ($($word:tt)*) => { $crate::language::Error(format!($($word)*)) };
}
pub(crate) use error;

impl Environment {
    fn get(&self, name: &str) -> Option<Value> {
        let here = self.variables.borrow().get(name).cloned();
        here.or_else(|| self.outer.as_ref()?.get(name))
    }

    fn set(&self, name: &Rc<str>, value: Value) {
        self.variables.borrow_mut().insert(Rc::clone(name), value);
    }
}

impl Interpreter {
    /// An interpreter whose language has arithmetic, and what else is given.
    pub(crate) fn new(more: &[(&str, Builtin)]) -> Rc<Interpreter> {
        let globals = Rc::new(Environment { variables: RefCell::default(), outer: None });
        for (name, builtin) in BUILTINS.iter().chain(more) {
            globals.set(&Rc::from(*name), Value::Builtin(*builtin));
        }
        Rc::new(Interpreter { engine: Engine::new(), globals, printed: RefCell::default() })
    }

    /// Runs one piece of a program.
    pub(crate) fn run(self: &Rc<Interpreter>, code: &Value) -> Result<Value, Error> {
        self.evaluate(code, &self.globals)
    }

    /// Makes a global variable.
    pub(crate) fn define(&self, name: &str, value: Value) {
        self.globals.set(&Rc::from(name), value);
    }

    /// Takes what has been printed.
    pub(crate) fn printed(&self) -> String {
        self.printed.take()
    }

    fn evaluate(self: &Rc<Interpreter>, code: &Value, environment: &Rc<Environment>) -> Result<Value, Error> {
        let elements = match code {
            Value::Symbol(name) => {
                return environment.get(name).ok_or_else(|| error!("{name} is not defined"));
            }
            Value::List(elements) => elements,
            constant => return Ok(constant.clone()),
        };
        match &elements[..] {
            [Value::Symbol(form), Value::Symbol(name), value] if **form == *"define" => {
                let value = self.evaluate(value, environment)?;
                environment.set(name, value);
                Ok(Value::Nil)
            }
            [Value::Symbol(form), Value::List(parameters), body @ ..] if **form == *"lambda" => {
                let name = |parameter: &Value| match parameter {
                    Value::Symbol(name) => Ok(Rc::clone(name)),
                    other => Err(error!("{other} is not a parameter's name")),
                };
                let parameters = parameters.iter().map(name).collect::<Result<_, _>>()?;
                let environment = Rc::clone(environment);
                Ok(Value::Lambda(Rc::new(Lambda { parameters, body: body.to_vec(), environment })))
            }
            [Value::Symbol(form), condition, yes, no] if **form == *"if" => {
                let chosen = if self.evaluate(condition, environment)?.is_true() { yes } else { no };
                self.evaluate(chosen, environment)
            }
            [function, arguments @ ..] => {
                let function = self.evaluate(function, environment)?;
                let arguments = arguments.iter().map(|argument| self.evaluate(argument, environment));
                self.apply(&function, &arguments.collect::<Result<Vec<_>, _>>()?)
            }
            [] => Ok(Value::Nil),
        }
    }

    /// Calls a function, of whichever kind.
    pub(crate) fn apply(
        self: &Rc<Interpreter>,
        function: &Value,
        arguments: &[Value],
    ) -> Result<Value, Error> {
        match function {
            Value::Builtin(builtin) => builtin(self, arguments),
            Value::Native(native) => native.call(arguments),
            Value::Lambda(lambda) => {
                let (wanted, given) = (lambda.parameters.len(), arguments.len());
                if wanted != given {
                    return Err(error!("a lambda of {wanted} parameters is given {given} arguments"));
                }
                let variables = lambda.parameters.iter().cloned().zip(arguments.iter().cloned()).collect();
                let outer = Some(Rc::clone(&lambda.environment));
                let inside = Rc::new(Environment { variables: RefCell::new(variables), outer });
                lambda.body.iter().try_fold(Value::Nil, |_, code| self.evaluate(code, &inside))
            }
            other => Err(error!("{other} is not a function")),
        }
    }
}

const BUILTINS: [(&str, Builtin); 5] = [
    ("+", |_, numbers| arithmetic(numbers, i64::checked_add, |a, b| a + b)),
    ("-", |_, numbers| arithmetic(numbers, i64::checked_sub, |a, b| a - b)),
    ("*", |_, numbers| arithmetic(numbers, i64::checked_mul, |a, b| a * b)),
    ("<", |_, numbers| match numbers {
        [Value::Int(a), Value::Int(b)] => Ok(Value::Int((a < b).into())),
        _ => floats(numbers).map(|(a, b)| Value::Int((a < b).into())),
    }),
    ("print", |interpreter, values| {
        let shown: Vec<String> = values.iter().map(Value::to_string).collect();
        *interpreter.printed.borrow_mut() += &(shown.join(" ") + "\n");
        Ok(Value::Nil)
    }),
];

fn arithmetic(
    values: &[Value],
    ints: fn(i64, i64) -> Option<i64>,
    otherwise: fn(f64, f64) -> f64,
) -> Result<Value, Error> {
    match values {
        [Value::Int(a), Value::Int(b)] => {
            ints(*a, *b).map(Value::Int).ok_or_else(|| error!("{a} and {b} make too large a number"))
        }
        _ => floats(values).map(|(a, b)| Value::Float(otherwise(a, b))),
    }
}

fn floats(values: &[Value]) -> Result<(f64, f64), Error> {
    let [a, b] = values else { return Err(error!("two numbers are wanted, not {}", values.len())) };
    Ok((a.float()?, b.float()?))
}

impl Value {
    pub(crate) fn is_true(&self) -> bool {
        !matches!(self, Value::Nil | Value::Int(0))
    }

    pub(crate) fn float(&self) -> Result<f64, Error> {
        match self {
            Value::Int(number) => Ok(*number as f64),
            Value::Float(number) => Ok(*number),
            other => Err(error!("{other} is not a number")),
        }
    }
}

impl fmt::Display for Value {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Value::Nil => f.write_str("nil"),
            Value::Int(number) => number.fmt(f),
            Value::Float(number) => write!(f, "{number:?}"),
            Value::Text(text) | Value::Symbol(text) => f.write_str(text),
            Value::List(elements) => list(f, elements.iter()),
            Value::Ints(elements) => list(f, elements.iter().map(Cell::get)),
            Value::Builtin(_) | Value::Lambda(_) | Value::Native(_) => f.write_str("<function>"),
            Value::Pointer(address) if address.is_null() => f.write_str("<null>"),
            Value::Pointer(_) => f.write_str("<pointer>"),
            Value::Library(_) => f.write_str("<library>"),
            Value::Callback(_) => f.write_str("<callback>"),
        }
    }
}

fn list(f: &mut fmt::Formatter<'_>, elements: impl Iterator<Item: fmt::Display>) -> fmt::Result {
    let shown: Vec<String> = elements.map(|element| element.to_string()).collect();
    write!(f, "({})", shown.join(" "))
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Error {}
