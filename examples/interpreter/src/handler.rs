//! Functions of the language as C function pointers.

use std::{
    ffi::c_void,
    rc::{Rc, Weak},
};

use springboard::callback::{RawHandler, raise};

use crate::{
    form::{Form, forms},
    language::{Error, Interpreter, Value, error},
};

/// What a callback's calls are answered with.
struct Handler {
    /// Weak, because the interpreter's variables keep the callback.
    interpreter: Weak<Interpreter>,
    function: Value,
    parameters: Vec<Form>,
    result: Form,
}

/// A callback of the C type `ty`, whose calls `function` answers.
///
/// The language's values belong to one thread, so the callback does: calls from other threads are rejected.
pub(crate) fn callback(interpreter: &Rc<Interpreter>, ty: &str, function: &Value) -> Result<Value, Error> {
    let failed = |why: springboard::callback::CreateError| error!("{why}");
    let ty = interpreter.engine.callback_type(ty).and_then(|ty| ty.reject()).map_err(failed)?;
    let (parameters, result) = forms(ty.signature(), interpreter.engine.data_model())?;
    if let Form::Text = result {
        return Err(error!("nobody would own the text that a callback returns"));
    }
    let interpreter = Rc::downgrade(interpreter);
    let handler = Box::new(Handler { interpreter, function: function.clone(), parameters, result });
    let context = Box::into_raw(handler).cast_const().cast();
    // SAFETY: `answer` takes the context for the handler that it is, on this thread alone, and `release` frees it once.
    let made = unsafe { ty.raw(RawHandler { context, call: answer, release: Some(release) }) };
    let made = made.map_err(|why| {
        // SAFETY: no callback has taken it.
        unsafe { release(context) };
        failed(why)
    })?;
    Ok(Value::Callback(Rc::new(made)))
}

/// # Safety
/// `context` is that of a [`Handler`], and the slots are those of its signature and one more.
unsafe fn answer(context: *const c_void, slots: *mut u64) {
    // SAFETY: the caller says so.
    let handler = unsafe { &*context.cast::<Handler>() };
    let arguments = handler.parameters.iter().enumerate().map(|(index, form)| {
        // SAFETY: there is a canonical slot per parameter. That texts are texts, native code answers for.
        unsafe { form.value(*slots.add(index)) }
    });
    let answered = arguments.collect::<Result<Vec<_>, _>>().and_then(|arguments| {
        let interpreter = handler.interpreter.upgrade().ok_or_else(|| error!("the interpreter has ended"))?;
        let result = interpreter.apply(&handler.function, &arguments)?;
        handler.result.slot(&result, &mut Vec::new())
    });
    match answered {
        // SAFETY: the slot after the last parameter's is the result's.
        Ok(result) => unsafe { *slots.add(handler.parameters.len()) = result },
        // Native code gets zero, and the error surfaces where the language called native code.
        Err(why) => raise(why),
    }
}

/// # Safety
/// `context` is that of a [`Handler`] that nobody uses any more.
unsafe fn release(context: *const c_void) {
    // SAFETY: it came out of a box.
    drop(unsafe { Box::from_raw(context.cast_mut().cast::<Handler>()) });
}
