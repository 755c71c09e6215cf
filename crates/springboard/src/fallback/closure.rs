//! Closures: the way from native code to the host through libffi, entered by native code exactly as a stub is.

use std::{
    ffi::c_void,
    mem::{self, MaybeUninit},
    ptr, slice,
};

use libffi::{
    low::CodePtr,
    raw::{ffi_cif, ffi_closure, ffi_closure_alloc, ffi_prep_closure_loc, ffi_status_FFI_OK},
};
use springboard_abi::{SlotForm, Target};
use springboard_code::CodePointer;
use springboard_ir::{DataModel, FloatFormat, MAX_PARAMETERS, Scalar, Signature};

use super::{
    interface::{Argument, Interface},
    types::Unsupported,
};
use crate::word::{Word, canonical};

/// What closures and stubs of the `callback` entry call with their context and slots.
pub(crate) type Helper = unsafe extern "C-unwind" fn(*const c_void, *mut u64);

/// Slots up to which a call takes little of the caller's stack.
const FEW_SLOTS: usize = 33;

/// Closures of one signature, all calling one helper. Closures point here, so this is never moved nor freed once
/// there is one.
pub(crate) struct Closures {
    interface: &'static Interface,
    helper: Helper,
}

/// What libffi hands to every closure's code.
struct Data {
    interface: &'static Interface,
    helper: Helper,
    context: *const c_void,
}

impl Closures {
    /// Prepares closures of type `signature`.
    ///
    /// # Errors
    /// The first type that libffi cannot express.
    pub(crate) fn new(
        signature: &Signature,
        model: &DataModel,
        target: Option<&Target>,
        helper: Helper,
    ) -> Result<Closures, Unsupported> {
        let interface = Box::leak(Box::new(Interface::new(signature, model, target)?));
        Ok(Closures { interface, helper })
    }

    /// A closure that calls the helper with `context`, for the rest of the process' life. `None` where libffi has no
    /// memory for it.
    pub(crate) fn closure(&self, context: *const c_void) -> Option<CodePointer> {
        let mut code = ptr::null_mut();
        // SAFETY: the call allocates, and writes the address of the code to `code`.
        let closure = unsafe { ffi_closure_alloc(size_of::<ffi_closure>(), &raw mut code) };
        if closure.is_null() {
            return None;
        }
        let Closures { interface, helper } = *self;
        let data: *mut Data = Box::into_raw(Box::new(Data { interface, helper, context }));
        // SAFETY: the types differ in what may leave the function, and libffi's frames let anything leave.
        let enter = unsafe { mem::transmute::<Enter, EnterWithout>(enter) };
        // SAFETY: the closure and its code are libffi's own; the call interface and the data are never freed.
        let status = unsafe {
            ffi_prep_closure_loc(closure.cast(), interface.cif.as_raw_ptr(), Some(enter), data.cast(), code)
        };
        (status == ffi_status_FFI_OK).then(|| *CodePtr::from_ptr(code).as_fun())
    }
}

/// The type of [`enter`].
type Enter = unsafe extern "C-unwind" fn(*mut ffi_cif, *mut c_void, *mut *mut c_void, *mut c_void);
/// The same as libffi's crate has it, which knows of no unwinding.
type EnterWithout = unsafe extern "C" fn(*mut ffi_cif, *mut c_void, *mut *mut c_void, *mut c_void);

/// What libffi calls for a call of a closure.
///
/// # Safety
/// `result` and `arguments` are those of a call by the interface of the closure whose data is `data`.
unsafe extern "C-unwind" fn enter(
    _: *mut ffi_cif,
    result: *mut c_void,
    arguments: *mut *mut c_void,
    data: *mut c_void,
) {
    // SAFETY: the data of a closure, which is never freed.
    let data = unsafe { &*data.cast::<Data>() };
    // SAFETY: libffi hands a closure one address per argument of its interface.
    let arguments = unsafe { slice::from_raw_parts(arguments, data.interface.arguments.len()) };
    // No allocation: this may be any thread.
    // SAFETY: there is room for one slot per parameter and one more; libffi hands over the closure's own arguments.
    unsafe {
        if data.interface.params < FEW_SLOTS {
            data.handle(result, arguments, MaybeUninit::<[u64; FEW_SLOTS]>::uninit().as_mut_ptr().cast());
        } else {
            let mut many = MaybeUninit::<[u64; MAX_PARAMETERS + 1]>::uninit();
            data.handle(result, arguments, many.as_mut_ptr().cast());
        }
    }
}

impl Data {
    /// # Safety
    /// As [`enter`]; `slots` has room for one slot per parameter and one more.
    unsafe fn handle(&self, result: *mut c_void, arguments: &[*mut c_void], slots: *mut u64) {
        let Interface { arguments: places, result: form, params, .. } = self.interface;
        // SAFETY: indices are those of parameters; an address is that of a value of its parameter's type.
        unsafe {
            for index in 0..*params {
                // What has no bytes is not passed. Its address is any that is not null.
                *slots.add(index) = slots.into_slot();
            }
            for (place, value) in places.iter().zip(arguments) {
                match *place {
                    Argument::Slot { index, scalar, .. } => {
                        *slots.add(index.into()) = read_word(scalar, *value);
                    }
                    Argument::Memory { index } => *slots.add(index.into()) = value.into_slot(),
                    // The caller's copy, which is the callee's to use.
                    Argument::Copy { index, .. } => {
                        *slots.add(index.into()) = value.cast::<u64>().read_unaligned();
                    }
                }
            }
            *slots.add(*params) = result.into_slot();
            (self.helper)(self.context, slots);
            if let SlotForm::Word(scalar) = *form {
                write_result(scalar, *slots.add(*params), result);
            }
        }
    }
}

/// # Safety
/// A value of the scalar's type lies at `value`.
unsafe fn read_word(scalar: Scalar, value: *const c_void) -> u64 {
    // SAFETY: the caller says that a value of this size is there; its address may have any alignment.
    let word = unsafe {
        match scalar {
            Scalar::Bool | Scalar::Int { bytes: 1, .. } => value.cast::<u8>().read_unaligned().into(),
            Scalar::Int { bytes: 2, .. } => value.cast::<u16>().read_unaligned().into(),
            Scalar::Int { bytes: 4, .. } | Scalar::Float(FloatFormat::F32) => {
                value.cast::<u32>().read_unaligned().into()
            }
            _ => value.cast::<u64>().read_unaligned(),
        }
    };
    canonical(scalar, word)
}

/// Writes a result as libffi wants it: integers as whole words, `float` at the start.
///
/// # Safety
/// `result` is libffi's memory for a result of this type.
unsafe fn write_result(scalar: Scalar, slot: u64, result: *mut c_void) {
    // SAFETY: libffi has room for a whole word at least.
    unsafe {
        match scalar {
            Scalar::Float(FloatFormat::F32) => result.cast::<u32>().write_unaligned(slot as u32),
            _ => result.cast::<u64>().write_unaligned(slot),
        }
    }
}
