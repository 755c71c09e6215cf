//! Calls in the background: slots become what a call owns, and what it came to is told once.

use std::{
    ffi::{c_int, c_void},
    num::NonZero,
    pin::Pin,
    ptr, slice,
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    task::{Context as Polled, Poll, Wake, Waker},
};

use springboard::{
    CallError, Value, Word,
    abi::{SlotForm, Target},
    ir::{FloatFormat, Param, Scalar},
};
use springboard_everyday::background::{
    Background, BackgroundError, Done, Passed, Pending, Refused, Shutdown, StartError,
};

use crate::{
    boundary::{Failure, Out, OutHandle, enter, no_constant, null, out_handle},
    constants::*,
    function,
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
    enter(|| {
        let background = out_handle(background, "background")?;
        let threads = NonZero::new(threads).ok_or_else(|| no_constant("threads", 0))?;
        let started = Background::new(threads, capacity)
            .map_err(|error: StartError| Failure::new(SB_ERROR_SYSTEM, error))?;
        background.write(handle::open(started)?);
        Ok(())
    })
}

/// Has a function called.
///
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sb_background_call(
    background: *const BackgroundHandle,
    function: *const FunctionHandle,
    slots: *const u64,
    pending: OutHandle<'_, PendingHandle>,
) -> c_int {
    enter(|| {
        let pending = out_handle(pending, "pending")?;
        let background = handle::get::<_, Background>(background)?;
        let bound = function::get(function)?;
        let params = bound.function.signature().params();
        let slots = match params.len() {
            0 => &[],
            _ if slots.is_null() => return Err(null("slots")),
            // SAFETY: the caller's promise.
            count => unsafe { slice::from_raw_parts(slots, count) },
        };
        let arguments = params.iter().zip(slots);
        // SAFETY: the caller's promise.
        let arguments = arguments.map(|(param, slot)| unsafe { passed(param, *slot) });
        let arguments = arguments.collect::<Result<Vec<_>, _>>()?;
        // SAFETY: the caller's promise.
        let asked = unsafe { background.call(&bound.function, arguments) }
            .map_err(|refused: Refused| Failure::new(SB_ERROR_REFUSED, refused))?;
        pending.write(handle::open(Asked {
            state: Mutex::new(State::Asked(asked, None)),
            result: bound.result,
        })?);
        Ok(())
    })
}

/// What the call owns of an argument: the bytes of what its slot is the address of.
///
/// # Safety
/// The slot is that of a value of the parameter's type.
unsafe fn passed(param: &Param, slot: u64) -> Result<Passed, Failure> {
    let unknown = |error: &dyn std::fmt::Display| Failure::new(SB_ERROR_LAYOUT, error);
    let model = Target::host().map_err(|error| unknown(&error))?.model;
    let value = match SlotForm::of(&param.ty, &model).map_err(|error| unknown(&error))? {
        SlotForm::None => Value::Void,
        SlotForm::Word(scalar) => match scalar {
            Scalar::Bool => bool::from_slot(slot).into(),
            Scalar::Int { signed: true, .. } => (slot as i64).into(),
            Scalar::Int { signed: false, .. } => slot.into(),
            Scalar::Float(FloatFormat::F32) => f32::from_slot(slot).into(),
            Scalar::Float(_) => f64::from_slot(slot).into(),
            Scalar::Pointer | Scalar::Vector { .. } => Value::Pointer(Word::from_slot(slot)),
        },
        SlotForm::Address(layout) => {
            let start: *const u8 = Word::from_slot(slot);
            if start.is_null() {
                return Err(null("slots[]"));
            }
            // SAFETY: the caller's promise.
            let bytes = unsafe { slice::from_raw_parts(start, layout.size as usize) };
            match (param.ty.scalar(&model), bytes.try_into()) {
                (Some(Scalar::Int { signed: true, .. }), Ok(bytes)) => {
                    Value::Signed(i128::from_ne_bytes(bytes))
                }
                (Some(Scalar::Int { signed: false, .. }), Ok(bytes)) => {
                    Value::Unsigned(u128::from_ne_bytes(bytes))
                }
                _ => Value::Bytes(bytes.into()),
            }
        }
    };
    Ok(Passed::Value(value))
}

/// A call that was asked for.
struct Asked {
    state: Mutex<State>,
    result: SlotForm,
}

enum State {
    /// It is under way, with whom to wake.
    Asked(Pending, Option<Waker>),
    /// It has ended, and nobody has been told.
    Ended(Result<Ended, Failure>),
    /// A thread waits for it.
    Awaited,
    /// What it came to has been told.
    Told,
}

impl Asked {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Takes what there is of it, to be put back by whoever waits.
    fn take(&self) -> Result<State, Failure> {
        let mut state = self.state();
        match std::mem::replace(&mut *state, State::Awaited) {
            State::Awaited => Err(Failure::new(SB_ERROR_BUSY, "another thread waits for the call")),
            State::Told => {
                *state = State::Told;
                Err(Failure::new(SB_ERROR_ARGUMENT, "what the call came to has been told"))
            }
            taken => Ok(taken),
        }
    }
}

