//! How V8 is to call a function, as C says it.

use std::{
    ffi::{c_int, c_void},
    ptr, slice,
};

use springboard_js::v8::{Callbacks, Effects, Guard, Int64, Narrow, Options, Profile, Settings};

use crate::{
    boundary::{Failure, no_constant, null},
    constants::*,
    text::{Growing, read_sized},
};

/// `sb_v8_settings`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // as in the header
pub struct V8Settings {
    pub size: usize,
    pub profile: c_int,
    pub guard: c_int,
    pub narrow: c_int,
    pub options: c_int,
    pub int64: c_int,
    pub callbacks: c_int,
    pub buffers: *const u16,
    pub buffer_count: usize,
    pub context: *mut c_void,
    pub effects: c_int,
    pub reserved: c_int,
}

// SAFETY: numbers and addresses, of which the first is the size.
unsafe impl Growing for V8Settings {}

/// What C has chosen; the defaults where it is null.
///
/// # Safety
/// `settings` is null or begins with its size, and has as many buffers as it says.
pub(super) unsafe fn chosen(settings: *const V8Settings) -> Result<Settings, Failure> {
    if settings.is_null() {
        return Ok(Settings::default());
    }
    let default = V8Settings {
        size: 0,
        profile: 0,
        guard: 0,
        narrow: 0,
        options: 0,
        int64: 0,
        callbacks: 0,
        buffers: ptr::null(),
        buffer_count: 0,
        context: ptr::null_mut(),
        effects: 0,
        reserved: 0,
    };
    // SAFETY: they are not null; the caller says that they begin with their size.
    let settings = unsafe { read_sized(settings, default, "settings") }?;
    let buffers = match settings.buffer_count {
        0 => Vec::new(),
        _ if settings.buffers.is_null() => return Err(null("settings->buffers")),
        // SAFETY: the address is not null; the caller says that as many buffers are there.
        count => unsafe { slice::from_raw_parts(settings.buffers, count) }.to_vec(),
    };
    if settings.reserved != 0 {
        return Err(no_constant("settings->reserved", settings.reserved));
    }
    Ok(Settings {
        profile: match settings.profile.into() {
            SB_V8_PROFILE_FULL => Profile::Full,
            SB_V8_PROFILE_NODE => Profile::Node,
            other => return Err(no_constant("settings->profile", other)),
        },
        buffers,
        callbacks: callbacks(settings.callbacks, "settings->callbacks")?,
        effects: effects(settings.effects, "settings->effects")?,
        guard: match settings.guard.into() {
            SB_V8_GUARD_CLOSED => Guard::Closed,
            SB_V8_GUARD_NONE => Guard::None,
            other => return Err(no_constant("settings->guard", other)),
        },
        narrow: match settings.narrow.into() {
            SB_V8_NARROW_CHECK => Narrow::Check,
            SB_V8_NARROW_TRUST => Narrow::Trust,
            other => return Err(no_constant("settings->narrow", other)),
        },
        options: match settings.options.into() {
            SB_V8_OPTIONS_FOR_BUFFERS => Options::ForBuffers,
            SB_V8_OPTIONS_ALWAYS => Options::Always,
            other => return Err(no_constant("settings->options", other)),
        },
        int64: match settings.int64.into() {
            SB_V8_INT64_DEFAULT => None,
            SB_V8_INT64_NUMBER => Some(Int64::Number),
            SB_V8_INT64_BIGINT => Some(Int64::BigInt),
            other => return Err(no_constant("settings->int64", other)),
        },
        context: settings.context,
    })
}

/// Whether a function may call back.
pub(super) fn callbacks(constant: c_int, name: &str) -> Result<Callbacks, Failure> {
    Ok(match constant.into() {
        SB_V8_CALLBACKS_BY_TYPE => Callbacks::ByType,
        SB_V8_CALLBACKS_NEVER => Callbacks::Never,
        SB_V8_CALLBACKS_POSSIBLE => Callbacks::Possible,
        other => return Err(no_constant(name, other)),
    })
}

/// Whether calls change anything.
pub(super) fn effects(constant: c_int, name: &str) -> Result<Effects, Failure> {
    Ok(match constant.into() {
        SB_V8_EFFECTS_POSSIBLE => Effects::Possible,
        SB_V8_EFFECTS_NONE => Effects::None,
        other => return Err(no_constant(name, other)),
    })
}
