//! The types of `node:ffi`, and functions with its conversions.

use std::{
    ffi::{c_char, c_int, c_void},
    ptr::{self, NonNull},
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
    array::Array,
    boundary::{Failure, OutHandle, enter, no_constant, null, pick},
    constants::*,
    handle::{self, V8FunctionHandle, V8LibraryHandle},
    row::Row,
    structure::{Given, Growing, Told},
    text::Text,
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

static ROWS: LazyLock<Vec<Row>> =
    LazyLock::new(|| NODE_TYPES.iter().map(|ty| Row::new(ty.name, ty.aliases, Some(ty.c))).collect());

fn tell(index: usize, ty: Told<'_, V8NodeType>) -> Result<(), Failure> {
    let known = NODE_TYPES.get(index).zip(ROWS.get(index));
    let (NodeType { is_buffer, .. }, row) = known.ok_or_else(|| no_constant("index", index))?;
    let value = V8NodeType {
        size: 0,
        name: row.name.as_ptr(),
        aliases: row.aliases(),
        c: row.c(),
        is_buffer: (*is_buffer).into(),
        reserved: 0,
    };
    ty.write(value, "type")
}

/// A type by its place in the table.
#[unsafe(no_mangle)]
pub extern "C" fn sb_v8_node_type_at(index: usize, ty: Told<'_, V8NodeType>) -> c_int {
    enter(|| tell(index, ty))
}

/// A type by its name or an alias.
#[unsafe(no_mangle)]
pub extern "C" fn sb_v8_node_type_named(name: Text<'_>, ty: Told<'_, V8NodeType>) -> c_int {
    enter(|| {
        let name = name.get("name")?;
        let index = NodeType::named(name).and_then(|found| NODE_TYPES.iter().position(|ty| ty == found));
        tell(index.ok_or_else(|| no_constant("name", name))?, ty)
    })
}

/// `sb_v8_node_declaration`.
#[repr(C)]
#[derive(Debug)]
#[allow(missing_docs)] // as in the header
pub struct V8NodeDeclaration<'a> {
    pub name: Text<'a>,
    pub address: *mut c_void,
    pub arguments: Array<'a, Text<'a>>,
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
#[unsafe(no_mangle)]
pub extern "C" fn sb_v8_node_function_bind(
    library: *const V8LibraryHandle,
    declaration: Option<&V8NodeDeclaration<'_>>,
    settings: Given<'_, V8NodeSettings>,
    function: OutHandle<'_, V8FunctionHandle>,
) -> c_int {
    handle::opens(function, "function", || {
        let library = handle::get::<_, Library>(library)?;
        let V8NodeDeclaration { name, address, arguments, count, result } =
            declaration.ok_or_else(|| null("declaration"))?;
        let arguments = arguments.texts(*count, "declaration->arguments")?;
        let settings = node_settings(settings)?;
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
        Ok(bound?)
    })
}

fn node_settings(settings: Given<'_, V8NodeSettings>) -> Result<NodeSettings, Failure> {
    let Some(settings) = settings.get("settings")? else { return Ok(NodeSettings::default()) };
    if settings.reserved != 0 {
        return Err(no_constant("settings->reserved", settings.reserved));
    }
    Ok(NodeSettings {
        wide: pick("settings->wide", settings.wide, [Wide::BigIntOrNumber, Wide::BigInt])?,
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
