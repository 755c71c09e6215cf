//! Calls in the background: the values in slots become the call's own, and the outcome is delivered once.

use std::{
    ffi::{c_int, c_void},
    num::NonZero,
    pin::Pin,
    ptr::{self, NonNull},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context as Polled, Poll, Wake, Waker},
};

use springboard::{
    CallError, CallbackError, Value, Word,
    abi::SlotForm,
    ir::{DataModel, Type},
};
use springboard_everyday::{
    background::{Background, BackgroundError, Done, Passed, Pending, Refused, Shutdown, StartError},
    memory::{Memory, View},
};

use crate::{
    array::Array,
    boundary::{Failure, Out, OutHandle, enter, no_constant, null, pick},
    constants::*,
    function::{self, Bound},
    handle::{self, BackgroundHandle, FunctionHandle, PendingHandle},
    mailbox::{Context, Tell, limit},
};

/// Starts threads for calls.
#[unsafe(no_mangle)]
pub extern "C" fn sb_background_new(
    threads: usize,
    capacity: usize,
    background: OutHandle<'_, BackgroundHandle>,
) -> c_int {
    handle::opens(background, "background", || {
        let threads = NonZero::new(threads).ok_or_else(|| no_constant("threads", 0))?;
        let started = Background::new(threads, capacity)
            .map_err(|error: StartError| Failure::new(SB_ERROR_SYSTEM, error))?;
        Ok(started)
    })
}

/// Has a function called.
///
/// # Safety
/// Each slot is that of a value of its parameter's type, and the function may be called with them on another thread, as the
/// header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sb_background_call(
    background: *const BackgroundHandle,
    function: *const FunctionHandle,
    slots: Array<'_, u64>,
    pending: OutHandle<'_, PendingHandle>,
) -> c_int {
    handle::opens(pending, "pending", || {
        let background = handle::get::<_, Background>(background)?;
        let bound = function::get(function)?;
        let params = bound.function.signature().params();
        let slots = slots.get(params.len(), "slots")?;
        let arguments = params.iter().zip(slots);
        let model = bound.function.data_model();
        // SAFETY: the caller says that each slot is that of a value of its parameter's type.
        let arguments = arguments.map(|(param, slot)| unsafe { passed(&param.ty, model, slot) });
        let arguments = arguments.collect::<Result<Vec<_>, _>>()?;
        // SAFETY: the caller says that the function may be called with these arguments, on another thread.
        let asked = unsafe { background.call(&bound.function, arguments) }
            .map_err(|refused: Refused| Failure::new(SB_ERROR_REFUSED, refused))?;
        Ok(Asked { state: Mutex::new(State::There(Call::UnderWay(asked, None))), function: bound })
    })
}

/// A copy of the value that a slot holds or is the address of.
///
/// # Safety
/// The slot is that of a value of type `ty`.
unsafe fn passed(ty: &Type, model: &DataModel, slot: &u64) -> Result<Passed, Failure> {
    let unknown = |error: &dyn std::fmt::Display| Failure::new(SB_ERROR_LAYOUT, error);
    let start = match SlotForm::of(ty, model).map_err(|error| unknown(&error))? {
        SlotForm::None => return Ok(Passed::Value(Value::Void)),
        SlotForm::Address(_) => Word::from_slot(*slot),
        SlotForm::Word(_) => {
            let size = ty.layout(model).map_err(|error| unknown(&error))?.size as usize;
            let skipped = if cfg!(target_endian = "big") { size_of::<u64>() - size } else { 0 };
            ptr::from_ref(slot).cast_mut().cast::<c_void>().wrapping_byte_add(skipped)
        }
    };
    let start = NonNull::new(start).ok_or_else(|| null("slots[]"))?;
    // SAFETY: the value's bytes are the low ones of the slot, or where the slot says: the caller says so.
    let view = unsafe { View::at(start, ty, model) }.map_err(|error| unknown(&error))?;
    Ok(Passed::Value(view.read()))
}

/// A call that was asked for.
struct Asked {
    state: Mutex<State>,
    function: Arc<Bound>,
}

enum State {
    There(Call),
    /// A thread waits for the call.
    Awaited,
    /// The outcome has been delivered.
    Delivered,
}

enum Call {
    /// With what is to be woken when it ends.
    UnderWay(Pending, Option<Waker>),
    Ended(Result<Ended, Failure>),
}

