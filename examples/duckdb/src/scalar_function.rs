//! A C function as a scalar function: DuckDB calls back for every chunk of rows, and one call runs the function over the
//! chunk's own vectors.

use std::{
    error::Error,
    ffi::{CString, c_char},
    ptr, slice,
    sync::{Arc, Mutex, PoisonError},
};

use springboard::{
    Callback, Engine,
    ir::{FloatFormat, Scalar},
};
use springboard_everyday::{
    columns::{Column, Columns, Input, Output, Validity},
    udf::{Contents, Element, Udf},
};

use crate::{
    api::{Api, Handle, SUCCESS},
    given::Given,
};

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
    let called = Called {
        api: Arc::clone(api),
        prepared: udf.columns(&vec![Input::Column; udf.parameters().len()])?,
        udf,
        memory: Mutex::default(),
    };
    let callback = engine.callback(
        "void (void *info, void *chunk, void *output)",
        move |info: Handle, chunk: Handle, output: Handle| {
            let mut memory = called.memory();
            // SAFETY: DuckDB calls with a chunk of the registered types and a vector for the results.
            if let Err(why) = unsafe { called.run(&mut memory, chunk, output) } {
                let why = format!("{}: {why}", called.udf.name()).replace('\0', " ");
                let why = CString::new(why).unwrap_or_default();
                // SAFETY: DuckDB's own handle; it copies the text.
                unsafe { called.api.set_error.call(info, why.as_ptr()) };
            }
            called.give_back(memory);
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
        Element::Text | Element::Sized { contents: Contents::Text, .. } => 17,
        Element::Sized { contents: Contents::Bytes, .. } => 18,
        Element::Number(Scalar::Bool) => 1,
        Element::Number(Scalar::Int { bytes, signed }) => bytes.trailing_zeros() + if signed { 2 } else { 6 },
        Element::Number(Scalar::Float(FloatFormat::F32)) => 10,
        Element::Number(Scalar::Float(FloatFormat::F64)) => 11,
        Element::Number(_) => return None,
    })
}

/// A function, and what its calls need. Several threads call it at once.
struct Called {
    api: Arc<Api>,
    udf: Udf,
    prepared: Columns,
    /// That of calls that are over, for the next ones.
    memory: Mutex<Vec<Memory>>,
}

/// What one call needs.
struct Memory {
    given: Vec<Given>,
    results: Vec<*const c_char>,
}

// SAFETY: the addresses of results mean nothing between calls.
unsafe impl Send for Memory {}

impl Called {
    fn memory(&self) -> Memory {
        let kept = self.memory.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let given = || self.udf.parameters().iter().map(|element| Given::of(*element)).collect();
        kept.unwrap_or_else(|| Memory { given: given(), results: Vec::new() })
    }

    fn give_back(&self, memory: Memory) {
        self.memory.lock().unwrap_or_else(PoisonError::into_inner).push(memory);
    }

    /// Runs the function over a chunk. DuckDB flattens constant and dictionary vectors before it calls.
    ///
    /// # Safety
    /// The chunk has a vector of each parameter's type, and the output is of that of the result.
    unsafe fn run(&self, memory: &mut Memory, chunk: Handle, output: Handle) -> Result<(), Box<dyn Error>> {
        let (api, Memory { given, results }) = (&*self.api, memory);
        // SAFETY: the caller says that it is a chunk.
        let rows = unsafe { api.chunk_size.call(chunk) } as usize;
        // SAFETY: the chunk has as many vectors as the function has parameters.
        let vectors: Vec<Handle> =
            (0..given.len() as u64).map(|index| unsafe { api.chunk_vector.call(chunk, index) }).collect();
        // SAFETY: vectors of the chunk.
        let (valid, data) = unsafe {
            let data = vectors.iter().map(|vector| api.data.call(*vector).cast_const());
            (valid_in_all(api, &vectors, rows), data.collect::<Vec<_>>())
        };
        for (given, first) in given.iter_mut().zip(&data) {
            // SAFETY: a vector of the parameter's type, with as many rows, which DuckDB keeps until we return.
            unsafe { given.take(*first, rows, valid.as_deref()) }?;
        }
        let given = given.iter_mut().zip(&data);
        // SAFETY: what was taken.
        let columns: Vec<Column<'_>> =
            given.flat_map(|(given, first)| unsafe { given.columns(*first, rows) }).collect();
        let bits = valid.as_deref().map(as_bytes).map(Validity::from);
        let to = match self.udf.result() {
            Element::Number(scalar) => {
                // SAFETY: the output has room for a chunk's rows of this type, and is this call's.
                unsafe { Output::raw(scalar, api.data.call(output), rows) }
            }
            Element::Text | Element::Sized { .. } => {
                results.clear();
                results.resize(rows, ptr::null());
                Output::of(results)
            }
        };
        // SAFETY: whoever registered the function said that it may be called with any values of its types, from any thread.
        unsafe { self.prepared.call(&columns, &[to], bits) }?;
        // SAFETY: the output vector, whose rows these are.
        unsafe { finish(api, output, valid, (self.udf.result() == Element::Text).then_some(&results[..])) };
        Ok(())
    }
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

/// DuckDB's words of bits as bytes of bits, which they are on a little-endian machine.
fn as_bytes(words: &[u64]) -> &[u8] {
    const { assert!(cfg!(target_endian = "little"), "DuckDB's words of validity bits are bytes of bits here") };
    // SAFETY: any word is eight bytes.
    unsafe { slice::from_raw_parts(words.as_ptr().cast(), words.len() * 8) }
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