impl Asked {
    /// Puts back what is under way, and has it wake the waker.
    fn put_back(&self, mut pending: Pending, waker: Option<Waker>) {
        // Whoever is woken finds it here.
        let mut state = self.state();
        let Some(waker) = waker else {
            *state = State::Asked(pending, None);
            return;
        };
        match Pin::new(&mut pending).poll(&mut Polled::from_waker(&waker)) {
            Poll::Pending => *state = State::Asked(pending, Some(waker)),
            Poll::Ready(outcome) => {
                *state = State::Ended(ended_with(outcome, self.result));
                drop(state);
                waker.wake();
            }
        }
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
        if result.is_null() && asked.result != SlotForm::None {
            return Err(null("result"));
        }
        let outcome = match (asked.take()?, limit) {
            (State::Ended(outcome), _) => outcome,
            (State::Asked(pending, waker), limit) => {
                let waited = match limit {
                    None => Ok(pending.wait()),
                    Some(limit) => pending.wait_for(limit),
                };
                match waited {
                    Ok(outcome) => {
                        waker.into_iter().for_each(Waker::wake);
                        ended_with(outcome, asked.result)
                    }
                    Err(pending) => {
                        // Waiting has taken the waker's place.
                        asked.put_back(pending, waker);
                        ended.map(|ended| ended.write(0));
                        return Ok(());
                    }
                }
            }
            _ => unreachable!("somebody else has it"),
        };
        *asked.state() = State::Told;
        ended.map(|ended| ended.write(1));
        let Ended { bytes, error } = outcome?;
        last_error.map(|to| to.write(error));
        // SAFETY: the caller's promise; the bytes are those of the result.
        unsafe { ptr::copy_nonoverlapping(bytes.as_ptr(), result.cast(), bytes.len()) };
        Ok(())
    })
}

/// What a call came to.
struct Ended {
    /// The slot of a result that is a word, the bytes of any other.
    bytes: Vec<u8>,
    error: c_int,
}

fn ended_with(outcome: Result<Done, BackgroundError>, form: SlotForm) -> Result<Ended, Failure> {
    let done = outcome.map_err(|error| match error {
        BackgroundError::Call(CallError::Callback(error)) => error.into(),
        BackgroundError::Abandoned => Failure::new(SB_ERROR_ABANDONED, error),
        error => Failure::new(SB_ERROR_ARGUMENT, error),
    })?;
    let bytes = match (done.result, form) {
        (_, SlotForm::None) | (Value::Void, _) => Vec::new(),
        (Value::Signed(value), SlotForm::Address(_)) => value.to_ne_bytes().into(),
        (Value::Unsigned(value), SlotForm::Address(_)) => value.to_ne_bytes().into(),
        (Value::Bytes(value), _) => value.into(),
        (value, _) => word(&value).to_ne_bytes().into(),
    };
    Ok(Ended { bytes, error: done.last_error.unwrap_or(0) })
}

fn word(value: &Value) -> u64 {
    match value {
        Value::Bool(value) => value.into_slot(),
        Value::Signed(value) => *value as u64,
        Value::Unsigned(value) => *value as u64,
        Value::F32(value) => value.into_slot(),
        Value::F64(value) => value.into_slot(),
        Value::Pointer(value) => value.into_slot(),
        _ => unreachable!("the result is a word"),
    }
}

/// Wakes a host of C.
struct CWaker {
    wake: Tell,
    context: Context,
    woken: AtomicBool,
}

impl Wake for CWaker {
    fn wake(self: Arc<Self>) {
        // Whoever waits for the call wakes too.
        if !self.woken.swap(true, Ordering::Relaxed) {
            (self.wake)(self.context.get());
        }
    }
}

/// Sets what is called when a call ends.
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
            State::Asked(pending, _) => asked.put_back(pending, Some(waker)),
            other => {
                *asked.state() = other;
                waker.wake();
            }
        }
        Ok(())
    })
}

/// Closes the handle of a call.
#[unsafe(no_mangle)]
pub extern "C" fn sb_pending_close(pending: *const PendingHandle) -> c_int {
    enter(|| handle::close(pending))
}

/// Ends accepting calls.
#[unsafe(no_mangle)]
pub extern "C" fn sb_background_shutdown(background: *const BackgroundHandle, how: c_int) -> c_int {
    enter(|| {
        let how = match how.into() {
            SB_SHUTDOWN_WAIT => Shutdown::Wait,
            SB_SHUTDOWN_ABANDON => Shutdown::Abandon,
            other => return Err(no_constant("how", other)),
        };
        handle::get::<_, Background>(background)?.shutdown(how);
        Ok(())
    })
}

/// Closes the handle of the threads.
#[unsafe(no_mangle)]
pub extern "C" fn sb_background_close(background: *const BackgroundHandle) -> c_int {
    enter(|| handle::close(background))
}
