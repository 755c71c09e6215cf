//! A C function as a scalar function: DuckDB calls back for every chunk of rows, and one call runs the function over the
//! chunk's own vectors.

use std::{
    error::Error,
    ffi::{CString, c_char, c_void},
    ptr, slice,
    sync::Arc,
};

use springboard::{
    Callback, Engine,
    ir::{FloatFormat, Scalar},
};
use springboard_everyday::{
    columns::{Column, Input, Output, Validity},
    udf::{Element, Texts, TextsError, Udf},
};

use crate::api::{Api, Handle, SUCCESS};

/// Registers it under its own name with `c_` before it, so that it takes the place of none of DuckDB's. The callback is what
/// the database calls: it outlives that.
///
/// # Errors
/// DuckDB has no such type, or refuses the function.
pub(crate) fn register(
    engine: &Engine,
    api: &Arc<Api>,
    connection: Handle,
    udf: Udf,
) -> Result<Callback, Box<dyn Error>> {
    let sql_name = format!("c_{}", udf.name());
    let name = CString::new(sql_name.as_str())?;
    let code = |element: Element| type_code(element).ok_or_else(|| format!("{}: no SQL type", udf.name()));
    let parameters = udf.parameters().iter().map(|element| code(*element)).collect::<Result<Vec<_>, _>>()?;
    let result = code(udf.result())?;
    let called = Arc::clone(api);
    let callback = engine.callback(
        "void (void *info, void *chunk, void *output)",
        move |info: Handle, chunk: Handle, output: Handle| {
            // SAFETY: DuckDB calls with a chunk of the registered types and a vector for the results.
            if let Err(why) = unsafe { run(&called, &udf, chunk, output) } {
                let why = CString::new(why.replace('\0', " ")).unwrap_or_default();
                // SAFETY: DuckDB's own handle; it copies the text.
                unsafe { called.set_error.call(info, why.as_ptr()) };
            }
        },
    )?;
    // SAFETY: the handles are made and destroyed here; the callback has the type that DuckDB calls.
    let registered = unsafe {
        let mut function = api.create_function.call();
        api.set_name.call(function, name.as_ptr());
        let with_type = |code, take: &dyn Fn(Handle)| {
            let mut ty = api.create_type.call(code);
            take(ty);
            api.destroy_type.call(&raw mut ty);
        };
        for code in parameters {
            with_type(code, &|ty| api.add_parameter.call(function, ty));
        }
        with_type(result, &|ty| api.set_return_type.call(function, ty));
        // C does not say whether a function gives the same result twice.
        api.set_volatile.call(function);
        api.set_function.call(function, callback.as_ptr());
        let registered = api.register.call(connection, function);
        api.destroy_function.call(&raw mut function);
        registered
    };
    if registered == SUCCESS { Ok(callback) } else { Err(format!("DuckDB refuses {sql_name}").into()) }
}

/// The number of the SQL type whose vectors are arrays of the element. `None` where there is none.
fn type_code(element: Element) -> Option<u32> {
    Some(match element {
        Element::Text => 17,
        Element::Number(Scalar::Bool) => 1,
        Element::Number(Scalar::Int { bytes, signed }) => bytes.trailing_zeros() + if signed { 2 } else { 6 },
        Element::Number(Scalar::Float(FloatFormat::F32)) => 10,
        Element::Number(Scalar::Float(FloatFormat::F64)) => 11,
        Element::Number(_) => return None,
    })
}

/// Runs the function over a chunk. DuckDB flattens constant and dictionary vectors before it calls.
///
/// # Safety
/// The chunk has a vector of each parameter's type, and the output is of that of the result.
unsafe fn run(api: &Api, udf: &Udf, chunk: Handle, output: Handle) -> Result<(), String> {
    // SAFETY: the caller says that it is a chunk.
    let rows = unsafe { api.chunk_size.call(chunk) } as usize;
    let count = udf.parameters().len();
    // SAFETY: the chunk has as many vectors as the function has parameters.
    let vectors: Vec<Handle> =
        (0..count as u64).map(|index| unsafe { api.chunk_vector.call(chunk, index) }).collect();
    // SAFETY: vectors of the chunk.
    let valid = unsafe { valid_in_all(api, &vectors, rows) };
    // The copies of each parameter that is a text.
    let mut texts: Vec<Option<Texts>> = vectors
        .iter()
        .zip(udf.parameters())
        .map(|(vector, element)| match element {
            // SAFETY: a vector of texts, with as many rows.
            Element::Text => unsafe { c_texts(api, *vector, rows, valid.as_deref()) }.map(Some),
            Element::Number(_) => Ok(None),
        })
        .collect::<Result<_, _>>()
        .map_err(|error: TextsError| format!("{}: {error}", udf.name()))?;
    let columns: Vec<Column<'_>> = vectors
        .iter()
        .zip(udf.parameters())
        .zip(&mut texts)
        .map(|((vector, element), texts)| match texts {
            Some(texts) => texts.column(),
            // SAFETY: the vector's rows are elements of this type, and DuckDB does not write them meanwhile.
            None => unsafe { Column::raw(element.scalar(), api.data.call(*vector), rows) },
        })
        .collect();
    let prepared = udf.columns(&vec![Input::Column; count]).map_err(|error| error.to_string())?;
    let bits = valid.as_deref().map(as_bytes).map(Validity::from);
    let mut results: Vec<*const c_char> = match udf.result() {
        Element::Text => vec![ptr::null(); rows],
        Element::Number(_) => Vec::new(),
    };
    let to = match udf.result() {
        Element::Text => Output::of(&mut results),
        // SAFETY: the output has room for a chunk's rows of this type, and is this call's.
        Element::Number(scalar) => unsafe { Output::raw(scalar, api.data.call(output), rows) },
    };
    // SAFETY: whoever registered the function said that it may be called with any values of its types, from any thread.
    unsafe { prepared.call(&columns, &[to], bits) }.map_err(|error| format!("{}: {error}", udf.name()))?;
    // SAFETY: the output vector, whose rows these are.
    unsafe { finish(api, output, valid, (udf.result() == Element::Text).then_some(&results[..])) };
    Ok(())
}

