//! Arguments as the words of a call.

use pyo3::{
    prelude::*,
    types::{PyBytes, PyString},
};

use crate::{
    cdata::{self, CData},
    convert,
    ctype::{CType, Form, Kind, Primitive},
    view::{Ask, View},
};

/// Words of a call up to which it allocates nothing.
const INLINE: usize = 12;

/// The words of a call.
pub(super) enum Arguments {
    Inline([u64; INLINE], usize),
    Allocated(Vec<u64>),
}

impl Arguments {
    /// Room for `count` words.
    pub(super) fn new(count: usize) -> Arguments {
        match count <= INLINE {
            true => Arguments::Inline([0; INLINE], 0),
            false => Arguments::Allocated(Vec::with_capacity(count)),
        }
    }

    pub(super) fn push(&mut self, word: u64) {
        match self {
            Arguments::Inline(words, count) => {
                words[*count] = word;
                *count += 1;
            }
            Arguments::Allocated(words) => words.push(word),
        }
    }

    pub(super) fn as_slice(&self) -> &[u64] {
        match self {
            Arguments::Inline(words, count) => &words[..*count],
            Arguments::Allocated(words) => words,
        }
    }
}

/// Memory that lives until the call has returned.
#[derive(Default)]
pub(super) struct Temporaries {
    blocks: Vec<Box<[u128]>>,
    views: Vec<View>,
}

impl Temporaries {
    /// So many bytes, all zero, aligned to 16.
    pub(super) fn allocate(&mut self, bytes: usize) -> *mut u8 {
        let mut block = vec![0u128; bytes.div_ceil(16).max(1)].into_boxed_slice();
        let start = block.as_mut_ptr().cast();
        self.blocks.push(block);
        start
    }
}

/// Whether a value is passed by the address of its bytes.
pub(crate) fn is_in_memory(ctype: &CType) -> bool {
    match &ctype.kind {
        Kind::Aggregate(_) => true,
        Kind::Primitive(primitive) => matches!(primitive.form, Form::LongDouble | Form::Complex),
        _ => false,
    }
}

/// The word that passes a value.
pub(super) fn word(
    ctype: &Py<CType>,
    value: &Bound<'_, PyAny>,
    temporaries: &mut Temporaries,
) -> PyResult<u64> {
    let of = ctype.get();
    if let Some(primitive) = of.primitive() {
        match primitive.form {
            Form::Signed | Form::Unsigned | Form::Bool => {
                return match value.cast::<CData>() {
                    // An argument after the declared ones has the type that it is promoted to.
                    Ok(cdata) if is_narrower(cdata.get(), primitive) => Ok(extended(cdata.get())),
                    _ => convert::strict_integer(value, of, primitive.form, primitive.size),
                };
            }
            Form::Float if primitive.size == 8 => return Ok(convert::float(value)?.to_bits()),
            _ => {}
        }
    }
    match &of.kind {
        Kind::Pointer(item) => pointer(ctype, item, value, temporaries),
        Kind::Aggregate(_) => match value.cast::<CData>() {
            Ok(cdata) if cdata.get().ctype.is(ctype) => Ok(cdata.get().address() as u64),
            _ => {
                let place = temporaries.allocate(of.size().unwrap_or(0));
                convert::to_c(ctype, place, value)?;
                Ok(place as u64)
            }
        },
        _ if is_in_memory(of) => {
            let place = temporaries.allocate(16);
            convert::to_c(ctype, place, value)?;
            Ok(place as u64)
        }
        _ => {
            let mut bytes = 0u64;
            convert::to_c(ctype, (&raw mut bytes).cast(), value)?;
            Ok(loaded(of, (&raw const bytes).cast()))
        }
    }
}

/// The slot of a value in memory that is a word.
pub(crate) fn loaded(ctype: &CType, at: *const u8) -> u64 {
    match ctype.primitive() {
        Some(primitive) if primitive.is_integral() => character(primitive, at),
        Some(Primitive { size: 4, .. }) => {
            // SAFETY: the callers pass the address of an object of the type, a `float` here.
            let bits = unsafe { at.cast::<u32>().read_unaligned() };
            bits.into()
        }
        // SAFETY: the callers pass the address of an object of the type, a double or a pointer here.
        _ => unsafe { at.cast::<u64>().read_unaligned() },
    }
}

/// Whether C data is a character or integer that was promoted to `to`.
fn is_narrower(cdata: &CData, to: &Primitive) -> bool {
    let own = cdata.ctype.get().primitive();
    own.is_some_and(|own| own.is_character() && own.size < to.size)
}

fn extended(cdata: &CData) -> u64 {
    cdata.ctype.get().primitive().map_or(0, |primitive| character(primitive, cdata.data()))
}

/// The word of a character: `char` is extended by the sign that it has on this machine.
fn character(primitive: &Primitive, at: *const u8) -> u64 {
    let value = convert::read_integer(primitive, at);
    match primitive.form {
        Form::Char if crate::engine().data_model().char_signed => value as u8 as i8 as u64,
        _ => value as u64,
    }
}

/// The address that a pointer is passed as: C data, the bytes of an object, or an array made from a list.
fn pointer(
    ctype: &Py<CType>,
    item: &Py<CType>,
    value: &Bound<'_, PyAny>,
    temporaries: &mut Temporaries,
) -> PyResult<u64> {
    if cdata::behind(value).cast::<CData>().is_ok() {
        let mut address = 0u64;
        convert::to_c(ctype, (&raw mut address).cast(), value)?;
        return Ok(address);
    }
    let inner = item.get();
    let takes_bytes = inner.is_void() || inner.primitive().is_some_and(Primitive::is_byte);
    if let (true, Ok(bytes)) = (takes_bytes, value.cast::<PyBytes>()) {
        if inner.primitive().is_some_and(|primitive| primitive.form == Form::Bool) {
            convert::check_booleans(bytes.as_bytes())?;
        }
        // Bytes end in a zero that they do not count. The function is trusted not to write to them.
        return Ok(bytes.as_bytes().as_ptr() as u64);
    }
    if let Some(file) = convert::file(inner, value)? {
        return Ok(file as u64);
    }
    if let Some(bytes) = convert::pointer_bytes(inner, value)? {
        let wide = inner.primitive().is_some_and(|primitive| primitive.is_character() && primitive.size > 1);
        if !value.is_instance_of::<PyString>() || wide {
            let place = temporaries.allocate(bytes);
            convert::fill(ctype.get(), item, None, place, value)?;
            return Ok(place as u64);
        }
    }
    // Objects that lend memory: bytearray, memoryview, array.array, numpy's arrays.
    if !value.is_instance_of::<PyString>()
        && !value.is_instance_of::<PyBytes>()
        && let Ok(view) = View::of(value, Ask::Bytes)
        && fits(inner, &view)
    {
        let start = view.start() as u64;
        temporaries.views.push(view);
        return Ok(start);
    }
    Err(convert::refused(value, ctype.get(), "cdata pointer"))
}

/// Whether a pointer to `item` may point to the memory of a view.
fn fits(item: &CType, view: &View) -> bool {
    item.is_void()
        || item.primitive().is_some_and(Primitive::is_byte)
        || item.size() == Some(view.item_size())
}
