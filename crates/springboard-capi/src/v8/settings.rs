//! How V8 is to call a function, as C says it.

use std::ffi::{c_int, c_void};

use springboard_js::v8::{Callbacks, Effects, Guard, Int64, Narrow, Options, Profile, Settings};

use crate::{
    array::Array,
    boundary::{Failure, no_constant, pick},
    structure::{Given, Growing},
};

/// `sb_v8_settings`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // as in the header
pub struct V8Settings<'a> {
    pub size: usize,
    pub profile: c_int,
    pub guard: c_int,
    pub narrow: c_int,
    pub options: c_int,
    pub int64: c_int,
    pub callbacks: c_int,
    pub buffers: Array<'a, u16>,
    pub buffer_count: usize,
    pub context: *mut c_void,
    pub effects: c_int,
    pub reserved: c_int,
}

// SAFETY: numbers and addresses, of which the first is the size.
unsafe impl Growing for V8Settings<'_> {}

/// What C has chosen; the defaults where it is null.
pub(super) fn chosen(settings: Given<'_, V8Settings<'_>>) -> Result<Settings, Failure> {
    let Some(settings) = settings.get("settings")? else { return Ok(Settings::default()) };
    let buffers = settings.buffers.get(settings.buffer_count, "settings->buffers")?.to_vec();
    if settings.reserved != 0 {
        return Err(no_constant("settings->reserved", settings.reserved));
    }
    Ok(Settings {
        profile: pick("settings->profile", settings.profile, [Profile::Full, Profile::Node])?,
        buffers,
        callbacks: callbacks(settings.callbacks, "settings->callbacks")?,
        effects: effects(settings.effects, "settings->effects")?,
        guard: pick("settings->guard", settings.guard, [Guard::Closed, Guard::None])?,
        narrow: pick("settings->narrow", settings.narrow, [Narrow::Check, Narrow::Trust, Narrow::Exact])?,
        options: pick("settings->options", settings.options, [Options::ForBuffers, Options::Always])?,
        int64: pick("settings->int64", settings.int64, [None, Some(Int64::Number), Some(Int64::BigInt)])?,
        context: settings.context,
    })
}

/// Whether a function may call back.
pub(super) fn callbacks(constant: c_int, name: &str) -> Result<Callbacks, Failure> {
    pick(name, constant, [Callbacks::ByType, Callbacks::Never, Callbacks::Possible])
}

/// Whether calls change anything.
pub(super) fn effects(constant: c_int, name: &str) -> Result<Effects, Failure> {
    pick(name, constant, [Effects::Possible, Effects::None])
}