/// The rows in which no argument is `NULL`: a bit for each. `None` where that is all of them.
///
/// # Safety
/// Vectors of so many rows.
unsafe fn valid_in_all(api: &Api, vectors: &[Handle], rows: usize) -> Option<Vec<u64>> {
    let mut valid: Option<Vec<u64>> = None;
    for vector in vectors {
        // SAFETY: a vector; its bits are null where all rows are valid.
        let bits = unsafe { api.validity.call(*vector) };
        if !bits.is_null() {
            // SAFETY: there is a bit for each row.
            let bits = unsafe { slice::from_raw_parts(bits, rows.div_ceil(64)) };
            match &mut valid {
                None => valid = Some(bits.to_vec()),
                Some(valid) => valid.iter_mut().zip(bits).for_each(|(valid, bits)| *valid &= bits),
            }
        }
    }
    valid
}

fn is_valid(valid: Option<&[u64]>, row: usize) -> bool {
    valid.is_none_or(|valid| valid[row / 64] >> (row % 64) & 1 == 1)
}

/// DuckDB's words of bits as bytes of bits, which they are on a little-endian machine.
fn as_bytes(words: &[u64]) -> &[u8] {
    const { assert!(cfg!(target_endian = "little"), "DuckDB's words of validity bits are bytes of bits here") };
    // SAFETY: any word is eight bytes.
    unsafe { slice::from_raw_parts(words.as_ptr().cast(), words.len() * 8) }
}

/// A row of a vector of texts: up to twelve bytes in place, or four of them and an address.
#[repr(C)]
struct Text {
    length: u32,
    prefix: [u8; 4],
    rest: [u8; 8],
}

impl Text {
    /// # Safety
    /// DuckDB wrote it, and what it points to is there.
    unsafe fn bytes(&self) -> &[u8] {
        let inline = size_of::<Text>() - size_of::<u32>();
        let length = self.length as usize;
        let first = if length <= inline {
            (&raw const self.prefix).cast()
        } else {
            ptr::with_exposed_provenance(u64::from_ne_bytes(self.rest) as usize)
        };
        // SAFETY: the caller says that DuckDB wrote it.
        unsafe { slice::from_raw_parts(first, length) }
    }
}

/// The texts of the rows that are valid, as C wants them.
///
/// # Safety
/// A vector of texts, of so many rows.
unsafe fn c_texts(
    api: &Api,
    vector: Handle,
    rows: usize,
    valid: Option<&[u64]>,
) -> Result<Texts, TextsError> {
    let mut texts = Texts::new();
    // SAFETY: the caller says that the rows are texts.
    let all = unsafe { slice::from_raw_parts(api.data.call(vector).cast::<Text>(), rows) };
    for (row, text) in all.iter().enumerate() {
        if is_valid(valid, row) {
            // SAFETY: a row that is not `NULL` is a text.
            texts.push(unsafe { text.bytes() })?;
        } else {
            texts.push_null();
        }
    }
    Ok(texts)
}

/// Says which results are `NULL`, and hands texts over.
///
/// # Safety
/// The output vector of the rows.
unsafe fn finish(api: &Api, output: Handle, valid: Option<Vec<u64>>, texts: Option<&[*const c_char]>) {
    let null_texts = texts.is_some_and(|texts| texts.iter().any(|text| text.is_null()));
    if valid.is_some() || null_texts {
        // SAFETY: the caller says that it is the output; after the first call it has bits for all rows of a chunk.
        unsafe {
            api.ensure_validity.call(output);
            let bits = api.validity.call(output);
            for (index, word) in valid.iter().flatten().enumerate() {
                bits.add(index).write(*word);
            }
            for (row, _) in texts.into_iter().flatten().enumerate().filter(|(_, text)| text.is_null()) {
                *bits.add(row / 64) &= !(1 << (row % 64));
            }
        }
    }
    for (row, text) in texts.into_iter().flatten().enumerate().filter(|(_, text)| !text.is_null()) {
        // SAFETY: a text of the library's, which DuckDB copies.
        unsafe { api.assign_text.call(output, row as u64, *text) };
    }
}

const _: () = assert!(size_of::<Text>() == 16 && size_of::<*const c_void>() == 8);
