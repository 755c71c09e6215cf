//! Registries: all functions of a host, and the addresses that a snapshot has to know.

use std::{
    ffi::{c_int, c_void},
    ptr,
    sync::{Mutex, MutexGuard, PoisonError},
};

use springboard_js::v8::{
    Any, Call, Description, Function, RegisterError, Registry, Thrown, Twin, Value, Variant,
};

use super::{
    description::{V8Description, V8Variant, kinds, plain},
    settings::effects,
    value::{V8Thrown, V8Value, any, returned},
};
use crate::{
    array::{Array, Room},
    boundary::{Failure, Out, OutHandle, enter, give_or, null},
    constants::*,
    handle::{self, V8FunctionHandle, V8RegistryHandle},
    mailbox::Context,
    structure::{Given, Growing},
    text::Text,
};

/// `sb_v8_call`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // as in the header
pub struct V8Call<'a> {
    pub receiver: *const c_void,
    pub arguments: Array<'a, V8Value>,
    pub values: Array<'a, Value>,
    pub count: usize,
}

/// The conventional half of a twin in C.
pub type V8Slow = unsafe extern "C" fn(
    context: *mut c_void,
    call: *const V8Call<'_>,
    result: *mut V8Value,
    thrown: *mut V8Thrown,
) -> c_int;

/// `sb_v8_twin`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // as in the header
pub struct V8Twin<'a> {
    pub size: usize,
    pub name: Text<'a>,
    pub slow: Option<V8Slow>,
    pub context: *mut c_void,
    pub variants: Array<'a, V8Variant<'a>>,
    pub variant_count: usize,
    pub outcomes: Array<'a, Text<'a>>,
    pub outcome_count: usize,
    pub effects: c_int,
    pub reserved: c_int,
}

// SAFETY: numbers and addresses, of which the first is the size, and a function of C's, or null, which is `None`.
unsafe impl Growing for V8Twin<'_> {}

type Shared = Mutex<Registry>;

fn lock(registry: &Shared) -> MutexGuard<'_, Registry> {
    registry.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes a registry.
#[unsafe(no_mangle)]
pub extern "C" fn sb_v8_registry_new(registry: OutHandle<'_, V8RegistryHandle>) -> c_int {
    handle::opens(registry, "registry", || Ok(Shared::new(Registry::new())))
}

/// Adds a function of the host's own.
#[unsafe(no_mangle)]
pub extern "C" fn sb_v8_registry_add(
    registry: *const V8RegistryHandle,
    twin: Given<'_, V8Twin<'_>>,
    data: Out<'_, *const c_void>,
) -> c_int {
    give_or(data, "data", ptr::null(), || {
        let registry = handle::get::<_, Shared>(registry)?;
        let twin = self::twin(&twin.read("twin")?)?;
        Ok(lock(&registry).add(twin)?.data())
    })
}

fn twin(given: &V8Twin<'_>) -> Result<Twin, Failure> {
    let slow = given.slow.ok_or_else(|| null("twin->slow"))?;
    let mut twin = Twin::new(given.name.get("twin->name")?, move |context, call: &Call<'_>| {
        // SAFETY: the header asks C for a function that is sound to call with its context and any call.
        unsafe { call_twin(slow, context, call) }
    });
    twin = twin.context(given.context);
    for variant in given.variants.get(given.variant_count, "twin->variants")? {
        if variant.code.is_null() {
            return Err(null("twin->variants[].code"));
        }
        // SAFETY: the header asks C for code that takes and returns what the variant says.
        twin = twin.variant(unsafe { Variant::at(variant.code, variant.description()?) });
    }
    for outcome in given.outcomes.texts(given.outcome_count, "twin->outcomes")? {
        twin = twin.outcome(outcome);
    }
    Ok(match effects(given.effects, "twin->effects")? {
        springboard_js::v8::Effects::None => twin.without_effects(),
        springboard_js::v8::Effects::Possible => twin,
    })
}

/// Calls the conventional half of a twin in C.
///
/// # Safety
/// It is sound to call with this context and this call.
unsafe fn call_twin(slow: V8Slow, context: *mut c_void, call: &Call<'_>) -> Result<Any<'static>, Thrown> {
    let arguments: Vec<V8Value> = call.arguments.iter().map(returned).collect();
    let given = V8Call {
        receiver: call.receiver.0,
        arguments: Array::of(&arguments),
        // There is one for each argument, or there are none.
        values: Array::of(call.values),
        count: arguments.len(),
    };
    let mut result = returned(&Any::Undefined);
    let mut thrown = V8Thrown { kind: 0, reserved: 0, code: ptr::null(), message: ptr::null() };
    // SAFETY: the caller says that the function is sound to call with them; all that they refer to outlives the call.
    match unsafe { slow(context, &given, &mut result, &mut thrown) } {
        // SAFETY: the header asks C for texts that are good until the thread's next call, and they are copied here.
        0 => unsafe { any(&result) }.map(Any::into_owned).map_err(|failure| {
            let thrown = Thrown::new(springboard_js::v8::ErrorKind::Error, failure.message);
            thrown.code("ERR_INVALID_RETURN_VALUE")
        }),
        // SAFETY: the header asks C for texts that end with a zero byte, or null.
        _ => Err(unsafe { thrown.get() }),
    }
}

/// Adds a native function.
#[unsafe(no_mangle)]
pub extern "C" fn sb_v8_registry_add_function(
    registry: *const V8RegistryHandle,
    function: *const V8FunctionHandle,
    data: Out<'_, *const c_void>,
) -> c_int {
    give_or(data, "data", ptr::null(), || {
        let registry = handle::get::<_, Shared>(registry)?;
        let function = handle::get::<_, Function>(function)?;
        Ok(lock(&registry).add_native(&function).data())
    })
}

/// Takes a function out.
#[unsafe(no_mangle)]
pub extern "C" fn sb_v8_registry_remove(registry: *const V8RegistryHandle, data: *const c_void) -> c_int {
    enter(|| {
        let registry = handle::get::<_, Shared>(registry)?;
        let removed = lock(&registry).remove(data);
        // It is dropped where the registry is not locked.
        match removed {
            Some(_) => Ok(()),
            None => Err(Failure::new(SB_ERROR_ARGUMENT, "the registry has no function of this data")),
        }
    })
}

/// Makes type information of a description.
pub type V8TypeInfo = unsafe extern "C" fn(
    context: *mut c_void,
    description: *const V8Description,
    kinds: *const u8,
) -> *const c_void;

/// The addresses that a snapshot has to know.
///
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sb_v8_registry_references(
    registry: *const V8RegistryHandle,
    type_info: Option<V8TypeInfo>,
    context: *mut c_void,
    mut references: Room<'_, *const c_void>,
    room: usize,
    count: Out<'_, usize>,
) -> c_int {
    enter(|| {
        let registry = handle::get::<_, Shared>(registry)?;
        let type_info = type_info.ok_or_else(|| null("type_info"))?;
        let context = Context(context);
        // A copy, so that the host's function may use the registry.
        let registry = lock(&registry).clone();
        let listed = registry.external_references(|description: &Description| {
            let (told, kinds) = (plain(description), kinds(description));
            // SAFETY: the header asks C for a function that takes these.
            unsafe { type_info(context.get(), &told, kinds.as_ptr()) }
        });
        count.map(|count| count.write(listed.len()));
        references.fill(room, "references", listed)
    })
}

impl From<RegisterError> for Failure {
    fn from(error: RegisterError) -> Failure {
        Failure::new(SB_ERROR_ARGUMENT, error)
    }
}
