//! Native functions, and what the language has for them.

use std::{cell::Cell, rc::Rc};

use springboard::{
    Function, Library,
    callback::{NativeScope, take_pending},
    function::UntypedSlots,
    ir::Header,
};
use springboard_everyday::header;

use crate::{
    form::{Form, forms},
    handler,
    language::{self, Builtin, Error, Interpreter, Value, error},
};

/// A native function as a value of the language.
struct Native {
    slots: UntypedSlots,
    parameters: Vec<Form>,
    result: Form,
}

impl Native {
    fn bound(function: &Function) -> Result<Value, Error> {
        let (parameters, result) = forms(function.signature(), function.data_model())?;
        Ok(Value::Native(Rc::new(Native { slots: function.untyped_slots(), parameters, result })))
    }
}

impl language::Native for Native {
    fn call(&self, arguments: &[Value]) -> Result<Value, Error> {
        let prototype = self.slots.function().prototype();
        if self.parameters.len() != arguments.len() {
            return Err(error!("{prototype} is given {} arguments", arguments.len()));
        }
        let mut texts = Vec::new();
        let slots = arguments.iter().zip(&self.parameters).map(|(value, form)| form.slot(value, &mut texts));
        let slots = slots.collect::<Result<Vec<_>, _>>().map_err(|why| error!("{prototype}: {why}"))?;
        let result = {
            let _native = NativeScope::enter();
            // SAFETY: there is one slot per parameter, made by the parameter's form. That the function has the type that
            // the program declares, and that its pointers are good, the program answers for.
            unsafe { self.slots.call(&slots) }
        };
        // What a handler raised meanwhile.
        if let Some(why) = take_pending() {
            return Err(error!("{why}"));
        }
        // SAFETY: the slot is the result's.
        unsafe { self.result.value(result) }
    }
}

/// What the FFI adds to the language.
pub(crate) const BUILTINS: [(&str, Builtin); 6] = [
    // (open "libm.so.6")
    ("open", |_, arguments| match arguments {
        [Value::Text(path)] => {
            // SAFETY: programs name libraries whose initialisers may run here.
            let library = unsafe { Library::open(&**path) };
            library.map(Value::Library).map_err(|why| error!("{why}"))
        }
        _ => Err(error!("open wants a library's name")),
    }),
    // (native libm "double pow(double, double)")
    ("native", |interpreter, arguments| match arguments {
        [Value::Library(library), Value::Text(prototype)] => {
            let function = interpreter.engine.function(library, &**prototype);
            Native::bound(&function.map_err(|why| error!("{why}"))?)
        }
        _ => Err(error!("native wants a library and a prototype")),
    }),
    // (header libm "double sin(double); double cos(double);"): defines all of them
    ("header", |interpreter, arguments| match arguments {
        [Value::Library(library), Value::Text(text)] => bind_all(interpreter, library, text),
        _ => Err(error!("header wants a library and C text")),
    }),
    // (callback "int (const void *, const void *)" (lambda (a b) …))
    ("callback", |interpreter, arguments| match arguments {
        [Value::Text(ty), function @ Value::Lambda(_)] => handler::callback(interpreter, ty, function),
        _ => Err(error!("callback wants a function type and a lambda")),
    }),
    // (ints 3 1 2): memory that native code may read and write
    ("ints", |_, arguments| {
        let int = |value: &Value| match value {
            Value::Int(number) => i32::try_from(*number).ok().map(Cell::new),
            _ => None,
        };
        let elements = arguments.iter().map(int).collect::<Option<_>>();
        elements.map(Value::Ints).ok_or_else(|| error!("ints wants numbers that are int in C"))
    }),
    // (int-at pointer): what a handler does with the `const void *` that it is given
    ("int-at", |_, arguments| match arguments {
        // SAFETY: programs ask this of pointers to int alone.
        [Value::Pointer(address)] => Ok(Value::Int(unsafe { *address.cast::<i32>() }.into())),
        _ => Err(error!("int-at wants a pointer")),
    }),
];

/// Defines the functions of a header. What cannot be bound is returned, each with its reason.
fn bind_all(interpreter: &Interpreter, library: &Library, text: &str) -> Result<Value, Error> {
    let header = Header::scan(text, interpreter.engine.data_model());
    let binding = header::bind(&interpreter.engine, library, &header, |_| true);
    let mut left_out: Vec<String> = binding.reported.iter().map(ToString::to_string).collect();
    for function in &binding.bound {
        let name = function.prototype().name.as_deref().unwrap_or_default().to_owned();
        match Native::bound(function) {
            Ok(native) => interpreter.define(&name, native),
            Err(why) => left_out.push(format!("{name}: {why}")),
        }
    }
    Ok(Value::List(left_out.iter().map(|reason| Value::Text(reason.as_str().into())).collect()))
}
