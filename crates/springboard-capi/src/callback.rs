//! Callbacks: C function pointers that handlers of C answer.

use std::ffi::{c_int, c_void};

use springboard::{
    Callback,
    callback::{AfterClose, RawHandler},
};

use crate::{
    boundary::{Out, OutHandle, enter, give, null, out, pick},
    callback_type::Kind,
    handle::{self, CallbackHandle, CallbackTypeHandle},
    text::Text,
};

/// `sb_handler`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // as in the header
pub struct Handler {
    pub call: Option<Call>,
    pub context: *mut c_void,
    pub release: Option<extern "C" fn(*mut c_void)>,
}

/// What handles a call: gets the handler's context, and the slots.
pub type Call = extern "C" fn(*mut c_void, *mut u64);

/// A handler that has a call.
struct Ready {
    call: Call,
    context: *mut c_void,
    release: Option<extern "C" fn(*mut c_void)>,
}

/// # Safety
/// `ready` is the address of a [`Ready`], and `slots` are those of a call.
unsafe fn call(ready: *const c_void, slots: *mut u64) {
    // SAFETY: the caller says that a `Ready` is there. It is only read.
    let Ready { call, context, .. } = unsafe { &*ready.cast::<Ready>() };
    call(*context, slots);
}

/// # Safety
/// `ready` is the address of a [`Ready`] from a box, and nobody uses it any more.
unsafe fn release(ready: *const c_void) {
    // SAFETY: the caller says that the address is that of a box, whose owner this becomes.
    let ready = unsafe { Box::from_raw(ready.cast_mut().cast::<Ready>()) };
    if let Some(release) = ready.release {
        release(ready.context);
    }
}

/// Makes a callback.
#[unsafe(no_mangle)]
pub extern "C" fn sb_callback_new(
    kind: *const CallbackTypeHandle,
    handler: Option<&Handler>,
    callback: OutHandle<'_, CallbackHandle>,
    code: Out<'_, *mut c_void>,
) -> c_int {
    handle::opens(callback, "callback", || {
        let code = out(code, "code")?;
        let handler = handler.ok_or_else(|| null("handler"))?;
        let Handler { call: ours, context, release: theirs } = *handler;
        let ours = ours.ok_or_else(|| null("handler->call"))?;
        let kind = Kind::get(kind)?;
        let ready = Box::into_raw(Box::new(Ready { call: ours, context, release: theirs }));
        let handler = RawHandler { context: ready.cast(), call, release: Some(release) };
        // SAFETY: the header asks C for a handler of this signature whose context may be used wherever it is called.
        let made = unsafe {
            match &kind {
                Kind::Inline(kind) => kind.raw(handler),
                Kind::Owner(kind) => kind.raw(handler),
            }
        };
        let made = made.inspect_err(|_| {
            // SAFETY: made above, and no callback has it. C keeps its context.
            drop(unsafe { Box::from_raw(ready) });
        })?;
        code.write(made.as_ptr());
        Ok(made)
    })
}

/// The number of calls that are on their way.
#[unsafe(no_mangle)]
pub extern "C" fn sb_callback_in_flight(callback: *const CallbackHandle, calls: Out<'_, u64>) -> c_int {
    give(calls, "calls", || Ok(handle::get::<_, Callback>(callback)?.in_flight()))
}

/// Closes a callback.
#[unsafe(no_mangle)]
pub extern "C" fn sb_callback_close(callback: *const CallbackHandle, after: c_int) -> c_int {
    enter(|| {
        let after = pick("after", after, [AfterClose::Zero, AfterClose::Abort])?;
        handle::get::<_, Callback>(callback)?.close_and(after);
        handle::close(callback)
    })
}

/// Makes an error pending on the thread.
#[unsafe(no_mangle)]
pub extern "C" fn sb_raise(message: Text<'_>) -> c_int {
    enter(|| {
        let message = message.bytes().ok_or_else(|| null("message"))?;
        springboard::callback::raise(message.to_string_lossy());
        Ok(())
    })
}
