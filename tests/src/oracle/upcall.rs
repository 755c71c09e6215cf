//! The other direction: the C caller calls a callback, whose handler records what it sees, as a C callee does.

use std::{cell::RefCell, ffi::c_void, ptr, slice};

use springboard::callback::RawHandler;
use springboard_abi::SlotForm;

use crate::oracle::{
    compare::{Arguments, Laid},
    value,
};

/// What a parameter in memory is overwritten with: it is the handler's to use.
const SCRIBBLE: u8 = 0xee;

/// The host of callbacks: one call at a time. Callbacks know it by its address, so it stays where it is.
pub(crate) struct Host {
    /// `oracle_enter` of the C file.
    enter: unsafe extern "C" fn(),
    call: RefCell<Option<Call>>,
}

/// The call that is expected.
struct Call {
    arguments: *const Arguments<'static>,
    record: *mut u8,
    wrong: Option<String>,
}

impl Host {
    pub(crate) fn new(enter: unsafe extern "C" fn()) -> Box<Host> {
        Box::new(Host { enter, call: RefCell::new(None) })
    }

    /// What callbacks are made with.
    pub(crate) fn context(&self) -> *const c_void {
        ptr::from_ref(self).cast()
    }

    /// A handler for callbacks of the runtime.
    pub(crate) fn handler(&self) -> RawHandler {
        unsafe fn call(context: *const c_void, slots: *mut u64) {
            // SAFETY: the context of this handler is a host's.
            unsafe { handle(context, slots) }
        }
        RawHandler { context: self.context(), call, release: None }
    }

    /// Runs `call`, in which a callback is called with `arguments`, laid out as `laid`.
    ///
    /// # Errors
    /// What the handler found wrong and no record shows.
    pub(crate) fn expect<T>(
        &self,
        arguments: &Arguments<'_>,
        laid: &Laid,
        call: impl FnOnce() -> T,
    ) -> Result<T, String> {
        // The lifetime is forgotten, and nothing is left of the arguments when they end.
        let arguments = ptr::from_ref(arguments).cast();
        *self.call.borrow_mut() = Some(Call { arguments, record: laid.record, wrong: None });
        let done = call();
        let wrong = self.call.borrow_mut().take().and_then(|call| call.wrong);
        wrong.map_or(Ok(done), Err)
    }
}

/// Handles a call, as a stub of the callback entry has it.
///
/// # Safety
/// `context` is a host's that expects a call, and `slots` are those of its signature.
pub(crate) unsafe extern "C" fn handle(context: *const c_void, slots: *mut u64) {
    // SAFETY: the context is a host's and the slots a call's: the caller vouches for both. The C file is loaded as long as
    // its callers run.
    unsafe {
        let host = &*context.cast::<Host>();
        // First of all: it looks at the stack and the control word.
        (host.enter)();
        if let Some(call) = &mut *host.call.borrow_mut() {
            let arguments = &*call.arguments;
            call.wrong = arguments.params.iter().enumerate().find_map(|(index, form)| {
                let part = &arguments.record.params[index];
                let bytes = arguments.values[index].len();
                let record = slice::from_raw_parts_mut(call.record.add(part.at), bytes);
                parameter(arguments, *form, slots.add(index), record)
                    .map(|what| format!("parameter {}: {what}", index + 1))
            });
            answer(arguments, slots.add(arguments.params.len()));
        }
    }
}

/// Records a parameter, and says what is wrong with its slot.
///
/// # Safety
/// `slot` is that of a parameter of this form.
unsafe fn parameter(
    arguments: &Arguments<'_>,
    form: SlotForm,
    slot: *const u64,
    record: &mut [u8],
) -> Option<String> {
    let size = record.len();
    // SAFETY: the slot is a parameter's: the caller vouches for that.
    let slot = unsafe { slot.read() };
    match form {
        SlotForm::None => None,
        SlotForm::Word(_) => {
            let bytes = slot.to_ne_bytes();
            let start = if arguments.model.big_endian { 8 - size } else { 0 };
            record.copy_from_slice(&bytes[start..start + size]);
            let canonical = value::slot(form, record, arguments.model);
            (canonical != Some(slot)).then(|| format!("its slot is {slot:x} and no canonical one"))
        }
        SlotForm::Address(_) => {
            let bytes = ptr::with_exposed_provenance_mut::<u8>(slot as usize);
            // SAFETY: the slot holds the address of a value of the parameter's type, which belongs to the handler.
            unsafe {
                bytes.copy_to_nonoverlapping(record.as_mut_ptr(), size);
                bytes.write_bytes(SCRIBBLE, size);
            }
            None
        }
    }
}

/// Writes the result.
///
/// # Safety
/// `slot` is that of the result.
unsafe fn answer(arguments: &Arguments<'_>, slot: *mut u64) {
    // SAFETY: the slot is the result's: a word goes there, anything else to the address in it.
    unsafe {
        match arguments.result {
            SlotForm::None => {}
            SlotForm::Word(_) => {
                let word = value::slot(arguments.result, &arguments.reply, arguments.model);
                slot.write(word.expect("the result is a word"));
            }
            SlotForm::Address(_) => {
                let to = ptr::with_exposed_provenance_mut::<u8>(slot.read() as usize);
                to.copy_from_nonoverlapping(arguments.reply.as_ptr(), arguments.reply.len());
            }
        }
    }
}
