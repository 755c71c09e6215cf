//! A function with the conversions of `node:ffi`: what its fast code and its slow twin share, which is nearly all.

use std::{
    ffi::{CString, c_void},
    ptr, slice,
    sync::Arc,
};

use springboard::{
    CallError, Word,
    abi::{FastCall, Guard, Narrow, Options},
    callback::{NativeScope, take_pending},
    function::UntypedSlots,
    ir::Signature,
};

use super::{
    NodeSettings,
    argument::{Argument, Texts},
};
use crate::v8::{
    any::{Any, Thrown},
    convert::call_error,
    description::{Description, Int64, Kind},
    hosted::Hosted,
    node::HostPointer,
    reading::Reading,
};

/// Arguments up to which a call allocates nothing for them.
const INLINE: usize = 16;

/// A bound function, its types, and the host.
pub(in crate::v8) struct Strict {
    arguments: Box<[Argument]>,
    native: UntypedSlots,
    description: Description,
    library: Arc<Hosted>,
    context: HostPointer,
}

impl Strict {
    pub(super) fn new(
        function: &springboard::Function,
        library: &Arc<Hosted>,
        settings: &NodeSettings,
    ) -> Strict {
        let model = library.engine.data_model();
        let signature = function.signature();
        let params = signature.params().iter();
        let arguments: Box<[_]> = params.map(|param| Argument::of(&param.ty, model, settings.wide)).collect();
        let kinds = arguments.iter().map(|argument| match argument {
            Argument::Int { .. } | Argument::Double => Kind::F64,
            Argument::Float => Kind::F32,
            Argument::Wide { .. } | Argument::Pointer => Kind::Value,
        });
        let description = Description {
            arguments: kinds.collect(),
            result: signature.result().scalar(model).map_or(Kind::Void, Kind::of_scalar),
            options: true,
            int64: Int64::BigInt,
        };
        let context = settings.context;
        let (library, native) = (Arc::clone(library), function.untyped_slots());
        Strict { arguments, native, description, library, context }
    }

    pub(in crate::v8) fn description(&self) -> &Description {
        &self.description
    }

    pub(in crate::v8) fn signature(&self) -> &Signature {
        self.native.function().signature()
    }

    /// The native function.
    pub(super) fn address(&self) -> *const c_void {
        self.native.function().address().as_ptr()
    }

    /// How V8 calls the native function itself, through a stub that checks the arguments: where they are all numbers.
    pub(super) fn numbers(&self) -> Option<FastCall> {
        let numbers = |kind: &Kind| matches!(kind, Kind::F32 | Kind::F64);
        self.description.arguments.iter().all(numbers).then(|| FastCall {
            guard: Guard::Closed,
            narrow: Narrow::Exact,
            options: Options::Always,
            ..FastCall::new(self.signature().clone())
        })
    }

    /// What such a stub calls when a number is not an integer of its parameter's type. The number comes as its bits.
    ///
    /// # Safety
    /// `strict` is the address of a [`Strict`], which has a parameter of that index, and the options are those of the running
    /// call.
    pub(super) unsafe extern "C" fn refuse(
        strict: *const c_void,
        index: u64,
        number: u64,
        options: *mut c_void,
    ) {
        // SAFETY: the stub passes the context that it was stamped with, a `Strict` that outlives it.
        let strict = unsafe { &*strict.cast::<Strict>() };
        let given = Any::Number(f64::from_bits(number));
        strict.throw(options, &strict.arguments[index as usize].refuses(index as usize, &given));
    }

    /// What such a stub calls after the library was closed.
    ///
    /// # Safety
    /// `strict` is the address of a [`Strict`], and the options are those of the running call.
    pub(in crate::v8) unsafe extern "C" fn closed(strict: *mut c_void, options: *mut c_void) {
        // SAFETY: the stub passes the context that it was stamped with, a `Strict` that outlives it.
        let strict = unsafe { &*strict.cast::<Strict>() };
        strict.throw(options, &Thrown::closed());
    }

    /// The C type of the code that V8 calls where it calls [`Strict::dispatch`].
    pub(super) fn code_signature(&self) -> Signature {
        let c = |kind: &Kind| match kind {
            Kind::Void => "void",
            Kind::I32 => "int32_t",
            Kind::U32 => "uint32_t",
            Kind::I64 => "int64_t",
            Kind::U64 => "uint64_t",
            Kind::F32 => "float",
            Kind::F64 => "double",
            Kind::Bool | Kind::Pointer | Kind::Value | Kind::OneByteString => "void *",
        };
        let arguments: String =
            self.description.arguments.iter().map(|kind| format!("{}, ", c(kind))).collect();
        let text = format!("{} (*)(void *, {arguments}void *)", c(&self.description.result));
        Signature::parse(&text).unwrap_or_else(|error| unreachable!("two more parameters fit: {error}"))
    }

