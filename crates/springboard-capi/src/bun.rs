//! The types of `bun:ffi`.

use std::{
    ffi::{CStr, c_char, c_int},
    ptr,
    sync::LazyLock,
};

use springboard::ir::Prototype;
use springboard_js::{
    bun::{BunType, Declared, TYPES, Use},
    v8::Any,
};

use crate::{
    array::Array,
    boundary::{Failure, Out, OutHandle, enter, give, no_constant, pick},
    constants::*,
    handle::{self, SignatureHandle},
    row::Row,
    structure::{Growing, Told},
    text::Text,
    v8::{V8Value, returned},
};

/// `sb_bun_type`.
#[repr(C)]
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)] // as in the header
pub struct BunTypeRow {
    pub size: usize,
    pub tag: c_int,
    pub reserved: c_int,
    pub name: *const c_char,
    pub aliases: *const *const c_char,
    pub c: *const c_char,
}

// SAFETY: numbers and addresses, of which the first is the size.
unsafe impl Growing for BunTypeRow {}

static ROWS: LazyLock<Vec<Row>> =
    LazyLock::new(|| TYPES.iter().map(|ty| Row::new(ty.name, ty.aliases, ty.c)).collect());

fn tell(tag: u8, ty: Told<'_, BunTypeRow>) -> Result<(), Failure> {
    let row = ROWS.get(usize::from(tag)).ok_or_else(|| no_constant("tag", tag))?;
    let value = BunTypeRow {
        size: 0,
        tag: tag.into(),
        reserved: 0,
        name: row.name.as_ptr(),
        aliases: row.aliases(),
        c: row.c(),
    };
    ty.write(value, "type")
}

/// A type by its tag.
#[unsafe(no_mangle)]
pub extern "C" fn sb_bun_type_tagged(tag: c_int, ty: Told<'_, BunTypeRow>) -> c_int {
    enter(|| {
        let tag = u8::try_from(tag).map_err(|_| no_constant("tag", tag))?;
        tell(tag, ty)
    })
}

/// A type by its name or an alias.
#[unsafe(no_mangle)]
pub extern "C" fn sb_bun_type_named(name: Text<'_>, ty: Told<'_, BunTypeRow>) -> c_int {
    enter(|| {
        let name = name.get("name")?;
        let found = BunType::named(name).ok_or_else(|| no_constant("name", name))?;
        tell(found.tag, ty)
    })
}

/// The C signature of types by their names.
#[unsafe(no_mangle)]
pub extern "C" fn sb_bun_signature(
    used: c_int,
    arguments: Array<'_, Text<'_>>,
    count: usize,
    returns: Text<'_>,
    signature: OutHandle<'_, SignatureHandle>,
) -> c_int {
    handle::opens(signature, "signature", || {
        let used = pick("used", used, [Use::Function, Use::Callback, Use::ThreadsafeCallback])?;
        let arguments = arguments.texts(count, "arguments")?;
        let declared = Declared::new(used, &arguments, returns.get("returns")?)
            .map_err(|error| Failure::new(SB_ERROR_ARGUMENT, error))?;
        let prototype = Prototype { name: None, signature: declared.signature().clone() };
        Ok(prototype)
    })
}

/// What JavaScript gets for a slot.
///
/// # Safety
/// As the header says.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn sb_bun_decode(tag: c_int, slot: u64, value: Out<'_, V8Value>) -> c_int {
    give(value, "value", || {
        let found = u8::try_from(tag).ok().and_then(BunType::tagged);
        let ty = found.ok_or_else(|| no_constant("tag", tag))?;
        if ty.name != "cstring" || slot == 0 {
            // SAFETY: it is no text, or null.
            return Ok(returned(&unsafe { ty.decode(slot) }));
        }
        let start: *mut c_char = ptr::with_exposed_provenance_mut(slot as usize);
        // SAFETY: the header asks C for bytes that end with a zero byte.
        let bytes = unsafe { CStr::from_ptr(start) }.to_bytes();
        let is_utf8 = std::str::from_utf8(bytes).is_ok();
        Ok(V8Value {
            form: SB_V8_TEXT as c_int,
            flag: (!is_utf8).into(),
            bytes: start.cast(),
            length: bytes.len(),
            ..returned(&Any::Undefined)
        })
    })
}
