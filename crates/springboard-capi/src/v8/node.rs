//! The types of `node:ffi`, and functions with its conversions.

use std::{
    ffi::{CString, c_char, c_int, c_void},
    mem::MaybeUninit,
    ptr::{self, NonNull},
    slice,
    sync::LazyLock,
};

use springboard_js::v8::{
    HostPointer, Library, NODE_TYPES, NodeDeclaration, NodeSettings, NodeType, Reading, Wide,
};

use super::{
    settings::{callbacks, effects},
    value::{V8Value, any},
};
use crate::{
    boundary::{Failure, OutHandle, enter, no_constant, null, out_handle},
    constants::*,
    handle::{self, V8FunctionHandle, V8LibraryHandle},
    text::{Growing, Text, read_sized, write_sized},
};

/// `sb_v8_node_type`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // as in the header
pub struct V8NodeType {
    pub size: usize,
    pub name: *const c_char,
    pub aliases: *const *const c_char,
    pub c: *const c_char,
    pub is_buffer: c_int,
    pub reserved: c_int,
}

// SAFETY: numbers and addresses, of which the first is the size.
unsafe impl Growing for V8NodeType {}

/// A type of `node:ffi` in texts that end with a zero byte.
struct Row {
    name: CString,
    c: CString,
    /// What the next points to.
    _aliases: Vec<CString>,
    /// Ends with null.
    aliases: Vec<*const c_char>,
    is_buffer: bool,
}

// SAFETY: the addresses are of texts that the row owns, and nothing changes them.
unsafe impl Send for Row {}
// SAFETY: as for `Send`.
unsafe impl Sync for Row {}

static ROWS: LazyLock<Vec<Row>> = LazyLock::new(|| NODE_TYPES.iter().map(Row::of).collect());

impl Row {
    fn of(ty: &NodeType) -> Row {
        let text = |text: &str| CString::new(text).unwrap_or_default();
        let owned: Vec<CString> = ty.aliases.iter().map(|alias| text(alias)).collect();
        let aliases = owned.iter().map(|alias| alias.as_ptr()).chain([ptr::null()]).collect();
        Row { name: text(ty.name), c: text(ty.c), _aliases: owned, aliases, is_buffer: ty.is_buffer }
    }

    fn tell(&self) -> V8NodeType {
        V8NodeType {
            size: 0,
            name: self.name.as_ptr(),
            aliases: self.aliases.as_ptr(),
            c: self.c.as_ptr(),
            is_buffer: self.is_buffer.into(),
            reserved: 0,
        }
    }
}

/// A type by its place in the table.
///
/// # Safety
/// `ty` is null or begins with its size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sb_v8_node_type_at(index: usize, ty: *mut MaybeUninit<V8NodeType>) -> c_int {
    enter(|| {
        let row = ROWS.get(index).ok_or_else(|| no_constant("index", index))?;
        // SAFETY: the caller says that it is null or begins with its size.
        unsafe { write_sized(ty, row.tell(), "type") }
    })
}

/// A type by its name or an alias.
///
/// # Safety
/// `ty` is null or begins with its size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sb_v8_node_type_named(name: Text<'_>, ty: *mut MaybeUninit<V8NodeType>) -> c_int {
    enter(|| {
        let name = name.get("name")?;
        let index = NodeType::named(name).and_then(|found| NODE_TYPES.iter().position(|ty| ty == found));
        let row = index.and_then(|index| ROWS.get(index)).ok_or_else(|| no_constant("name", name))?;
        // SAFETY: the caller says that it is null or begins with its size.
        unsafe { write_sized(ty, row.tell(), "type") }
    })
}

/// `sb_v8_node_declaration`.
#[repr(C)]
#[derive(Debug)]
#[allow(missing_docs)] // as in the header
pub struct V8NodeDeclaration<'a> {
    pub name: Text<'a>,
    pub address: *mut c_void,
    pub arguments: *const Text<'a>,
    pub count: usize,
    pub result: Text<'a>,
}

/// `sb_v8_node_settings`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // as in the header
pub struct V8NodeSettings {
    pub size: usize,
    pub wide: c_int,
    pub callbacks: c_int,
    pub effects: c_int,
    pub reserved: c_int,
    pub context: *mut c_void,
}