    /// What fast code calls with the slots of a call: the receiver, the arguments, V8's options, and the result's, where
    /// there is one.
    ///
    /// # Safety
    /// `strict` is the address of a [`Strict`] that outlives the call, and `slots` are those of a call of a function of
    /// its [`Strict::code_signature`] by V8. The native function is sound to call with the arguments.
    pub(super) unsafe extern "C" fn dispatch(strict: *const c_void, slots: *mut u64) {
        // SAFETY: the stub passes the context that it was stamped with, a `Strict` that outlives it.
        let strict = unsafe { &*strict.cast::<Strict>() };
        let count = strict.arguments.len();
        // SAFETY: the stub writes a slot for each of its parameters.
        let (passed, options) = unsafe {
            let all = slice::from_raw_parts(slots, count + 2);
            (&all[1..=count], ptr::with_exposed_provenance_mut(all[count + 1] as usize))
        };
        // SAFETY: the arguments are those of a running call, and the caller answers for the function.
        let word = unsafe { strict.call(|index, kind| strict.passed(kind, passed[index], options)) };
        let word = word.unwrap_or_else(|thrown| {
            strict.throw(options, &thrown);
            0
        });
        if strict.description.result != Kind::Void {
            // SAFETY: where there is a result, its slot follows those of the parameters.
            unsafe { slots.add(count + 2).write(word) };
        }
    }

    /// What V8 has passed in a slot.
    #[inline]
    fn passed(&self, kind: Kind, slot: u64, options: *mut c_void) -> Any<'static> {
        match (kind, self.library.host.value) {
            (Kind::F64, _) => Any::Number(f64::from_slot(slot)),
            (Kind::F32, _) => Any::Number(f32::from_slot(slot).into()),
            (_, Some(read)) => {
                let mut reading = Reading::new();
                let value = ptr::with_exposed_provenance(slot as usize);
                // SAFETY: the handle and the options are those of a running call, as the host's helper wants them.
                unsafe { read(value, options, &mut reading) };
                reading.take()
            }
            (_, None) => unreachable!("no function is bound without the helper"),
        }
    }

    #[cold]
    fn throw(&self, options: *mut c_void, thrown: &Thrown) {
        let text = |text: &str| CString::new(text.replace('\0', "")).unwrap_or_default();
        let code = thrown.code.as_deref().map(text);
        let message = text(&thrown.message);
        let code = code.as_ref().map_or(ptr::null(), |code| code.as_ptr());
        if let Some(throw) = self.library.host.throw {
            // SAFETY: the options are those of the running call, and the texts end with a NUL.
            unsafe { throw(self.context.0, options, thrown.kind, code, message.as_ptr()) };
        }
    }

    /// Calls with any values.
    ///
    /// # Safety
    /// As [`springboard::Function::call`].
    pub(in crate::v8) unsafe fn call_slow(&self, arguments: &[Any<'_>]) -> Result<Any<'static>, Thrown> {
        if self.library.is_closed() {
            return Err(Thrown::closed());
        }
        if arguments.len() != self.arguments.len() {
            return Err(Thrown::count(self.arguments.len(), arguments.len()));
        }
        // SAFETY: the caller answers for the function and what it does with its arguments.
        let word = unsafe { self.call(|index, _| arguments[index].clone()) }?;
        Ok(self.result(word))
    }

    /// Converts the arguments that `given` has, and calls: the canonical slot of the result.
    ///
    /// # Safety
    /// As [`springboard::Function::call`].
    #[inline]
    unsafe fn call<'a>(&self, given: impl Fn(usize, Kind) -> Any<'a>) -> Result<u64, Thrown> {
        if self.library.is_closed() {
            return Err(Thrown::closed());
        }
        let count = self.arguments.len();
        let (mut inline, mut more) = ([0; INLINE], Vec::new());
        let words = match inline.get_mut(..count) {
            Some(words) => words,
            None => {
                more.resize(count, 0);
                &mut more[..]
            }
        };
        let mut texts = Texts::new();
        let types = self.arguments.iter().zip(&self.description.arguments);
        for (index, (word, (argument, kind))) in words.iter_mut().zip(types).enumerate() {
            *word = argument.word(index, given(index, *kind), &mut texts)?;
        }
        let scope = NativeScope::enter();
        // SAFETY: there is a canonical slot for each parameter, all of which are words; `texts` has the strings until the
        // call has returned. The caller answers for the function.
        let word = unsafe { self.native.call(words) };
        drop(scope);
        match take_pending() {
            None => Ok(word),
            Some(error) => Err(call_error(CallError::Callback(error.into()))),
        }
    }

    fn result(&self, word: u64) -> Any<'static> {
        match self.description.result {
            Kind::I32 | Kind::U32 => Any::Number(word as i64 as f64),
            Kind::I64 => Any::BigInt((word as i64).into()),
            Kind::U64 | Kind::Pointer => Any::BigInt(word.into()),
            Kind::F32 => Any::Number(f32::from_slot(word).into()),
            Kind::F64 => Any::Number(f64::from_slot(word)),
            Kind::Void | Kind::Bool | Kind::Value | Kind::OneByteString => Any::Undefined,
        }
    }
}