impl Asked {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes the call, which whoever waits for it puts back.
    fn take(&self) -> Result<Call, Failure> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Awaited) {
            State::There(call) => Ok(call),
            State::Awaited => Err(Failure::new(SB_ERROR_BUSY, "another thread waits for the call")),
            State::Delivered => {
                *state = State::Delivered;
                Err(Failure::new(SB_ERROR_ARGUMENT, "the outcome of the call has been delivered"))
            }
        }
    }

    /// Puts back a call that is under way, and has it wake the waker.
    fn put_back(&self, mut pending: Pending, waker: Option<Waker>) {
        // Whoever is woken while this goes on waits for the lock, and finds the call.
        let mut state = self.state();
        let Some(waker) = waker else {
            *state = State::There(Call::UnderWay(pending, None));
            return;
        };
        match Pin::new(&mut pending).poll(&mut Polled::from_waker(&waker)) {
            Poll::Pending => *state = State::There(Call::UnderWay(pending, Some(waker))),
            Poll::Ready(outcome) => {
                *state = State::There(Call::Ended(self.ended_with(outcome)));
                drop(state);
                waker.wake();
            }
        }
    }

    fn ended_with(&self, outcome: Result<Done, BackgroundError>) -> Result<Ended, Failure> {
        let Bound { function, result: form } = &*self.function;
        let done = outcome.map_err(|error| match error {
            BackgroundError::Call(CallError::Callback(error)) => CallbackError::clone(&error).into(),
            BackgroundError::Abandoned => Failure::new(SB_ERROR_ABANDONED, error),
            error => Failure::new(SB_ERROR_ARGUMENT, error),
        })?;
        let (ty, model) = (function.signature().result(), function.data_model());
        const OF_ITS_TYPE: &str = "a result is of the function's type";
        let bytes = match form {
            SlotForm::None => Vec::new(),
            SlotForm::Word(_) => done.result.slot(ty, model).expect(OF_ITS_TYPE).to_ne_bytes().into(),
            SlotForm::Address(_) => {
                Memory::with(&done.result, ty, model).expect(OF_ITS_TYPE).view().to_bytes()
            }
        };
        Ok(Ended { bytes, error: done.last_error.unwrap_or(0) })
    }
}

/// Waits for a call.
///
/// # Safety
/// `result` is null, or the address of memory for the result.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sb_pending_wait(
    pending: *const PendingHandle,
    limit_ns: i64,
    result: *mut c_void,
    last_error: Out<'_, c_int>,
    ended: Out<'_, c_int>,
) -> c_int {
    enter(|| {
        let asked = handle::get::<_, Asked>(pending)?;
        let limit = limit("limit_ns", limit_ns)?;
        if result.is_null() && asked.function.result != SlotForm::None {
            return Err(null("result"));
        }
        let outcome = match asked.take()? {
            Call::Ended(outcome) => outcome,
            Call::UnderWay(pending, waker) => {
                let waited = match limit {
                    None => Ok(pending.wait()),
                    Some(limit) => pending.wait_for(limit),
                };
                match waited {
                    Ok(outcome) => {
                        waker.into_iter().for_each(Waker::wake);
                        asked.ended_with(outcome)
                    }
                    Err(pending) => {
                        // Waiting has taken the waker's place.
                        asked.put_back(pending, waker);
                        ended.map(|ended| ended.write(0));
                        return Ok(());
                    }
                }
            }
        };
        *asked.state() = State::Delivered;
        ended.map(|ended| ended.write(1));
        let Ended { bytes, error } = outcome?;
        last_error.map(|to| to.write(error));
        // SAFETY: the caller gave memory for the result, which has as many bytes, or the call has no result.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), result.cast(), bytes.len()) };
        Ok(())
    })
}

/// The outcome of a call.
struct Ended {
    /// The slot of a result that is a word, the bytes of any other.
    bytes: Vec<u8>,
    error: c_int,
}

/// Wakes a host written in C.
struct CWaker {
    wake: Tell,
    context: Context,
    woken: AtomicBool,
}

impl Wake for CWaker {
    fn wake(self: Arc<Self>) {
        // It is also woken by whoever waits for the call: once is enough.
        if !self.woken.swap(true, Ordering::Relaxed) {
            (self.wake)(self.context.get());
        }
    }
}

/// Sets the function that is called when a call ends.
#[unsafe(no_mangle)]
pub extern "C" fn sb_pending_set_waker(
    pending: *const PendingHandle,
    wake: Option<Tell>,
    context: *mut c_void,
) -> c_int {
    enter(|| {
        let wake = wake.ok_or_else(|| null("wake"))?;
        let asked = handle::get::<_, Asked>(pending)?;
        let waker =
            Waker::from(Arc::new(CWaker { wake, context: Context(context), woken: AtomicBool::new(false) }));
        match asked.take()? {
            Call::UnderWay(pending, _) => asked.put_back(pending, Some(waker)),
            ended => {
                *asked.state() = State::There(ended);
                waker.wake();
            }
        }
        Ok(())
    })
}

/// Accepts no more calls.
#[unsafe(no_mangle)]
pub extern "C" fn sb_background_shutdown(background: *const BackgroundHandle, how: c_int) -> c_int {
    enter(|| {
        let how = pick("how", how, [Shutdown::Wait, Shutdown::Abandon])?;
        handle::get::<_, Background>(background)?.shutdown(how);
        Ok(())
    })
}
