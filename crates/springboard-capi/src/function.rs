//! Functions: bound, entered, called.

use std::{
    ffi::{c_char, c_int, c_void},
    ptr::NonNull,
    sync::Arc,
};

use springboard::{
    BindError, Function, LastError, Library,
    abi::SlotForm,
    callback::{NativeScope, take_pending},
    ir::Prototype,
};

use crate::{
    array::{Array, Room, bind_all},
    boundary::{Failure, Out, OutHandle, enter, give, null, out},
    constants::*,
    engine,
    handle::{self, EngineHandle, FunctionHandle, LibraryHandle, SignatureHandle},
    text::{Buffer, Text},
};

/// `sb_entry`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // as in the header
pub struct Entry {
    pub code: *mut c_void,
    pub target: *const c_void,
}

/// What a handle stands for.
pub(crate) struct Bound {
    pub(crate) function: Function,
    pub(crate) result: SlotForm,
}

impl Bound {
    fn new(function: Result<Function, BindError>) -> Result<Bound, Failure> {
        let function = function?;
        let result = SlotForm::of(function.signature().result(), function.data_model())
            .map_err(|error| Failure::new(SB_ERROR_LAYOUT, error))?;
        Ok(Bound { function, result })
    }
}

pub(crate) fn get(function: *const FunctionHandle) -> Result<Arc<Bound>, Failure> {
    handle::get(function)
}

/// Binds a function by its declaration.
#[unsafe(no_mangle)]
pub extern "C" fn sb_function_bind(
    engine: *const EngineHandle,
    library: *const LibraryHandle,
    declaration: Text<'_>,
    function: OutHandle<'_, FunctionHandle>,
) -> c_int {
    handle::opens(function, "function", || {
        let engine = engine::get(engine)?;
        let library = handle::get::<_, Library>(library)?;
        Bound::new(engine.function(&library, declaration.get("declaration")?))
    })
}

/// Binds a symbol with a signature.
#[unsafe(no_mangle)]
pub extern "C" fn sb_function_bind_symbol(
    engine: *const EngineHandle,
    library: *const LibraryHandle,
    symbol: Text<'_>,
    signature: *const SignatureHandle,
    function: OutHandle<'_, FunctionHandle>,
) -> c_int {
    handle::opens(function, "function", || {
        let engine = engine::get(engine)?;
        let library = handle::get::<_, Library>(library)?;
        let prototype = handle::get::<_, Prototype>(signature)?;
        Bound::new(engine.function_named(&library, symbol.get("symbol")?, &*prototype))
    })
}

/// Binds an address with a signature.
#[unsafe(no_mangle)]
pub extern "C" fn sb_function_bind_address(
    engine: *const EngineHandle,
    address: *mut c_void,
    signature: *const SignatureHandle,
    function: OutHandle<'_, FunctionHandle>,
) -> c_int {
    handle::opens(function, "function", || {
        let engine = engine::get(engine)?;
        let address = NonNull::new(address).ok_or_else(|| null("address"))?;
        let prototype = handle::get::<_, Prototype>(signature)?;
        Bound::new(engine.function_at(address, &*prototype))
    })
}

/// Binds many functions at once.
#[unsafe(no_mangle)]
pub extern "C" fn sb_function_bind_all(
    engine: *const EngineHandle,
    library: *const LibraryHandle,
    declarations: Array<'_, Text<'_>>,
    count: usize,
    functions: Room<'_, *mut FunctionHandle>,
    failed: Out<'_, usize>,
) -> c_int {
    enter(|| {
        let bind = |texts| {
            let engine = engine::get(engine)?;
            let library = handle::get::<_, Library>(library)?;
            let bound = engine.bind_all(&library, texts).into_iter();
            Ok(bound.map(|bound| Bound::new(bound).and_then(handle::open)).collect())
        };
        bind_all(declarations, count, functions, failed, bind)
    })
}

/// What to call with a target and slots.
#[unsafe(no_mangle)]
pub extern "C" fn sb_function_entry(function: *const FunctionHandle, entry: Out<'_, Entry>) -> c_int {
    give(entry, "entry", || {
        let (code, target) = get(function)?.function.untyped_slots().pointers();
        Ok(Entry { code: code.cast_mut(), target })
    })
}

/// What to call with the slots and no target.
#[unsafe(no_mangle)]
pub extern "C" fn sb_function_bound_code(
    function: *const FunctionHandle,
    code: Out<'_, *mut c_void>,
) -> c_int {
    give(code, "code", || Ok(get(function)?.function.bound_code()?.cast_mut()))
}

/// Calls a function.
///
/// # Safety
/// The function may be called with these slots on this thread.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sb_function_call(
    function: *const FunctionHandle,
    slots: Array<'_, u64>,
    result: Out<'_, u64>,
) -> c_int {
    enter(|| {
        let bound = get(function)?;
        let entry = bound.function.untyped_slots();
        let slots = slots.get(entry.count(), "slots")?;
        let result = match bound.result {
            SlotForm::Word(_) => Some(out(result, "result")?),
            SlotForm::None | SlotForm::Address(_) => None,
        };
        let native = NativeScope::enter();
        // SAFETY: the caller says that the function may be called with these slots on this thread.
        let word = unsafe { entry.call(slots) };
        drop(native);
        result.map(|result| result.write(word));
        take_pending().map_or(Ok(()), |error| Err(error.into()))
    })
}

/// The same function, delivering a last error.
#[unsafe(no_mangle)]
pub extern "C" fn sb_function_with_last_error(
    engine: *const EngineHandle,
    function: *const FunctionHandle,
    read: *mut c_void,
    derived: OutHandle<'_, FunctionHandle>,
) -> c_int {
    handle::opens(derived, "derived", || {
        let engine = engine::get(engine)?;
        let function = get(function)?;
        let last_error = NonNull::new(read).map_or(LastError::Errno, LastError::function);
        Bound::new(engine.with_last_error(&function.function, last_error))
    })
}

/// The number of slots that a call reads.
#[unsafe(no_mangle)]
pub extern "C" fn sb_function_slots(function: *const FunctionHandle, slots: Out<'_, usize>) -> c_int {
    give(slots, "slots", || Ok(get(function)?.function.untyped_slots().count()))
}

/// The native function's own address.
#[unsafe(no_mangle)]
pub extern "C" fn sb_function_address(
    function: *const FunctionHandle,
    address: Out<'_, *mut c_void>,
) -> c_int {
    give(address, "address", || Ok(get(function)?.function.address().as_ptr()))
}

/// By which path a function is called, and why.
#[unsafe(no_mangle)]
pub extern "C" fn sb_function_path(
    function: *const FunctionHandle,
    path: Out<'_, c_int>,
    buffer: *mut c_char,
    size: usize,
    length: Out<'_, usize>,
) -> c_int {
    enter(|| engine::tell(get(function)?.function.path(), path, Buffer { start: buffer, size, length }))
}
