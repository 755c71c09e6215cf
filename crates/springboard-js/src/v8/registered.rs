//! A function of a registry: the host's own or a native one.

use std::{ffi::c_void, process, ptr, sync::Arc};

use super::{
    any::{Any, Thrown},
    description::{Effects, FastCode},
    function::Function,
    twin::{Call, Twin, Variant},
};

/// A function as a registry has it. It does not move: its address is what a host gives to V8 as the function's data
/// (`v8::External`), so that one slow callback of the host serves all functions.
#[derive(Debug)]
#[non_exhaustive]
pub enum Registered {
    /// One of the host's own.
    Twin(Twin),
    /// A native one.
    Native(Function),
}

impl Registered {
    /// What a host gives to V8 as the function's data, valid for as long as a registry has the function.
    pub fn data(self: &Arc<Self>) -> *const c_void {
        Arc::as_ptr(self).cast()
    }

    /// The function that V8 has been given this data of.
    ///
    /// # Safety
    /// `data` is [`Registered::data`], and the function lives as long as `'a`.
    pub unsafe fn of<'a>(data: *const c_void) -> &'a Registered {
        // SAFETY: the caller says that this is the address of a function, which lives as long as `'a`.
        unsafe { &*data.cast::<Registered>() }
    }

    /// The code that V8 may call: none, one, or several by the number of their arguments.
    pub fn fast(&self) -> Vec<FastCode<'_>> {
        match self {
            Registered::Twin(twin) => twin.variants.iter().map(Variant::code).collect(),
            Registered::Native(native) => native.fast().ok().map(|_| code_of(native)).into_iter().collect(),
        }
    }

    /// The context of a twin, which its fast variants find through V8's options. Null for a native function.
    pub fn context(&self) -> *mut c_void {
        match self {
            Registered::Twin(twin) => twin.context_pointer(),
            Registered::Native(_) => ptr::null_mut(),
        }
    }

    /// Whether calls change anything, which a host tells V8.
    pub fn effects(&self) -> Effects {
        match self {
            Registered::Twin(twin) => twin.effects,
            Registered::Native(native) => native.effects(),
        }
    }

    /// Calls with any values: what V8 does where no fast code serves.
    ///
    /// # Errors
    /// What JavaScript is to throw.
    ///
    /// # Safety
    /// As [`Function::call_slow`], where it is a native function.
    pub unsafe fn call_slow(&self, call: &Call<'_>) -> Result<Any<'static>, Thrown> {
        match self {
            Registered::Twin(twin) => twin.call_slow(call),
            // SAFETY: the caller keeps the contract of the native function's slow call.
            Registered::Native(native) => unsafe { native.call_slow(call.arguments) },
        }
    }

    /// What has places among external references, with or without code in this process.
    pub(super) fn places(&self) -> Vec<FastCode<'_>> {
        match self {
            Registered::Twin(_) => self.fast(),
            Registered::Native(native) => vec![code_of(native)],
        }
    }
}

fn code_of(native: &Function) -> FastCode<'_> {
    let address = native.fast().map_or(no_code as *const c_void, |fast| fast.address().as_ptr().cast_const());
    FastCode { address, description: native.description() }
}

/// Stands for the code of a function that has none in this process, if V8 calls it because a snapshot says that it may.
extern "C" fn no_code() {
    eprintln!("springboard: a snapshot has fast code for a function that has none in this process");
    process::abort()
}
