//! Functions of registries by the data that V8 has of them.

use std::{
    cell::RefCell,
    ffi::{c_int, c_void},
};

use springboard_js::v8::{Any, Call, Effects, Receiver, Registered};

use super::{
    description::{V8Description, tell},
    registry::V8Call,
    value::{V8Value, all, failed, returned},
};
use crate::{
    array::Room,
    boundary::{Failure, Out, enter, give, no_constant, null, out},
    constants::*,
    structure::Told,
};

thread_local! {
    /// The text that a call has returned last.
    static TEXT: RefCell<Any<'static>> = const { RefCell::new(Any::Undefined) };
}

/// # Safety
/// `data` is null, or that of a function that a registry has for as long as `'a`.
unsafe fn function<'a>(data: *const c_void) -> Result<&'a Registered, Failure> {
    if data.is_null() {
        return Err(null("data"));
    }
    // SAFETY: it is not null; the caller says that a registry has the function.
    Ok(unsafe { Registered::of(data) })
}

/// How many fast codes a function has, and whether calls change anything.
///
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sb_v8_data_variants(
    data: *const c_void,
    count: Out<'_, usize>,
    effects: Out<'_, c_int>,
) -> c_int {
    give(count, "count", || {
        // SAFETY: the header asks C for the data of a function that a registry has.
        let function = unsafe { function(data) }?;
        let constant = match function.effects() {
            Effects::Possible => SB_V8_EFFECTS_POSSIBLE,
            Effects::None => SB_V8_EFFECTS_NONE,
        };
        effects.map(|effects| effects.write(constant as c_int));
        Ok(function.fast().len())
    })
}

/// One of the fast codes of a function.
///
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sb_v8_data_fast(
    data: *const c_void,
    index: usize,
    code: Out<'_, *const c_void>,
    description: Told<'_, V8Description>,
    kinds: Room<'_, u8>,
    room: usize,
) -> c_int {
    enter(|| {
        let code = out(code, "code")?;
        // SAFETY: the header asks C for the data of a function that a registry has.
        let fast = unsafe { function(data) }?.fast();
        let fast = fast.get(index).ok_or_else(|| no_constant("index", index))?;
        code.write(fast.address);
        tell(fast.description, description, kinds, room)
    })
}

/// Calls with any values.
///
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sb_v8_data_call(
    data: *const c_void,
    call: Option<&V8Call<'_>>,
    result: Out<'_, V8Value>,
    thrown: Out<'_, c_int>,
) -> c_int {
    give(result, "result", || {
        // SAFETY: the header asks C for the data of a function that a registry has.
        let function = unsafe { function(data) }?;
        let V8Call { receiver, arguments, values, count } = *call.ok_or_else(|| null("call"))?;
        // SAFETY: the header asks C for texts that are there during the call.
        let arguments = unsafe { all(arguments, count) }?;
        let values = values.get(if values.is_null() { 0 } else { count }, "call->values")?;
        let call = Call { receiver: Receiver(receiver), arguments: &arguments, values };
        // SAFETY: the header asks C for arguments that the native function is sound to call with.
        let value = unsafe { function.call_slow(&call) }.map_err(|error| failed(error, thrown))?;
        let given = returned(&value);
        if matches!(value, Any::Text(_)) {
            // The text's address stays the same.
            TEXT.set(value);
        }
        Ok(given)
    })
}

/// The context of a twin.
///
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sb_v8_data_context(data: *const c_void, context: Out<'_, *mut c_void>) -> c_int {
    give(context, "context", || {
        // SAFETY: the header asks C for the data of a function that a registry has.
        Ok(unsafe { function(data) }?.context())
    })
}