// SAFETY: numbers and addresses, of which the first is the size.
unsafe impl Growing for V8NodeSettings {}

/// Binds a function with the conversions of `node:ffi`.
///
/// # Safety
/// `declaration` is null or has as many arguments as it says; `settings` is null or begins with its size.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sb_v8_node_function_bind(
    library: *const V8LibraryHandle,
    declaration: Option<&V8NodeDeclaration<'_>>,
    settings: *const V8NodeSettings,
    function: OutHandle<'_, V8FunctionHandle>,
) -> c_int {
    enter(|| {
        let function = out_handle(function, "function")?;
        let library = handle::get::<_, Library>(library)?;
        let V8NodeDeclaration { name, address, arguments, count, result } =
            declaration.ok_or_else(|| null("declaration"))?;
        let texts = match *count {
            0 => &[],
            _ if arguments.is_null() => return Err(null("declaration->arguments")),
            // SAFETY: the array is not null; the caller says that it has as many elements.
            count => unsafe { slice::from_raw_parts(*arguments, count) },
        };
        let texts = texts.iter().map(|text| text.get("declaration->arguments[]"));
        let arguments = texts.collect::<Result<Vec<_>, _>>()?;
        // SAFETY: the caller says that they are null or begin with their size.
        let settings = unsafe { node_settings(settings) }?;
        let result = result.get("declaration->result")?;
        let bound = match NonNull::new(*address) {
            None => {
                let name = name.get("declaration->name")?;
                library.node_function(&NodeDeclaration { name, arguments: &arguments, result }, &settings)
            }
            Some(address) => {
                let declaration = NodeDeclaration { name: "", arguments: &arguments, result };
                library.node_function_at(address, &declaration, &settings)
            }
        };
        function.write(handle::open(bound?)?);
        Ok(())
    })
}

/// # Safety
/// `settings` is null or begins with its size.
unsafe fn node_settings(settings: *const V8NodeSettings) -> Result<NodeSettings, Failure> {
    if settings.is_null() {
        return Ok(NodeSettings::default());
    }
    let default =
        V8NodeSettings { size: 0, wide: 0, callbacks: 0, effects: 0, reserved: 0, context: ptr::null_mut() };
    // SAFETY: they are not null; the caller says that they begin with their size.
    let settings = unsafe { read_sized(settings, default, "settings") }?;
    if settings.reserved != 0 {
        return Err(no_constant("settings->reserved", settings.reserved));
    }
    Ok(NodeSettings {
        wide: match settings.wide.into() {
            SB_V8_WIDE_BIGINT_OR_NUMBER => Wide::BigIntOrNumber,
            SB_V8_WIDE_BIGINT => Wide::BigInt,
            other => return Err(no_constant("settings->wide", other)),
        },
        callbacks: callbacks(settings.callbacks, "settings->callbacks")?,
        effects: effects(settings.effects, "settings->effects")?,
        context: HostPointer(settings.context),
    })
}

/// Says what a value is.
///
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sb_v8_reading_set(reading: Option<&mut Reading>, value: Option<&V8Value>) -> c_int {
    enter(|| {
        let reading = reading.ok_or_else(|| null("reading"))?;
        let value = value.ok_or_else(|| null("value"))?;
        // SAFETY: the caller says that the bytes of a text are there; they are copied.
        reading.set(unsafe { any(value) }?.into_owned());
        Ok(())
    })
}

/// Room for a value's text.
#[unsafe(no_mangle)]
pub extern "C" fn sb_v8_reading_text(reading: Option<&mut Reading>, length: usize) -> *mut c_char {
    let mut room = ptr::null_mut();
    let made = enter(|| {
        let reading = reading.ok_or_else(|| null("reading"))?;
        // No allocation is larger.
        if isize::try_from(length).is_err() {
            return Err(no_constant("length", length));
        }
        room = reading.text(length).as_mut_ptr().cast();
        Ok(())
    });
    if made == SB_OK as c_int { room } else { ptr::null_mut() }
}
